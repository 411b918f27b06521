"""Fit the weights of the confidence: `python models/validation/calibrate.py ROWS`.

ROWS is what `report.py --rows` keeps. Only exams of the tuning patients are used; borderline ones,
where a reader may say either, are left out. Prints the constants of `fasciaseg.confidence`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

import numpy as np
from campaign import load
from measure import class_right
from scipy.optimize import minimize

#: Pull of the weights towards zero, against chance in some hundred exams.
RIDGE = 1.0


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    args = parser.parse_args()
    rows = [r for r in load(args.rows) if r.tuning and r.clear and r.features]
    # The numbering stands apart: it is right on nearly all of these.
    names = [n for n in rows[0].features if n != "anchor"]
    x = np.array([[r.features[n] for n in names] for r in rows])
    y = np.array([class_right(r) for r in rows], float)

    def loss(w: np.ndarray) -> float:
        logit = w[0] + x @ w[1:]
        return float(np.logaddexp(0, np.where(y > 0, -logit, logit)).sum()) + RIDGE * float(
            (w[1:] ** 2).sum()
        )

    # No sign speaks against the answer it supports.
    bounds = [(None, None)] + [(0, None)] * len(names)
    w = minimize(loss, np.zeros(len(names) + 1), bounds=bounds, method="L-BFGS-B").x
    print(f"{len(rows)} exams, {int(y.sum())} right")
    print(f"BIAS = {w[0]:.2f}")
    print("WEIGHTS =", {n: round(float(v), 2) for n, v in zip(names, w[1:], strict=True)})
    p = 1 / (1 + np.exp(-(w[0] + x @ w[1:])))
    for low, high in ((0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01)):
        mine = (p >= low) & (p < high)
        if mine.any():
            print(f"{low:.1f}-{high:.2f}: {int(y[mine].sum())}/{int(mine.sum())} right")


if __name__ == "__main__":
    main()
