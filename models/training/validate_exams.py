"""Read the nine real exams with the fold that never saw their patient, and with one model.

python models/training/validate_exams.py --shared ../shared --folds models/folds
python models/training/validate_exams.py --shared ../shared
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from data import cases

import fasciaseg
from folds import fold_of

#: Which scan each exam was made from (the data's README).
PATIENT = {"zukic11": "zukic-10", "chu13": "chu-13"}


def patient_of(exam: str) -> str:
    """Patient of an exam, by its folder's name."""
    scan = exam.split("-")[0] if exam.startswith("water") else exam.split("-")[1]
    return PATIENT.get(scan, scan.replace("water", "myo-"))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--folds", type=Path, help="fold models; without it the shipped model")
    parser.add_argument("--out", type=Path, help="write pictures here")
    args = parser.parse_args()
    truth = json.loads((args.shared / "exams" / "truth.json").read_text())
    patients = [c["patient"] for c in cases(args.shared / "mri")]
    errors, right = [], 0
    for name, t in sorted(truth.items()):
        fold = fold_of(patient_of(name), patients)
        options = fasciaseg.Options(
            model=args.folds / f"fold-{fold}.onnx" if args.folds else None,
            out=args.out / name if args.out else None,
        )
        r = fasciaseg.classify(args.shared / "exams" / name, options)
        c = r.classification
        unanswered = c.fascia_edema is None and bool(r.flags)
        ok = (
            c.location == t["location"]
            and c.severity == t["severity"]
            and list(r.edema.levels) == t["levels"]
        ) or (t["kind"] == "t2_plain" and (unanswered or c.fascia_edema is False))
        right += ok
        away = abs(r.edema.length_mm - t["length_mm"])
        if c.fascia_edema is not None:
            errors.append(away)
        found = {v.level: np.array(v.center_lps_mm) for v in r.vertebrae}
        far = [
            float(np.linalg.norm(found[n] - np.array(p))) if n in found else np.inf
            for n, p in t["vertebrae"].items()
        ]
        print(
            f"{name:16s} {'ok ' if ok else 'BAD'} {c.location}/{c.severity} "
            f"{list(r.edema.levels)} "
            f"truth {t['levels']}  length {r.edema.length_mm:.1f}/{t['length_mm']:.1f}  "
            f"middle {r.central_slices[1].position_mm:.1f}/{t['middle_x_mm']}  "
            f"vertebra max {max(far):.1f} mm  cov "
            f"{ {p.level: round(p.coverage, 2) for p in r.edema.per_level} } "
            f"depth {r.edema.depth} {[f.code for f in r.flags]}  "
            f"{sum(r.timings_ms.values()):.0f} ms"
        )
    print(f"{right}/{len(truth)} right, mean absolute length error {np.mean(errors):.1f} mm")


if __name__ == "__main__":
    main()
