"""Which exams an export holds, where they are said to lie, and which are wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from fasciaseg.batch.exams import Selection, exams_of, patterns_in
from fasciaseg.batch.ledger import Exam
from fasciaseg.dicom.scan import scan
from fasciaseg.errors import UsageError

from .conftest import write_image

KEY = bytes(32)


def exam(place: str, uid: str) -> Exam:
    return Exam(f"{uid:0>16}", uid, "", place, "")


EXAMS = [exam("a/one", "1.1"), exam("a/two", "1.2"), exam("b", "1.3"), exam(".", "1.4")]


@pytest.mark.parametrize(
    ("include", "exclude", "uids"),
    [
        ((), (), ["1.1", "1.2", "1.3", "1.4"]),
        (("a",), (), ["1.1", "1.2"]),
        (("a/",), (), ["1.1", "1.2"]),
        (("./a/*",), (), ["1.1", "1.2"]),
        (("*/two", "1.4"), (), ["1.2", "1.4"]),
        ((), ("a/one", "b"), ["1.2", "1.4"]),
        (("a",), ("1.1",), ["1.2"]),
        (("00000000000001.3",), (), ["1.3"]),
        (("[ab]",), ("*/o*",), ["1.2", "1.3"]),
    ],
)
def test_selection(include: tuple[str, ...], exclude: tuple[str, ...], uids: list[str]) -> None:
    wanted = Selection(include, exclude).of(EXAMS)
    assert [e.study_instance_uid for e in wanted] == uids


def test_a_selection_of_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="None of the 4 exams"):
        Selection(("one",), ()).of(EXAMS)


def test_lists_have_comments_and_other_systems_slashes() -> None:
    assert patterns_in(["# mine", "", "  a\\b ", "1.2.3\r\n"]) == ("a/b", "1.2.3")


def test_places_and_names(tmp_path: Path) -> None:
    write_image(tmp_path / "IM0", "1.1")
    write_image(tmp_path / "deep" / "er" / "s1" / "IM0", "1.2")
    write_image(tmp_path / "deep" / "er" / "s2" / "IM0", "1.2", number=2)
    write_image(tmp_path / "p1" / "IM0", "1.3", patient="A")
    write_image(tmp_path / "p2" / "IM0", "1.3", patient="B")
    found = exams_of(scan(tmp_path), tmp_path, KEY)
    assert [(e.input, e.study_instance_uid) for e in found.exams] == [
        (".", "1.1"), ("deep/er", "1.2"), ("p1", "1.3"), ("p2", "1.3"),
    ]  # fmt: skip
    assert len({e.name for e in found.exams}) == 4
    again = exams_of(scan(tmp_path), tmp_path, bytes([1] * 32))
    assert not {e.name for e in found.exams} & {e.name for e in again.exams}
