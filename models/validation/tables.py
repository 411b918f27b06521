"""The validation report as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from measure import agreement, class_right, has_to_be_found, share
from mimics import MIMICS
from trial import TUNING_FOLDS, Row

GROUPS = {
    "dixon": "Dixon water (real fat suppression, gradient echo)",
    "stir-like": "T2 made STIR-like (fat darkened by us)",
    "phantom T2_FS": "Phantom, fat-suppressed T2",
    "phantom STIR": "Phantom, STIR",
    "phantom T2_DIXON_WATER": "Phantom, Dixon water",
}
#: Painted at least this far from muscle (0) to CSF (1) is as bright as fluid.
FLUID = 0.85
#: Steps of painted brightness over the exam's own muscle.
STEPS = ((0.0, 1.0), (1.0, 1.25), (1.25, 1.5), (1.5, 2.0), (2.0, 3.0), (3.0, 99.0))


def report(rows: Sequence[Row], seed: int) -> str:
    """The whole page."""
    reported = [r for r in rows if not r.tuning]
    parts = [
        HEAD.format(folds=" and ".join(map(str, TUNING_FOLDS)), seed=seed),
        _main(reported),
        CURVES,
        _steps(reported),
        _fluid(reported),
        _mimics(reported),
        _lengths(reported),
        _tuning(rows),
        _confidence(reported),
        LIMITS,
    ]
    return "\n".join(p for p in parts if p)


HEAD = """# How right is it? Validation on painted scans and phantoms

No public scan shows fascia edema with an expert's reading beside it. So fluid-like bands are
painted along the fascia of real scans, with and without what looks like edema and isn't, scanned
anew as thick slices with a coil and noise of their own, and read without a hint. The fascia's
place comes from the clean scan's grey values (in a corridor given by a network that never saw the
patient), the levels from published vertebra labels. Each scan is read with the fold model that
never saw its patient.

**Numbers of the method were chosen on patients of folds {folds}; all tables but the one that says
otherwise are of the other patients.** Seed {seed}. Intervals are 95% bootstrap intervals by
patient (where all or none are right, the exact one-sided bound). Remade by
`python models/validation/report.py --shared ../shared`.

*Has to be found*: painted at least 3 mm thick and at least 1.3 times as bright as the normal band
of 5 mm around the fascia in its place. Levels are compared where the true coverage is under 0.2 or
over 0.5.
"""
CURVES = """
![Share of exams with location and severity right](images/validation-brightness.svg)

## By brightness

How often location and severity are right, by how many times the painted band outshines the exam's
own muscle. The threshold rests on muscle: edema as dark as muscle is found only where it replaces
dark fat.
"""
LIMITS = """
## What this doesn't show

