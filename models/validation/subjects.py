"""A labelled scan with everything that painting and judging need, none of it from the reading.

The fascia line is the border of muscle and fat on the clean scan with its known contrast, within
a corridor that a network gives which never saw the patient. Vertebrae come from the published
labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import fascia_labels
import numpy as np
from data import load_scan
from fascia_labels import skin_columns
from scans import ScanStack
from scipy import ndimage

from fasciaseg.anatomy.fascia import trace_fascia
from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.geometry import Slice, SliceGeometry

#: Half of the width around the middle in which the fascia is traced and may be painted, mm.
TRACED_MM = 26.0
#: The border is looked for this near to the network's line, and smoothed over so much.
CORRIDOR_MM, LINE_SMOOTH_MM = 5.0, 2.5
#: Fat and water are swapped on parts of these scans (the data's README): they aren't painted.
SWAPPED = ("myo-20", "myo-31", "myo-45")
#: SPIDER's spacing is nominal: a lumbar spine is covered by some 16 to 23 clinical slices.
SPIDER_SLICE_MM = 4.0
#: This far around its middle a body is body from side to side, mm.
INSIDE_MM = 5.0
#: Its labels split one body in two.
SPLIT_LABEL = ("spider-50",)


@dataclass(frozen=True, eq=False)
class Subject:
    """A scan as native slices.

    Attributes:
        scan, patient: where it comes from.
        contrast: `dixon` as scanned, or `stir-like`, a T2 whose fat was darkened.
        volume: float32 (slices, rows, columns), head to foot, front to back.
        spacing_mm: of the three axes.
        centers_mm: {level: (lateral, down, back)} of the labelled bodies.
        line: (slices, rows) column of the fascia; NaN where it wasn't traced.
        skin: (slices, rows) column of the body's surface.
        canal, bone: bool like `volume`.
        csf, muscle: intensities.
        coil: (rows,) how much brighter tissue at the fascia is than `muscle`, by the coil.
    """

    scan: str
    patient: str
    contrast: str
    volume: np.ndarray
    spacing_mm: tuple[float, float, float]
    centers_mm: dict[str, np.ndarray]
    line: np.ndarray
    skin: np.ndarray
    canal: np.ndarray
    bone: np.ndarray
    csf: float
    muscle: float
    coil: np.ndarray

    @property
    def middle_mm(self) -> float:
        """Mean lateral position of the bodies."""
        return float(np.mean([c[0] for c in self.centers_mm.values()]))

    def behind_mm(self, k: int) -> np.ndarray:
        """Columns' distance behind the fascia along the rows of native slice `k`, mm."""
        columns = np.arange(self.volume.shape[2])[None, :]
        return (columns - self.line[k][:, None]) * self.spacing_mm[2]


def load_subject(folder: Path, case: dict, network: Localizer) -> Subject | None:
    """A scan with its truth; None where no fascia can be traced on it.

    `network` never saw the patient; it only says roughly where the fascia is.
    """
    image, labels, spacing = load_scan(folder, case)
    # Some 8-bit copies carry a raised floor, others a bright frame.
    image = np.maximum(image - np.percentile(image, 3), 0)
    image[:, :3] = image[:, -3:] = 0
    image[:, :, :3] = image[:, :, -3:] = 0
    spider = case["levels"] is None
    if spider:
        spacing = (SPIDER_SLICE_MM, *spacing[1:])
    centers = _centers(folder, case, labels, spacing)
    if len(centers) < 3:
        return None
    middle = float(np.mean([c[0] for c in centers.values()]))
    body, canal = _anatomy(labels, spider)
    line = np.full(image.shape[:2], np.nan)
    skin = np.full(image.shape[:2], float(image.shape[2] - 1))
    near = [k for k in range(len(image)) if abs(k * spacing[0] - middle) <= TRACED_MM]
    for k, rough in zip(near, _rough(image[near], spacing, network), strict=True):
        if not np.isnan(rough).all():
            line[k], skin[k] = _fascia(
                image[k], rough, case["sequence"] != "DIXON_WATER", spacing[1:]
            )
    if np.isnan(line).all():
        return None
    line = _quiet(line)
    subject = Subject(
        scan=case["id"],
        patient=case["patient"],
        contrast="dixon" if case["sequence"] == "DIXON_WATER" else "stir-like",
        volume=image.astype(np.float32),
        spacing_mm=spacing,
        centers_mm=centers,
        line=line,
        skin=skin,
        canal=canal,
        bone=body,
        csf=0.0,
        muscle=0.0,
        coil=np.ones(image.shape[1]),
    )
    if subject.contrast == "stir-like":
        subject = _fat_suppressed(subject)
    subject = replace(subject, csf=_csf(subject), muscle=_muscle(subject))
    return replace(subject, coil=_coil(subject))


