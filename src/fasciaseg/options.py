"""What a user can set about a reading. Every default says where it comes from."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .anatomy.anchor import UserAnchor
from .errors import UsageError

#: How a stretch of fascia can be given to a level (`scoring.territories`).
RULES: tuple[str, ...] = ("axial", "spinous")


@dataclass(frozen=True)
class ThresholdOptions:
    """How bright is edema. No constant in scanner units.

    Attributes:
        k: muscle counts as edema from its third quartile + k x IQR on; 1.5 is Tukey's fence.
        sure: an edema contains pixels this many times as bright as the threshold (hysteresis);
            1 turns hysteresis off.
        alone: edema seen on one of the three slices only has to be this many times as bright.
        csf_low, csf_high: bounds of that threshold as fractions of the exam's CSF.
        fluid_csf, fluid_muscle: behind the fascia, where suppressed fat is dark, fluid needs only
            these fractions of CSF and of the muscle's median (the higher one of the two).
        plain_csf_low: the lower bound on plain T2 whose fat was told by a T1: residues of fat and
            muscle stay below, fluid doesn't.
        least_length_mm: shorter patches are vessels and noise, unless they are thick and clearly
            bright and two thirds as long; a third of a lumbar level.
        fascial_mm: pixels nearer to the fascia line than this are fascial (design: 5 mm).
        deepest_mm: farther before the line nothing is looked for (interspinous tissue).
    """

    k: float = 1.5
    sure: float = 1.05
    alone: float = 2.0
    csf_low: float = 0.15
    csf_high: float = 1.0
    fluid_csf: float = 0.85
    fluid_muscle: float = 0.65
    plain_csf_low: float = 0.35
    least_length_mm: float = 12.0
    fascial_mm: float = 5.0
    deepest_mm: float = 15.0

    def __post_init__(self) -> None:
        """Reject values that can't mean anything."""
        numbers = dataclasses.astuple(self)
        if not all(math.isfinite(n) for n in numbers):
            raise UsageError("bad_option", "Threshold options must be finite numbers.")
        if self.k < 0 or min(self.sure, self.alone) < 1:
            raise UsageError("bad_option", "k must be at least 0, sure and alone at least 1.")
        if not 0 < self.csf_low < self.csf_high:
            raise UsageError("bad_option", "The CSF bounds must satisfy 0 < low < high.")


@dataclass(frozen=True)
class Options:
    """Options of `fasciaseg.classify`.

    Attributes:
        out: folder for the pictures and `result.json`; None writes nothing.
        study: StudyInstanceUID to read when the input holds several.
        save_mask: also write the edema mask and the level map as NIfTI.
        study_date: put the StudyDate into the result.
        assume_spine: read the stack's middle with a flag when no vertebra is found.
        involved_fraction: share of a level's fascia that edema must cover (design: one third).
        rule: how a stretch of fascia is given to a level: `axial`, by the vertebral body at its
            height, or `spinous`, by the spinous process before it.
        anchor: a reader's word on the numbering (`anatomy.anchor.parse` makes it from text).
        threshold: how bright is edema.
        model: an ONNX file instead of the shipped localizer (validation uses fold models).
        threads: threads of the network; 0 lets the runtime choose.
    """

    out: Path | None = None
    study: str | None = None
    save_mask: bool = False
    study_date: bool = False
    assume_spine: bool = False
    involved_fraction: float = 1 / 3
    rule: str = "axial"
    anchor: UserAnchor | None = None
    threshold: ThresholdOptions = field(default_factory=ThresholdOptions)
    model: Path | None = None
    threads: int = 0

    def __post_init__(self) -> None:
        """Reject values that can't mean anything."""
        if not 0 < self.involved_fraction <= 1:
            raise UsageError(
                "bad_option", f"involved_fraction must lie in (0, 1], not {self.involved_fraction}."
            )
        if self.rule not in RULES:
            raise UsageError(
                "bad_option", f"Unknown level rule {self.rule!r}; use {' or '.join(RULES)}."
            )

    def deciding(self) -> dict[str, Any]:
        """The options that decide a result, for `software.options`."""
        return {
            "rule": self.rule,
            "involved_fraction": round(self.involved_fraction, 6),
            "assume_spine": self.assume_spine,
            "anchor": str(self.anchor) if self.anchor is not None else None,
            "threshold": dataclasses.asdict(self.threshold),
        }
