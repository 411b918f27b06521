"""The exams of a batch folder, as a review needs them.

Whatever the folder holds is taken for what anybody may have written there: names that can't be
an exam's hash are left out, and only files with fixed names are ever opened.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..batch.results import EXAMS_NAME, results
from ..errors import UsageError
from ..options import RULES
from ..pages import DRAWING_CALL
from ..vertebrae import LEVELS, Vertebra

_HASH = re.compile(r"[0-9a-f]{8,64}")
DRAWING_NAME = "drawing.js"
PLAIN_NAME = "plain.png"
#: What a page may ask for, and the only files of an exam that are ever sent.
PICTURES = (PLAIN_NAME, "slice-1.png", "slice-2.png", "slice-3.png")
_LARGEST_DRAWING = 4_000_000


@dataclass(frozen=True, eq=False)
class Exam:
    """One exam of the batch.

    Attributes:
        name: its hash.
        vertebrae: the bodies that the software found, head to foot, with its names.
        told: what the software says: its line in `results.jsonl`.
    """

    name: str
    vertebrae: tuple[Vertebra, ...]
    told: dict[str, Any]

    @property
    def rule(self) -> str:
        """How the software gave the fascia to levels; `load` takes no exam of an unknown rule."""
        return str(self.told["edema"].get("rule", "axial"))


def load(folder: Path) -> dict[str, Exam]:
    """The exams of a batch by their hashes.

    Raises:
        UsageError: the folder isn't a batch's, or it holds no exam.
    """
    try:
        found = {e.name: e for e in map(_exam, results(folder)) if e is not None}
    except OSError as error:
        raise UsageError(
            "unreadable_batch", f"results.jsonl can't be read ({error.strerror}).", "Check DIR."
        ) from error
    if not found:
        raise UsageError(
            "no_batch",
            "There are no scored exams in this folder.",
            "Give the folder that `fasciaseg batch EXPORT --out DIR` wrote.",
        )
    return found


def drawing(folder: Path, exam: Exam) -> dict[str, Any] | None:
    """The lines of an exam's slices; None where an older batch didn't write them."""
    path = picture(folder, exam, DRAWING_NAME)
    if path is None:
        return None
    before, after = DRAWING_CALL
    try:
        if path.stat().st_size > _LARGEST_DRAWING:
            return None
        text = path.read_text("utf-8")
        told = json.loads(text.removeprefix(before).removesuffix(after))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and isinstance(told.get("slices"), list) else None


def picture(folder: Path, exam: Exam, name: str) -> Path | None:
    """A file of an exam, if it is there and inside the batch's folder."""
    if name not in (*PICTURES, DRAWING_NAME):
        return None
    home = (folder / EXAMS_NAME).resolve()
    path = (home / exam.name / name).resolve()
    return path if path.is_relative_to(home) and path.is_file() else None


def _exam(told: dict[str, Any]) -> Exam | None:
    name = told.get("exam")
    if not isinstance(name, str) or not _HASH.fullmatch(name):
        return None
    try:
        bodies = [
            Vertebra(v["level"], _lps(v["center_lps_mm"]), float(v["confidence"]))
            for v in told["vertebrae"]
            if v["level"] in LEVELS
        ]
        if told["classification"]["fascia_edema"] not in (True, False, None):
            return None
        if not isinstance(told["edema"]["levels"], list):
            return None
    except (KeyError, TypeError, ValueError):
        return None
    exam = Exam(name, tuple(sorted(bodies, key=lambda v: LEVELS.index(v.level))), told)
    return exam if exam.rule in RULES else None


def _lps(values: list[float]) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return (x, y, z)
