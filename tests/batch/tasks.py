"""What workers do in tests instead of reading: quick, or broken in one way each.

The name of an exam's folder says what happens to it. Every try is put down in `tried.txt` beside
the results.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
import uuid
from pathlib import Path

from fasciaseg.batch.lines import line
from fasciaseg.batch.task import Job, Outcome
from fasciaseg.result import (
    Anchor,
    CentralSlice,
    Classification,
    Depth,
    Edema,
    LevelEdema,
    Outputs,
    Result,
    SeriesInfo,
    Software,
    StudyInfo,
)

RESULT = Result(
    input="",
    software=Software("0", "m.onnx", "0" * 64, {}),
    study=StudyInfo("1.2.3"),
    series_edema=SeriesInfo("1.2.3.4", "STIR"),
    series_t1=None,
    central_slices=(CentralSlice("1.2", 0.0),) * 3,
    levels_in_view=("L1", "L2"),
    vertebrae=(),
    anchor=Anchor("lumbosacral_junction", 0.9),
    edema=Edema(
        levels=("L1",),
        length_mm=21.5,
        area_mm2=80.0,
        rule="axial",
        threshold={"low": 123.4, "source": "muscle"},
        depth=Depth(0.1, 0.9, 0.0),
        per_level=(
            LevelEdema("L1", True, 0.61, 21.5, 80.0, 2.1),
            LevelEdema("L2", None, 0.0, 0.0, 0.0, None),
        ),
    ),
    classification=Classification(True, "thoracolumbar", "non_severe"),
    flags=(),
    outputs=Outputs(("slice-1.png",), "summary.png"),
)


def act(job: Job) -> Outcome:
    """Do what the exam's folder is called; anything else is scored."""
    with (job.work.parent / "tried.txt").open("a") as tried:
        tried.write(f"{job.input}\n")
    if "hang" in job.input:
        time.sleep(600)
    if "crash" in job.input:
        os.abort()
    if "bad" in job.input:
        return Outcome("failed", "truncated", "2 files end before their image does.", "Copy it.")
    if "none" in job.input:
        return Outcome("skipped", "no_usable_series", "There is no usable series.", "Take another.")
    if "full" in job.input:
        return Outcome("stopped", "output_no_space", "No space left.", "Free some.", exit_code=6)
    return _scored(job)


def recover(job: Job) -> Outcome:
    """Score everything: whatever was wrong has been put right."""
    with (job.work.parent / "tried.txt").open("a") as tried:
        tried.write(f"{job.input}\n")
    return _scored(job)


def slow(job: Job) -> Outcome:
    """Half a tenth of a second of work."""
    time.sleep(0.05)
    return act(job)


def _scored(job: Job) -> Outcome:
    study = StudyInfo(job.study.study_instance_uid)
    result = dataclasses.replace(RESULT, study=study, input=job.input)
    folder = job.work / f"{job.exam}-{uuid.uuid4().hex}"
    folder.mkdir()
    (folder / "summary.png").write_bytes(b"PNG")
    (folder / "result.json").write_text(json.dumps(result.to_dict(), indent=2))
    return Outcome("scored", folder=folder, line=line(job.exam, result.to_dict()), peak_mb=100.0)


def beat(path: Path) -> None:
    """Never ends, and shows that it is alive: the file grows."""
    while True:
        with path.open("ab") as file:
            file.write(b".")
        time.sleep(0.05)


def echo(text: str) -> str:
    """Talk between the replies, then answer."""
    print("a library says hello")  # noqa: T201
    return text
