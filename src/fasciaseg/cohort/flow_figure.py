"""The flow as a figure: boxes down the left, what left on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .flow import Step
from .show.canvas import INK, Drawn, drawn, new

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def flow_figure(steps: Sequence[Step]) -> Drawn:
    """One box a step."""
    line, gap, box = 0.19, 0.3, 0.5
    sides = [max(0.0, line * len(step.lost) + 0.16) if step.lost else 0.0 for step in steps]
    drops = [max(gap, side + 0.24) if side else gap for side in sides]
    height = len(steps) * box + sum(drops[:-1]) + 0.2
    figure, axes = new(7.2, height)
    axes.set_axis_off()
    axes.set_xlim(0, 7.2)
    axes.set_ylim(-height + 0.1, 0.1)
    top, middle = 0.0, 1.55
    for at, (step, drop, side) in enumerate(zip(steps, drops, sides, strict=True)):
        _box(axes, (0.1, top - box, 2.9, box))
        axes.text(middle, top - box / 2, f"{step.label}\nn = {step.n}", ha="center", va="center")
        if at == len(steps) - 1:
            break
        below = top - box - drop
        axes.annotate(
            "", (middle, below), (middle, top - box),
            arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
        if step.lost:
            centre = top - box - drop / 2
            axes.annotate(
                "", (3.4, centre), (middle, centre),
                arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
            _box(axes, (3.4, centre - side / 2, 3.7, side))
            text = "\n".join(f"{n}  {_short(why)}" for why, n in step.lost)
            axes.text(3.5, centre, text, ha="left", va="center", fontsize=8, linespacing=1.4)
        top = below
    return drawn("flow", "From exported exams to analysed patients.", figure)


def _short(text: str, longest: int = 58) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _box(axes: Axes, place: tuple[float, float, float, float]) -> None:
    from matplotlib.patches import Rectangle

    x, y, width, height = place
    axes.add_patch(
        Rectangle((x, y), width, height, facecolor="white", edgecolor=INK, linewidth=0.9)
    )