def _centers(
    folder: Path, case: dict, labels: np.ndarray, spacing: tuple[float, ...]
) -> dict[str, np.ndarray]:
    stack = ScanStack(folder, case)
    named = stack.truth()
    if named:
        return {n: np.array([x, -z, y]) for n, (x, y, z) in named.items() if n != "S1"}
    at = {n: (-z, y) for n, (y, z) in stack.unnamed_truth().items()}
    return {n: np.array([_aside(labels == 1, yx, spacing), *yx]) for n, yx in at.items()}


def _aside(bone: np.ndarray, at_mm: tuple[float, float], spacing: tuple[float, ...]) -> float:
    """Lateral middle of the body whose middle lies `at_mm` (down, back), mm."""
    down, back = (round(a / mm) for a, mm in zip(at_mm, spacing[1:], strict=True))
    reach = [round(INSIDE_MM / mm) for mm in spacing[1:]]
    window = bone[
        :,
        max(down - reach[0], 0) : down + reach[0] + 1,
        max(back - reach[1], 0) : back + reach[1] + 1,
    ]
    across = window.mean(axis=(1, 2))
    return float((across * np.arange(len(bone))).sum() / max(across.sum(), 1e-6)) * spacing[0]


def _anatomy(labels: np.ndarray, spider: bool) -> tuple[np.ndarray, np.ndarray]:
    """Bodies (with posterior elements on SPIDER) and canal, as far as labelled."""
    if spider:
        return labels == 1, labels == 3
    body = labels > 0
    # The canal isn't labelled: a strip behind the bodies' back wall stands for it.
    canal = np.zeros_like(body)
    for k in range(len(body)):
        rows = np.nonzero(body[k].any(axis=1))[0]
        if len(rows) < 40:
            continue
        back = np.array([np.nonzero(body[k][r])[0].max() for r in rows])
        every = np.arange(rows.min(), rows.max() + 1)
        wall = ndimage.median_filter(np.interp(every, rows, back), 15)
        for r, c in zip(every, wall, strict=True):
            canal[k, r, int(c) + 3 : int(c) + 16] = True
    return body, canal


