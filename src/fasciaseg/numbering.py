"""Names from another series of the same exam.

Where the series that is read for edema doesn't show the lumbosacral junction, or not for sure,
other sagittal series of the same exam are asked. They share the scanner's frame of reference, so
that a body is known by where it lies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .anatomy.localizer import Localizer
from .anatomy.spine import SliceStack, Spine, locate
from .errors import FasciasegError
from .fractures.judge import outline_bodies
from .fractures.outliner import Outliner
from .result import SeriesInfo

if TYPE_CHECKING:
    from .dicom.series import Series, Study

log = logging.getLogger(__name__)

#: The same body in two series: its centres differ by less, sideways left aside.
SAME_MM = 12.0
#: Fewest bodies that two series must share.
LEAST_SHARED = 2
#: Another series of the same view sees the same and can't settle a doubt: it has to show this
#: much more below.
LOWER_MM = 20.0
#: No more series are asked; each costs as much as finding the spine.
MOST_ASKED = 3


@dataclass(frozen=True, eq=False)
class OtherSeries:
    """A sagittal series of the same exam and frame of reference.

    Attributes:
        info: what the result says of it.
        lowest_mm: LPS z of its lower edge.
        open: gives its slices; nothing is decoded before.
    """

    info: SeriesInfo
    lowest_mm: float
    open: Callable[[], SliceStack]


def others_of(study: Study, series: Series) -> tuple[OtherSeries, ...]:
    """Series that can be asked for names, the one that reaches lowest first."""
    from .dicom.series import MIN_SLICES
    from .dicom.volume import Stack

    frame = series.frame_of_reference_uid
    found = []
    for other in study.series:
        if other is series or not frame or other.frame_of_reference_uid != frame:
            continue
        if other.plane != "sagittal" or len(other.instances) < MIN_SLICES or other.unplaced:
            continue
        geometries = [i.geometry for i in other.instances if i.geometry is not None]
        lowest = min(float(g.height_map_mm()[[0, -1]].min()) for g in geometries[:1])
        info = SeriesInfo(other.uid, str(other.role) if other.role else other.reason)
        found.append(OtherSeries(info, lowest, partial(Stack.open, other)))
    return tuple(sorted(found, key=lambda o: (round(o.lowest_mm), o.info.series_instance_uid)))


def named_by_others(
    spine: Spine, others: Sequence[OtherSeries], localizer: Localizer, outliner: Outliner
) -> tuple[Spine, SeriesInfo | None]:
    """Take the names from the first of `others` that shows the junction for sure.

    Only where the spine itself leaves them open, and only from series that reach farther down.

    Returns:
        The spine, and the series that named it; the same spine and None where none could. Where
        both show a junction and not the same one, the names stay doubtful.
    """
    if spine.numbering.kind != "none" and not spine.numbering.doubtful:
        return spine, None
    floor = float(spine.marks[1].geometry.height_map_mm().min())
    lower = [other for other in others if other.lowest_mm < floor - LOWER_MM]
    for other in lower[:MOST_ASKED]:
        try:
            stack = other.open()
            seen = locate(stack, localizer)
            outlined = outline_bodies([stack[i] for i in seen.central], seen, outliner)
            seen = outlined.counted(seen)
        except FasciasegError as error:
            log.info("A series can't be asked for the names (%s).", error.code)
            continue
        by = _levels_apart(spine, seen)
        if by is None:
            continue
        differ = spine.numbering.kind != "none" and by != 0
        named = spine.numbering.shifted(
            by, "other_series", seen.numbering.confidence, doubtful=differ
        )
        missed = dict.fromkeys((*named.missed, *seen.numbering.missed))
        if named.levels:
            named = replace(named, missed=tuple(missed))
            return spine.renamed(named), other.info
    return spine, None


def _levels_apart(spine: Spine, other: Spine) -> int | None:
    """How many levels farther down the other spine calls the same bodies.

    None unless it is sure and `LEAST_SHARED` bodies lie at the same place and agree.
    """
    if not other.found or other.numbering.kind == "none" or other.numbering.doubtful:
        return None
    apart = []
    for at, place in zip(spine.bodies_lps_mm, spine.numbering.places, strict=True):
        away = np.linalg.norm(other.bodies_lps_mm[:, 1:] - at[1:], axis=1)
        if away.min() <= SAME_MM:
            apart.append(other.numbering.places[int(away.argmin())] - place)
    return apart[0] if len(apart) >= LEAST_SHARED and len(set(apart)) == 1 else None
