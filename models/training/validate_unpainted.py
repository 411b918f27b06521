"""What the whole reading says about the scans as they are: none of them shows fascia edema.

    python models/training/validate_unpainted.py --data ../shared/mri --folds models/folds

Every scan is read as a 4 mm stack with the fold model that never saw its patient. Dixon water
scans are read as fat-suppressed ones; plain T2 scans are read as plain T2 (always null with a
flag) and, to see what the flag is good for, once more as if they were fat-suppressed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from data import cases
from scans import ScanStack

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.options import Options
from fasciaseg.pipeline import read_stack
from fasciaseg.reading import SeriesContext
from fasciaseg.report import WriteOptions, write
from fasciaseg.result import SeriesInfo, StudyInfo
from folds import fold_of


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--only", help="ids that begin with this")
    parser.add_argument("--out", type=Path, help="write pictures of exams called positive here")
    args = parser.parse_args()
    everything = cases(args.data)
    patients = [c["patient"] for c in everything]
    counts: Counter[tuple[str, str, str]] = Counter()
    for case in everything:
        if case["sequence"] == "T1" or (args.only and not case["id"].startswith(args.only)):
            continue
        fold = fold_of(case["patient"], patients)
        stack = ScanStack(args.data, case, 1 if case["source"] == "spider2024" else 2)
        plain = case["sequence"] != "DIXON_WATER"
        for sequence in ("T2", "T2_FS") if plain else ("T2_DIXON_WATER",):
            context = SeriesContext(case["id"], StudyInfo("1"), SeriesInfo("1.1", sequence))
            reading = read_stack(
                stack, context, Localizer(args.folds / f"fold-{fold}.onnx", 1), Options()
            )
            r = reading.result
            call = {True: "edema", False: "none", None: "null"}[r.classification.fascia_edema]
            counts[case["source"], sequence, call] += 1
            if call != "none" and sequence != "T2":
                print(case["id"], sequence, call, list(r.edema.levels), [f.code for f in r.flags])
                if args.out:
                    write(reading, args.out / case["id"], WriteOptions())
    for (source, sequence, call), n in sorted(counts.items()):
        print(f"{source:12s} read as {sequence:15s} {call:6s} {n}")


if __name__ == "__main__":
    main()
