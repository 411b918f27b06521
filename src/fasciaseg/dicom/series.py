"""Which files belong together: studies, their series, and what each series is good for.

Patient, study, series UID and geometry decide; file names and instance numbers never do. Which
exam a file belongs to is said in `belonging`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

from ..errors import FasciasegError, NothingToRead, UnreadableInput, UsageError
from . import words
from .belonging import ExamKey, belongings, place_of
from .grouping import stacks
from .instance import MR_IMAGE, SECONDARY_CAPTURE, Instance
from .scan import Scan, scan
from .sequence import Role, role_of
from .source import Source
from .vectors import cross

Plane: TypeAlias = Literal["sagittal", "coronal", "axial", "oblique", "unknown"]

#: Largest angle between a plane's normal and its axis. A scoliotic or turned patient has sagittal
#: slices up to some 30° off; the oblique planes that are prescribed on purpose (sacroiliac joints,
#: neuroforamina) start at 45°.
PLANE_TOLERANCE_DEG = 35.0
MIN_SLICES = 3
_NAMED_MODALITIES = frozenset({"CT", "PT", "US", "XA", "CR", "DX", "NM"})
#: Largest deviation from the median slice distance in a regular stack, as a share of it.
SPACING_TOLERANCE = 0.1


@dataclass(frozen=True, eq=False)
class Series:
    """Slices that form one stack.

    Attributes:
        instances: by position along the normal; index 0 is the patient's right (sagittal),
            front (coronal) or foot (axial). Files without position are in `unplaced`.
        positions_mm: their distances along the normal, ascending.
        role: what it can be used for, None with the `reason` in words.
        plane: by its normal; by its description where files lack an orientation.
        unplaced: files of the same series that lack position, orientation or pixel size.
        n_duplicates: files left out because another one shows the same position.
        n_broken: files of this series that end before their image.
    """

    instances: tuple[Instance, ...]
    positions_mm: tuple[float, ...]
    plane: Plane
    role: Role | None
    reason: str
    unplaced: tuple[Instance, ...] = ()
    n_duplicates: int = 0
    n_broken: int = 0

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return self._any.series_instance_uid

    @property
    def number(self) -> int | None:
        """SeriesNumber; for people only."""
        return self._any.series_number

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID, '' if absent."""
        return self._any.frame_of_reference_uid

    @property
    def contrast_given(self) -> bool:
        """A contrast medium is named in the header or, failing that, in the description."""
        agent = self._any.contrast_agent
        if agent:
            return words.plain(agent) not in ("no", "none", "nein", "n", "0")
        return words.says_contrast_given(self._any.series_words)

    @property
    def spacing_between_mm(self) -> float | None:
        """Median distance from slice to slice, None for less than two placed slices."""
        steps = self._steps
        return median(steps) if steps else None

    @property
    def n_gaps(self) -> int:
        """Steps that are more than half again as long as the median one: slices are missing."""
        spacing = self.spacing_between_mm
        return sum(step > 1.5 * spacing for step in self._steps) if spacing else 0

    @property
    def regular(self) -> bool:
        """All slices are equally far apart."""
        spacing = self.spacing_between_mm
        if spacing is None:
            return False
        return all(abs(s - spacing) <= SPACING_TOLERANCE * spacing for s in self._steps)

    @property
    def _steps(self) -> tuple[float, ...]:
        return tuple(b - a for a, b in pairwise(self.positions_mm))

    @property
    def _any(self) -> Instance:
        return (self.instances or self.unplaced)[0]


@dataclass(frozen=True, eq=False)
class Study:
    """One exam of one patient.

    Attributes:
        study_instance_uid: its UID.
        study_date: YYYYMMDD as in the files, '' if absent.
        series: by SeriesNumber and UID.
        n_broken: damaged files that belong to this study or lie beside its files, and belong to
            no series that is known.
        patient_id: PatientID; never shown.
        sources: all files with an image of this study, sorted; copies too.
        damaged: damaged files that name this study, sorted.
        key: what tells it from all others; never shown.
    """

    study_instance_uid: str
    study_date: str
    series: tuple[Series, ...]
    n_broken: int = 0
    patient_id: str = field(default="", repr=False)
    sources: tuple[Source, ...] = field(default=(), repr=False)
    damaged: tuple[Source, ...] = field(default=(), repr=False)
    key: ExamKey = field(default=ExamKey("", ""), repr=False)

    @property
    def usable(self) -> tuple[Series, ...]:
        """Series that could show edema."""
        return tuple(s for s in self.series if s.role is not None and s.role != "T1")


