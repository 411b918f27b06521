"""A batch from beginning to end: find the exams, leave out those that are done, read the others.

Whatever ends a run (an error, Ctrl-C, `kill -9`, a full disk), the next one goes on: the order
in which things are put down is in `store`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..errors import FasciasegError, UnreadableInput, UsageError
from ..pseudonym import load_key
from ..version import __version__
from .anchors import anchor_of, n_unknown
from .files import writing
from .ledger import NAME as LEDGER_NAME
from .ledger import Entry, Exam, Ledger
from .listing import listing
from .manifest import Clock, State, Summary, manifest
from .options import RunOptions
from .progress import Progress
from .results import EXAMS_NAME
from .store import Store
from .task import Job, Outcome, lost, prepare, read_one
from .workers import Pool

if TYPE_CHECKING:
    from ..anatomy.anchor import UserAnchor
    from ..dicom.series import Study
    from .exams import Found

log = logging.getLogger(__name__)

KEY_NAME = ".key"
#: So many workers are started while the export is being scanned; it may hold no more exams.
_EARLY_WORKERS = 4

Task: TypeAlias = Callable[[Job], Outcome]
Fate: TypeAlias = Literal["read", "again", "scored", "skipped", "failed"]


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is wanted, what of it stands, what is to be read (in this order)."""

    wanted: tuple[Exam, ...]
    standing: dict[str, Entry]
    todo: tuple[Exam, ...]


def run(
    export: Path,
    out: Path,
    options: RunOptions | None = None,
    progress: Progress | None = None,
    *,
    task: Task = read_one,
) -> Summary:
    """Score every exam under `export` and write the results into `out`.

    Exams that an earlier run scored with the same files, options, model and version aren't read
    again; failed ones are.

    Args:
        export: folder or zip archive, as a PACS, a CD or an archive writes it. Never changed.
        out: folder for the results, made if need be.
        options: see `RunOptions`.
        progress: told what happens.
        task: reads one exam in a worker; a function that can be imported there.

    Raises:
        UsageError: no such export, nothing of it selected, or another run has `out`.
        UnreadableInput: nothing in the export is readable as DICOM.
        OutputNotWritable: no space or no permission; what is done is kept.
    """
    options = options or RunOptions()
    export, out = _places(export, out)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with Ledger(out) as ledger:
        key = load_key(out / KEY_NAME)
        ledger.require_key(hmac.new(key, b"key", "sha256").hexdigest())
        return _Batch(export, out, options, progress or Progress(), task, ledger, key).run()


def plan(export: Path, out: Path, options: RunOptions | None = None) -> list[tuple[Fate, Exam]]:
    """What `run` would do with each exam; nothing is written.

    Returns:
        Exams in the order of the export: to `read`, to try `again` after a failure, or how they
        ended.

    Raises:
        UsageError, UnreadableInput: as `run`.
    """
    options = options or RunOptions()
    export, out = _places(export, out)
    if not (out / LEDGER_NAME).is_file():
        from .exams import Selection

        found = _scan(export, out, secrets.token_bytes(32))
        selected = Selection(options.include, options.exclude).of(found.exams)
        return [("read", exam) for exam in selected[: options.limit]]
    with Ledger(out) as ledger:
        key = load_key(out / KEY_NAME)
        batch = _Batch(export, out, options, Progress(), read_one, ledger, key)
        planned = batch.plan(batch.exams())
    todo = {exam.name for exam in planned.todo}
    fates: list[tuple[Fate, Exam]] = []
    for exam in planned.wanted:
        entry = planned.standing.get(exam.name)
        if exam.name in todo:
            fates.append(("again" if entry else "read", exam))
        elif entry:
            fates.append((entry.kind, exam))
    return fates


def _places(export: Path, out: Path) -> tuple[Path, Path]:
    """Both as absolute paths.

    Raises:
        UsageError: there is no such export, or both are the same folder.
    """
    export, out = export.absolute(), out.absolute()
    if not export.exists():
        raise UsageError("no_such_path", "The export doesn't exist.", "Give a folder with DICOM.")
    if export.resolve() == out.resolve() or _is_inside(export, out / EXAMS_NAME):
        raise UsageError(
            "same_folder",
            "The results would be written between the files of the export.",
            "Name another folder with --out.",
        )
    return export, out


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _scan(export: Path, out: Path, key: bytes) -> Found:
    """The exams of an export, from their headers; the results may lie among them.

    Raises:
        UnreadableInput: there is none.
    """
    from ..dicom.scan import scan
    from .exams import exams_of

    found = exams_of(scan(export, leave_out=out), export, key)
    if not found.exams:
        raise UnreadableInput(
            "nothing_readable",
            "No readable DICOM image was found in the export.",
            "Give the folder of an export, or export it again.",
        )
    return found


