"""What questions, statistics and numbers are called where people read them."""

from __future__ import annotations

from ..report.words import number
from .compare import Comparison
from .document import Cell
from .estimate import Estimate, Interval
from .pairs import Pair
from .ratings import Rater

QUESTIONS = {
    "answerable": "Can the exam be judged",
    "fascia_edema": "Fascia edema",
    "location": "Location",
    "severity": "Severity",
    "n_levels": "Number of levels",
    "length_mm": "Length, mm",
    "image_quality": "Image quality",
    "levels": "All levels",
}
SUBSETS = {
    "all": "all",
    "either_edema": "either found edema",
    "both_edema": "both found edema",
}
NUMBERINGS = {
    "as_named": "levels as each rater named them",
    "aligned": "different numberings undone",
}
_PERCENT = {"agreement", "agreement_within_1", "positive_agreement", "negative_agreement"}
_IN_MM = {
    (statistic, "length_mm")
    for statistic in ("bias", "lower_limit", "upper_limit", "sd_difference")
}


def rater(one: Rater) -> str:
    """A rater by name."""
    return one.name if one.role == "reader" else one.role.capitalize()


def pair(two: Pair) -> str:
    """`Anna and Ben`."""
    return f"{rater(two.first)} and {rater(two.second)}"


def question(name: str) -> str:
    """A question in words; a level by its name."""
    return QUESTIONS.get(name, name.removeprefix("level_"))


def cell(estimate: Estimate | None, clusters: str = "patient") -> Cell:
    """A number with its intervals.

    Args:
        estimate: None where the question has no such statistic.
        clusters: what the bootstrap draws.
    """
    if estimate is None:
        return Cell("")
    if estimate.value is None:
        return Cell("–", (("no value",) if estimate.n else ()))
    lines = [f"{_span(estimate, estimate.interval)}"] if estimate.interval else []
    if estimate.clustered:
        lines.append(f"{_span(estimate, estimate.clustered)} by {clusters}")
    return Cell(value(estimate, estimate.value), tuple(lines))


def value(estimate: Estimate, x: float) -> str:
    """A number of this statistic, with the digits that make sense."""
    if estimate.statistic in _PERCENT:
        return f"{rounded(100 * x, 1)}%"
    return rounded(x, 1 if (estimate.statistic, estimate.question) in _IN_MM else 2)


def rounded(x: float, digits: int) -> str:
    """A number that is never −0."""
    return number(round(x, digits) + 0.0, digits)


def left_out(estimate: Estimate) -> str:
    """`2 exams left out (no answer by Anna: 1, not rated by Ben: 1)`; empty where none is."""
    total = sum(estimate.left_out.values())
    why = ", ".join(f"{reason}: {n}" for reason, n in sorted(estimate.left_out.items()))
    return f"{'1 exam' if total == 1 else f'{total} exams'} left out ({why})" if total else ""


def exams(comparison: Comparison, linked: bool) -> str:
    """`120 exams of 91 patients`."""
    n = len(comparison.rows)
    text = "1 exam" if n == 1 else f"{n} exams"
    if not linked:
        return text
    m = comparison.clusters
    return f"{text} of {'1 patient' if m == 1 else f'{m} patients'}"


def _span(estimate: Estimate, interval: Interval) -> str:
    assert interval is not None  # asked for only where there is one
    low, high = (value(estimate, x) for x in interval)
    return f"{low} to {high}"
