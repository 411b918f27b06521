"""What all figures share: style, size, and how they are written."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours: told apart by every eye, and in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = "osD^"
BAR, GREY, INK = "#56789A", "#8A8A8A", "#1A1A1A"
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "svg.hashsalt": "fasciaseg",
    "svg.fonttype": "path",
}
_DPI = 300
#: What would differ from run to run or machine to machine.
_WITHOUT = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@dataclass(frozen=True)
class Drawn:
    """A figure, ready to be written.

    Attributes:
        slug: for file names.
        caption: one sentence or two.
        files: bytes by file ending.
    """

    slug: str
    caption: str
    files: Mapping[str, bytes]


def new(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure; inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def drawn(slug: str, caption: str, figure: Figure) -> Drawn:
    """The figure as SVG and PNG, the same bytes each time."""
    files = {}
    for ending, metadata in _WITHOUT.items():
        stream = io.BytesIO()
        figure.savefig(stream, format=ending, dpi=_DPI, metadata=metadata)
        files[ending] = stream.getvalue()
    return Drawn(slug, caption, files)
