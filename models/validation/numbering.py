"""Are the vertebrae named right, flagged, or wrong in silence, when the view gets harder?

    python models/validation/numbering.py --shared ../shared --folds models/folds --part tuning
    python models/validation/numbering.py --shared ../shared --folds models/folds --part report

Every labelled scan is read as it is, cut off above the sacrum or higher, with one or two bodies
painted black (cement, an implant), and with a disc painted like bone (two fused bodies); each by
the fold model that never saw its patient. `tuning` are the patients of folds 0 and 1, `report`
those of 2 and 3. An exam is

    right    every vertebra found bears the name of the label it lies on,
    flagged  some name is wrong, and a flag of those in `judge` says that names are unsure,
    silent   some name is wrong and nothing says so,
    nothing  no spine was found: no answer, so no wrong name.

`right, flagged` counts the right ones that carry a flag all the same. Four or six lumbar
vertebrae are not in the labels, and SPIDER's labels have no names: there the lowest body is L5.
Only scans with named labels are painted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

from data import VERSE, cases
from scans import ScanStack

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.anatomy.spine import Spine, locate
from folds import fold_of

PARTS = {"tuning": (0, 1), "report": (2, 3)}
#: A vertebra lies on a label whose centre is nearer than this on the sagittal plane.
ON_LABEL_MM = 12.0
#: Fewest labelled bodies that must stay in view.
LEAST_BODIES = 3

Scenario = Callable[[ScanStack, dict[str, float]], bool]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--every", type=int, default=1, help="use every n-th scan")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for row in _rows(args.shared / "mri", args.folds, PARTS[args.part], args.every):
        rows.append(row)
        if row["outcome"] == "silent":
            print(row, flush=True)
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1))
    _tell(rows)


def _rows(data: Path, models: Path, folds: tuple[int, ...], every: int) -> Iterator[dict]:
    everything = cases(data)
    patients = [c["patient"] for c in everything]
    chosen = [c for c in everything if fold_of(c["patient"], patients) in folds]
    networks = {f: Localizer(models / f"fold-{f}.onnx", 1) for f in folds}
    for case in chosen[::every]:
        fold = fold_of(case["patient"], patients)
        for name, change in SCENARIOS.items():
            stack = ScanStack(data, case, 1 if case["source"] == "spider2024" else 2)
            truth = stack.truth() or stack.unnamed_truth()
            # (back, up) in the sagittal plane; named labels have a lateral place too.
            places = {n: np.asarray(at)[-2:] for n, at in truth.items()}
            down = {n: -at[1] / stack.spacing_mm[1] for n, at in places.items()}
            if not change(stack, down):
                continue
            bottom = stack.volume.shape[1]
            places = {n: at for n, at in places.items() if down[n] < bottom}
            if len(places) < LEAST_BODIES:
                continue
            row = judge(locate(stack, networks[fold]), places)
            yield {"scan": case["id"], "sequence": case["sequence"], "scenario": name, **row}


def judge(spine: Spine, truth: dict[str, np.ndarray]) -> dict:
    """What the names of a spine are worth against the labels' (back, up) in mm."""
    if not spine.found:
        return {"outcome": "nothing", "flags": [], "wrong": {}}
    wrong = {}
    for v in spine.vertebrae:
        at = np.array(v.center_lps_mm[1:])
        away = {n: float(np.linalg.norm(at - c)) for n, c in truth.items()}
        nearest = min(away, key=away.__getitem__)
        if away[nearest] <= ON_LABEL_MM and nearest != v.level:
            wrong[nearest] = v.level
    numbering = spine.numbering
    flags = [
        code
        for code, raised in (
            ("levels_unverified", numbering.kind == "none"),
            ("transitional_suspected", numbering.doubtful),
            ("vertebra_missed", bool(numbering.missed)),
            ("vertebrae_crowded", bool(spine.crowded)),
        )
        if raised
    ]
    outcome = "right" if not wrong else "flagged" if flags else "silent"
    sure = round(numbering.confidence, 2)
    return {"outcome": outcome, "flags": flags, "wrong": wrong, "confidence": sure}


def _cut_below(level: str, steps: float = 0.5) -> Scenario:
    """The image ends `steps` of the step from the body above below the centre of `level`."""

    def change(stack: ScanStack, down: dict[str, float]) -> bool:
        names = sorted(down, key=down.__getitem__)
        if level not in names or names.index(level) == 0:
            return False
        above = down[names[names.index(level) - 1]]
        bottom = round(down[level] + steps * (down[level] - above))
        if bottom >= stack.volume.shape[1]:
            return False
        _shorten(stack, bottom)
        return True

    return change


def _shorten(stack: ScanStack, bottom: int) -> None:
    stack.volume, stack.labels = stack.volume[:, :bottom], stack.labels[:, :bottom]
    stack._geometries = [stack._geometry(i) for i in range(len(stack.volume))]


def _void(*levels: str) -> Scenario:
    """The bodies give no signal."""

    def change(stack: ScanStack, down: dict[str, float]) -> bool:
        if stack.case["levels"] is None or not set(levels) <= set(down):
            return False
        inside = np.isin(stack.labels, [VERSE[n] for n in levels])
        stack.volume = np.where(inside, 0, stack.volume)
        return True

    return change


def _fused(upper: str, lower: str) -> Scenario:
    """The disc between two bodies looks like the bodies."""

    def change(stack: ScanStack, down: dict[str, float]) -> bool:
        if stack.case["levels"] is None or not {upper, lower} <= set(down):
            return False
        both = np.isin(stack.labels, [VERSE[upper], VERSE[lower]])
        reach = round(9.0 / stack.spacing_mm[1])
        column = np.zeros((1, 2 * reach + 1, 1), bool)
        column[:] = True
        disc = ndimage.binary_closing(np.pad(both, ((0, 0), (reach, reach), (0, 0))), column)
        disc = disc[:, reach:-reach] & ~both
        rng = np.random.default_rng(0)
        bone = stack.volume[both]
        painted = rng.choice(bone, int(disc.sum()))
        stack.volume = np.array(stack.volume)
        stack.volume[disc] = painted
        return True

    return change


SCENARIOS: dict[str, Scenario] = {
    "whole": lambda _stack, _down: True,
    "ends 1 step below L5": _cut_below("L5", 1.0),
    "ends 0.7 steps below L5": _cut_below("L5", 0.7),
    "sacrum out of view": _cut_below("L5"),
    "ends 0.2 steps below L5": _cut_below("L5", 0.2),
    "ends in the middle of L5": _cut_below("L5", 0.0),
    "L5 out of view": _cut_below("L4"),
    "L4 out of view": _cut_below("L3"),
    "thoracic only": _cut_below("T12"),
    "void L2": _void("L2"),
    "void L2 L3": _void("L2", "L3"),
    "void L5": _void("L5"),
    "fused L2 L3": _fused("L2", "L3"),
    "fused L4 L5": _fused("L4", "L5"),
}


def _tell(rows: list[dict]) -> None:
    by = defaultdict(list)
    for row in rows:
        by[row["scenario"]].append(row)
    print("| scenario | scans | right | right, flagged | flagged | silent | nothing |")
    print("|---|---|---|---|---|---|---|")
    for name in SCENARIOS:
        n = Counter(r["outcome"] for r in by[name])
        extra = sum(r["outcome"] == "right" and bool(r["flags"]) for r in by[name])
        print(
            f"| {name} | {len(by[name])} | {n['right']} | {extra} | {n['flagged']} "
            f"| {n['silent']} | {n['nothing']} |"
        )


if __name__ == "__main__":
    main()
