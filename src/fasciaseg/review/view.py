"""What a page is told of an exam: no more than the reader may see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..flags import FLAGS
from ..vertebrae import SCORED_LEVELS
from .exams import PICTURES, PLAIN_NAME, Exam, drawing, picture
from .options import ReviewOptions
from .panel import Panel
from .reading import Reading, boundaries, renamed
from .store import Reader


def exam_view(folder: Path, exam: Exam, reading: Reading, options: ReviewOptions) -> dict[str, Any]:
    """The pictures of an exam with the levels under the reader's numbering."""
    drawn = drawing(folder, exam) if picture(folder, exam, PLAIN_NAME) is not None else None
    return {
        "exam": exam.name,
        "sequence": _sequence(exam),
        "slices": _slices(exam, drawn, options) if drawn else [],
        "pages": [] if drawn or options.hides else _pages(folder, exam),
        **levels_view(exam, reading, options),
    }


def levels_view(exam: Exam, reading: Reading, options: ReviewOptions) -> dict[str, Any]:
    """The vertebrae and territories under the reader's numbering, and the reading itself.

    What the software says goes along unless it, or the names that it uses, must stay hidden.
    """
    hidden = options.hide_numbering and reading.numbering is None and bool(exam.vertebrae)
    names = renamed(reading.numbering, exam.vertebrae)
    software = {} if options.blind or hidden else {"software": _software(exam)}
    return {
        **software,
        "named": not hidden,
        "rule": exam.rule,
        "bodies": [
            {
                "level": None if hidden or name is None else name.level,
                "z": round(v.center_lps_mm[2], 1),
            }
            for v, name in zip(exam.vertebrae, names, strict=True)
        ],
        "territories": [
            {"level": None if hidden else level, "upper": upper, "lower": lower}
            for level, (upper, lower) in boundaries(
                reading.numbering, exam.vertebrae, exam.rule
            ).items()
        ],
        "reading": reading.to_dict(),
    }


def _software(exam: Exam) -> dict[str, Any]:
    told = exam.told
    classes, edema = told["classification"], told["edema"]
    codes = [str(f.get("code", "")) for f in told.get("flags", ()) if isinstance(f, dict)]
    confidence = told.get("confidence")
    return {
        "levels": [level for level in edema["levels"] if level in SCORED_LEVELS],
        "fascia_edema": classes["fascia_edema"],
        "location": classes.get("location"),
        "severity": classes.get("severity"),
        "cant": classes["fascia_edema"] is None,
        "length_mm": edema.get("length_mm"),
        "confidence": confidence.get("value") if isinstance(confidence, dict) else None,
        "flags": [FLAGS[code].short if code in FLAGS else code for code in codes],
    }


def consensus_view(panel: Panel, readers: tuple[Reader, ...]) -> dict[str, Any]:
    """The signed readings of one exam beside each other."""
    return {
        "readers": [
            {"name": r.name, "reading": panel.signed[r.number].to_dict()}
            for r in readers
            if r.number in panel.signed
        ],
        "state": panel.state,
    }


def _slices(exam: Exam, drawn: dict[str, Any], options: ReviewOptions) -> list[dict[str, Any]]:
    found = []
    for told in drawn["slices"]:
        if not isinstance(told, dict) or not isinstance(told.get("bodies"), dict):
            return []
        found.append(
            {
                **{name: told.get(name) for name in ("px", "size_mm", "z", "fascia")},
                # In the order of the vertebrae, without their names.
                "bodies": [told["bodies"].get(v.level) for v in exam.vertebrae],
                "edema": [] if options.blind else told.get("edema", []),
            }
        )
    return found


def _pages(folder: Path, exam: Exam) -> list[str]:
    """Pictures with marks drawn in, where there are no others; they show the software's answer."""
    return [n for n in PICTURES[1:] if picture(folder, exam, n) is not None]


def _sequence(exam: Exam) -> str:
    try:
        return str(exam.told["series"]["edema"]["sequence"])
    except (KeyError, TypeError):
        return ""
