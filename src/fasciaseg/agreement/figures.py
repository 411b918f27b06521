"""Figures of agreement, as SVG and PNG. Needs Matplotlib, from the extra `statistics`."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..vertebrae import SCORED_LEVELS
from . import told
from .compare import Comparison
from .differences import limits
from .estimate import Estimate
from .levels import LEVEL
from .measures import MEASURES, Measure
from .pairs import Pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Right for colour-blind eyes and in greyscale: marker and colour differ.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#595959"
_SETTINGS = {
    "svg.hashsalt": "fasciaseg",
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # names may hold dollar signs
}
_DPI = 300
_LONGEST_NAME = 28
#: Area of a point, and how many times as large several exams at the same place can make it.
_POINT, _MOST_POINTS = 26, 10


@dataclass(frozen=True)
class Drawn:
    """A figure: name without ending, what it shows, and its two files."""

    name: str
    says: str
    svg: bytes
    png: bytes


def require() -> None:
    """Make sure that figures can be drawn.

    Raises:
        UsageError: `no_matplotlib`.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "no_matplotlib",
            "The figures need Matplotlib, which isn't installed.",
            'Install it: pip install "fasciaseg[statistics]".',
        ) from error


def of_pair(place: int, comparison: Comparison) -> list[Drawn]:
    """The figures of one pair: names never hold a rater's."""
    pair = comparison.pair
    drawn = []
    for measure in MEASURES:
        points = _points(measure, comparison)
        if len(points) >= 2:
            says = (
                f"{measure.title}: difference against mean, {told.pair(pair)}; {len(points)} exams "
                "in which either found edema (larger points: several exams)"
            )
            drawn.append(
                _draw(
                    f"bland-altman-{place}-{measure.name}",
                    says,
                    (6.0, 4.2),
                    partial(_bland_altman, points=points, measure=measure, pair=pair),
                )
            )
    by_level = [
        e
        for e in comparison.estimates
        if e.question.startswith(LEVEL) and e.statistic in ("agreement", "positive_agreement")
    ]
    if by_level:
        says = f"Agreement level by level, {told.pair(pair)}"
        drawn.append(
            _draw(f"levels-{place}", says, (6.0, 4.2), partial(_levels, estimates=by_level))
        )
    return drawn


def summary(comparisons: Sequence[Comparison]) -> list[Drawn]:
    """Kappa of every pair, in one figure; none where nothing has a value."""
    rows = [
        (c, e)
        for c in comparisons
        for e in c.estimates
        if e.subset == "all" and e.value is not None and _MAIN.get(e.question) == e.statistic
    ]
    if not rows:
        return []
    height = 1.3 + 0.3 * (len(rows) + len({id(c) for c, _ in rows}))
    says = "Kappa with its interval; severity weighted quadratically"
    return [_draw("kappa", says, (6.4, height), partial(_forest, rows=rows))]


_MAIN = {"fascia_edema": "kappa", "location": "kappa", "severity": "kappa_quadratic"}


def _points(measure: Measure, comparison: Comparison) -> list[tuple[float, float, bool]]:
    """(first, second, both found edema) of the exams in which at least one found it."""
    found = []
    for row in comparison.rows:
        a, b = measure.value(row.first), measure.value(row.second)
        yes = row.first.fascia_edema, row.second.fascia_edema
        if a is not None and b is not None and any(yes):
            found.append((float(a), float(b), all(yes)))
    return found


