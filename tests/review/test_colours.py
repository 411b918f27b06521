"""Text can be read in light and dark surroundings: WCAG 2.2 contrast, level AA."""

from __future__ import annotations

import re

import pytest

from fasciaseg import pages

#: Text and what it stands on: 4.5 : 1.
TEXT = [
    ("ink", "page"), ("ink", "panel"), ("dim", "page"), ("dim", "panel"), ("edema", "page"),
    ("edema", "panel"), ("on-edema", "edema"), ("on-accent", "accent"), ("warn", "page"),
    ("warn", "panel"), ("on-picture", "picture"), ("marked", "picture"),
]  # fmt: skip
#: Borders, focus rings, lines on pictures: 3 : 1.
SHAPES = [
    ("line", "page"), ("line", "panel"), ("accent", "page"), ("accent", "panel"),
    ("traced", "picture"), ("marked", "picture"), ("found", "picture"),
]  # fmt: skip


def palettes() -> dict[str, dict[str, str]]:
    css = pages.text("colours.css")
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    found = {"light": dict(re.findall(r"--([\w-]+): (#\w{6});", light))}
    found["dark"] = found["light"] | dict(re.findall(r"--([\w-]+): (#\w{6});", dark))
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("pair", "least"), [*((p, 4.5) for p in TEXT), *((p, 3.0) for p in SHAPES)]
)
def test_contrast(scheme: str, pair: tuple[str, str], least: float) -> None:
    palette = palettes()[scheme]
    assert contrast(palette[pair[0]], palette[pair[1]]) >= least


def test_no_other_colours_carry_text() -> None:
    """Style sheets take their text's colours from the palette."""
    for name in ("review.css", "gallery.css"):
        found = re.findall(r"(?<![-\w])color: ([^;]+);", pages.text(name))
        assert all(v.startswith("var(--") or v in ("inherit", "currentColor") for v in found)


def test_the_known_contrast_of_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