def find_study(path: Path, study_uid: str | None = None) -> Study:
    """Read the headers under a path and return the study to read.

    Args:
        path: a folder, a zip archive, or one file.
        study_uid: StudyInstanceUID to pick where there are several.

    Raises:
        UsageError: several studies have a usable series and none was picked, or the UID isn't
            there.
        UnreadableInput: nothing readable as DICOM.
        NothingToRead: several studies, none with a usable series.

    A single study is returned even if nothing in it is usable: `choice.choose` says why.
    """
    found = scan(path)
    if not found.instances:
        raise nothing_readable(found)
    studies = studies_of(found)
    if study_uid is not None:
        studies = tuple(s for s in studies if s.study_instance_uid == study_uid)
        if not studies:
            raise UsageError(
                "unknown_study", "No study under this path has that UID.", "Check --study."
            )
    usable = [s for s in studies if s.usable]
    if len(usable) > 1:
        uids = ", ".join(sorted({s.study_instance_uid for s in usable}))
        if study_uid is not None:
            raise UsageError(
                "several_patients",
                f"Several patients share the study UID {uids}.",
                "Put each patient into a folder of its own.",
            )
        raise UsageError(
            "several_studies",
            f"There are {len(usable)} studies with a usable series: {uids}.",
            "Pick one with --study UID.",
        )
    if usable or len(studies) == 1:
        return (usable or studies)[0]
    raise nothing_usable([s for study in studies for s in study.series], len(found.broken))


def studies_of(found: Scan) -> tuple[Study, ...]:
    """Group a scan's files into studies, sorted by UID; patients are never mixed.

    Studies that only damaged files speak of come too, without any series.
    """
    return tuple(
        Study(
            study_instance_uid=key.study_instance_uid,
            study_date=min((i.study_date for i in own.instances if i.study_date), default=""),
            series=_series_of(own.instances, own.cut),
            n_broken=own.n_lost,
            patient_id=key.patient_id,
            sources=_sorted(i.source for i in own.instances),
            damaged=_sorted(own.damaged),
            key=key,
        )
        for key, own in belongings(found).items()
    )


def _series_of(instances: Iterable[Instance], cut: Mapping[str, int]) -> tuple[Series, ...]:
    series: list[Series] = []
    ordered = sorted(_without_copies(instances), key=lambda i: i.series_instance_uid)
    for uid, members in groupby(ordered, key=lambda i: i.series_instance_uid):
        n_broken = cut.get(uid, 0)
        groups = stacks(list(members))
        planes = {plane_of(g.slots[0].instance) for g in groups if g.slots}
        for group in groups:
            first = group.slots[0].instance if group.slots else group.unplaced[0]
            plane = plane_of(first)
            n = len(group.slots) + len(group.unplaced) + n_broken
            role, reason = _judge(first, plane, n, planes)
            series.append(
                Series(
                    instances=tuple(slot.instance for slot in group.slots),
                    positions_mm=tuple(slot.position_mm for slot in group.slots),
                    plane=plane,
                    role=role,
                    reason=reason,
                    unplaced=group.unplaced,
                    n_duplicates=group.n_duplicates,
                    n_broken=n_broken,
                )
            )
    return tuple(sorted(series, key=lambda s: (s.number is None, s.number or 0, s.uid)))


