"""Pages of a reading as images, for notebooks and figures."""

from __future__ import annotations

from PIL import Image

from ..reading import Reading
from .film import Film
from .overlay import slice_page
from .summary import summary_page


def draw_slice(reading: Reading, index: int) -> Image.Image:
    """A slice at true aspect ratio with everything found on it, RGB.

    `index` is 0 to 2, patient right to left.
    """
    return slice_page(Film.of(reading), index).image()


def draw_summary(reading: Reading) -> Image.Image:
    """The exam on one page, RGB."""
    return summary_page(Film.of(reading)).image()
