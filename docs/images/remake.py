"""Remake the docs' pictures from a sample study: `python docs/images/remake.py`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from fasciaseg import Options, api
from fasciaseg.options import RULES
from fasciaseg.reading import Reading
from fasciaseg.report import draw_slice, draw_summary
from fasciaseg.report.canvas import HUES

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parents[1] / "sample_dicoms" / "thoracolumbar"
WIDTH = 1200
#: Columns of a slice's page from the bodies to the brackets, and the scale bar's rows below.
BACK, BELOW = (250, 740), 52


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
    """Write summary.png and levels.png."""
    reading = api.read(SAMPLE)
    page = draw_summary(reading)
    small = page.resize((WIDTH, page.height * WIDTH // page.width), Image.Resampling.LANCZOS)
    _write(small, "summary.png")
    backs = [_back(api.read(SAMPLE, Options(rule=rule))) for rule in RULES]
    both = Image.new("RGB", (sum(b.width for b in backs), backs[0].height))
    both.paste(backs[0], (0, 0))
    both.paste(backs[1], (backs[0].width, 0))
    _write(both, "levels.png")


def _back(reading: Reading) -> Image.Image:
    """Spine, fascia and brackets of the central slice."""
    page = draw_slice(reading, 1)
    return page.crop((BACK[0], 0, BACK[1], page.height - BELOW))


def _write(image: Image.Image, name: str) -> None:
    packed = image.quantize(palette=palette(), dither=Image.Dither.NONE)
    packed.save(HERE / name, optimize=True)


if __name__ == "__main__":
    main()
