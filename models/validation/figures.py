"""Figures of the validation report (SVG), without any scan in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
from measure import class_right, has_to_be_found, share
from trial import Row

mpl.use("svg")
import matplotlib.pyplot as plt

#: Right for colour-blind eyes and in greyscale: colour, marker and line style differ.
STYLE = {"dixon": ("#0072B2", "o", "-"), "stir-like": ("#D55E00", "s", "--")}
NAMES = {"dixon": "Dixon water", "stir-like": "STIR-like"}


def draw(rows: Sequence[Row], folder: Path) -> None:
    """All figures of the patients that nothing was chosen on."""
    mpl.rcParams.update({"svg.hashsalt": "fasciaseg", "font.size": 10, "axes.grid": True,
                         "grid.alpha": 0.3})  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    reported = [r for r in rows if not r.tuning]
    _brightness(reported, folder / "validation-brightness.svg")
    _length(reported, folder / "validation-length.svg")
    if any(r.confidence is not None for r in reported):
        _confidence(reported, folder / "validation-confidence.svg")


def _save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _brightness(rows: Sequence[Row], path: Path) -> None:
    edges = [0.9, 1.05, 1.2, 1.4, 1.7, 2.2, 3.0, 5.0, 12.0]
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for group, (colour, marker, line) in STYLE.items():
        x, y, low, high = [], [], [], []
        for a, b in pairwise(edges):
            mine = [
                r for r in rows
                if r.contrast_group == group and r.edema and not r.mimic and r.thickness_mm >= 3
                and a <= r.contrast_muscle < b
            ]  # fmt: skip
            if len(mine) < 4:
                continue
            s = share(mine, class_right)
            x.append(float(np.median([r.contrast_muscle for r in mine])))
            y.append(100 * s.n / s.of)
            low.append(max(y[-1] - 100 * s.low, 0))
            high.append(max(100 * s.high - y[-1], 0))
        axes.errorbar(x, y, [low, high], color=colour, marker=marker, ls=line, capsize=3,
                      label=NAMES[group])  # fmt: skip
    axes.set(xscale="log", xlabel="painted brightness / muscle", ylim=(0, 103),
             ylabel="location and severity right, %")  # fmt: skip
    axes.set_xticks([1, 1.5, 2, 3, 5, 10], ["1", "1.5", "2", "3", "5", "10"])
    axes.minorticks_off()
    axes.legend(loc="lower right")
    _save(figure, path)


def _length(rows: Sequence[Row], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for group, (colour, marker, _) in STYLE.items():
        mine = [
            r for r in rows
            if r.contrast_group == group and not r.mimic and has_to_be_found(r)
            and r.called is not None
        ]  # fmt: skip
        axes.scatter(
            [(r.length_mm + r.true_length_mm) / 2 for r in mine],
            [r.length_mm - r.true_length_mm for r in mine],
            s=16, color=colour, marker=marker, alpha=0.6, label=NAMES[group],
        )  # fmt: skip
    axes.axhline(0, color="black", lw=0.8)
    axes.set(xlabel="mean of found and true length, mm", ylabel="found less true, mm")
    axes.legend()
    _save(figure, path)


def _confidence(rows: Sequence[Row], path: Path) -> None:
    told = [r for r in rows if r.confidence is not None and r.called is not None and r.clear]
    edges = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.001]
    figure, axes = plt.subplots(figsize=(4.4, 4.0))
    axes.plot([0, 100], [0, 100], color="black", lw=0.8)
    for a, b in pairwise(edges):
        mine = [r for r in told if a <= (r.confidence or 0) < b]
        if len(mine) >= 4:
            s = share(mine, class_right)
            x = 100 * float(np.mean([r.confidence or 0 for r in mine]))
            y = 100 * s.n / s.of
            axes.errorbar([x], [y], [[max(y - 100 * s.low, 0)], [max(100 * s.high - y, 0)]],
                          color="#0072B2", marker="o", capsize=3)  # fmt: skip
    axes.set(xlabel="confidence, %", ylabel="location and severity right, %", xlim=(0, 102),
             ylim=(0, 102))  # fmt: skip
    _save(figure, path)
