"""Training labels for the subcutaneous layer, which no public data set carries.

The labelled scans show no edema and their contrast is known, so the border between the deep
tissue and the subcutaneous fat is the strongest step of the right sign (fat bright on T1 and
T2, dark on Dixon water) behind the spine that runs smoothly from head to foot: a shortest
path. The network then learns the border from all contrasts together and has to find it where
edema (painted during training) hides the step.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

#: Least depth under the skin at which the border is looked for on fat-suppressed scans, where
#: the skin itself is the brightest step.
SKIN_MM = 6.0
#: The spinous processes' tips lie this far behind the bodies' back wall at least.
BEHIND_BODIES_MM = 36.0
BEHIND_CANAL_MM = 12.0


def skin_columns(image: np.ndarray, row_mm: float) -> np.ndarray:
    """Rearmost column of tissue in each row (rows,), smoothed; float."""
    smooth = ndimage.gaussian_filter(image, 0.7)
    tissue = smooth > 0.10 * np.percentile(image[:, image.shape[1] // 3 :], 97)
    last = np.where(
        tissue.any(axis=1),
        image.shape[1] - 1 - np.argmax(tissue[:, ::-1], axis=1),
        image.shape[1] - 1,
    )
    return ndimage.median_filter(last.astype(float), max(3, int(21 / row_mm)))


def fascia_columns(
    image: np.ndarray, front: np.ndarray, fat_is_bright: bool, spacing_mm: tuple[float, float]
) -> np.ndarray:
    """Column of the fascia in each row (rows,).

    `image` is (rows, columns) with the back to the right, `front` (rows,) the first column
    allowed.
    """
    columns = image.shape[1]
    step = step_across(image, spacing_mm) * (1 if fat_is_bright else -1)
    step[:, -3:] = -5
    index = np.arange(columns)
    step[index[None, :] < front[:, None]] = -5
    depth_mm = 2.0 if fat_is_bright else SKIN_MM
    limit = skin_columns(image, spacing_mm[0]) - depth_mm / spacing_mm[1]
    step[index[None, :] >= limit[:, None]] = -5
    return best_path(np.clip(step, -5, 3))


def step_across(image: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """Log ratio of the 5 mm behind each pixel to the 7 mm before it."""
    smooth = ndimage.gaussian_filter(image, [2 / spacing_mm[0], 0.7 / spacing_mm[1]])
    floor = 0.02 * np.percentile(smooth, 99) + 1e-6
    total = np.cumsum(np.pad(smooth, ((0, 0), (1, 0))), axis=1)
    columns = image.shape[1]
    index = np.arange(columns)

    def mean(start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        start, stop = np.clip(start, 0, columns), np.clip(stop, 0, columns)
        return (total[:, stop] - total[:, start]) / np.maximum(stop - start, 1)

    before = mean(index - round(7 / spacing_mm[1]), index)
    behind = mean(index + 1, index + 1 + round(5 / spacing_mm[1]))
    return np.clip(np.log(behind + floor) - np.log(before + floor), -3, 3)


def best_path(gain: np.ndarray, reach: int = 2, bend: float = 0.25) -> np.ndarray:
    """Best path from the first to the last row, moving at most `reach` columns a row."""
    rows, columns = gain.shape
    best = gain[0].copy()
    came = np.zeros((rows, columns), int)
    for r in range(1, rows):
        padded = np.pad(best, reach, constant_values=-1e9)
        options = np.stack(
            [padded[k : k + columns] - bend * (k - reach) ** 2 for k in range(2 * reach + 1)]
        )
        choice = options.argmax(axis=0)
        came[r] = choice - reach
        best = gain[r] + options[choice, np.arange(columns)]
    path = np.zeros(rows, int)
    path[-1] = best.argmax()
    for r in range(rows - 1, 0, -1):
        path[r - 1] = path[r] + came[r, path[r]]
    return path


def front_columns(rows: np.ndarray, columns: np.ndarray, height: int, offset: float) -> np.ndarray:
    """First allowed column for each of `height` rows: a curve through (rows, columns) + offset."""
    order = 3 if len(rows) > 60 else 1
    curve = np.polynomial.Polynomial.fit(rows, columns, order)
    inside = np.clip(np.arange(height), rows.min() - 15, rows.max() + 25)
    return curve(inside) + offset
