"""A table of anchors: which exams it reaches, and what a bad one says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fasciaseg.anatomy.anchor import parse
from fasciaseg.batch.anchors import Anchors, read_anchors
from fasciaseg.errors import UsageError

from .conftest import Batch

MakeBatch = Callable[..., Batch]


def table(folder: Path, text: str) -> Anchors:
    path = folder / "anchors.csv"
    path.write_text(text, encoding="utf-8-sig")
    return read_anchors(path)


def test_a_table(tmp_path: Path) -> None:
    told = table(tmp_path, "reader,exam,anchor\nA,1.2.3,L1@-35.2\nB, 00ff ,L5=L4\n,,\n")
    assert told == (("1.2.3", parse("L1@-35.2")), ("00ff", parse("L5=L4")))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("exam;anchor\n1.2;L1@3\n", "columns"),
        ("", "columns"),
        ("exam,anchor\n1.2,L1@3\n1.3,L9@3\n", "Line 3"),
        ("exam,anchor\n1.2,\n", "Line 2"),
        ("exam,anchor\n1.2,L1@3\n1.2,L5=L4\n", "Line 3"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        table(tmp_path, text)
    assert caught.value.code == "bad_anchors"
    assert word in caught.value.reason


def test_a_changed_anchor_reads_that_exam_alone(make_batch: MakeBatch, tmp_path: Path) -> None:
    batch = make_batch("a", "b", "c")
    batch.run()
    batch.forget_tries()
    b_by_uid = table(tmp_path, "exam,anchor\n1.2.826.2,L5=L4\n")
    batch.run(anchors=b_by_uid)
    assert batch.tried == ["b"]
    batch.forget_tries()
    batch.run(anchors=b_by_uid)
    assert batch.tried == []
    c = next(line["exam"] for line in batch.lines if line["input"] == "c")
    batch.run(anchors=table(tmp_path, f"exam,anchor\n{c},L1@3\n1.2.826.2,L5=L4\n"))
    assert batch.tried == ["c"]
    batch.forget_tries()
    batch.run()
    assert batch.tried == ["b", "c"]
    assert set(batch.ends.values()) == {"scored"}


def test_exams_that_are_not_there_are_counted(
    make_batch: MakeBatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    batch = make_batch("a")
    batch.run(anchors=table(tmp_path, "exam,anchor\n1.2.826.1,L5=L4\n9.9,L5=L4\n"))
    assert "1 of the 2 lines of --anchors fit no exam" in caplog.text
    assert batch.manifest["run"]["n_anchors"] == 2
