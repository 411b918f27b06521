"""How well the localizer finds and names vertebrae on patients it never saw.

    python models/training/validate_levels.py --data ../shared/mri --folds models/folds
    ... --model m.onnx --sequence DIXON_WATER      # a model trained without that contrast

A labelled vertebra counts as found when a vertebra of its name lies within 8 mm (3-D). SPIDER
scans carry no names: there the lowest body is taken as L5 and distance is measured on the slice.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from data import cases
from scans import ScanStack

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.anatomy.spine import locate
from folds import fold_of

NEAR_MM = 8.0


def read_case(folder: Path, case: dict, localizer: Localizer, every: int) -> dict:
    """Compare one scan's vertebrae with its labels."""
    stack = ScanStack(folder, case, every)
    spine = locate(stack, localizer)
    found = {v.level: np.asarray(v.center_lps_mm) for v in spine.vertebrae}
    truth = stack.truth()
    if truth:
        away = {
            n: float(np.linalg.norm(found[n] - c)) if n in found else np.inf
            for n, c in truth.items()
        }
        lateral = float(np.mean([c[0] for c in truth.values()]))
    else:
        away = {
            n: float(np.linalg.norm(found[n][1:] - c)) if n in found else np.inf
            for n, c in stack.unnamed_truth().items()
        }
        lateral = float("nan")
    return {
        "id": case["id"],
        "source": case["source"],
        "sequence": case["sequence"],
        "labelled": len(away),
        "right": sum(d <= NEAR_MM for d in away.values()),
        "l5": away.get("L5", np.inf) <= NEAR_MM,
        "wrong": {n: round(d, 1) for n, d in away.items() if d > NEAR_MM},
        "mean_mm": float(np.mean([d for d in away.values() if np.isfinite(d)] or [np.inf])),
        "lateral_error_mm": spine.lateral_mm - lateral,
        "anchor": spine.numbering.confidence,
        "found": list(found),
    }


def _lateral(rows: list[dict]) -> float:
    """Mean absolute error of the lateral middle, mm; SPIDER scans have no truth for it."""
    known = [abs(r["lateral_error_mm"]) for r in rows if np.isfinite(r["lateral_error_mm"])]
    return float(np.mean(known)) if known else float("nan")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--only-fold", type=int)
    parser.add_argument("--sequence", nargs="*")
    parser.add_argument("--every", type=int, default=2, help="use every n-th slice")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    everything = cases(args.data)
    patients = [c["patient"] for c in everything]
    rows = []
    for case in everything:
        fold = fold_of(case["patient"], patients)
        if args.sequence and case["sequence"] not in args.sequence:
            continue
        if args.only_fold is not None and fold != args.only_fold:
            continue
        model = args.model or args.folds / f"fold-{fold}.onnx"
        every = 1 if case["source"] == "spider2024" else args.every
        rows.append(read_case(args.data, case, Localizer(model, threads=1), every))
        if rows[-1]["wrong"]:
            print(rows[-1], flush=True)
    groups = defaultdict(list)
    for r in rows:
        groups[r["source"], r["sequence"]].append(r)
        groups["all", ""].append(r)
    for (source, sequence), rs in groups.items():
        right, n = sum(r["right"] for r in rs), sum(r["labelled"] for r in rs)
        print(
            f"{source:12s} {sequence:12s} vertebrae {right}/{n} ({100 * right / n:.1f}%)  "
            f"scans all right {sum(r['right'] == r['labelled'] for r in rs)}/{len(rs)}  "
            f"L5 {sum(r['l5'] for r in rs)}/{len(rs)}  "
            f"mean {np.mean([r['mean_mm'] for r in rs]):.1f} mm  "
            f"lateral {_lateral(rs):.1f} mm"
        )
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1, default=str))


if __name__ == "__main__":
    main()
