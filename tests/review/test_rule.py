"""A batch read by the rule `spinous`, and what readers see of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fasciaseg.batch import RunOptions, run
from fasciaseg.options import Options
from fasciaseg.review.exams import Exam, drawing, load
from fasciaseg.review.length import marked_mm
from fasciaseg.review.options import ReviewOptions
from fasciaseg.review.reading import Reading, folded
from fasciaseg.review.view import exam_view
from fasciaseg.scoring.territories import territories

SPINOUS = RunOptions(jobs=1, reading=Options(rule="spinous"))


@pytest.fixture(scope="module")
def spinous(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One exam, read by `axial` first and then, into the same folder, by `spinous`."""
    home = tmp_path_factory.mktemp("spinous")
    shutil.copytree(samples / "thoracolumbar", home / "in")
    run(home / "in", home / "out", RunOptions(jobs=1))
    run(home / "in", home / "out", SPINOUS)
    return home / "out"


@pytest.fixture(scope="module")
def exam(spinous: Path) -> Exam:
    (found,) = load(spinous).values()
    return found


def test_a_folder_never_mixes_rules(exam: Exam) -> None:
    assert exam.rule == exam.told["software"]["options"]["rule"] == "spinous"


def test_readers_mark_between_the_lines_that_were_scored(spinous: Path, exam: Exam) -> None:
    view = exam_view(spinous, exam, Reading(), ReviewOptions())
    drawn = drawing(spinous, exam)
    assert drawn is not None
    assert view["rule"] == "spinous"
    seen = {t["level"]: [t["upper"], t["lower"]] for t in view["territories"]}
    assert seen.keys() == drawn["boundaries_mm"].keys()
    for level, ends in drawn["boundaries_mm"].items():
        assert seen[level] == pytest.approx(ends, abs=0.2)
    assert seen["L1"] != pytest.approx(territories(exam.vertebrae)["L1"], abs=3)


def test_marked_lengths_follow_the_rule(spinous: Path, exam: Exam) -> None:
    """A level's strip is as long as the two lines are apart, or longer where the back leans."""
    reading = folded([({"levels": {"L5": True}, "signed": True}, 1.0, "t")], exam.vertebrae)
    upper, lower = territories(exam.vertebrae, "spinous")["L5"]
    length = marked_mm(spinous, exam, reading)
    assert length is not None
    assert upper - lower - 2 < length < 1.1 * (upper - lower)
