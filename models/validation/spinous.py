"""Where spinous processes end, how well that is predicted, and what the rule `spinous` changes.

    python models/validation/spinous.py --shared ../shared
    python models/validation/spinous.py --shared ../shared --painted 2 --jobs 2

The first prints the offsets of `fasciaseg.scoring.spinous` and their errors on SPIDER scans: each
scan's processes are predicted by the code that users run, with offsets from the other patients.
`--painted N` also paints edema on every scan of `SHARED/mri`, N times, as the validation report
does, and has it read with both rules by the fold model that never saw the patient.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

from data import cases
from processes import Spine, spines
from scans import ScanStack
from trial import Trial, plan, run

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.anatomy.spine import locate
from fasciaseg.options import RULES, Options
from fasciaseg.scoring.score import classify
from fasciaseg.scoring.spinous import TIPS, Tip, tip_heights
from fasciaseg.scoring.territories import TYPICAL_STEP_MM
from fasciaseg.vertebrae import SCORED_LEVELS
from folds import fold_of

#: Levels whose processes are measured; T10's are too few.
MEASURED = SCORED_LEVELS[SCORED_LEVELS.index("T11") :]
#: Levels with fewer processes than this aren't judged.
LEAST_PROCESSES = 5


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--folds", type=Path, default=here / "models" / "folds")
    parser.add_argument("--painted", type=int, default=0, help="painted exams a scan")
    parser.add_argument("--seed", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    data = args.shared / "mri"
    found = [s for s in spines(data) if s.processes]
    _tell_offsets(found)
    _tell_errors(found, "bodies as labelled", found)
    _tell_errors(
        found,
        "bodies as a network found them that never saw the patient",
        [s for s in (_as_found(s, data, args.folds) for s in found) if s is not None],
    )
    _tell_above(found)
    _tell_simpler(found)
    if args.painted:
        _tell_difference(data, args.folds, args.painted, args.seed, args.jobs)


def offsets(found: Iterable[Spine]) -> dict[str, list[Tip]]:
    """Where each process ends in the frame of its body."""
    out: dict[str, list[Tip]] = defaultdict(list)
    for spine in found:
        at = np.array(list(spine.centers.values()))
        steps = np.gradient(at, axis=0)
        for (level, center), step in zip(spine.centers.items(), steps, strict=True):
            if level in spine.processes:
                p = spine.processes[level]
                y, z = p.back - center[1], p.middle - center[2]
                square = float(step @ step)
                out[level].append(
                    Tip((y * step[1] + z * step[2]) / square, (z * step[1] - y * step[2]) / square)
                )
    return out


def means(measured: dict[str, list[Tip]]) -> dict[str, Tip]:
    """Their means; what is measured too rarely keeps what is shipped."""
    return TIPS | {
        level: Tip(float(np.mean([t.down for t in tips])), float(np.mean([t.back for t in tips])))
        for level, tips in measured.items()
        if len(tips) >= LEAST_PROCESSES
    }


def _tell_offsets(found: Sequence[Spine]) -> None:
    print(
        f"{len(found)} patients. Ends of the processes in steps from centre to centre, mean (SD):"
    )
    measured = offsets(found)
    for level in SCORED_LEVELS:
        if level in measured:
            down, back = ([getattr(t, k) for t in measured[level]] for k in ("down", "back"))
            print(
                f"  {level:4}{len(down):3}  down {np.mean(down):.2f} ({np.std(down):.2f})"
                f"  back {np.mean(back):.2f} ({np.std(back):.2f})"
            )


def _tell_errors(truth: Sequence[Spine], what: str, seen: Sequence[Spine]) -> None:
    """Errors with the offsets of the other patients; `seen` has the centres to predict from."""
    ends: dict[str, dict[str, list[float]]] = {n: defaultdict(list) for n in ("axial", "spinous")}
    borders: dict[str, dict[str, list[float]]] = {n: defaultdict(list) for n in ends}
    places: dict[str, dict[str, Counter[int]]] = {n: defaultdict(Counter) for n in ends}
    for spine in seen:
        tips = means(offsets(s for s in truth if s.scan != spine.scan))
        heights = {
            "axial": {n: float(c[2]) for n, c in spine.centers.items()},
            "spinous": tip_heights(spine.centers, TYPICAL_STEP_MM, tips),
        }
        for rule, z in heights.items():
            cuts = [(a, (z[a] + z[b]) / 2) for a, b in pairwise(z)]
            for level, process in spine.processes.items():
                if level not in MEASURED or level not in z:
                    continue
                ends[rule][level].append(z[level] - process.middle)
                lies = list(z)[sum(process.middle <= cut for _, cut in cuts)]
                below = SCORED_LEVELS.index(lies) - SCORED_LEVELS.index(level)
                places[rule][level][below] += 1
            for above, cut in cuts:
                below = SCORED_LEVELS[SCORED_LEVELS.index(above) + 1]
                if above in MEASURED and {above, below} <= set(spine.processes):
                    gap = (spine.processes[above].lower + spine.processes[below].upper) / 2
                    borders[rule][above].append(cut - gap)
    print(f"\nLeft-out patients ({len(seen)}), {what}; mean |error| in mm:")
    for rule in ends:
        _tell_mm(f"end of the process, {rule}", ends[rule])
        _tell_mm(f"border between two, {rule}", borders[rule])
        every = sum(places[rule].values(), Counter())
        lower = " ".join(
            f"{n} {places[rule][n][1] / places[rule][n].total():.0%}"
            for n in SCORED_LEVELS
            if n in places[rule]
        )
        print(
            f"  ends in their own level's territory, {rule}: {every[0]}/{every.total()};"
            f" in that of the level below: {every[1]} ({lower})"
        )


def _tell_simpler(found: Sequence[Spine]) -> None:
    """What the body's frame, and an offset for every level, are good for."""
    steps = {s.scan: np.gradient(np.array(list(s.centers.values())), axis=0) for s in found}
    straight: dict[str, list[float]] = defaultdict(list)
    regions: dict[str, list[float]] = defaultdict(list)
    apart = []
    for spine in found:
        others = [s for s in found if s.scan != spine.scan]
        measured = offsets(others)
        for i, (level, center) in enumerate(spine.centers.items()):
            if level not in spine.processes or level not in MEASURED:
                continue
            step, end = steps[spine.scan][i], spine.processes[level].middle
            shares = [
                (s.processes[level].middle - s.centers[level][2])
                / np.linalg.norm(steps[s.scan][list(s.centers).index(level)])
                for s in others
                if level in s.processes and level in s.centers
            ]
            straight[level].append(center[2] + np.mean(shares) * np.linalg.norm(step) - end)
            tips = [t for n in measured if n[0] == level[0] for t in measured[n]]
            down, back = np.mean([t.down for t in tips]), np.mean([t.back for t in tips])
            regions[level].append(center[2] + down * step[2] + back * step[1] - end)
        for a, b in pairwise(spine.centers):
            if {a, b} <= set(spine.processes):
                ends = spine.processes[a].middle - spine.processes[b].middle
                apart.append(ends / float(np.linalg.norm(spine.centers[a] - spine.centers[b])))
    print("\nSimpler, left-out patients:")
    _tell_mm("straight down by a share of a step", straight)
    _tell_mm("one offset for T, one for L", regions)
    print(f"  neighbouring ends are at least {min(apart):.2f} of their bodies' distance apart")


