"""One painted exam: made, read with the model that never saw its patient, compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from clinical import BORDERLINE, ClinicalStack, Truth, random_scanner, truth_of
from data import cases
from mimics import MIMICS
from paint import paint, random_edema
from subjects import SWAPPED, Subject, load_subject

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.anatomy.spine import UNSURE_MM
from fasciaseg.errors import FasciasegError
from fasciaseg.options import Options
from fasciaseg.pipeline import read_stack
from fasciaseg.reading import Reading, SeriesContext
from fasciaseg.result import SeriesInfo, StudyInfo
from fasciaseg.vertebrae import SCORED_LEVELS
from folds import fold_of

#: Patients of these folds are for choosing numbers, the others for reporting.
TUNING_FOLDS = (0, 1)


@dataclass(frozen=True)
class Trial:
    """What to make: `edema` painted or not, with a mimic or without, from one seed."""

    scan: str
    edema: bool
    mimic: str
    seed: int


@dataclass(frozen=True)
class Row:
    """How it was read. Lengths in mm; `None` where it doesn't apply."""

    scan: str
    patient: str
    contrast_group: str
    tuning: bool
    edema: bool
    mimic: str
    seed: int
    thickness_mm: float
    contrast: float
    contrast_muscle: float
    clear: bool
    called: bool | None
    location_right: bool | None
    severity_right: bool | None
    levels_right: bool | None
    level_hits: int
    level_truths: int
    level_false: int
    level_clean: int
    length_mm: float
    true_length_mm: float
    dice: float | None
    names_right: bool
    middle_right: bool
    flags: tuple[str, ...]
    levels: tuple[str, ...]
    true_levels: tuple[str, ...]
    confidence: float | None = None
    features: dict[str, float] = field(default_factory=dict)
    #: Painted brightness, 0 for the exam's muscle, 1 for its CSF; None where nothing was painted.
    brightness: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For a table."""
        return asdict(self)


@lru_cache(maxsize=2)
def _subject(folder: Path, folds: Path, scan: str) -> Subject | None:
    case = next(c for c in cases(folder) if c["id"] == scan)
    return load_subject(folder, case, _localizer(folds / f"fold-{_fold(folder, case)}.onnx"))


def _fold(folder: Path, case: dict[str, Any]) -> int:
    return fold_of(case["patient"], _patients(folder))


@lru_cache(maxsize=8)
def _localizer(path: Path) -> Localizer:
    return Localizer(path, 1)


@lru_cache(maxsize=1)
def _patients(folder: Path) -> tuple[str, ...]:
    return tuple(c["patient"] for c in cases(folder))


@dataclass(frozen=True, eq=False)
class Outcome:
    """A row with what it was made from, for pictures."""

    row: Row
    reading: Reading | None
    truth: Truth


def run(trial: Trial, data: Path, folds: Path, options: Options | None = None) -> Outcome | None:
    """Make an exam, read it, compare; None where the scan can't be painted."""
    s = _subject(data, folds, trial.scan)
    if s is None:
        return None
    stack, truth, bands = make(s, trial)
    fold = fold_of(s.patient, _patients(data))
    sequence = "T2_DIXON_WATER" if s.contrast == "dixon" else "STIR"
    context = SeriesContext(trial.scan, StudyInfo("1"), SeriesInfo("1.1", sequence))
    reading: Reading | None = None
    try:
        localizer = _localizer(folds / f"fold-{fold}.onnx")
        reading = read_stack(stack, context, localizer, options or Options())
    except FasciasegError:
        pass
    row = compare(s, trial, stack, truth, reading, bands, fold in TUNING_FOLDS)
    return Outcome(row, reading, truth)


def make(s: Subject, trial: Trial) -> tuple[ClinicalStack, Truth, tuple[Any, ...]]:
    """Paint and scan."""
    rng = np.random.default_rng([trial.seed, sum(map(ord, trial.scan))])
    scanner = random_scanner(s, rng)
    volume = s.volume.copy()
    bands = random_edema(s, rng) if trial.edema else ()
    share = paint(s, volume, bands)
    painted = volume.copy()
    if trial.mimic:
        MIMICS[trial.mimic](s, volume, rng)
    stack = ClinicalStack(s, volume, scanner)
    return stack, truth_of(s, stack, s.volume, painted, share), bands


