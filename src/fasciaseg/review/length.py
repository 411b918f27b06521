"""How long the fascia of the levels is that a reader marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .exams import Exam, drawing
from .reading import Reading, boundaries

#: The middle one of the three slices, on whose fascia the software measures too.
_CENTRAL = 1


def marked_mm(folder: Path, exam: Exam, reading: Reading) -> float | None:
    """Arc length of the central slice's fascia within the marked levels, mm.

    Readers mark whole levels: it is the most that their edema can measure, and at least as long as
    what the software finds in the same levels. None where the exam can't be judged, or an older
    batch didn't write where its fascia lies.
    """
    if reading.cant:
        return None
    if not reading.levels:
        return 0.0
    drawn = drawing(folder, exam)
    try:
        told = drawn["slices"][_CENTRAL] if drawn is not None else {}
        line = np.asarray(told["fascia"], dtype=float).reshape(-1, 2)
        z0, across, down = map(float, told["z"])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    if len(line) < 2:
        return None
    z = z0 + line @ np.array([across, down])
    pieces = np.linalg.norm(np.diff(line, axis=0), axis=1)
    middles = (z[:-1] + z[1:]) / 2
    inside = np.zeros(len(pieces), bool)
    for level, (upper, lower) in boundaries(reading.numbering, exam.vertebrae, exam.rule).items():
        if level in reading.levels:
            inside |= (middles <= upper) & (middles > lower)
    return float(pieces[inside].sum())
