"""The figures of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from ..vertebrae import SCORED_LEVELS
from .compare import numbers_of
from .description import Outcome
from .flow_figure import flow_figure
from .groups import FINDINGS, LOCATIONS, Finding, Grouping, reading
from .inference.normal import Floats
from .patients import Patient
from .show.canvas import BAR, COLOURS, GREY, MARKERS, STYLE, Drawn, drawn, new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .run import Study


def figures(study: Study) -> Iterator[Drawn]:
    """All of them, one after the other."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield flow_figure(study.flow)
        for finding in study.findings:
            people = [p for p in study.patients if reading(p, finding).present]
            if people:
                yield _levels_a_patient(people, finding)
                yield _each_level(people, finding)
                yield _locations(people, finding)
        for grouping in study.groupings:
            for at, outcome in enumerate(study.description.outcomes, 1):
                if len(outcome.times) > 1:
                    yield _over_time(outcome, grouping, at)


def _bars(axes: Axes, names: Sequence[str], counts: Sequence[int]) -> None:
    from matplotlib.ticker import MaxNLocator

    bars = axes.bar(range(len(names)), counts, color=BAR, width=0.72)
    axes.bar_label(bars, padding=2)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("Patients")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, max(1, *counts) * 1.12)


def _levels_a_patient(people: Sequence[Patient], finding: Finding) -> Drawn:
    counts = Counter(len(reading(p, finding).levels) for p in people)
    most = max(7, *counts)
    numbers = range(1, most + 1)
    figure, axes = new(5.0, 3.2)
    _bars(axes, [str(n) for n in numbers], [counts[n] for n in numbers])
    axes.set_xlabel("Involved levels")
    # The published study's cut.
    axes.axvline(2.5, color=GREY, linestyle=(0, (4, 3)), linewidth=1)
    top = axes.get_ylim()[1]
    axes.set_ylim(0, top * 1.1)
    for x, align, word in ((2.42, "right", "non-severe"), (2.58, "left", "severe")):
        axes.text(x, top * 1.08, word, ha=align, va="top", color=GREY)
    name = FINDINGS[finding]
    return drawn(
        f"levels-a-patient-{finding}",
        f"Involved levels of the {len(people)} patients with {name}. More than three are severe.",
        figure,
    )


def _each_level(people: Sequence[Patient], finding: Finding) -> Drawn:
    counts = Counter(level for p in people for level in reading(p, finding).levels)
    figure, axes = new(6.2, 3.2)
    _bars(axes, SCORED_LEVELS, [counts[level] for level in SCORED_LEVELS])
    axes.set_xlabel("Level")
    return drawn(
        f"levels-{finding}",
        f"How many of the {len(people)} patients with {FINDINGS[finding]} have it at each level.",
        figure,
    )


def _locations(people: Sequence[Patient], finding: Finding) -> Drawn:
    counts = Counter(reading(p, finding).location for p in people)
    labels = {
        "thoracic": "Thoracic\n(T5–T10)",
        "thoracolumbar": "Thoracolumbar\n(T11–L2)",
        "lower_lumbar": "Lower lumbar\n(L3–L5)",
        "both": "Both\n(T11–L5)",
    }
    figure, axes = new(5.0, 3.2)
    _bars(axes, [labels[place] for place in LOCATIONS], [counts[place] for place in LOCATIONS])
    return drawn(
        f"locations-{finding}",
        f"Location of the {FINDINGS[finding]} of {len(people)} patients.",
        figure,
    )


def _over_time(outcome: Outcome, grouping: Grouping, number: int) -> Drawn:
    """Means with t intervals, the groups side by side so that intervals don't hide each other."""
    figure, axes = new(6.2, 3.6)
    n_groups = len(grouping.names)
    for at, (name, members) in enumerate(zip(grouping.names, grouping.members, strict=True)):
        told = [numbers_of(members, column.name) for _, column in outcome.times]
        x = np.arange(len(told)) + (at - (n_groups - 1) / 2) * 0.09
        means = [float(np.mean(v)) if len(v) else np.nan for v in told]
        halves = [_half(v) for v in told]
        axes.errorbar(
            x, means, halves, label=f"{name} (n = {len(members)})", color=COLOURS[at],
            marker=MARKERS[at], markersize=5, capsize=3, linewidth=1.4, elinewidth=1.1,
        )  # fmt: skip
    labels = [_broken(time) for time, _ in outcome.times]
    axes.set_xticks(range(len(labels)), labels)
    first = outcome.times[0][1]
    axes.set_ylabel(f"{first.label} ({first.unit})" if first.unit else first.label)
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    axes.legend(frameon=False, loc="best")
    return drawn(
        f"outcome-{number}-{grouping.slug}",
        f"{outcome.label} over time, patients {grouping.about}: mean with 95% interval.",
        figure,
    )


def _half(values: Floats) -> float:
    """Half a 95% interval of the mean; none of a single value."""
    if len(values) < 2:
        return 0.0
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    return float(float(stats.t.ppf(0.975, len(values) - 1)) * error)


def _broken(label: str, longest: int = 15) -> str:
    """A label over several lines, broken at blanks."""
    lines = [""]
    for word in label.split():
        if lines[-1] and len(lines[-1]) + len(word) >= longest:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
