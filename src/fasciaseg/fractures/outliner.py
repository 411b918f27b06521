"""The small network that marks which pixels around a body's centre are that body's.

The localizer's 2 mm grid is too coarse for a body that has lost half of its height, and it knows
hardly any such body. This network sees one body at a time at 1 mm, along the body's own axes.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..anatomy.localizer import standardised
from ..errors import UsageError
from ..geometry import BoolArray, FloatArray

#: What the network sees of a body, mm below and behind its centre; multiples of 8 long.
DOWN_MM = np.arange(-24, 24, dtype=float)
BACK_MM = np.arange(-28, 28, dtype=float)
#: What lies this near to the image's edge (mm) can be an end plate or a body that is cut off.
EDGE_MM = 2
#: An area this wide (mm) without any signal is padding.
PADDING_MM = 5


class Outliner:
    """The trained network, run on the CPU.

    Args:
        model: an ONNX file with input "slice" (n, 1, rows, columns) and output "probabilities"
            (n, 1, rows, columns). One thread runs it: it is small.
    """

    def __init__(self, model: Path) -> None:
        self.path = model

    @cached_property
    def _session(self) -> object:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(
                self.path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as e:  # the runtime has no common base class for what can be wrong
            raise UsageError(
                "bad_model", "The outliner's file is not one that onnxruntime can load."
            ) from e

    def mark(self, values: FloatArray) -> FloatArray:
        """Probability that a pixel belongs to the body in the middle; NaN near the image's edge.

        Args:
            values: (bodies, rows, columns) intensities at `DOWN_MM` and `BACK_MM`; NaN beyond
                the image.
        """
        if not len(values):
            return values
        x = np.stack([standardised(v) for v in np.nan_to_num(values)])
        (p,) = self._session.run(None, {"slice": x[:, None]})  # type: ignore[attr-defined]
        return np.where(_at_edge(values), np.nan, p[:, 0])


def _at_edge(values: FloatArray) -> BoolArray:
    """Pixels (bodies, rows, columns) beyond the image or its padding's edge, or too near to it."""
    padding = ndimage.binary_opening(~(values > 0), np.ones((1, PADDING_MM, PADDING_MM)))
    near = np.ones((1, 2 * EDGE_MM + 1, 2 * EDGE_MM + 1))
    return np.asarray(ndimage.binary_dilation(np.isnan(values) | padding, near))
