"""How well fractures are read: painted marrow edema, labelled heights, phantom wedges.

    python models/validation/fractures.py --shared ../shared --folds models/folds --part tuning
    python models/validation/fractures.py --shared ../shared --folds models/folds --part report

- **marrow**: the Dixon water scans as they are (false positives) and with edema painted into the
  published body labels: 1.2 to 3 times as bright, over 30 to 100 % of a body from one end plate
  on, in one body or two. Read by the fold model that never saw the patient.
- **heights**: all scans as they are; heights by the network's outline against the same measure
  on the label mask, and the bodies called >= 25 % against what the labels say. No scan is known
  to show a fracture, but some spines of SPIDER have wedges.
- **broken**: a body of each scan broken to a wedge, a hollow or a crushed one (`crush.py`), half of
  them with edema; heights by label against heights as read, and the bodies beside it.
- **phantom**: one or two broken bodies T8-L4, 0 to 80 % lost, three shapes, with and without
  marrow edema, in STIR, T2_FS and T2_DIXON_WATER.

Numbers were chosen on folds 0 and 1 (`tuning`), folds 2 and 3 are for the report. Takes some
five minutes a part on two cores.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

import numpy as np
from data import VERSE, cases
from labelled import break_one, heights_by_label
from scans import ScanStack
from scipy import ndimage
from subjects import SWAPPED
from validate_phantom import PhantomStack

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.anatomy.spine import SliceStack
from fasciaseg.errors import FasciasegError
from fasciaseg.fractures.heights import degree_of, height_losses
from fasciaseg.fractures.outliner import Outliner
from fasciaseg.options import Options
from fasciaseg.phantom import Fracture, Sequence, SpinePhantom, random_phantom
from fasciaseg.pipeline import default_model, read_stack
from fasciaseg.reading import Reading, SeriesContext
from fasciaseg.result import BodyFinding, SeriesInfo, StudyInfo
from folds import fold_of

PARTS = {"tuning": (0, 1), "report": (2, 3)}
CONTRASTS = (1.2, 1.5, 1.8, 2.2, 3.01)
LOSSES = (0.05, 0.25, 0.5, 0.75, 1.0)
#: What says that names may be off.
DOUBTS = frozenset(
    {"vertebra_missed", "vertebrae_crowded", "transitional_suspected", "levels_unverified"}
)
#: A body is found where one lies within this of it (mm).
NEAR_MM = 12.0

#: What reads a scan; None is the shipped outliner.
Networks = tuple[Localizer, Outliner | None]


def read(stack: SliceStack, sequence: str, networks: Networks) -> Reading | None:
    """A reading; None without one."""
    context = SeriesContext("x", StudyInfo("1"), SeriesInfo("1.1", sequence))
    localizer, outliner = networks
    try:
        return read_stack(stack, context, localizer, Options(), outliner=outliner)
    except FasciasegError:
        return None


def marrow(folder: Path, chosen: list[tuple[dict[str, Any], Networks]], repeats: int) -> None:
    """Painted and unpainted marrow."""
    hits: dict[str, list[tuple[float, float, bool | None]]] = defaultdict(list)
    false: list[tuple[str, str, bool | None]] = []
    shifts = 0
    for case, networks in chosen:
        if case["sequence"] != "DIXON_WATER":
            continue
        reading = read(ScanStack(folder, case), "T2_DIXON_WATER", networks)
        bodies = reading.result.fractures if reading else ()
        false += [(case["id"], f.level, f.marrow_edema.present) for f in bodies]
        if case["id"] in SWAPPED:
            continue
        for repeat in range(repeats):
            rng = np.random.default_rng([repeat, zlib.crc32(case["id"].encode())])
            stack = ScanStack(folder, case)
            painted = paint(stack, rng)
            reading = read(stack, "T2_DIXON_WATER", networks)
            said, shifted = by_place(reading, stack) if reading else ({}, False)
            shifts += shifted
            for level, (contrast, share) in painted.items():
                hits[level].append((contrast, share, said.get(level)))
                if contrast > 1.7 and not said.get(level):
                    seen = (
                        [f for f in reading.result.fractures if f.level == level] if reading else []
                    )
                    print(f"   missed {case['id']} {level}: {contrast:.1f} x, {share:.2f}: {seen}")
            false += [
                (f"{case['id']} beside {sorted(painted)}", level, v)
                for level, v in said.items()
                if level not in painted
            ]
    plain = [f for f in false if " " not in f[0]]
    for name, some in (
        ("as scanned", plain),
        ("beside painted ones", [f for f in false if " " in f[0]]),
    ):
        for kind, those in (
            ("swapped scans", [f for f in some if f[0] in SWAPPED]),
            ("others", [f for f in some if f[0] not in SWAPPED]),
        ):
            if those:
                wrong = [f"{a}/{b}" for a, b, v in those if v]
                unknown = sum(v is None for _, _, v in those)
                print(
                    f"marrow, {name}, {kind}: false {len(wrong)}/{len(those)}, "
                    f"unknown {unknown}; {' '.join(wrong[:12])}"
                )
    print(f"marrow: level names shifted in {shifts} painted scans (judged by place here)")
    every = [h for some in hits.values() for h in some]
    for low, high in pairwise(CONTRASTS):
        for least, most in ((0.3, 0.5), (0.5, 1.01)):
            some = [h for h in every if low <= h[0] < high and least <= h[1] < most]
            found = sum(bool(h[2]) for h in some)
            unknown = sum(h[2] is None for h in some)
            print(
                f"marrow painted {low}-{high:.1f} x, share {least}-{most:.1f}: "
                f"found {found}/{len(some)}, unknown {unknown}"
            )


def by_place(reading: Reading, stack: ScanStack) -> tuple[dict[str, bool | None], bool]:
    """{label's level: marrow edema} of the bodies found, and whether any has another name."""
    at = {v.level: np.array(v.center_lps_mm)[1:] for v in reading.result.vertebrae}
    out, shifted = {}, False
    for level, center in stack.truth().items():
        for f in reading.result.fractures:
            if np.linalg.norm(at[f.level] - center[1:]) < NEAR_MM:
                out[level] = f.marrow_edema.present
                shifted |= f.level != level
    return out, shifted


def paint(stack: ScanStack, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Brighten one or two labelled bodies in place: {level: (contrast, share)}."""
    names = {n: number for n, number in VERSE.items() if (stack.labels == number).sum() > 500}
    out = {}
    volume = stack.volume.astype(np.float32).copy()
    for level in rng.choice(sorted(names), size=int(rng.integers(1, 3)), replace=False):
        mask = stack.labels == names[level]
        contrast, share = float(rng.uniform(1.2, 3)), float(rng.uniform(0.3, 1))
        rows = np.nonzero(mask)[1]
        # From one end plate on: a share of the body's pixels, in every column alike.
        order = rows if rng.random() < 0.5 else -rows
        edge = np.quantile(order, share)
        depth = np.arange(volume.shape[1]) * (1 if order is rows else -1)
        wet = mask & (depth <= edge)[None, :, None]
        soft = ndimage.gaussian_filter(wet.astype(np.float32), [0, 1.2, 1.2]) * mask
        rough = ndimage.gaussian_filter(rng.standard_normal(volume.shape), [1, 4, 4])
        rough = 1 + 0.12 * rough / rough.std()
        volume *= 1 + (contrast * np.clip(rough, 0.7, 1.3) - 1) * soft
        out[str(level)] = (contrast, share)
    stack.volume = volume
    return out


def heights(folder: Path, chosen: list[tuple[dict[str, Any], Networks]]) -> None:
    """Heights by outline against heights by label, and what is called a loss."""
    errors: dict[str, list[np.ndarray]] = defaultdict(list)
    calls: list[tuple[float | None, float | None, str]] = []
    for case, networks in chosen:
        stack = ScanStack(folder, case)
        sequence = "T2_DIXON_WATER" if case["sequence"] == "DIXON_WATER" else "T2"
        reading = read(stack, sequence, networks)
        if reading is None or not reading.result.fractures:
            continue
        found = reading.result.fractures
        truth = heights_by_label(stack, case, reading)
        losses = height_losses([f.level for f in found], truth)
        for f, t, loss in zip(found, truth, losses, strict=True):
            if f.heights_mm is not None and np.isfinite(t).all():
                errors[case["id"].split("-")[0]].append((np.array(f.heights_mm) - t) / t)
            true = float(max(0, loss.max())) if np.isfinite(loss).all() else None
            calls.append((f.height_loss, true, f"{case['id']}/{f.level}"))
    for source, e in [*errors.items(), ("all", [x for some in errors.values() for x in some])]:
        a = 100 * np.array(e)
        low, high = a.mean() - 1.96 * a.std(), a.mean() + 1.96 * a.std()
        print(f"heights {source}: {len(a)} bodies, bias {a.mean():.1f} %, limits of agreement "
              f"{low:.1f} to {high:.1f} %, mean absolute error {np.abs(a).mean():.1f} % "
              f"(front, middle, back: {np.round(np.abs(a).mean(axis=0), 1).tolist()})")  # fmt: skip
    told = [c for c in calls if c[0] is not None]
    known = [c for c in told if c[1] is not None]
    print(f"loss: {len(calls)} bodies, unknown {len(calls) - len(told)}; called >= 25 %: "
          f"{sum(c[0] >= 0.25 for c in told)}/{len(told)}")  # fmt: skip
    truly = [c for c in known if c[1] >= 0.25]
    intact = [c for c in known if c[1] < 0.25]
    print(f"loss where labels know: >= 25 % by label found "
          f"{sum(c[0] >= 0.25 for c in truly)}/{len(truly)}; "
          f"< 25 % by label called {sum(c[0] >= 0.25 for c in intact)}/{len(intact)}; degree equal "
          f"{sum(degree_of(c[0]) == degree_of(c[1]) for c in known)}/{len(known)}")  # fmt: skip
    for c in known:
        if degree_of(c[0]) != degree_of(c[1]) or c[0] >= 0.25:
            print(f"   {c[2]}: {c[0]:.2f}, by label {c[1]:.2f}")


def broken(folder: Path, chosen: list[tuple[dict[str, Any], Networks]], repeats: int) -> None:
    """Broken bodies of real scans."""
    rows: list[tuple[float, float | None]] = []
    beside: list[float | None] = []
    wet: list[bool | None] = []
    scans = moved = silent = lost = counted = surplus = 0
    for case, networks in chosen:
        for repeat in range(repeats):
            rng = np.random.default_rng([repeat, zlib.crc32(case["id"].encode())])
            stack = ScanStack(folder, case)
            sequence = "T2_DIXON_WATER" if case["sequence"] == "DIXON_WATER" else "T2"
            whole = read(stack, sequence, networks)
            one = break_one(stack, case, whole, rng) if whole else None
            after = read(stack, sequence, networks) if one is not None else None
            if whole is None or one is None or after is None or not after.result.fractures:
                continue
            scans += 1
            found = after.result.fractures
            called = _called(after, one.centers_mm)
            names_off = any(call != name for name, call in called.items())
            room, room_before = (
                any(f.code == "vertebra_missed" for f in r.result.flags) for r in (after, whole)
            )
            mine = next((f for f in found if f.level == called.get(one.level)), None)
            moved += names_off
            silent += names_off and DOUBTS.isdisjoint(f.code for f in after.result.flags)
            surplus += room and not room_before and mine is not None
            if names_off:
                print(f"   names off: {case['id']}, {one.level} broken, {called}")
            if mine is None:
                lost += 1
                counted += room and not names_off
                print(f"   lost: {case['id']} {one.level}, {one.shape} {one.loss:.2f}, "
                      f"room {room}, names off {names_off}")  # fmt: skip
            losses = height_losses([f.level for f in found], heights_by_label(stack, case, after))
            for f, loss in zip(found, losses, strict=True):
                true = float(max(0, loss.max())) if np.isfinite(loss).all() else None
                if f is not mine:
                    if true is None or true < LOSSES[1]:
                        beside.append(f.height_loss)
                elif true is not None:
                    rows.append((true, f.height_loss))
                    if abs((f.height_loss if f.height_loss is not None else true) - true) > 0.2:
                        print(f"   {case['id']} {f.level}: {f.height_loss}, by label {true:.2f}")
                if f is mine and one.wet:
                    wet.append(f.marrow_edema.present)
    told = [b for b in beside if b is not None]
    print(f"broken: {scans} scans, body lost in {lost} ({counted} counted by their room), "
          f"room seen beside a found body in {surplus}, names moved in {moved}, {silent} of "
          f"them in silence; heights of "
          f"{len(rows)} bodies; intact ones called >= 25 % "
          f"{sum(b >= 0.25 for b in told)}/{len(told)}, unknown {len(beside) - len(told)}; edema "
          f"found {sum(bool(w) for w in wet)}/{len(wet)}, "
          f"unknown {sum(w is None for w in wet)}")  # fmt: skip
    _by_loss(rows)


def _called(reading: Reading, places: dict[str, np.ndarray]) -> dict[str, str]:
    """{name: what it is called} of the bodies that were found again at their places (y, z)."""
    out = {}
    for v in reading.result.vertebrae:
        at = np.array(v.center_lps_mm)[1:]
        away = {name: float(np.linalg.norm(place - at)) for name, place in places.items()}
        nearest = min(away, key=lambda name: away[name])
        if away[nearest] <= NEAR_MM:
            out[nearest] = str(v.level)
    return out


def _by_loss(rows: list[tuple[float, float | None]]) -> None:
    """(true, said) losses, degree by degree."""
    for low, high in pairwise(LOSSES):
        some = [r for r in rows if low <= r[0] < high]
        told = [(true, said) for true, said in some if said is not None]
        same = sum(degree_of(true) == degree_of(said) for true, said in told)
        errors = [100 * (said - true) for true, said in told] or [0.0]
        print(f"   true {low:.2f}-{high:.2f}: {len(some)}, unknown {len(some) - len(told)}, same "
              f"degree {same}, >= 25 % {sum(said >= 0.25 for _, said in told)}, median error "
              f"{np.median(errors):.1f}, mean absolute {np.mean(np.abs(errors)):.1f} "
              "points")  # fmt: skip


def phantoms(count: int, seed: int) -> None:
    """Broken phantoms."""
    networks = (Localizer(default_model(), 1), None)
    rows: list[tuple[str, float | None, bool, BodyFinding | None, float]] = []
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        name = ("STIR", "T2_FS", "T2_DIXON_WATER")[i % 3]
        whole = random_phantom(rng)
        broken = _broken(whole, rng)
        stack = PhantomStack(broken, Sequence[name], rng)
        reading = read(stack, name, networks)
        if reading is None:
            continue
        by_level = {f.level: f for f in reading.result.fractures}
        centers = {v.level: np.array(v.center_lps_mm) for v in reading.result.vertebrae}
        wrong = [
            n for n, c in centers.items()
            if n in broken.centers_lps_mm and np.linalg.norm(c - broken.centers_lps_mm[n]) > 10
        ]  # fmt: skip
        if wrong:
            print(f"phantom {i}: names off, left out")
            continue
        edema = {f.level: f.edema for f in broken.spine.fractures}
        for level, f in by_level.items():
            true = true_loss(whole, broken, level)
            if true > 0.05 and (f.height_loss is None or abs(f.height_loss - true) > 0.2):
                shape = next(b.shape for b in broken.spine.fractures if b.level == level)
                print(f"   phantom {i} {name} {level} {shape}: true {true:.2f}, {f}")
            rows.append(
                (
                    name,
                    true_loss(whole, broken, level),
                    edema.get(level, 0) > 0,
                    f,
                    edema.get(level, 0),
                )
            )
    for name in ("STIR", "T2_FS", "T2_DIXON_WATER"):
        some = [r for r in rows if r[0] == name]
        wet = [r for r in some if r[2]]
        dry = [r for r in some if not r[2]]
        found = sum(bool(r[3].marrow_edema.present) for r in wet)
        print(f"phantom {name}: marrow edema found {found}/{len(wet)} "
              f"(unknown {sum(r[3].marrow_edema.present is None for r in wet)}), "
              f"false {sum(bool(r[3].marrow_edema.present) for r in dry)}/{len(dry)}")  # fmt: skip
    told = [r for r in rows if r[3].height_loss is not None]
    lost = [r for r in told if r[1] > 0.05]
    e = 100 * np.array([r[3].height_loss - r[1] for r in lost])
    print(f"phantom loss: {len(lost)} broken bodies, bias {e.mean():.1f} points, limits "
          f"{e.mean() - 1.96 * e.std():.1f} to {e.mean() + 1.96 * e.std():.1f}; degree exact "
          f"{sum(r[3].degree == degree_of(r[1]) for r in lost)}/{len(lost)}; intact called "
          f">= 25 %: {sum(r[3].height_loss >= 0.25 for r in told if r[1] <= 0.05)}"
          f"/{len(told) - len(lost)}; unknown {len(rows) - len(told)}/{len(rows)} "
          f"({sum(r[3].height_loss is None for r in rows if r[1] > 0.05)} broken)")  # fmt: skip
    _by_loss([(r[1], r[3].height_loss) for r in rows if r[1] > 0.05])


def _broken(phantom: SpinePhantom, rng: np.random.Generator) -> SpinePhantom:
    levels = [*(f"T{i}" for i in range(8, 13)), "L1", "L2", "L3", "L4"]
    some = rng.choice(levels, size=int(rng.integers(1, 3)), replace=False)
    # A hollow deeper than this leaves nothing of the phantom's body.
    most = {"wedge": 0.8, "biconcave": 0.45, "crush": 0.8}
    shapes = [str(rng.choice(sorted(most))) for _ in some]
    fractures = tuple(
        Fracture(
            str(level),
            float(rng.uniform(0, most[shape])),
            shape,
            float(rng.choice([0.0, rng.uniform(0.4, 1)])),
        )
        for level, shape in zip(some, shapes, strict=True)
    )
    return replace(phantom, spine=replace(phantom.spine, fractures=fractures))


def true_loss(whole: SpinePhantom, broken: SpinePhantom, level: str) -> float:
    """Largest lost share of anterior, middle and posterior height against the unbroken twin."""
    before, after = (
        np.array(
            [
                b.height - a * b.wedge / 2 - (1 - a * a) * sum(b.concavity)
                for a in (-0.56, 0.0, 0.56)
            ]
        )
        for b in (
            replace(whole.spine, fractures=()).body(level),
            broken.spine.body(level),
        )
    )
    return float(max(0, (1 - after / before).max()))


def _chosen(shared: Path, folds: Path, part: str) -> Iterator[tuple[dict[str, Any], Networks]]:
    every = cases(shared / "mri")
    patients = [c["patient"] for c in every]
    models = {
        f: (Localizer(folds / f"fold-{f}.onnx", 1), Outliner(folds / f"outliner-{f}.onnx"))
        for f in PARTS[part]
    }
    for case in every:
        fold = fold_of(case["patient"], patients)
        if fold in models:
            yield case, models[fold]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--part", choices=sorted(PARTS), default="report")
    parser.add_argument(
        "--what", choices=["marrow", "heights", "broken", "phantom"], action="append"
    )
    parser.add_argument("--repeats", type=int, default=2, help="paintings per scan")
    parser.add_argument("--phantoms", type=int, default=48)
    args = parser.parse_args()
    chosen = list(_chosen(args.shared, args.folds, args.part))
    what = args.what or ["marrow", "heights", "broken", "phantom"]
    if "heights" in what:
        heights(args.shared / "mri", chosen)
    if "broken" in what:
        broken(args.shared / "mri", chosen, args.repeats)
    if "marrow" in what:
        marrow(args.shared / "mri", chosen, args.repeats)
    if "phantom" in what:
        phantoms(args.phantoms, 911 if args.part == "tuning" else 912)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
