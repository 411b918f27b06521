"""What lies in an export: its exams, their series, which are read in what order, why others not.

From headers alone. Nothing in a listing names a patient: patients are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..errors import FasciasegError, NothingToRead, UnreadableInput
from .choice import Choice, choose, defect
from .scan import Scan
from .sequence import Role
from .series import Plane, Series, Study, nothing_readable, studies_of

SCHEMA = "fasciaseg.scan/1"


@dataclass(frozen=True)
class ListedSeries:
    """One stack of slices.

    Attributes:
        number, series_instance_uid: as in the files; the stacks of one series share them.
        plane, role: see `dicom.series.Series`.
        reason: why it isn't read, None where it is, or is kept beside the one that is.
        n_slices: slices with and without position.
        n_duplicates: further images of the same positions.
        order: 1 for the series that is read, 2 for the next one if there is no spine in it, …
        lengthens: number of the series that is read, where this is another station of it.
        beside: number of the series that is read, where this T1 is kept beside it.
    """

    number: int | None
    series_instance_uid: str
    plane: Plane
    role: Role | None
    reason: str | None
    n_slices: int
    n_duplicates: int
    order: int | None
    lengthens: int | None
    beside: int | None


@dataclass(frozen=True)
class ListedExam:
    """One exam of one patient.

    Attributes:
        patient: counts the patients of the export, from 1.
        n_files: files with an image, copies and damaged ones too.
        code, reason, action: why nothing of it can be read, None where something can.
    """

    patient: int
    study_instance_uid: str
    n_files: int
    code: str | None
    reason: str | None
    action: str | None
    series: tuple[ListedSeries, ...]

    @property
    def readable(self) -> bool:
        """It holds a whole series that could show edema."""
        return self.code is None


@dataclass(frozen=True)
class Listing:
    """What lies under a path.

    Attributes:
        exams: by patient and StudyInstanceUID.
        broken: {reason: number of files}.
        error: why nothing at all can be read, None where an exam can.
    """

    exams: tuple[ListedExam, ...]
    n_clutter: int
    n_objects: int
    broken: Mapping[str, int]
    error: FasciasegError | None

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len({exam.patient for exam in self.exams})

    @property
    def n_readable(self) -> int:
        """Number of exams that can be read."""
        return sum(exam.readable for exam in self.exams)

    def to_dict(self, name: str) -> dict[str, object]:
        """The JSON object, schema `fasciaseg.scan/1`; `name` is what was scanned."""
        return {
            "schema": SCHEMA,
            "input": name,
            "n_exams": len(self.exams),
            "n_patients": self.n_patients,
            "n_readable": self.n_readable,
            "exams": [{"readable": exam.readable, **asdict(exam)} for exam in self.exams],
            "n_clutter": self.n_clutter,
            "n_objects": self.n_objects,
            "broken": [{"reason": reason, "n": n} for reason, n in self.broken.items()],
        }


def listing(found: Scan) -> Listing:
    """List what a scan found."""
    studies = studies_of(found)
    patients = {name: n for n, name in enumerate(sorted({s.patient_id for s in studies}), 1)}
    exams: list[ListedExam] = []
    errors: list[FasciasegError] = []
    for study in studies:
        error: FasciasegError | None = None
        choice: Choice | None = None
        try:
            choice = choose(study)
        except (NothingToRead, UnreadableInput) as refused:
            error = refused
            errors.append(refused)
        exams.append(_exam(study, patients[study.patient_id], choice, error))
    exams.sort(key=lambda e: (e.patient, e.study_instance_uid))
    broken = Counter(b.reason for b in found.broken)
    return Listing(
        exams=tuple(exams),
        n_clutter=found.n_clutter,
        n_objects=found.n_objects,
        broken=dict(sorted(broken.items())),
        error=_error(found, errors) if len(errors) == len(studies) else None,
    )


def _error(found: Scan, errors: list[FasciasegError]) -> FasciasegError:
    """What stands for the whole path where no exam can be read."""
    if not errors:
        return nothing_readable(found)
    if len(errors) == 1:
        return errors[0]
    kind = UnreadableInput if any(isinstance(e, UnreadableInput) for e in errors) else NothingToRead
    return kind(
        "no_usable_series" if kind is NothingToRead else "no_readable_series",
        f"None of the {len(errors)} exams holds a series that can be read.",
        "The list says why.",
    )


def _exam(
    study: Study, patient: int, choice: Choice | None, error: FasciasegError | None
) -> ListedExam:
    return ListedExam(
        patient=patient,
        study_instance_uid=study.study_instance_uid,
        n_files=len(study.sources) + len(study.damaged),
        code=error.code if error else None,
        reason=error.reason if error else None,
        action=error.action if error else None,
        series=tuple(_series(series, study, choice) for series in study.series),
    )


def _series(series: Series, study: Study, choice: Choice | None) -> ListedSeries:
    order = lengthens = beside = None
    reason: str | None = series.reason or None
    if choice is not None:
        first = choice.edema[0]
        if series in choice.edema:
            order = choice.edema.index(series) + 1
        if series in choice.stations_for(first):
            lengthens = first.number
        if series is choice.t1_for(first):
            beside = first.number
        elif series.role == "T1":
            reason = "T1 isn't read for edema"
    if series.role is not None and series.role != "T1":
        flaw = defect(series, study.n_broken if order in (None, 1) else 0)
        if flaw is not None:
            reason = flaw.reason
    elif series.role == "T1" and choice is None:
        reason = "T1 isn't read for edema"
    return ListedSeries(
        number=series.number,
        series_instance_uid=series.uid,
        plane=series.plane,
        role=series.role,
        reason=reason,
        n_slices=len(series.instances) + len(series.unplaced),
        n_duplicates=series.n_duplicates,
        order=order,
        lengthens=lengthens,
        beside=beside,
    )