def _tell_above(found: Sequence[Spine]) -> None:
    """The process of the level above the topmost body, predicted without that body."""
    errors: dict[str, list[float]] = defaultdict(list)
    for spine in found:
        top, *others = spine.centers
        if top in spine.processes and top in MEASURED:
            tips = means(offsets(s for s in found if s.scan != spine.scan))
            z = tip_heights({n: spine.centers[n] for n in others}, TYPICAL_STEP_MM, tips)
            errors[top].append(z[top] - spine.processes[top].middle)
    print("\nThe process above the topmost body, its body taken to lie a step further up:")
    _tell_mm("end of the process, spinous", errors)


def _tell_mm(name: str, errors: dict[str, list[float]]) -> None:
    every = np.concatenate([np.array(e) for e in errors.values()])
    levels = " ".join(f"{n} {np.abs(errors[n]).mean():.1f}" for n in SCORED_LEVELS if n in errors)
    print(
        f"  {name}: {np.abs(every).mean():.1f} (90% under {np.percentile(np.abs(every), 90):.1f},"
        f" mean {every.mean():+.1f}, n {len(every)}); {levels}"
    )


def _as_found(spine: Spine, data: Path, folds: Path) -> Spine | None:
    """The same with the network's centres; None where it found or named them otherwise."""
    everything = cases(data)
    case = next(c for c in everything if c["id"] == spine.scan)
    fold = fold_of(case["patient"], [c["patient"] for c in everything])
    located = locate(ScanStack(data, case), Localizer(folds / f"fold-{fold}.onnx", 1))
    at = {v.level: np.array(v.center_lps_mm) for v in located.vertebrae if v.level != "S1"}
    shared = [n for n in spine.centers if n in at]
    if not shared or any(abs(at[n][2] - spine.centers[n][2]) > 12 for n in shared):
        return None
    return Spine(spine.scan, at, {n: p for n, p in spine.processes.items() if n in at})


def _tell_difference(data: Path, folds: Path, painted: int, seed: int, jobs: int) -> None:
    """How often the rules answer differently on the same painted edema."""
    trials = [t for t in plan(data, painted, 0, seed) if t.edema]
    scans = list(dict.fromkeys(t.scan for t in trials))
    groups = [[t for t in trials if t.scan == s] for s in scans]
    with ProcessPoolExecutor(jobs) as pool:
        pairs = [p for g in pool.map(partial(_both, data=data, folds=folds), groups) for p in g]
    alone = Counter("axial" if a else "spinous" for a, s in pairs if bool(a) != bool(s))
    pairs = [(a, s) for a, s in pairs if a and s]
    n = len(pairs)
    print(f"\n{n} painted exams with edema by both rules; by one only: {dict(alone)}")
    same = sum(a == s for a, s in pairs)
    more = Counter(len(s) - len(a) for a, s in pairs)
    print(f"  same level list {same}/{n}; levels more under spinous {dict(sorted(more.items()))}")
    for name in ("location", "severity"):
        moved = Counter((getattr(classify(a), name), getattr(classify(s), name)) for a, s in pairs)
        print(f"  {name}: same {sum(k for (a, s), k in moved.items() if a == s)}/{n}")
        for (a, s), k in moved.most_common():
            if a != s:
                print(f"    {a} -> {s}: {k}")
    up = Counter(SCORED_LEVELS.index(s[0]) - SCORED_LEVELS.index(a[0]) for a, s in pairs)
    print(f"  uppermost level, spinous against axial: {dict(sorted(up.items()))}")


def _both(
    trials: Sequence[Trial], data: Path, folds: Path
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    out = []
    for trial in trials:
        told = [run(trial, data, folds, Options(rule=rule)) for rule in RULES]
        if all(o is not None and o.row.called is not None for o in told):
            out.append(tuple(o.row.levels for o in told))
    return out


if __name__ == "__main__":
    main()
