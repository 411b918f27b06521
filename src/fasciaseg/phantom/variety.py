"""Random patients and fields of view: wide, but each one anatomically possible."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Literal, cast

import numpy as np

from ..geometry import SliceGeometry, Vector
from ..vertebrae import SCORED_LEVELS
from .model import SpinePhantom
from .pathology import FasciaEdema, FatFailure, InterspinousFluid, Pathology, SubcutaneousEdema
from .placement import Placement, sagittal_geometry
from .profiles import SoftTissue
from .spine import Fracture, Spine

View = Literal["full", "lumbar", "thoracic", "thoracolumbar"]
# Uppermost and lowest level of each view, each drawn from a pair of neighbours' range.
_VIEWS: dict[View, tuple[tuple[str, str], tuple[str, str]]] = {
    "full": (("T4", "T6"), ("S1", "S3")),
    "lumbar": (("T10", "L1"), ("S1", "S4")),
    "thoracic": (("T3", "T5"), ("T11", "L2")),
    "thoracolumbar": (("T7", "T10"), ("L4", "S2")),
}


def random_phantom(
    rng: np.random.Generator, *, pathology: bool = True, turned: bool = True
) -> SpinePhantom:
    """A random patient.

    Args:
        rng: makes everything.
        pathology: fascia edema and its mimics in about half of the patients.
        turned: off the scanner's centre, and rotated by up to some degrees.
    """
    levels = [*SCORED_LEVELS]
    spine = Spine(
        lordosis=_normal(rng, 47, 11, 18, 75),
        kyphosis=_normal(rng, 36, 10, 12, 65),
        sacral_slope=_normal(rng, 38, 7, 20, 56),
        scale=_normal(rng, 1.0, 0.07, 0.82, 1.18),
        disc_scale=_normal(rng, 0.95, 0.15, 0.55, 1.3),
        scoliosis=float(rng.normal(0, 4.0)) if rng.random() < 0.7 else float(rng.normal(0, 12.0)),
        irregularity=float(rng.uniform(0.01, 0.05)),
        concavity=float(rng.uniform(0.3, 2.5)),
        waist=float(rng.uniform(0.03, 0.1)),
        osteophytes=max(0.0, float(rng.normal(0.5, 1.2))),
        canal=_normal(rng, 16.5, 1.8, 12, 21),
        degenerated=_some(rng, [*levels[6:], "T10", "T9"], rng.choice([0.0, 0.2, 0.5, 0.9])),
        schmorl=_some(rng, levels[4:-1], rng.choice([0.0, 0.0, 0.15])),
        fractures=_fractures(rng),
        seed=int(rng.integers(2**31)),
    )
    thin = float(rng.choice([rng.uniform(4, 12), rng.uniform(10, 28)]))
    soft = SoftTissue(
        fat=(
            thin * float(rng.uniform(0.5, 1.1)),
            thin * float(rng.uniform(0.6, 1.3)),
            min(45.0, thin * float(rng.uniform(1.0, 2.6))),
            min(45.0, thin * float(rng.uniform(0.8, 2.0))),
        ),
        skin=float(rng.uniform(1.3, 3.0)),
        fascia=float(rng.uniform(0.8, 2.0)),
        muscle_fat=float(rng.uniform(0.0, 0.8)),
        furrow=float(rng.uniform(1.0, 9.0)),
        belly=float(rng.uniform(75, 180)),
        seed=int(rng.integers(2**31)),
    )
    turn = (
        (_normal(rng, 0, 4, -12, 12), _normal(rng, 0, 2.5, -8, 8), _normal(rng, 0, 3, -10, 10))
        if turned
        else (0.0, 0.0, 0.0)
    )
    offset = tuple(float(v) for v in rng.normal(0, (8, 15, 30))) if turned else (0.0, 0.0, 0.0)
    return SpinePhantom(
        spine=spine,
        soft=soft,
        pathology=random_pathology(rng, soft) if pathology else Pathology(),
        placement=Placement(cast(Vector, offset), turn),
        marrow_fat=float(rng.uniform(0.3, 0.7)),
    )


def random_pathology(rng: np.random.Generator, soft: SoftTissue) -> Pathology:
    """Fascia edema in half of the patients, mimics in some, independently."""
    fascia: tuple[FasciaEdema, ...] = ()
    if rng.random() < 0.5:
        count = int(rng.integers(1, 8))
        first = int(rng.integers(0, len(SCORED_LEVELS) - count + 1))
        run = SCORED_LEVELS[first : first + count]
        gaps = tuple((level, float(rng.uniform(0.1, 0.5))) for level in run if rng.random() < 0.2)
        fascia = (
            FasciaEdema(
                run,
                thickness_mm=float(rng.uniform(2, 10)),
                brightness=float(rng.uniform(0.3, 1.0)),
                shift_mm=float(rng.normal(0, 1.5)),
                half_width_mm=float(rng.uniform(12, 40)),
                gaps=gaps,
            ),
        )
    roomy = soft.fat[2] > 13
    pools = tuple(
        InterspinousFluid(level, float(rng.uniform(2, 5)), float(rng.uniform(0.5, 1)))
        for level in ("L2", "L3", "L4")
        if rng.random() < 0.15
    )
    where = rng.choice(["sacrum", "top", "back"])
    return Pathology(
        fascia=fascia,
        subcutaneous=SubcutaneousEdema(brightness=float(rng.uniform(0.3, 0.9)))
        if roomy and rng.random() < 0.3
        else None,
        interspinous=pools,
        fat_failure=FatFailure(
            cast(Literal["sacrum", "top", "back"], str(where)), float(rng.uniform(0.3, 1.0))
        )
        if rng.random() < 0.25
        else None,
    )


def random_view(
    rng: np.random.Generator,
    phantom: SpinePhantom,
    *,
    shape: tuple[int, int] = (160, 160),
    spacing_mm: float = 2.0,
    view: View | None = None,
    offset_mm: float | None = None,
) -> SliceGeometry:
    """A sagittal slice that shows what a spine exam shows, from T5 to the sacrum or a part.

    The pixels keep their size, so a canvas that is larger than the view shows more of the
    patient: pass a smaller `shape` for a true cut, and pad.

    Args:
        rng: chooses the view where none is given, and the jitter.
        phantom: who is shown.
        shape: rows and columns.
        spacing_mm: square pixels.
        view: which part of the spine is in the middle.
        offset_mm: beside the lumbar midline (LPS x); None draws within ±18 mm.
    """
    chosen: View = view or cast(View, str(rng.choice(list(_VIEWS), p=[0.25, 0.35, 0.15, 0.25])))
    (top_a, top_b), (low_a, low_b) = _VIEWS[chosen]
    centers = phantom.centers_lps_mm
    top = float(rng.uniform(centers[top_b][2], centers[top_a][2]))
    low = float(rng.uniform(centers[low_b][2], centers[low_a][2]))
    inside = [c for c in centers.values() if low <= c[2] <= top]
    y = float(np.mean([c[1] for c in inside])) + float(rng.uniform(-35, 45))
    middle = float(np.mean([c[0] for c in inside]))
    x = middle + (float(rng.uniform(-18, 18)) if offset_mm is None else offset_mm)
    return sagittal_geometry((x, y, (top + low) / 2), shape, (spacing_mm, spacing_mm))


def _normal(rng: np.random.Generator, mean: float, sd: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, sd), low, high))


def _some(rng: np.random.Generator, levels: Items[str], share: float) -> tuple[str, ...]:
    return tuple(level for level in levels if rng.random() < share)


def _fractures(rng: np.random.Generator) -> tuple[Fracture, ...]:
    if rng.random() < 0.5:
        return ()
    # Osteoporotic fractures crowd at the thoracolumbar junction.
    weights = np.array([1, 1, 2, 2, 1, 1, 3, 6, 6, 3, 2, 2, 1], dtype=float)
    count = int(rng.integers(1, 4))
    levels = rng.choice(list(SCORED_LEVELS), size=count, replace=False, p=weights / weights.sum())
    return tuple(
        Fracture(
            str(level),
            loss=float(rng.uniform(0.1, 0.55)),
            shape=cast(Literal["wedge", "biconcave", "crush"],
                       str(rng.choice(["wedge", "biconcave", "crush"], p=[0.5, 0.35, 0.15]))),
            edema=float(rng.uniform(0.0, 0.9)) if rng.random() < 0.6 else 0.0,
        )
        for level in levels
    )  # fmt: skip
