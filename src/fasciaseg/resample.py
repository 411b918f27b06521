"""Images on other grids of about the same plane."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .geometry import FloatArray, InPlane

Image = npt.NDArray[np.float32]

#: Rows and columns stay what they are if a pixel's row says no more than this about its column.
_STRAIGHT = 1e-9


def resampled(image: Image, place: InPlane, shape: tuple[int, int]) -> Image:
    """An image's values on another grid: linear between its pixels, the nearest one beyond them.

    Args:
        image: (rows, columns).
        place: where the other grid's pixels lie on the image.
        shape: of the other grid.
    """
    (down, aside), (slant, across) = place.matrix
    if max(abs(aside), abs(slant)) > _STRAIGHT:
        return np.asarray(
            ndimage.affine_transform(
                image, place.matrix, place.offset, output_shape=shape, order=1, mode="nearest"
            )
        )
    # As between the series of most exams: rows first, then columns, in a fraction of the time.
    first_row, first_column = place.offset
    rows = _between(image, first_row + down * np.arange(shape[0]))
    return _between(rows.T, first_column + across * np.arange(shape[1])).T


def _between(image: Image, at: FloatArray) -> Image:
    """Rows of an image at places between them."""
    last = len(image) - 1
    at = np.clip(at, 0, last)
    before = at.astype(np.intp)
    share = (at - before).astype(np.float32)[:, None]
    return np.asarray(image[before] * (1 - share) + image[np.minimum(before + 1, last)] * share)


def sampled(image: Image, rows: FloatArray, columns: FloatArray) -> Image:
    """An image's values at single places, linear between its pixels; NaN beyond their centres.

    Args:
        image: (rows, columns).
        rows, columns: the places, in any shape.
    """
    height, width = image.shape
    inside = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
    rows, columns = np.where(inside, rows, 0), np.where(inside, columns, 0)
    row, column = rows.astype(np.intp), columns.astype(np.intp)
    down, across = (rows - row).astype(np.float32), (columns - column).astype(np.float32)
    # One step further, where there is one.
    below, beside = width * (row < height - 1), column < width - 1
    at = row * width + column
    upper = image.take(at)
    upper += across * (image.take(at + beside) - upper)
    lower = image.take(at + below)
    lower += across * (image.take(at + below + beside) - lower)
    return np.where(inside, upper + down * (lower - upper), np.float32(np.nan))