def _sorted(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple(sorted(set(sources), key=lambda source: source.order))


def _without_copies(instances: Iterable[Instance]) -> list[Instance]:
    """Drop images that are there twice; a whole file stays, a cut copy goes."""
    by_name: defaultdict[tuple[str, int | None], list[Instance]] = defaultdict(list)
    for instance in instances:
        name = instance.sop_instance_uid or instance.source.name
        by_name[name, instance.frame].append(instance)
    kept: list[Instance] = []
    for _, same in sorted(by_name.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        kept += same if len(same) == 1 else _distinct(same)
    return kept


def _distinct(same: Iterable[Instance]) -> list[Instance]:
    """One file for each image among those that go by one SOPInstanceUID.

    Copies agree in what they show and where. Some archives give all files the same UID: those
    are different images.
    """
    kept: list[Instance] = []
    seen: defaultdict[object, set[object]] = defaultdict(set)
    for instance in sorted(same, key=lambda i: (i.truncated, i.geometry is None)):
        geometry = instance.geometry
        place = geometry and place_of(geometry.origin_lps_mm)
        places = seen[instance.instance_number, instance.physics]
        if place in places or (places and (place is None or None in places)):
            continue
        places.add(place)
        kept.append(instance)
    return kept


def _judge(
    first: Instance, plane: Plane, n_slices: int, planes: set[Plane]
) -> tuple[Role | None, str]:
    """The role of a stack by one of its files, or None and why it can't be used."""
    reason = _wrong_kind(first)
    if not reason and planes >= {"sagittal", "coronal", "axial"}:
        reason = "localizer"
    if reason:
        return None, reason
    role, reason = role_of(first.physics, first.series_words)
    # A localizer or a diffusion image is called that, whatever its plane.
    if role is None and reason not in ("unknown contrast", "proton density"):
        return None, reason
    if plane not in ("sagittal", "unknown"):
        return None, plane
    if role is not None and n_slices < MIN_SLICES:
        return None, "fewer than three slices"
    return role, reason


def _wrong_kind(first: Instance) -> str:
    if first.modality != "MR" and (first.modality or first.sop_class_uid != MR_IMAGE):
        return first.modality if first.modality in _NAMED_MODALITIES else "not MR"
    if first.sop_class_uid.startswith(SECONDARY_CAPTURE):
        return "secondary capture"
    if first.frames > 1:
        return "multi-frame, but not enhanced MR"
    return "colour image" if first.values.samples > 1 else ""


def plane_of(instance: Instance) -> Plane:
    """Anatomical plane by the slice's normal, by its description where it has no orientation."""
    planes: tuple[Plane, ...] = ("sagittal", "coronal", "axial")
    if instance.axes is None:
        named = (plane for plane in planes if words.says(instance.series_words, plane))
        return next(named, "unknown")
    normal = cross(*instance.axes)
    limit = math.cos(math.radians(PLANE_TOLERANCE_DEG))
    near = (plane for plane, part in zip(planes, normal, strict=True) if abs(part) >= limit)
    return next(near, "oblique")


def nothing_usable(series: Iterable[Series], n_broken: int) -> FasciasegError:
    """The error for a path without a usable series: what was there, and why none can be read.

    Damaged files may have been the series that was looked for, so with them it is the input that
    is at fault.
    """
    reasons: defaultdict[str, set[str]] = defaultdict(set)
    for s in series:
        n_broken += s.n_broken
        # Descriptions are free text that may name the patient: numbers are shown instead.
        name = "without number" if s.number is None else str(s.number)
        reasons["only T1" if s.role == "T1" else s.reason].add(name)
    parts = []
    for reason, names in sorted(reasons.items()):
        shown = sorted(names, key=lambda n: (len(n), n))
        more = f" and {len(shown) - 4} more" if len(shown) > 4 else ""
        parts.append(f"{reason} (series {', '.join(shown[:4])}{more})")
    if not parts:
        return UnreadableInput(
            "truncated",
            f"All files of the exam ({n_broken}) are damaged or cut short.",
            "Copy or export the study again.",
        )
    there = f"There is no usable series: {'; '.join(parts)}"
    if n_broken:
        return UnreadableInput(
            "truncated",
            f"{there}; and {n_broken} files are damaged or cut short.",
            "Copy or export the study again.",
        )
    return NothingToRead(
        "no_usable_series",
        f"{there}.",
        "A sagittal STIR, T2 Dixon water, fat-suppressed T2 or T2 of the spine is needed.",
    )


def nothing_readable(found: Scan) -> UnreadableInput:
    """The error for a path without any image: what was there instead."""
    seen = []
    if found.broken:
        seen.append(f"{len(found.broken)} damaged DICOM files ({found.broken[0].reason})")
    if found.n_objects:
        seen.append(f"{found.n_objects} DICOM files without an image")
    if found.n_clutter:
        seen.append(f"{found.n_clutter} other files")
    listed = f"only {' and '.join(seen)}" if seen else "there is no file"
    return UnreadableInput(
        "nothing_readable",
        f"No readable DICOM image was found: {listed}.",
        "Give the folder of an exported study, or export it again.",
    )
