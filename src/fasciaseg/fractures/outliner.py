"""The small network that marks which pixels around a body's centre are that body's.

The localizer's 2 mm grid is too coarse for a body that has lost half of its height, and it knows
hardly any such body. This network sees one body at a time at 1 mm, along the body's own axes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from ..anatomy.localizer import standardised
from ..anatomy.network import Network
from ..geometry import BoolArray, FloatArray

#: What the network sees of a body, mm below and behind its centre; multiples of 8 long.
DOWN_MM = np.arange(-24, 24, dtype=float)
BACK_MM = np.arange(-28, 28, dtype=float)
#: What lies this near to the image's edge (mm) can be an end plate or a body that is cut off.
EDGE_MM = 2
#: An area this wide (mm) without any signal is padding.
PADDING_MM = 5


class Outliner(Network):
    """The trained network. One thread runs it: it is small."""

    kind = "an outliner"
    channels = 1

    def __init__(self, model: Path) -> None:
        super().__init__(model, threads=1)

    def mark(self, values: FloatArray) -> FloatArray:
        """Probability that a pixel belongs to the body in the middle; NaN near the image's edge.

        Args:
            values: (bodies, rows, columns) intensities at `DOWN_MM` and `BACK_MM`; NaN beyond
                the image.
        """
        if not len(values):
            return values
        x = np.stack([standardised(v) for v in np.nan_to_num(values)])
        return np.where(_at_edge(values), np.nan, self.run(x[:, None])[:, 0])


def _at_edge(values: FloatArray) -> BoolArray:
    """Pixels (bodies, rows, columns) beyond the image or its padding's edge, or too near to it."""
    dark = ~(values > 0)
    if not dark.any():
        return dark
    padding = ndimage.binary_opening(dark, np.ones((1, PADDING_MM, PADDING_MM)))
    near = np.ones((1, 2 * EDGE_MM + 1, 2 * EDGE_MM + 1))
    return np.asarray(ndimage.binary_dilation(np.isnan(values) | padding, near))
