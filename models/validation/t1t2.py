"""Plain T2 read with a T1: random phantoms, and one real pair with painted bands.

    python models/validation/t1t2.py phantoms --seeds 1000-1060
    python models/validation/t1t2.py real --shared ../shared --folds models/folds --seeds 1000-1040

Phantoms: patients of `fasciaseg.phantom.variety`, measured as a T2 and a T1 (no STIR). Between the
two the patient moves by 0 to 5 mm; the grids, coils, noise and bandwidths (chemical shift) differ.
Real: shared/exams/t1t2-zukic11 read with the fold that never saw the patient, as it is and
with a band painted that is fluid-bright on T2 and dark on T1. Numbers were chosen on seeds below
5000 and are reported on others.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence as Items
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.errors import NothingToRead
from fasciaseg.geometry import Slice, SliceGeometry
from fasciaseg.options import Options
from fasciaseg.phantom import (
    PROTOCOLS,
    Coil,
    FasciaEdema,
    Protocol,
    Sampling,
    Sequence,
    SpinePhantom,
    expose,
    random_phantom,
    random_view,
)
from fasciaseg.phantom.pathology import spans
from fasciaseg.phantom.tissue import fat_signal, water_signal
from fasciaseg.pipeline import default_model, read_stack
from fasciaseg.reading import Reading, SeriesContext
from fasciaseg.result import SeriesInfo, StudyInfo
from fasciaseg.scoring.score import classify
from fasciaseg.vertebrae import SCORED_LEVELS

SLICES, STEP_MM = 13, 4.4
SAMPLING = Sampling(thickness_mm=4.0, subslices=2, supersample=1)
#: Stands for the pixel's own width: samples are points.
BLUR_PX = 0.4
#: Fluid in this share of a pixel's tissue or less (real: of the way from muscle to CSF) is faint.
FAINT = 0.5
#: Levels whose true coverage lies between these may be called either way.
BORDERLINE = (0.2, 0.5)


@dataclass(frozen=True)
class Series:
    """How one of the two series is measured.

    Attributes:
        geometries: as the header says.
        moved_mm: LPS, how far the patient has moved from where he lay in the first series.
        chemical_mm: (down, back), how far fat is displaced.
    """

    protocol: Protocol
    geometries: tuple[SliceGeometry, ...]
    coil: Coil
    noise: float
    moved_mm: tuple[float, float, float]
    chemical_mm: tuple[float, float]
    seed: int


class PhantomStack:
    """Slices of a phantom, rendered when asked for."""

    def __init__(self, phantom: SpinePhantom, series: Series) -> None:
        failure_free = replace(phantom.pathology, fat_failure=None)
        self.phantom, self.series = replace(phantom, pathology=failure_free), series
        self.geometries = series.geometries
        self.kept: dict[int, Slice] = {}

    def __len__(self) -> int:
        return len(self.geometries)

    def __getitem__(self, index: int) -> Slice:
        if index not in self.kept:
            g = self.geometries[index]
            pixels = measured(self.phantom, g, self.series, index)
            self.kept[index] = Slice(pixels, g, f"1.{index}", index)
        return self.kept[index]


def measured(phantom: SpinePhantom, shown: SliceGeometry, series: Series, index: int) -> np.ndarray:
    """One slice: water and fat apart, so that fat can be displaced."""
    g, seed = _displaced(shown, -np.asarray(series.moved_mm)), series.seed + index
    canvas = phantom.canvas(g, SAMPLING.thickness_mm, SAMPLING.subslices, SAMPLING.supersample)
    parts = []
    for fat_left, water_left in ((0.0, 1.0), (1.0, 0.0)):
        p = replace(series.protocol, fat_left=fat_left, water_left=water_left)
        signal = (water_signal(p, phantom.marrow_fat), fat_signal(p, phantom.marrow_fat) * fat_left)
        image = expose(
            phantom, canvas, g, p, sampling=SAMPLING, coil=series.coil, noise=0.0, seed=seed
        )
        parts.append(image.astype(float) * float(np.max(signal[0] + signal[1])))
    water, fat = parts
    fat = ndimage.shift(fat, np.asarray(series.chemical_mm) / g.spacing_mm, order=1, mode="nearest")
    rng = np.random.default_rng(seed)
    real, imaginary = series.noise * rng.standard_normal((2, *fat.shape))
    image = ndimage.gaussian_filter(water + fat, BLUR_PX)
    return np.asarray(1500 * np.hypot(image + real, imaginary), np.float32)


def _displaced(g: SliceGeometry, by_mm: np.ndarray) -> SliceGeometry:
    o = np.asarray(g.origin_lps_mm) + by_mm
    return replace(g, origin_lps_mm=(float(o[0]), float(o[1]), float(o[2])))


def exam(seed: int) -> tuple[SpinePhantom, Series, Series]:
    """A patient, his T2 and his T1."""
    rng = np.random.default_rng([seed, 41])
    phantom = random_phantom(rng)
    field = float(rng.choice([1.5, 3.0]))
    view = str(rng.choice(["full", "lumbar", "thoracolumbar"]))
    pixel = float(rng.uniform(0.8, 1.3))
    shape = (int(330 / pixel), int(286 / pixel))
    first = random_view(
        rng, phantom, view=view, offset_mm=float(rng.uniform(-4, 4)), shape=shape, spacing_mm=pixel
    )
    on_t2 = _series(rng, Sequence.T2, field, _stack(first), (0.0, 0.0, 0.0))
    far = 0.0 if rng.random() < 0.4 else float(rng.uniform(0, 5))
    angle = float(rng.uniform(0, 2 * np.pi))
    aside = float(rng.uniform(-1.5, 1.5)) if far else 0.0
    moved = (aside, far * float(np.cos(angle)), far * float(np.sin(angle)))
    other = first
    if rng.random() < 0.5:
        # Another grid: pixels, corner, and slices off by a part of their distance.
        fine = pixel * float(rng.uniform(0.75, 1.4))
        cut = (int(rng.uniform(310, 340) / fine), int(rng.uniform(270, 300) / fine))
        corner = first.to_lps(rng.uniform(-8, 8, 2) / pixel)
        corner = corner + np.asarray(first.normal) * rng.uniform(-2.2, 2.2)
        o = (float(corner[0]), float(corner[1]), float(corner[2]))
        other = replace(first, origin_lps_mm=o, spacing_mm=(fine, fine), shape=cut)
    on_t1 = _series(rng, Sequence.T1, field, _stack(other), moved)
    if rng.random() < 0.5:
        # One receive coil, normalised alike; else each series has its own falloff.
        on_t1 = replace(on_t1, coil=on_t2.coil)
    return phantom, on_t2, on_t1


def _stack(first: SliceGeometry) -> tuple[SliceGeometry, ...]:
    normal = np.asarray(first.normal) * np.sign(first.normal[0])
    return tuple(_displaced(first, normal * (k - SLICES // 2) * STEP_MM) for k in range(SLICES))


def _series(
    rng: np.random.Generator,
    sequence: Sequence,
    field: float,
    geometries: tuple[SliceGeometry, ...],
    moved: tuple[float, float, float],
) -> Series:
    protocol = replace(PROTOCOLS[sequence], field_t=field)
    if sequence == Sequence.T2:
        protocol = replace(protocol, te_ms=float(rng.uniform(80, 120)))
    else:
        protocol = replace(protocol, tr_ms=float(rng.uniform(450, 750)))
    pixel = geometries[0].spacing_mm[0]
    chemical = [0.0, 0.0]
    chemical[int(rng.integers(2))] = float(rng.uniform(-1.2, 1.2)) * pixel
    coil = Coil(float(rng.uniform(100, 400)), float(rng.uniform(200, 400)), 0.05)
    return Series(
        protocol, geometries, coil, float(rng.uniform(0.003, 0.012)), moved,
        (chemical[0], chemical[1]), int(rng.integers(2**31)),
    )  # fmt: skip


def coverage(phantom: SpinePhantom, slices: Items[SliceGeometry]) -> dict[str, float]:
    """True share of every level's fascia that is painted, of levels at least half in view.

    Painted is where one of the three slices shows at least half of the band's fluid.
    """
    line = phantom.fascia_line(slices[1])
    z = slices[1].heights_mm(line)
    painted = np.zeros(len(z), bool)
    for edema in phantom.pathology.fascia:
        inside = np.zeros(len(z), bool)
        for upper, lower in spans(edema, phantom.territories):
            inside |= (z <= upper) & (z >= lower)
        for g in slices:
            painted |= inside & _wet_heights(phantom, g, edema, z)
    out = {}
    for level, (upper, lower) in phantom.territories.items():
        mine = (z <= upper) & (z > lower)
        if mine.any() and z[mine].max() - z[mine].min() >= 0.6 * (upper - lower):
            out[level] = float(painted[mine].mean())
    return out


def _wet_heights(
    phantom: SpinePhantom, g: SliceGeometry, edema: FasciaEdema, z: np.ndarray
) -> np.ndarray:
    """Heights at which a slice shows at least half of a band's fluid at the fascia."""
    line, fluid = phantom.fascia_line(g), phantom.labels(g).fluid
    reach = int(np.ceil(5 / g.spacing_mm[1]))
    rows = np.clip(np.round(line[:, 0]).astype(int), 0, g.shape[0] - 1)
    across = np.round(line[:, 1]).astype(int)[:, None] + np.arange(-reach, reach + 1)
    most = fluid[rows[:, None], np.clip(across, 0, g.shape[1] - 1)].max(axis=1)
    order = np.argsort(g.heights_mm(line))
    return np.interp(z, g.heights_mm(line)[order], most[order]) >= 0.5 * edema.brightness