def compare(
    s: Subject,
    trial: Trial,
    stack: ClinicalStack,
    truth: Truth,
    reading: Reading | None,
    bands: tuple[Any, ...],
    tuning: bool,
) -> Row:
    """What was said against what is true."""
    r = reading.result if reading else None
    called = r.classification.fascia_edema if r else None
    location, severity = truth.classes
    judged = {p.level: p.involved for p in r.edema.per_level} if r and called is not None else {}
    sure = {
        n: c > BORDERLINE[1]
        for n, c in truth.coverage.items()
        if not BORDERLINE[0] <= c <= BORDERLINE[1]
    }
    # Above the topmost labelled level nothing was painted.
    top = min((SCORED_LEVELS.index(n) for n in truth.coverage), default=0)
    sure |= dict.fromkeys(SCORED_LEVELS[: max(0, top - 1)], False)
    said = {n: bool(judged.get(n)) for n in sure}
    answered = called is not None
    at = {v.level: np.array(v.center_lps_mm) for v in r.vertebrae} if r else {}
    near = [
        n in at and abs(at[n][2] + c[1]) < 10 and abs(at[n][1] - c[2]) < 12
        for n, c in s.centers_mm.items()
    ]
    middle = int(r.central_slices[1].sop_instance_uid.split(".")[-1]) if r else -1
    return Row(
        scan=trial.scan,
        patient=s.patient,
        contrast_group=s.contrast,
        tuning=tuning,
        edema=trial.edema,
        mimic=trial.mimic,
        seed=trial.seed,
        thickness_mm=bands[0].thickness_mm if bands else 0.0,
        contrast=truth.contrast,
        contrast_muscle=truth.contrast_muscle,
        clear=truth.clear,
        called=called,
        location_right=r.classification.location == location if r and answered else None,
        severity_right=r.classification.severity == severity if r and answered else None,
        levels_right=all(said[n] == v for n, v in sure.items()) if answered else None,
        level_hits=sum(said[n] for n, v in sure.items() if v),
        level_truths=sum(sure.values()),
        level_false=sum(said[n] for n, v in sure.items() if not v),
        level_clean=sum(not v for v in sure.values()),
        length_mm=r.edema.length_mm if r else 0.0,
        true_length_mm=truth.length_mm,
        dice=_dice(truth, reading) if trial.edema and reading else None,
        names_right=all(near),
        middle_right=_is_middle(stack, s.middle_mm, middle),
        flags=tuple(f.code for f in r.flags) if r else ("unread",),
        levels=r.edema.levels if r else (),
        true_levels=truth.levels,
        confidence=r.confidence.value if r and r.confidence and answered else None,
        features=r.confidence.signs.to_dict() if r and r.confidence and r.confidence.signs else {},
        brightness=bands[0].brightness if bands else None,
    )


def _is_middle(stack: ClinicalStack, middle_mm: float, chosen: int) -> bool:
    """Nearest to the bodies' middle, or as near as that is known."""
    if chosen < 0:
        return False
    away = np.abs(np.array(stack.at_mm) - middle_mm)
    return bool(away[chosen] <= away.min() + 2 * UNSURE_MM)


def _dice(truth: Truth, reading: Reading) -> float:
    """Overlap of painted and found pixels over the central slices both sides used."""
    both = total = 0
    found = {part.slice.index: part.edema for part in reading.slices}
    for i in set(found) | set(truth.masks):
        a, b = found.get(i), truth.masks.get(i)
        if a is not None and b is not None:
            both += int((a & b).sum())
        total += int(a.sum() if a is not None else 0) + int(b.sum() if b is not None else 0)
    return 2 * both / total if total else 1.0


def plan(data: Path, painted: int, mimicked: int, seed: int) -> list[Trial]:
    """Every scan: as it is, painted so often, and with each mimic so often with and without."""
    out: list[Trial] = []
    for case in cases(data):
        if case["sequence"] == "T1" or case["id"] in SWAPPED:
            continue
        scan = case["id"]
        out += [Trial(scan, False, "", seed)]
        out += [Trial(scan, True, "", seed + i) for i in range(painted)]
        for name in MIMICS:
            if name == "swap" and case["sequence"] != "DIXON_WATER":
                continue
            out += [Trial(scan, False, name, seed + i) for i in range(mimicked)]
            if name not in ("swap", "failed_suppression"):
                out += [Trial(scan, True, name, seed + 100 + i) for i in range(mimicked)]
    return out