Painted bands are no edema: real edema has fuzzy ends, follows septa, and comes with a fracture.
The STIR-like scans are T2 scans whose fat was darkened by a rule; their muscle, noise and coil are
real, their suppression isn't. The Dixon scans are gradient echoes on which muscle is nearly as
bright as fluid, harder than clinical STIR. Patients are volunteers and back pain patients, not
osteoporotic fractures. Agreement with expert readers on real fascia edema is not known.
"""


def _main(rows: Sequence[Row]) -> str:
    out = [
        "## Exams",
        "",
        "| | location and severity right | level list right | no answer | mean length error, mm "
        "| called without edema |",
        "|---|---|---|---|---|---|",
    ]
    for group, name in GROUPS.items():
        mine = [r for r in rows if r.contrast_group == group and not r.mimic]
        if not mine:
            continue
        must = [r for r in mine if has_to_be_found(r)]
        clean = [r for r in mine if not r.edema]
        a = agreement(must)
        out.append(
            f"| {name} | {share(must, class_right)} | {share(must, _levels)} "
            f"| {share(must, _null)} | {a.mean_absolute:.1f} "
            f"({a.mean_absolute_low:.1f}–{a.mean_absolute_high:.1f}) | {share(clean, _called)} |"
        )
    out += ["", "Per level, same exams:", "", "| | found | called without edema | Dice |",
            "|---|---|---|---|"]  # fmt: skip
    for group, name in GROUPS.items():
        mine = [r for r in rows if r.contrast_group == group and not r.mimic]
        must = [r for r in mine if has_to_be_found(r)]
        if not must:
            continue
        hits = share(must, lambda r: r.level_hits, lambda r: r.level_truths)
        false = share(
            [r for r in mine if has_to_be_found(r) or not r.edema],
            lambda r: r.level_false, lambda r: r.level_clean,
        )  # fmt: skip
        dice = [r.dice for r in must if r.dice is not None]
        mean = f"{np.mean(dice):.2f}" if dice else "–"
        out.append(f"| {name} | {hits} | {false} | {mean} |")
    return "\n".join(out)


def _steps(rows: Sequence[Row]) -> str:
    groups = ("dixon", "stir-like")
    out = ["| painted brightness / muscle | " + " | ".join(GROUPS[g] for g in groups) + " |",
           "|---|" + "---|" * len(groups)]  # fmt: skip
    for low, high in STEPS:
        cells = []
        for g in groups:
            mine = [
                r for r in rows
                if r.contrast_group == g and r.edema and not r.mimic and r.thickness_mm >= 3
                and low <= r.contrast_muscle < high
            ]  # fmt: skip
            cells.append(str(share(mine, class_right)))
        label = f"{low:g}–{high:g}" if high < 90 else f"over {low:g}"
        out.append(f"| {label} | " + " | ".join(cells) + " |")
    thick = [
        "",
        "By thickness (at least 1.25 × muscle):",
        "",
        "| thickness, mm | all |",
        "|---|---|",
    ]
    for low, high in ((2, 3), (3, 5), (5, 7), (7, 10.1)):
        mine = [
            r for r in rows
            if r.edema and not r.mimic and r.contrast_group in groups
            and low <= r.thickness_mm < high and r.contrast_muscle >= 1.25
        ]  # fmt: skip
        thick.append(f"| {low}–{high:g} | {share(mine, class_right)} |")
    return "\n".join(out + thick) + "\n"


def _fluid(rows: Sequence[Row]) -> str:
    out = [
        "",
        f"As bright as fluid (at least {FLUID:g} of the way from muscle to CSF) and 3 mm thick:",
        "",
        "| | location and severity right | the same where no level is borderline "
        "| level list right |",
        "|---|---|---|---|",
    ]
    for group in ("dixon", "stir-like"):
        mine = [
            r for r in rows
            if r.contrast_group == group and not r.mimic and has_to_be_found(r)
            and (r.brightness or 0.0) >= FLUID
        ]  # fmt: skip
        clear = [r for r in mine if r.clear]
        out.append(
            f"| {GROUPS[group]} | {share(mine, class_right)} | {share(clear, class_right)} "
            f"| {share(mine, _levels)} |"
        )
    return "\n".join(out) + "\n"


def _mimics(rows: Sequence[Row]) -> str:
    out = [
        "## What looks like edema",
        "",
        "Without edema, how often it is called, and how often the exam is left unanswered with a "
        "flag; with painted edema that has to be found beside it, how often location and severity "
        "are right.",
        "",
        "| | called | of these without a flag | no answer | right with edema beside it |",
        "|---|---|---|---|---|",
    ]
    for name in MIMICS:
        alone = [r for r in rows if r.mimic == name and not r.edema]
        beside = [r for r in rows if r.mimic == name and has_to_be_found(r)]
        if not alone:
            continue
        silent = share(alone, lambda r: bool(r.called) and not r.flags)
        out.append(
            f"| {name.replace('_', ' ')} | {share(alone, _called)} | {silent.n}/{silent.of} "
            f"| {share(alone, _null)} | {share(beside, class_right)} |"
        )
    sub = [r for r in rows if r.mimic == "subcutaneous" and not r.edema and r.called]
    if sub:
        flagged = sum("subcutaneous_edema" in r.flags for r in sub)
        out += ["", f"Of the {len(sub)} exams with only subcutaneous edema that were called, "
                f"{flagged} carry `subcutaneous_edema`."]  # fmt: skip
    return "\n".join(out)


def _lengths(rows: Sequence[Row]) -> str:
    out = ["", "## Length", "", "![Found less true length](images/validation-length.svg)", "",
           "| | exams | bias, mm | limits of agreement, mm | mean absolute error, mm |",
           "|---|---|---|---|---|"]  # fmt: skip
    for group, name in GROUPS.items():
        mine = [r for r in rows if r.contrast_group == group and not r.mimic and has_to_be_found(r)]
        a = agreement(mine)
        if a.n:
            out.append(
                f"| {name} | {a.n} | {a.bias:+.1f} | {a.low:.1f} to {a.high:.1f} "
                f"| {a.mean_absolute:.1f} |"
            )
    return "\n".join(out)


def _tuning(rows: Sequence[Row]) -> str:
    out = ["", "## The patients that numbers were chosen on", "",
           "| | location and severity right | level list right | called without edema |",
           "|---|---|---|---|"]  # fmt: skip
    for group, name in GROUPS.items():
        mine = [r for r in rows if r.tuning and r.contrast_group == group and not r.mimic]
        if mine:
            must = [r for r in mine if has_to_be_found(r)]
            clean = [r for r in mine if not r.edema]
            out.append(
                f"| {name} | {share(must, class_right)} | {share(must, _levels)} "
                f"| {share(clean, _called)} |"
            )
    return "\n".join(out)


def _confidence(rows: Sequence[Row]) -> str:
    told = [r for r in rows if r.confidence is not None and _judgeable(r)]
    if not told:
        return ""
    out = ["", "## Confidence", "", "![Calibration](images/validation-confidence.svg)", "",
           "All exams above, mimics and faint edema included; an exam without an answer has none.",
           "", "| confidence | location and severity right |", "|---|---|"]  # fmt: skip
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 1.01)):
        mine = [r for r in told if low <= (r.confidence or 0.0) < high]
        out.append(f"| {low:g}–{min(high, 1):g} | {share(mine, class_right)} |")
    return "\n".join(out)


def _judgeable(r: Row) -> bool:
    return r.called is not None and r.clear


def _called(r: Row) -> int:
    return int(bool(r.called))


def _null(r: Row) -> int:
    return int(r.called is None)


def _levels(r: Row) -> int:
    return int(bool(r.levels_right))
