from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from fasciaseg.errors import OutputNotWritable, UsageError
from fasciaseg.review.order import ordered
from fasciaseg.review.store import NAME, Change, Store


def change(reader: int, id_: str, **changes: Any) -> Change:
    return Change(id_, reader, "e1", "reader", changes, 1.0, False)


def test_sent_twice_counts_once(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        ann, ben = store.join("Ann").number, store.join("Ben").number
        assert store.record(change(ann, "change-1", comment="a"))
        assert not store.record(change(ann, "change-1", comment="a"))
        assert store.record(change(ben, "change-1", comment="b")), "another reader's own"
        assert len(store.events("reader", "e1", ann)) == 1


def test_what_was_stored_is_never_altered(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.record(change(store.join("Ann").number, "change-1", comment="a"))
    with sqlite3.connect(tmp_path / NAME) as db:
        for sql in ("UPDATE events SET changes = '{}'", "DELETE FROM events"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                db.execute(sql)
    db.close()


def test_a_reader_is_known_again_however_the_name_is_written(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        ann = store.join("Ann Ärztin")
        assert store.join("ann ärztin") == ann
        assert store.reader("Ben") is None


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    """Two open stores as two processes have them, four threads each."""
    with Store(tmp_path) as one, Store(tmp_path) as two:
        readers = [one.join(f"r{i}").number for i in range(8)]

        def write(n: int) -> None:
            for i in range(25):
                (one, two)[n % 2].record(change(readers[n], f"change-{i}", comment=str(i)))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for reader in readers:
            told = [c["comment"] for c, _, _ in one.events("reader", "e1", reader)]
            assert told == [str(i) for i in range(25)]


def test_a_later_version_and_a_file_that_is_no_review_are_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UsageError, match="later version"):
        Store(tmp_path)
    (tmp_path / NAME).write_bytes(b"no database" * 100)
    with pytest.raises(OutputNotWritable, match="can't be used"):
        Store(tmp_path)


def test_each_reader_has_an_order_that_stays() -> None:
    exams = [f"{i:016x}" for i in range(40)]
    ann, ben = ordered(exams, "Ann", "s"), ordered(exams, "Ben", "s")
    assert sorted(ann) == sorted(ben) == exams
    assert len({tuple(ann), tuple(ben), tuple(exams)}) == 3
    assert ordered(reversed(exams), "ann", "s") == ann
    assert ordered(exams, "Ann", "t") != ann, "another review, another order"
    more = ordered([*exams, "new"], "Ann", "s")
    assert [e for e in more if e != "new"] == ann, "a batch that grew moves no exam"
