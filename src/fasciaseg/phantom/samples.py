"""The studies in `sample_dicoms/`: six patients, every answer known."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import OutputNotWritable, UsageError
from .model import SpinePhantom
from .pathology import FasciaEdema, FatFailure, InterspinousFluid, Pathology, SubcutaneousEdema
from .placement import Placement
from .profiles import SoftTissue
from .series import ExamPlan
from .spine import Fracture, Spine
from .study import Patient, write_study
from .tissue import Sequence

log = logging.getLogger(__name__)

TRUTH_FILE = "truth.json"


@dataclass(frozen=True)
class Sample:
    """One study: who, measured how, and a word on what it is there for."""

    about: str
    phantom: SpinePhantom
    plan: ExamPlan = field(default_factory=ExamPlan)
    patient: Patient = field(default_factory=Patient)


SAMPLES: dict[str, Sample] = {
    "none": Sample(
        "an old fracture of L1, no edema of the fascia",
        SpinePhantom(
            Spine(degenerated=("L4", "L5"), seed=11,
                  fractures=(Fracture("L1", 0.3, "wedge", 0.0),)),
            SoftTissue(fat=(8.0, 9.0, 18.0, 15.0), muscle_fat=0.35, seed=11),
            placement=Placement((4.0, -12.0, 30.0), (2.0, 1.0, -1.5)),
        ),
        ExamPlan(Sequence.STIR),
        Patient(1, "F", 68, 1),
    ),
    "thoracolumbar": Sample(
        "T12-L2, behind a fresh fracture of L1; an oblique stack, 3 T",
        SpinePhantom(
            Spine(lordosis=42, kyphosis=44, scale=0.94, degenerated=("L3",), seed=12,
                  fractures=(Fracture("L1", 0.4, "wedge", 0.7),)),
            SoftTissue(fat=(6.0, 7.0, 12.0, 10.0), muscle_fat=0.5, seed=12),
            Pathology((FasciaEdema(("T12", "L1", "L2"), 4.5, 0.85),)),
            Placement((-9.0, 20.0, -15.0), (-4.0, 1.5, 4.0)),
            marrow_fat=0.6,
        ),
        ExamPlan(Sequence.T2_FS, 3.0, center_level="L2", turn_deg=(4.0, -4.0), reverse=True),
        Patient(2, "F", 77, 2),
    ),
    "lower-lumbar": Sample(
        "L4 and L5, Dixon water beside its fat image",
        SpinePhantom(
            Spine(lordosis=52, scale=1.05, scoliosis=4.0, seed=13, degenerated=("L5",),
                  fractures=(Fracture("L4", 0.3, "biconcave", 0.6),)),
            SoftTissue(fat=(12.0, 14.0, 27.0, 24.0), muscle_fat=0.25, seed=13),
            Pathology((FasciaEdema(("L4", "L5"), 6.0, 0.8, shift_mm=0.5),)),
            Placement((12.0, 5.0, 8.0), (1.0, -2.0, 2.0)),
        ),
        ExamPlan(Sequence.T2_DIXON_WATER, center_level="L3"),
        Patient(3, "M", 64, 3),
    ),
    "severe-both": Sample(
        "T11-L4 with a gap, six levels; the whole spine from T5 in view",
        SpinePhantom(
            Spine(lordosis=40, kyphosis=40, scale=0.93, seed=14, degenerated=("L2", "L4"),
                  fractures=(Fracture("T12", 0.35, "crush", 0.8), Fracture("L3", 0.2, "biconcave",
                                                                           0.0))),
            SoftTissue(fat=(9.0, 11.0, 19.0, 16.0), muscle_fat=0.6, seed=14),
            Pathology((FasciaEdema(("T11", "T12", "L1", "L2", "L3", "L4"), 7.0, 0.9,
                                   gaps=(("L1", 0.3),)),)),
            Placement((-3.0, -18.0, 0.0), (3.0, 0.0, 0.0)),
            marrow_fat=0.6,
        ),
        ExamPlan(Sequence.STIR, shape=(256, 160), pixel_mm=1.6, center_level="T12",
                 interleaved=False),
        Patient(4, "F", 81, 4),
    ),
    "mimics": Sample(
        "subcutaneous edema, interspinous fluid, fat that escapes suppression: not the fascia",
        SpinePhantom(
            Spine(lordosis=58, scale=0.97, seed=15, degenerated=("L3", "L4", "L5")),
            SoftTissue(fat=(14.0, 17.0, 34.0, 28.0), muscle_fat=0.55, seed=15),
            Pathology(
                (),
                SubcutaneousEdema(brightness=0.65, clear_mm=9.0),
                (InterspinousFluid("L3", 3.5), InterspinousFluid("L4", 4.0)),
                FatFailure("sacrum", 0.7),
            ),
            Placement((6.0, 0.0, 22.0), (-2.0, 2.0, 1.0)),
        ),
        ExamPlan(Sequence.T2_FS, 1.5),
        Patient(5, "F", 72, 5),
    ),
}  # fmt: skip


def make_samples(folder: Path) -> None:
    """Write every sample study and `truth.json` into `folder`, replacing what they replace.

    The same bytes on every machine: seeds, exact arithmetic and intensities rounded to integers.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError("not_a_folder", f"{folder} is a file.", "Name a folder.")
    answers = {}
    for name, sample in SAMPLES.items():
        study = folder / name
        try:
            if study.exists():
                _remove_own(study, folder)
        except OSError as error:
            raise OutputNotWritable(
                "output_not_writable", f"Can't replace {study}: {error.strerror}.",
                "Choose a folder that is writable.",
            ) from error  # fmt: skip
        truth = write_study(sample.phantom, study, sample.plan, sample.patient)
        answers[name] = {
            "kind": "phantom",
            "about": sample.about,
            "sequence": str(sample.plan.edema),
            **truth.to_dict(),
        }
    (folder / TRUTH_FILE).write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")
    log.info("wrote %s", folder / TRUTH_FILE)


def _remove_own(study: Path, folder: Path) -> None:
    """Delete a study that an earlier run wrote; refuse anything else of that name."""
    if not (folder / TRUTH_FILE).is_file():
        raise UsageError(
            "not_ours",
            f"{study} exists, but there is no {TRUTH_FILE} beside it: it isn't a sample study.",
            "Name another folder.",
        )
    shutil.rmtree(study)
