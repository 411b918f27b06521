"""The project's acceptance test: the nine real exams, every answer known.

Each is read with the fold model that never saw its patient, and again with the shipped model.
Location, severity and level list must be right on all nine; on the plain T2 ones `false`, or
null with a flag, is right.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import fasciaseg
from fasciaseg.flags import FLAGS

EXAMS = [
    "t1t2-zukic11",
    "t2-chu13",
    "water05-L1-L3",
    "water07-L1-L2",
    "water11-L2-L5",
    "water30-L3-L3",
    "water44-L4-L5",
    "water44-none",
    "water47-L1-L5",
]

Reader = Callable[[str, str], fasciaseg.Result]


@pytest.fixture(scope="module")
def truth(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "exams" / "truth.json").read_text())
    return found


@pytest.fixture(scope="module")
def read(shared: Path, models: Path, recipe: Callable[[str], ModuleType]) -> Reader:
    """`read(exam, "fold")` or `read(exam, "shipped")`, each once."""
    patients = [c["patient"] for c in json.loads((shared / "mri" / "cases.json").read_text())]
    kept: dict[tuple[str, str], fasciaseg.Result] = {}

    def read(exam: str, model: str) -> fasciaseg.Result:
        path = None
        if model == "fold":
            patient = recipe("validate_exams").patient_of(exam)
            path = models / "folds" / f"fold-{recipe('folds').fold_of(patient, patients)}.onnx"
            if not path.is_file():
                pytest.skip(f"{path.name} isn't there (models/training/train.py --fold makes it)")
        if (exam, model) not in kept:
            options = fasciaseg.Options(model=path, threads=1)
            kept[exam, model] = fasciaseg.classify(shared / "exams" / exam, options)
        return kept[exam, model]

    return read


both_models = pytest.mark.parametrize("model", ["fold", "shipped"])


def test_these_are_all_the_exams(truth: dict[str, Any]) -> None:
    assert set(truth) == set(EXAMS)


@both_models
@pytest.mark.parametrize("exam", EXAMS)
def test_an_exam_is_classified_right(
    read: Reader, truth: dict[str, Any], exam: str, model: str
) -> None:
    r, t = read(exam, model), truth[exam]
    c = r.classification
    if t["kind"] == "t2_plain" and c.fascia_edema is None:
        assert (c.location, c.severity, r.edema.levels) == (None, None, ())
        assert any(FLAGS[f.code].withholds_answer for f in r.flags)
        return
    assert list(r.edema.levels) == t["levels"]
    assert (c.location, c.severity) == (t["location"], t["severity"])
    assert c.fascia_edema is bool(t["levels"])


@both_models
@pytest.mark.parametrize("exam", EXAMS)
def test_an_exams_middle_and_vertebrae_are_right(
    read: Reader, truth: dict[str, Any], exam: str, model: str
) -> None:
    r, t = read(exam, model), truth[exam]
    positions = [s.position_mm for s in r.central_slices]
    step = (positions[2] - positions[0]) / 2
    assert abs(positions[1] - t["middle_x_mm"]) <= step / 2 + 0.5
    found = {v.level: v.center_lps_mm for v in r.vertebrae}
    for level, at in t["vertebrae"].items():
        assert level in found, level
        assert np.linalg.norm(np.subtract(found[level], at)) < 10, level


@both_models
def test_lengths_are_right_within_5_mm_on_average(
    read: Reader, truth: dict[str, Any], model: str
) -> None:
    errors = {
        exam: abs(read(exam, model).edema.length_mm - t["length_mm"])
        for exam, t in truth.items()
        if t["kind"] != "t2_plain"
    }
    assert np.mean(list(errors.values())) <= 5, errors