@dataclass(frozen=True)
class Row:
    """One exam: what was there and what was said."""

    seed: int
    thickness_mm: float
    brightness: float
    true_levels: tuple[str, ...]
    levels: tuple[str, ...]
    called: bool | None
    exact: bool
    classes: bool
    flags: tuple[str, ...]
    moved_mm: float
    other_coil: bool
    subcutaneous: bool
    note: str = ""


def compared(reading: Reading, true: dict[str, float]) -> tuple[tuple[str, ...], bool, bool]:
    """True levels, whether the clear ones are exact, whether location and severity agree."""
    low, high = BORDERLINE
    found = {r.level: r.involved for r in reading.result.edema.per_level}
    judged = [
        n for n, share in true.items() if not low <= share <= high and found.get(n) is not None
    ]
    exact = all(found[n] == (true[n] > high) for n in judged)
    levels = tuple(n for n in SCORED_LEVELS if true.get(n, 0) >= 1 / 3)
    open_ = [n for n, share in true.items() if low <= share <= high or found.get(n) is None]
    wanted = {classify([n for n in levels if n not in open_ or n in keep])
              for keep in _choices(open_)}  # fmt: skip
    c = reading.result.classification
    same = any((c.location, c.severity) == (w.location, w.severity) for w in wanted)
    return levels, exact, same