def _bland_altman(
    axes: Axes, points: Sequence[tuple[float, float, bool]], measure: Measure, pair: Pair
) -> None:
    values = np.asarray([p[:2] for p in points])
    agreed = np.asarray([p[2] for p in points], bool)
    mean, apart = values.mean(1), values[:, 0] - values[:, 1]
    found = limits(apart, 0.95)
    assert found is not None  # two points at least
    where = np.stack([mean, apart], 1)
    crowd = np.unique(where, axis=0, return_counts=True)[1].max()
    for inside, marker, colour, label in (
        (agreed, "o", _BLUE, "both found edema"),
        (~agreed, "s", _ORANGE, "only one found edema"),
    ):
        if not inside.any():
            continue
        at, n = np.unique(where[inside], axis=0, return_counts=True)
        drawn: dict[str, Any] = {"marker": marker, "edgecolors": colour}
        drawn["facecolors"] = "none" if marker == "s" else colour
        sizes = _POINT * np.minimum(n, 1 + (n - 1) * _MOST_POINTS / crowd)
        axes.scatter(at[:, 0], at[:, 1], sizes, alpha=0.8, **drawn)
        axes.scatter([], [], _POINT, label=f"{label} ({int(inside.sum())})", **drawn)
    digits = 1 if measure.unit == "mm" else 2
    lines = [(found.bias, found.bias_half, "mean")]
    if found.sd > 0:  # else the three are one
        lines += [
            (found.lower, found.limit_half, "lower limit"),
            (found.upper, found.limit_half, "upper limit"),
        ]
    else:
        axes.set_ylim(found.bias - 1, found.bias + 1)
    for y, half, name in lines:
        axes.axhline(y, color=_GREY, ls="-" if name == "mean" else "--", lw=1)
        axes.axhspan(y - half, y + half, color=_GREY, alpha=0.10, lw=0)
        axes.annotate(
            f"{name}\n{told.rounded(y, digits)}", (1.01, y), xycoords=("axes fraction", "data"),
            va="center", fontsize=9, annotation_clip=False,
        )  # fmt: skip
    first, second = _short(told.rater(pair.first)), _short(told.rater(pair.second))
    axes.set_title(f"{measure.title}\n{first} − {second}", loc="left", fontsize=11)
    axes.set_xlabel(f"Mean of the two, {measure.unit}")
    axes.set_ylabel(f"Difference, {measure.unit}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, frameon=False, fontsize=9)


def _levels(axes: Axes, estimates: Sequence[Estimate]) -> None:
    names = [name for name in SCORED_LEVELS if any(e.question == LEVEL + name for e in estimates)]
    for statistic, marker, colour, aside, label in (
        ("agreement", "o", _BLUE, -0.15, "agreement"),
        ("positive_agreement", "s", _ORANGE, 0.15, "positive agreement"),
    ):
        for i, name in enumerate(names):
            e = next(
                (e for e in estimates if e.question == LEVEL + name and e.statistic == statistic),
                None,
            )
            if e is None or e.value is None or e.interval is None:
                continue
            low, high = e.interval
            axes.plot([100 * low, 100 * high], [i + aside] * 2, color=colour, lw=1.5)
            axes.plot(100 * e.value, i + aside, marker, color=colour, ms=5)
        axes.plot([], [], marker, color=colour, ls="-", ms=5, label=label)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("Exams, %")
    axes.set_title("Agreement level by level", loc="left", fontsize=11)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False, fontsize=9)


def _forest(axes: Axes, rows: Sequence[tuple[Comparison, Estimate]]) -> None:
    y, ticks, labels = 0.0, [], []
    before: Comparison | None = None
    for comparison, e in rows:
        if comparison is not before:
            two = comparison.pair
            title = f"{_short(told.rater(two.first))} and {_short(told.rater(two.second))}"
            axes.annotate(
                title, (0.0, y), xycoords=("axes fraction", "data"), va="center", fontsize=10,
                fontweight="bold", xytext=(4, 0), textcoords="offset points",
            )  # fmt: skip
            y, before = y + 1, comparison
        if e.interval is not None:
            axes.plot(list(e.interval), [y, y], color=_BLUE, lw=1.5)
        if e.value is not None:
            axes.plot(e.value, y, "o", color=_BLUE, ms=5)
        ticks.append(y)
        labels.append(told.question(e.question))
        y += 1
    lows = [e.interval[0] if e.interval else e.value or 0.0 for _, e in rows]
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y - 0.4, -0.7)
    axes.set_xlim(min(-0.02, *lows), 1.02)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Kappa")


def _draw(name: str, says: str, inches: tuple[float, float], on: Callable[[Axes], None]) -> Drawn:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=inches, layout="constrained")
        on(figure.subplots())
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, for both files
        return Drawn(name, says, _file(figure, "svg"), _file(figure, "png"))


def _file(figure: Figure, kind: str) -> bytes:
    file = io.BytesIO()
    # Without a date the same numbers give the same file.
    figure.savefig(file, format=kind, dpi=_DPI, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
