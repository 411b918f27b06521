"""What a result says, in words: for pictures, pages and the terminal. Needs no Pillow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from ..flags import FLAGS
from ..result import LevelEdema, Result
from ..vertebrae import LEVELS, SCORED_LEVELS

#: What is known about one level: `clear` is looked at and not involved, `open` is in view and
#: can't be judged, `unanswered` is in view of an exam that can't answer.
LevelState: TypeAlias = Literal["involved", "clear", "open", "out_of_view", "unanswered"]

_NO_BREAK = "\u00a0"
DISCLAIMER = "Research use, not a medical device"
SEQUENCES = {
    "STIR": "STIR",
    "T2_DIXON_WATER": "T2 Dixon water",
    "T2_FS": "T2 fat-suppressed",
    "T2": "T2 without fat suppression",
}
LOCATIONS = {
    "none": "none",
    "thoracic": "thoracic (T5–T10)",
    "thoracolumbar": "thoracolumbar (T11–L2)",
    "lower_lumbar": "lower lumbar (L3–L5)",
    "both": "thoracolumbar and lower lumbar (both)",
}
#: Flags that take single levels from an exam that answers for the others.
LEVELS_LOST = frozenset({"fat_suppression_failed", "fat_water_swap_suspected", "t1_unfit"})
SEVERITIES = {"none": "none", "non_severe": "non-severe", "severe": "severe"}


def number(value: float, digits: int = 0) -> str:
    """A number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def level_range(levels: Iterable[str]) -> str:
    """Levels head to foot, neighbours joined: `T12, L2–L3`."""
    places = sorted(LEVELS.index(level) for level in levels)
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(
        LEVELS[run[0]] if len(run) == 1 else f"{LEVELS[run[0]]}–{LEVELS[run[-1]]}" for run in runs
    )


def level_count(n: int) -> str:
    """`1 level`, `3 levels`."""
    return f"{n} level" if n == 1 else f"{n} levels"


def headline(result: Result) -> str:
    """The answer in one line."""
    return headline_of(
        result.classification.fascia_edema, result.edema.levels, [f.code for f in result.flags]
    )


def headline_of(fascia_edema: bool | None, levels: Iterable[str], codes: Sequence[str]) -> str:
    """The answer in one line. An exam that can't answer never reads like one without edema.

    Args:
        fascia_edema: the answer.
        levels: those involved.
        codes: the exam's flags.
    """
    if fascia_edema:
        return f"Fascia edema: {level_range(levels)}"
    if fascia_edema is None:
        why = [c for c in codes if c in FLAGS and FLAGS[c].withholds_answer] or codes
        return f"No answer: {', '.join(map(short_flag, why)) or 'no reason given'}"
    lost = not LEVELS_LOST.isdisjoint(codes)
    return "No fascia edema at the levels judged" if lost else "No fascia edema"


def class_lines(result: Result) -> tuple[str, ...]:
    """Location, severity and extent: what stands below the headline."""
    c, edema = result.classification, result.edema
    if c.fascia_edema is None:
        return ("Location and severity: not classified",)
    lines = []
    if c.fascia_edema:
        severity = SEVERITIES[c.severity or "none"]
        lines += [
            f"Location: {LOCATIONS[c.location or 'none']}",
            f"Severity: {severity} ({level_count(edema.n_levels)})",
            f"Length: {number(edema.length_mm)} mm along the fascia",
        ]
    judged = [e.level for e in edema.per_level if e.involved is not None]
    if judged:
        lines.append(f"Levels judged: {level_range(judged)}")
    return tuple(lines)


def fracture_lines(result: Result) -> tuple[str, ...]:
    """Bodies with marrow edema or lost height, a line each: `L1: marrow edema, height loss …`."""
    lines = []
    for body in result.fractures:
        if not body.notable:
            continue
        signs = ["marrow edema"] if body.marrow_edema.present else []
        if body.degree not in (None, "<25"):
            degree = body.degree.replace("-", "–").replace(">", "> ")
            signs.append(f"height loss {degree} %")
        looks = {"acute": " (looks acute)", "old": " (looks old)"}.get(body.looks or "", "")
        lines.append(f"{body.level}: {', '.join(signs)}{looks}")
    return tuple(lines)


def one_line(result: Result) -> str:
    """Headline and class in one line, for a terminal or a table."""
    return " · ".join([headline(result), *(_small(line) for line in class_lines(result))])


def level_states(result: Result) -> dict[str, LevelState]:
    """State of every scored level, T5 to L5."""
    told = {e.level: e for e in result.edema.per_level}
    return {level: _state(result, level, told.get(level)) for level in SCORED_LEVELS}


def _state(result: Result, level: str, told: LevelEdema | None) -> LevelState:
    if level not in result.levels_in_view and (told is None or told.involved is None):
        return "out_of_view"
    if result.classification.fascia_edema is None:
        return "unanswered"
    if told is None or told.involved is None:
        return "open"
    return "involved" if told.involved else "clear"


def short_flag(code: str) -> str:
    """A flag in a few words; an unknown code, from a newer version, as it stands."""
    return FLAGS[code].short if code in FLAGS else code.replace("_", " ")


def sequence(result: Result) -> str:
    """The edema series' kind as a radiologist would say it."""
    if any(f.code == "t2_with_t1" for f in result.flags):
        return "T2 with T1 (fat told by the T1)"
    return SEQUENCES.get(result.series_edema.sequence, result.series_edema.sequence)


def slice_place(index: int, n: int) -> str:
    """`slice 2 of 3 (central)`; slices run from the patient's right to the left."""
    side = "central" if 2 * index == n - 1 else "patient right" if 2 * index < n else "patient left"
    return f"slice {index + 1} of {n} ({side})"


def threshold_line(threshold: dict[str, Any]) -> str:
    """The numbers behind the threshold in one line; whatever the edema room put there."""
    told = [
        f"{name.replace('_', ' ')} {_scalar(value)}".replace(" ", _NO_BREAK)
        for name, value in threshold.items()
        if isinstance(value, (str, bool, int, float))
    ]
    return "Threshold: " + (", ".join(told) if told else "none")


def software_line(result: Result) -> str:
    """Version and model, without hashes."""
    return f"fasciaseg {result.software.version}, model {result.software.model}"


def _scalar(value: str | bool | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.replace("_", " ")
    return number(value) if abs(value) >= 100 else f"{value:.3g}".replace("-", "−")


def _small(line: str) -> str:
    return line[:1].lower() + line[1:]