def _choices(names: Items[str]) -> list[set[str]]:
    out: list[set[str]] = [set()]
    for n in names:
        out += [{*s, n} for s in out]
    return out


def run_phantom(seed: int, model: Path | None, cache: Path | None, out: Path | None) -> Row:
    """Make and read one exam."""
    phantom, on_t2, on_t1 = exam(seed)
    stacks = PhantomStack(phantom, on_t2), PhantomStack(phantom, on_t1)
    kept = cache / f"{seed}.npz" if cache else None
    if kept and kept.exists():
        for name, pixels in np.load(kept).items():
            which, k = (int(x) for x in name.split("-"))
            stacks[which].kept[k] = Slice(pixels, stacks[which].geometries[k], f"1.{k}", k)
    reading = _read(stacks, model)
    if kept:
        images = {
            f"{i}-{k}": s.pixels for i, stack in enumerate(stacks) for k, s in stack.kept.items()
        }
        np.savez(kept, **images)
    edema: FasciaEdema | None = next(iter(phantom.pathology.fascia), None)
    base = Row(
        seed, edema.thickness_mm if edema else 0.0, edema.brightness if edema else 0.0,
        (), (), None, False, False, (), float(np.hypot(*on_t1.moved_mm[1:])),
        on_t1.coil != on_t2.coil,
        phantom.pathology.subcutaneous is not None,
    )  # fmt: skip
    if isinstance(reading, str):
        return replace(base, note=reading)
    true = coverage(phantom, [s.slice.geometry for s in reading.slices])
    return _row(base, reading, true, out)


def _row(base: Row, reading: Reading, true: dict[str, float], out: Path | None) -> Row:
    if out:
        from fasciaseg.report import WriteOptions, write

        write(reading, out / str(base.seed), WriteOptions())
    levels, exact, same = compared(reading, true)
    r = reading.result
    return replace(
        base, true_levels=levels, levels=tuple(r.edema.levels),
        called=r.classification.fascia_edema,
        exact=exact, classes=same, flags=tuple(f.code for f in r.flags),
        note=json.dumps(r.edema.threshold.get("t1")),
    )  # fmt: skip


def _read(stacks: tuple[PhantomStack, PhantomStack], model: Path | None) -> Reading | str:
    context = SeriesContext(
        "exam", StudyInfo("1"), SeriesInfo("1.1", "T2"), SeriesInfo("1.2", "T1")
    )
    localizer = Localizer(model or default_model(), 1)
    try:
        return read_stack(stacks[0], context, localizer, Options(), t1=stacks[1])
    except NothingToRead as error:
        return error.code


