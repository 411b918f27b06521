"""What is put down survives being cut off between any two steps."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.batch import results
from fasciaseg.batch.ledger import NAME, Exam, Ledger
from fasciaseg.batch.lines import line
from fasciaseg.batch.store import Store
from fasciaseg.batch.task import Outcome
from fasciaseg.errors import OutputNotWritable

KINDS = st.sampled_from(["scored", "skipped", "failed"])


class Killed(BaseException):
    """The process is gone."""


class Doom:
    """Kills at the n-th dangerous step from now."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def dangerous(*arguments: Any, **more: Any) -> Any:
            self.step()
            answer = function(*arguments, **more)
            self.step()
            return answer

        return dangerous

    def tearing(self, out: Path, exam_line: bytes) -> None:
        """Half a line, then perhaps the end."""
        with (out / results.JSONL_NAME).open("ab") as file:
            file.write(exam_line[: len(exam_line) // 2])
            file.flush()
            self.step()
            file.write(exam_line[len(exam_line) // 2 :])


@contextmanager
def dangerous(doom: Doom) -> Iterator[None]:
    """Every step that puts something down may be the last one."""
    with (
        mock.patch("os.fsync"),
        mock.patch.object(Path, "rename", doom.around(Path.rename)),
        mock.patch.object(Path, "replace", doom.around(Path.replace)),
        mock.patch.object(Ledger, "record", doom.around(Ledger.record)),
        mock.patch.object(results, "append", doom.tearing),
    ):
        yield


def attempt(out: Path, exams: dict[str, Exam], kinds: dict[str, str], doom: Doom) -> list[str]:
    """One run; returns which exams it read."""
    read: list[str] = []
    ledger = Ledger(out)
    store = Store(out, ledger, "settings")
    try:
        with dangerous(doom):
            standing = store.standing(exams)
            todo = [name for name in exams if name not in standing]
            store.open(exams, todo)
            store.settle(exams)
            for name in todo:
                read.append(name)
                store.record(exams[name], outcome(store, name, kinds[name]))
            store.settle(exams)
    except Killed:
        pass
    finally:
        ledger.close()  # what isn't committed is lost, as with the process
    return read


def outcome(store: Store, name: str, kind: str) -> Outcome:
    if kind != "scored":
        return Outcome(kind, "code", "Reason.", "Action.")  # type: ignore[arg-type]
    folder = store.work / f"{name}-{0:032x}"
    folder.mkdir()
    told = {"input": name}
    (folder / "result.json").write_text(json.dumps(told))
    return Outcome("scored", folder=folder, line=line(name, told))


@settings(deadline=None, max_examples=60)
@given(
    kinds=st.lists(KINDS, min_size=1, max_size=5),
    deaths=st.lists(st.integers(1, 30), max_size=6),
)
def test_every_exam_once_whatever_happens(kinds: list[str], deaths: list[int]) -> None:
    by_name = {f"{i:016x}": kind for i, kind in enumerate(kinds)}
    exams = {n: Exam(n, f"1.2.{n}", "p", n, "files") for n in by_name}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        read: Counter[str] = Counter()
        for steps in [*deaths, 10_000]:
            read.update(attempt(out, exams, by_name, Doom(steps)))
        with Ledger(out) as ledger:
            ends = {n: e.kind for n, e in ledger.entries().items()}
        assert ends == by_name
        scored = sorted(n for n, kind in by_name.items() if kind == "scored")
        assert sorted(told["exam"] for told in results.results(out)) == scored
        assert sorted(p.name for p in (out / "exams").iterdir()) == scored
        assert read.total() <= len(exams) + len(deaths), "a death costs one exam"
        before = (out / "results.jsonl").read_bytes() if scored else b""
        assert attempt(out, exams, by_name, Doom(10_000)) == []
        assert not scored or (out / "results.jsonl").read_bytes() == before


def test_a_damaged_result_is_read_again(tmp_path: Path) -> None:
    """As after a power loss: the right size, and nothing in it."""
    exams = {n: Exam(n, f"1.{n}", "p", n, "files") for n in ("0" * 16, "1" * 16)}
    kinds = dict.fromkeys(exams, "scored")
    attempt(tmp_path, exams, kinds, Doom(10_000))
    path = tmp_path / "exams" / ("0" * 16) / "result.json"
    path.write_bytes(bytes(path.stat().st_size))
    (tmp_path / "results.jsonl").unlink()
    with Ledger(tmp_path) as ledger:
        assert list(Store(tmp_path, ledger, "settings").settle(exams)) == ["1" * 16]
        assert list(ledger.entries()) == ["1" * 16]


def test_changed_files_and_settings_count(tmp_path: Path) -> None:
    exam = Exam("0" * 16, "1.2", "p", "a", "files")
    attempt(tmp_path, {exam.name: exam}, {exam.name: "skipped"}, Doom(10_000))
    changed = dataclasses.replace(exam, files="other")
    with Ledger(tmp_path) as ledger:
        store = Store(tmp_path, ledger, "settings")
        assert list(store.standing({exam.name: exam})) == [exam.name]
        assert not store.standing({exam.name: changed})
        assert not Store(tmp_path, ledger, "others").standing({exam.name: exam})


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    results.append(tmp_path, b'{"exam":"a"}\n')
    with mock.patch("os.fsync", side_effect=OSError(28, "full")), pytest.raises(OSError, match="f"):
        results.append(tmp_path, b'{"exam":"b"}\n')
    assert (tmp_path / "results.jsonl").read_bytes() == b'{"exam":"a"}\n'


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"this is no database" * 100)
    with pytest.raises(OutputNotWritable, match="damaged"):
        Ledger(tmp_path)


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    """Folders that look like an exam's by their name, and files in the work folder."""
    theirs = tmp_path / "exams" / "0123456789abcdef" / "image"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"DICM")
    mine = tmp_path / ".work" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("keep")
    with Ledger(tmp_path) as ledger:
        store = Store(tmp_path, ledger, "settings")
        store.open({}, ())
        store.close()
    assert theirs.read_bytes() == b"DICM"
    assert mine.read_text() == "keep"