class _Batch:
    """One run, with its ledger open."""

    def __init__(
        self,
        export: Path,
        out: Path,
        options: RunOptions,
        progress: Progress,
        task: Task,
        ledger: Ledger,
        key: bytes,
    ) -> None:
        # Not `pipeline.default_model`: this process needs none of what that imports.
        from fasciaseg_models import localizer_path, outliner_path

        self._export = export
        self._out = out
        self._options = options
        self._progress = progress
        self._task = task
        self._ledger = ledger
        self._key = key
        self._model = (options.reading.model or localizer_path()).absolute()
        self._model_sha256 = _sha256(self._model)
        self._outliner_sha256 = _sha256(outliner_path())
        own = {exam: self._settings(anchor) for exam, anchor in options.anchors}
        self._store = Store(out, ledger, self._settings(options.reading.anchor), own)
        self._clock = Clock()
        self._pool: Pool[Job, Outcome] | None = None
        self._studies: dict[str, Study] | None = None
        self._everything: dict[str, Exam] = {}
        self._listing = ""

    def run(self) -> Summary:
        """See `run` above."""
        if self._options.scheduler is None:
            ready = prepare if self._task is read_one else None
            n, timeout_s = self._options.processes, self._options.timeout_s
            self._pool = Pool(self._task, n, timeout_s, lost, ready)
        try:
            return self._run()
        finally:
            if self._pool is not None:
                self._pool.close()

    def _run(self) -> Summary:
        exams = self.exams()
        if self._options.linkage is not None and self._studies is None:
            exams = self._rescan()
        planned = self.plan(exams)
        if any(exam.readable for exam in planned.todo) and self._studies is None:
            planned = self.plan(self._rescan())
        unknown = n_unknown(self._everything.values(), self._options.anchors)
        if unknown:
            told = len(self._options.anchors)
            log.warning("%d of the %d lines of --anchors fit no exam.", unknown, told)
        self._ledger.remember(self._listing, self._everything.values())
        if self._options.linkage is not None:
            self._write_linkage(self._options.linkage, planned.wanted)
        again = {exam.name for exam in planned.todo} - set(planned.standing)
        self._store.open(self._everything, again)
        self._store.settle(self._everything)
        state: State = "stopped"
        try:
            self._read(planned)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                state = "interrupted"
            self._progress.stopped()
            with suppress(FasciasegError):
                self._publish(planned.wanted, state)
            raise
        self._progress.stopped()
        return self._publish(planned.wanted, "finished")

    def exams(self) -> tuple[Exam, ...]:
        """Every exam of the export: as remembered while no file has changed, else scanned."""
        self._listing = listing(self._export, self._out)
        remembered = self._ledger.remembered(self._listing)
        if remembered is None:
            return self._rescan()
        self._everything = {exam.name: exam for exam in remembered}
        return remembered

    def _rescan(self) -> tuple[Exam, ...]:
        self._progress.scanning()
        if self._pool is not None:
            limit = self._options.limit or _EARLY_WORKERS
            self._pool.launch(min(limit, _EARLY_WORKERS))
        start = time.perf_counter()
        found = _scan(self._export, self._out, self._key)
        self._clock.scan_s += time.perf_counter() - start
        self._studies = found.studies
        self._everything = {exam.name: exam for exam in found.exams}
        return found.exams

    def plan(self, exams: tuple[Exam, ...]) -> _Plan:
        """Sort out which exams are wanted and which of them are to be read."""
        from .exams import Selection

        options = self._options
        wanted = Selection(options.include, options.exclude).of(exams)
        standing = self._store.standing(self._everything)
        if options.force:
            for exam in wanted:
                standing.pop(exam.name, None)
        new = [exam for exam in wanted if exam.name not in standing]
        again = [
            exam
            for exam in wanted
            if exam.readable and exam.name in standing and standing[exam.name].kind == "failed"
        ]
        # Those that have hung or died before come last.
        return _Plan(wanted, standing, tuple([*new, *again][: options.limit]))

    def _read(self, planned: _Plan) -> None:
        """Read what is to be read and put down every end."""
        done = len(planned.wanted) - len(planned.todo)
        self._progress.starting(len(planned.todo), done)
        exams = {exam.name: exam for exam in planned.todo}
        start = time.perf_counter()
        try:
            with closing(self._outcomes(planned.todo)) as outcomes:
                for name, outcome in outcomes:
                    for level, message in outcome.log:
                        log.log(level, "%s: %s", name, message)
                    if outcome.kind == "stopped":
                        raise _error(outcome)
                    self._store.record(exams[name], outcome)
                    if outcome.kind != "scored":
                        log.info("%s: %s (%s).", name, outcome.kind, outcome.code)
                    self._clock.seconds.append(outcome.seconds)
                    self._clock.peak_mb = max(self._clock.peak_mb, outcome.peak_mb)
                    self._progress.ended(outcome.kind)
                    if outcome.kind == "failed" and self._options.fail_fast:
                        return
        finally:
            self._clock.read_s = time.perf_counter() - start

    def _outcomes(self, todo: Iterable[Exam]) -> Generator[tuple[str, Outcome], None, None]:
        """How each exam ends, as it does."""
        readable = [exam for exam in todo if exam.readable]
        for exam in todo:
            if not exam.readable:
                yield exam.name, _damaged()
        if not readable:
            return
        with closing(self._answers(readable)) as answers:
            for job, outcome in answers:
                yield job.exam, outcome

    def _answers(self, exams: list[Exam]) -> Generator[tuple[Job, Outcome], None, None]:
        options = self._options
        jobs = self._jobs(exams)
        if self._pool is not None:
            return self._pool.answers(jobs)
        from .cluster import answers

        assert options.scheduler is not None
        return answers(options.scheduler, self._task, jobs, options.timeout_s, lost)

    def _jobs(self, exams: list[Exam]) -> Iterator[Job]:
        studies = self._studies or {}
        options = replace(
            self._options.reading, model=self._options.reading.model and self._model, out=None
        )
        anchors = self._options.anchors
        for exam in exams:
            yield Job(
                exam=exam.name,
                # Headers that have been handed over are of no use here any more.
                study=studies.pop(exam.name),
                input=exam.input,
                work=self._store.work,
                options=replace(options, anchor=anchor_of(exam, anchors) or options.anchor),
                pictures=self._options.pictures,
                save_mask=self._options.save_mask,
                software=(__version__, self._model_sha256),
            )

    def _write_linkage(self, path: Path, wanted: Iterable[Exam]) -> None:
        from .linkage import write_linkage

        with writing(path):
            write_linkage(path, wanted, self._studies or {})

    def _publish(self, wanted: tuple[Exam, ...], state: State) -> Summary:
        """Write everything that sums up; whatever state the run is in, it is true afterwards."""
        from . import gallery, results

        standing = self._store.settle(self._everything)
        others = [entry for entry in standing.values() if entry.kind != "scored"]
        rows, cards = [], []
        for told in results.results(self._out):
            rows.append(results.flat(told))
            cards.append((told["exam"], gallery.card(told)))
        with writing(self._out):
            results.write_csv(self._out, rows)
            if self._options.review_below is not None:
                results.write_review(self._out, rows, self._options.review_below)
            results.write_failures(self._out, others)
            page = [card for _, card in sorted(cards)]
            gallery.write_gallery(self._out, page, rows, others)
            summary = self._summary(wanted, standing)
            model = self._model.name, self._model_sha256
            told = manifest(summary, state, self._clock, self._options, model)
            results.write_manifest(self._out, told)
        self._store.close()
        return summary

    def _summary(self, wanted: tuple[Exam, ...], standing: dict[str, Entry]) -> Summary:
        kinds = Counter(standing[e.name].kind for e in wanted if e.name in standing)
        return Summary(
            exams=len(wanted),
            scored=kinds["scored"],
            skipped=kinds["skipped"],
            failed=kinds["failed"],
            read=len(self._clock.seconds),
            kept=sum(name not in self._everything for name in standing),
            seconds=time.perf_counter() - self._clock.begin,
        )

    def _settings(self, anchor: UserAnchor | None) -> str:
        """Digest of everything beside an exam's files that decides what is written."""
        reading = replace(self._options.reading, anchor=anchor)
        told = {
            "version": __version__,
            "model": [self._model.name, self._model_sha256],
            "outliner": self._outliner_sha256,
            "options": reading.deciding(),
            "study_date": self._options.reading.study_date,
            "pictures": self._options.pictures,
            "save_mask": self._options.save_mask,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _sha256(model: Path) -> str:
    try:
        with model.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError("no_model", f"The model file can't be read ({error.strerror}).") from error


def _damaged() -> Outcome:
    return Outcome(
        "failed",
        "damaged_files",
        "There are damaged DICOM files and nothing else that can be read.",
        "Copy or export the study again.",
    )


def _error(outcome: Outcome) -> FasciasegError:
    """The error that an exam met and that isn't its own."""
    kinds = {kind.exit_code: kind for kind in FasciasegError.__subclasses__()}
    kind = kinds.get(outcome.exit_code, FasciasegError)
    return kind(outcome.code, outcome.reason, outcome.action)
