"""Remake the README's picture from a sample study: `python docs/images/remake.py`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from fasciaseg import api
from fasciaseg.report import draw_summary
from fasciaseg.report.canvas import HUES

HERE = Path(__file__).resolve().parent
WIDTH = 1200


def palette() -> Image.Image:
    """Greys, and shades of the marks' colours, which so grey a picture would lose if packed."""
    greys = [(v, v, v) for v in range(0, 256, 4)] + [(255, 255, 255)]
    shades = [
        tuple(round(c * k / 16 + max(0, k - 16) / 16 * 255) for c in colour)
        for colour in HUES
        for k in range(4, 17)
    ]
    image = Image.new("P", (1, 1))
    image.putpalette([c for colour in (*greys, *shades) for c in colour])
    return image


def main() -> None:
    """Write summary.png."""
    reading = api.read(HERE.parents[1] / "sample_dicoms" / "thoracolumbar")
    page = draw_summary(reading)
    small = page.resize((WIDTH, page.height * WIDTH // page.width), Image.Resampling.LANCZOS)
    packed = small.quantize(palette=palette(), dither=Image.Dither.NONE)
    packed.save(HERE / "summary.png", optimize=True)


if __name__ == "__main__":
    main()