def _fascia(
    image: np.ndarray, rough: np.ndarray, fat_shines: bool, spacing: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The border itself and the surface, columns (rows,): the strongest smooth step near `rough`.

    The step alone goes astray on thin backs, where the skin is near. So a network that never saw
    the patient says roughly where to look, and the clean image's grey values where the border is.
    """
    columns = image.shape[1]
    step = fascia_labels.step_across(image, spacing) * (1 if fat_shines else -1)
    away = np.abs(np.arange(columns)[None, :] - rough[:, None]) * spacing[1]
    with np.errstate(invalid="ignore"):
        step[~(away <= CORRIDOR_MM)] = -5
    line = fascia_labels.best_path(np.clip(step, -5, 3)).astype(float)
    line = ndimage.gaussian_filter1d(line, LINE_SMOOTH_MM / spacing[0])
    return np.where(np.isnan(rough), np.nan, line), skin_columns(image, spacing[0])


def _rough(image: np.ndarray, spacing: tuple[float, ...], network: Localizer) -> list[np.ndarray]:
    """Column of the network's line in each row of every native slice; NaN where it has none."""
    out = []
    for k, pixels in enumerate(image):
        geometry = SliceGeometry(
            (k * spacing[0], 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), spacing[1:],
            pixels.shape,
        )  # fmt: skip
        s = Slice(pixels, geometry, "", k)
        line = trace_fascia(network.mark([s])[0], s)
        columns = np.full(pixels.shape[0], np.nan)
        columns[line[:, 0].astype(int)] = line[:, 1]
        out.append(columns)
    return out


def _quiet(line: np.ndarray) -> np.ndarray:
    """Median over neighbouring slices where all have a line: one stray path is outvoted."""
    out = line.copy()
    for k in range(1, len(line) - 1):
        three = line[k - 1 : k + 2]
        known = ~np.isnan(three).any(axis=0)
        out[k, known] = np.median(three[:, known], axis=0)
    return out


def _near_middle(s: Subject, reach_mm: float) -> list[int]:
    return [
        k
        for k in range(len(s.volume))
        if abs(k * s.spacing_mm[0] - s.middle_mm) <= reach_mm and not np.isnan(s.line[k]).all()
    ]


def _csf(s: Subject) -> float:
    """Upper quartile in the canal near the middle."""
    values = np.concatenate([s.volume[k][s.canal[k]] for k in _near_middle(s, 6.0)])
    return float(np.percentile(values, 75))


def _muscle(s: Subject) -> float:
    """Median 6 to 25 mm before the fascia on the outer half of the slices with a fascia."""
    return float(np.median(np.concatenate([v for v, _ in _deep(s, (-25, -6))])))


def _coil(s: Subject) -> np.ndarray:
    """Muscle just before the fascia (3 to 12 mm) over all muscle, smooth from head to foot."""
    values, rows = (np.concatenate(a) for a in zip(*_deep(s, (-12, -3)), strict=True))
    every = np.arange(s.volume.shape[1])
    half = 25 / s.spacing_mm[1]
    at = np.arange(rows.min(), rows.max() + half, half)
    local = [np.median(values[np.abs(rows - r) <= half]) for r in at]
    return np.clip(np.interp(every, at, local) / s.muscle, 0.7, 2.0)


def _deep(s: Subject, depth_mm: tuple[float, float]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Intensities and rows at some depth on the outer half of the slices with a fascia."""
    slices = _near_middle(s, TRACED_MM)
    away = np.array([abs(k * s.spacing_mm[0] - s.middle_mm) for k in slices])
    out = []
    for k in np.array(slices)[away >= np.median(away)]:
        behind = s.behind_mm(k)
        inside = (behind > depth_mm[0]) & (behind < depth_mm[1])
        out.append((s.volume[k][inside], np.nonzero(inside)[0]))
    return out


#: Suppressed fat as a share of muscle: well tuned and less well tuned suppression.
RESIDUAL = (0.2, 0.7)


def _fat_suppressed(s: Subject) -> Subject:
    """A T2 as STIR would show it: what shines like fat outside the canal goes dark.

    Marrow is half fat and loses half its signal. Crude (edges of muscle darken, slow vessels go
    with the fat), but its noise, coil and anatomy are those of other patients and scanners than
    the Dixon scans', and that is what it is for.
    """
    muscle = _muscle(s)
    fats = []
    for k in _near_middle(s, 10.0):
        behind = s.behind_mm(k)
        to_skin = (s.skin[k][:, None] - np.arange(s.volume.shape[2])) * s.spacing_mm[2]
        fats.append(s.volume[k][(behind > 3) & (to_skin > 4)])
    fat = float(np.median(np.concatenate(fats))) if fats else 2.5 * muscle
    fat = max(fat, 1.6 * muscle)
    # A voxel between muscle and fat holds so much fat; what shines more than fat is fat.
    smooth = ndimage.gaussian_filter(s.volume, [0, 0.4, 0.4])
    share = np.clip((smooth - 1.1 * muscle) / (0.85 * fat - 1.1 * muscle), 0, 1)
    wide_canal = ndimage.binary_dilation(s.canal, np.ones((1, 3, 3)), iterations=2)
    share[wide_canal] = 0
    left = np.random.default_rng(sum(map(ord, s.scan))).uniform(*RESIDUAL) * muscle / fat
    water = np.minimum(s.volume, 1.1 * muscle)
    out = np.where(share > 0, water * (1 - share) + left * s.volume * share, s.volume)
    out[s.bone] = 0.5 * s.volume[s.bone]
    return replace(s, volume=out.astype(np.float32))
