"""Which exam a file belongs to, damaged files too.

An exam is a StudyInstanceUID of a patient. Files that have none are told apart by their frame of
reference, then by their folder; names and numbers never tell. A damaged file says as much as
could be read before the damage; what it doesn't say is taken from the files beside it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from .instance import Instance
from .scan import BrokenFile, Scan
from .source import Source

_Place: TypeAlias = tuple[float, ...] | None
_Neighbourhood: TypeAlias = tuple[str, str]


class ExamKey(NamedTuple):
    """What tells an exam from all others; it names the patient, so it is never shown.

    Attributes:
        patient_id, study_instance_uid: as in the files, '' where they have none.
        frame_of_reference_uid: only where there is no StudyInstanceUID.
        folder: only where there is neither.
    """

    patient_id: str
    study_instance_uid: str
    frame_of_reference_uid: str = ""
    folder: str = ""


@dataclass(eq=False)
class Belongings:
    """The files of one exam.

    Attributes:
        instances: its images.
        damaged: damaged files that name it.
        cut: {SeriesInstanceUID: damaged files of it}; copies of whole images don't count.
        n_lost: damaged files that may be its own, of no series that has an image.
    """

    instances: list[Instance] = field(default_factory=list)
    damaged: list[Source] = field(default_factory=list)
    cut: Counter[str] = field(default_factory=Counter)
    n_lost: int = 0


def belongings(found: Scan) -> dict[ExamKey, Belongings]:
    """Every exam that has an image or is named by a damaged file, by its key, in order."""
    exams: defaultdict[ExamKey, Belongings] = defaultdict(Belongings)
    for instance in found.instances:
        exams[_key_of(instance)].instances.append(instance)
    for key in [key for key in exams if key.folder]:
        hosts = _in_folder(exams, key.folder, key.patient_id)
        if len(hosts) == 1:  # a report or a photograph among images that have a frame
            exams[hosts[0]].instances += exams.pop(key).instances
    if found.broken:
        damage = _Damage(exams, found.broken)
        # Those that say most come first: the others may only be known by them.
        for broken in sorted(found.broken, key=lambda b: not b.frame_of_reference_uid):
            damage.place(broken)
    return dict(sorted(exams.items()))


def _key_of(file: Instance | BrokenFile) -> ExamKey:
    if file.study_instance_uid:
        return ExamKey(file.patient_id, file.study_instance_uid)
    if file.frame_of_reference_uid:
        return ExamKey(file.patient_id, "", file.frame_of_reference_uid)
    return ExamKey(file.patient_id, "", "", file.source.folder)


def _in_folder(exams: Mapping[ExamKey, Belongings], folder: str, patient_id: str) -> list[ExamKey]:
    """Exams of a patient that are known by their frame of reference and have a file there."""
    return [
        key
        for key, exam in exams.items()
        if key.frame_of_reference_uid
        and key.patient_id == patient_id
        and any(i.source.folder == folder for i in exam.instances)
    ]


class _Damage:
    """Puts damaged files to their exams."""

    def __init__(
        self, exams: defaultdict[ExamKey, Belongings], broken: Iterable[BrokenFile]
    ) -> None:
        self._exams = exams
        self._whole = tuple(exams)
        self._series: dict[tuple[str, str, str], ExamKey] = {}
        self._imaged: set[tuple[ExamKey, str]] = set()
        self._beside: defaultdict[_Neighbourhood, dict[ExamKey, None]] = defaultdict(dict)
        self._images: defaultdict[tuple[ExamKey, str], set[_Place]] = defaultdict(set)
        asked = {b.sop_instance_uid for b in broken}
        for key, exam in exams.items():
            for i in exam.instances:
                if i.series_instance_uid:
                    self._series.setdefault(_series_of(i), key)
                    self._imaged.add((key, i.series_instance_uid))
                self._beside[_neighbourhood(i.source)][key] = None
                uid = i.sop_instance_uid
                if uid and uid in asked and not i.truncated and not i.frame:
                    origin = i.geometry.origin_lps_mm if i.geometry else None
                    self._images[key, uid].add(origin and place_of(origin))

    def place(self, broken: BrokenFile) -> None:
        """Find the exam of a damaged file."""
        key = self._named(broken)
        nearby = [key] if key is not None else self._nearby(broken)
        for near in nearby or self._whole:
            if (not broken.patient_id or near.patient_id == broken.patient_id) and self._is_there(
                near, broken
            ):
                self._exams[near].damaged.append(broken.source)
                return
        if key is None and not nearby and broken.patient_id:
            key = _key_of(broken)
        if key is not None:
            self._exams[key].damaged.append(broken.source)
            if broken.series_instance_uid:
                self._series.setdefault(_series_of(broken), key)
        for near in [key] if key is not None else nearby:
            exam = self._exams[near]
            if (near, broken.series_instance_uid) in self._imaged:
                exam.cut[broken.series_instance_uid] += 1
            else:
                exam.n_lost += 1

    def _named(self, broken: BrokenFile) -> ExamKey | None:
        """The exam whose UIDs a file has, known or not; None where it has none."""
        if broken.study_instance_uid:
            return _key_of(broken)
        if not broken.series_instance_uid:
            return None
        known = self._series.get(_series_of(broken))
        if known is not None:
            return known
        if not broken.frame_of_reference_uid:
            hosts = _in_folder(self._exams, broken.source.folder, broken.patient_id)
            if len(hosts) == 1:
                return hosts[0]
        return _key_of(broken)

    def _nearby(self, broken: BrokenFile) -> list[ExamKey]:
        """The exams that a file without UIDs may belong to.

        In an export of many exams a damaged file is only those exams' trouble that it lies with.
        """
        nearby = list(self._beside.get(_neighbourhood(broken.source), ()))
        if broken.patient_id:
            own = [key for key in self._whole if key.patient_id == broken.patient_id]
            return [key for key in nearby if key in own] or own[: len(own) == 1]
        return nearby or list(self._whole[: len(self._whole) == 1])

    def _is_there(self, key: ExamKey, broken: BrokenFile) -> bool:
        """Whether a damaged file is the copy of an image that an exam has whole."""
        places = self._images.get((key, broken.sop_instance_uid), ())
        if broken.origin_lps_mm and None not in places:
            return place_of(broken.origin_lps_mm) in places
        return len(places) == 1  # where all files have the same UID it names none of them


def place_of(origin_lps_mm: tuple[float, ...]) -> tuple[float, ...]:
    """A position as two copies of a file agree in it, however they write their numbers."""
    return tuple(round(v, 2) for v in origin_lps_mm)


def _series_of(file: Instance | BrokenFile) -> tuple[str, str, str]:
    return file.patient_id, file.study_instance_uid, file.series_instance_uid


def _neighbourhood(source: Source) -> _Neighbourhood:
    """What lies beside a file: the files of its folder, or of its archive.

    An archive that can't be read lies beside the files around it.
    """
    return str(source.path.parent), str(source.path) if source.member else ""