def run_real(seed: int, shared: Path, folds: Path, out: Path | None) -> Row:
    """The real pair, every fourth seed as it is, else with painted bands.

    The T1's fluid is as dark as CSF to muscle; its slices, coil, noise and position are its own.
    """
    from clinical import ClinicalStack, random_scanner, truth_of
    from data import cases, load_scan
    from paint import paint, random_edema
    from subjects import load_subject

    from folds import fold_of

    rng = np.random.default_rng([seed, 43])
    listed = cases(shared / "mri")
    fold = fold_of("zukic-10", [c["patient"] for c in listed])
    model = folds / f"fold-{fold}.onnx"
    case = {c["id"]: c for c in listed}
    subject = load_subject(shared / "mri", case["zukic-11"], Localizer(model, 1))
    if subject is None:
        raise SystemExit("no fascia on zukic-11")
    volumes = [
        load_scan(shared / "mri", case[n])[0].astype(float) for n in ("zukic-11", "zukic-10")
    ]
    t2, t1 = volumes
    on_t2 = replace(subject, volume=t2.astype(np.float32))
    share, bands = np.zeros(t2.shape, np.float32), ()
    clean = t2.copy()
    dark = float(rng.uniform(0.7, 1.0)) * _before(on_t2, t1)
    muscle = _before(on_t2, t2)
    csf = float(np.percentile(t2[subject.canal], 75))
    on_t2 = replace(on_t2, csf=csf, muscle=muscle, coil=np.ones(t2.shape[1]))
    if seed % 4:
        bands = random_edema(on_t2, rng)
        share = paint(on_t2, t2, bands)
        t1 = t1 * (1 - share) + share * dark * (1 + 0.05 * rng.standard_normal(t1.shape))
    moved = rng.uniform(-3.5, 3.5, 2) if rng.random() < 0.6 else np.zeros(2)
    t1 = ndimage.shift(t1, [0, *moved / subject.spacing_mm[1:]], order=1, mode="nearest")
    first, other = random_scanner(on_t2, rng), random_scanner(on_t2, rng)
    stack = ClinicalStack(on_t2, t2, first)
    stacks = (stack, ClinicalStack(on_t2, t1, other))
    reading = _read(stacks, model)
    edema = bands[0] if bands else None
    base = Row(
        seed, edema.thickness_mm if edema else 0.0, edema.brightness if edema else 0.0,
        (), (), None, False, False, (), float(np.hypot(*moved)), True, False,
    )  # fmt: skip
    if isinstance(reading, str):
        return replace(base, note=reading)
    true = truth_of(on_t2, stack, clean, t2, share).coverage
    return _row(base, reading, true, out)


def _before(subject: object, volume: np.ndarray) -> float:
    """Muscle: median 6 to 25 mm before the fascia, beside the midline, of what is darker half."""
    from subjects import _deep

    values = np.concatenate([v for v, _ in _deep(replace(subject, volume=volume), (-25, -6))])
    return float(np.percentile(values, 35))


def told(rows: Items[Row]) -> str:
    """The numbers."""
    answered = [r for r in rows if r.called is not None]
    wet = [r for r in answered if r.true_levels and r.thickness_mm >= 3]
    clear = [r for r in wet if r.brightness >= FAINT]
    faint = [r for r in wet if r.brightness < FAINT]
    dry = [r for r in answered if not r.true_levels]
    lines = [
        f"exams {len(rows)}, answered {len(answered)}",
        f"sensitivity {sum(bool(r.called) for r in clear)}/{len(clear)} (3 mm or thicker, "
        f"brightness {FAINT} or more), fainter {sum(bool(r.called) for r in faint)}/{len(faint)}",
        f"false positives {sum(bool(r.called) for r in dry)}/{len(dry)}",
        f"location and severity {sum(r.classes for r in clear + dry)}/{len(clear + dry)}",
        f"levels exact {sum(r.exact for r in clear + dry)}/{len(clear + dry)}",
        f"flags of unanswered {Counter(f for r in rows if r.called is None for f in r.flags)}",
    ]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["phantoms", "real"])
    parser.add_argument("--seeds", default="5000-5060", help="first-last")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="keep rendered phantoms here")
    parser.add_argument("--out", type=Path, help="write pictures here")
    args = parser.parse_args()
    first, last = (int(s) for s in args.seeds.split("-"))
    if args.cache:
        args.cache.mkdir(parents=True, exist_ok=True)
    if args.what == "phantoms":
        work = partial(run_phantom, model=args.model, cache=args.cache, out=args.out)
    else:
        work = partial(run_real, shared=args.shared, folds=args.folds, out=args.out)
    start, rows = time.monotonic(), []
    with ProcessPoolExecutor(args.jobs) as pool:
        for row in pool.map(work, range(first, last)):
            rows.append(row)
            if not (row.exact and row.classes):
                print(json.dumps(asdict(row)), flush=True)
    print(told(rows))
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
