"""Where an exam's end is put down, in the order that survives being cut off anywhere.

1. The exam's folder, written elsewhere and synced, is renamed to its place.
2. The ledger gets the exam's row.
3. `results.jsonl` gets the exam's line.

Cut off after 1, the exam is read again; after 2, the line is made from the folder. `standing`
and `settle` put right whatever is left of that.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from . import results
from .files import sync_folder, writing
from .ledger import Entry, Exam, Ledger
from .task import Outcome

#: Folders that are being written or thrown away; on the same disk as the results.
WORK_NAME = ".work"
_OURS = re.compile("[0-9a-f]{16}")
_UNFINISHED = re.compile("([0-9a-f]{16}-)?[0-9a-f]{32}")


def _is_ours(folder: Path) -> bool:
    """Whether a batch made this exam's folder: folders are moved there whole, result and all."""
    return _OURS.fullmatch(folder.name) is not None and (folder / results.RESULT_NAME).is_file()


class Store:
    """An output folder with its ledger.

    Attributes:
        out: the folder.
        work: folder for what isn't finished.
        settings: digest of what decides results beside an exam's files.
        own_settings: the same for exams that have settings of their own, by UID or hash.
    """

    def __init__(
        self,
        out: Path,
        ledger: Ledger,
        settings: str,
        own_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.out = out
        self.work = out / WORK_NAME
        self.settings = settings
        self.own_settings = own_settings or {}
        self._ledger = ledger

    def open(self, exams: Mapping[str, Exam], again: Iterable[str]) -> None:
        """Make ready for a run: drop what it reads again and what earlier runs left half-way.

        Args:
            exams: every exam of the export.
            again: exams whose rows mustn't meet new files.

        Raises:
            OutputNotWritable: the folders can't be made.
        """
        self._ledger.forget([*again, *self._renamed(exams)])
        known = self._ledger.entries().keys()
        folder = self.out / results.EXAMS_NAME
        self.close()
        with writing(self.out):
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                if path.name not in known and _is_ours(path):
                    shutil.rmtree(path, ignore_errors=True)
            self.work.mkdir(exist_ok=True)

    def close(self) -> None:
        """Throw away what isn't finished; what somebody else put there stays."""
        with suppress(OSError):
            for path in self.work.iterdir():
                if _UNFINISHED.fullmatch(path.name):
                    shutil.rmtree(path, ignore_errors=True)
            self.work.rmdir()

    def _settings_of(self, exam: str, uid: str) -> str:
        return self.own_settings.get(exam) or self.own_settings.get(uid) or self.settings

    def standing(self, exams: Mapping[str, Exam]) -> dict[str, Entry]:
        """What is known and still true, by the exams' hashes.

        An exam's row counts while its files and the settings are the same, and its files in the
        output are there. Rows of exams that aren't in the export any more count if they were
        scored: that work isn't thrown away.

        Args:
            exams: every exam of the export.
        """
        kept = {}
        renamed = self._renamed(exams)
        for name, entry in self._ledger.entries().items():
            exam = exams.get(name)
            if entry.settings != self._settings_of(entry.exam, entry.study_instance_uid):
                continue
            if exam is None:
                if entry.kind != "scored" or name in renamed:
                    continue
            elif exam.files != entry.files:
                continue
            if entry.kind == "scored" and not results.is_there(self.out, entry):
                continue
            kept[name] = entry
        return kept

    def _renamed(self, exams: Mapping[str, Exam]) -> set[str]:
        """Rows of exams that an earlier version named otherwise."""
        people = {(e.study_instance_uid, e.patient) for e in exams.values() if e.study_instance_uid}
        return {
            name
            for name, entry in self._ledger.entries().items()
            if name not in exams and (entry.study_instance_uid, entry.patient) in people
        }

    def record(self, exam: Exam, outcome: Outcome) -> None:
        """Put down how an exam ended.

        Raises:
            OutputNotWritable: it can't be written; the exam counts as not read.
        """
        if outcome.kind == "stopped":
            raise ValueError("an exam that stopped the run has no end of its own")
        target = self.out / results.EXAMS_NAME / exam.name
        n_bytes = 0
        with writing(self.out):
            if target.exists():
                target.rename(self.work / uuid.uuid4().hex)
            if outcome.folder is not None:
                outcome.folder.rename(target)
                n_bytes = (target / results.RESULT_NAME).stat().st_size
            sync_folder(target.parent)
        self._ledger.record(
            Entry(
                exam=exam.name,
                study_instance_uid=exam.study_instance_uid,
                patient=exam.patient,
                input=exam.input,
                files=exam.files,
                settings=self._settings_of(exam.name, exam.study_instance_uid),
                kind=outcome.kind,
                code=outcome.code,
                reason=outcome.reason,
                action=outcome.action,
                n_bytes=n_bytes,
                seconds=round(outcome.seconds, 3),
            )
        )
        if outcome.line:
            with writing(self.out):
                results.append(self.out, outcome.line)

    def settle(self, exams: Mapping[str, Exam]) -> dict[str, Entry]:
        """`standing`, with `results.jsonl` brought in line with it.

        Raises:
            OutputNotWritable: `results.jsonl` can't be written.
        """
        standing = self.standing(exams)
        scored = [entry for entry in standing.values() if entry.kind == "scored"]
        with writing(self.out):
            damaged = results.settle(self.out, scored)
        self._ledger.forget(damaged)
        return {name: entry for name, entry in standing.items() if name not in damaged}
