"""The reading of one exam as a worker does it: files into a folder of its own, and an answer.

Nothing is raised: every way to end is an `Outcome`, which travels between processes.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import traceback
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..anatomy.anchor import AnchorError
from ..errors import FasciasegError, NothingToRead, UnreadableInput, UsageError
from ..options import Options
from ..version import __version__
from .files import sync, writing
from .lines import line

if TYPE_CHECKING:
    from ..anatomy.localizer import Localizer
    from ..dicom.series import Study

#: `stopped`: not this exam's fault; the whole run can't go on (full disk, no model).
Kind = Literal["scored", "skipped", "failed", "stopped"]


@dataclass(frozen=True, eq=False)
class Job:
    """One exam to read.

    Attributes:
        exam: the exam's hash.
        study: its scanned headers.
        input: what the result says of where it lay.
        work: folder for folders that are being written.
        options: `threads` and `model` set; `out` isn't looked at.
        pictures, save_mask: what to write beside `result.json`.
        software: version and SHA-256 of the model that the answer must come from.
    """

    exam: str
    study: Study
    input: str
    work: Path
    options: Options
    pictures: bool
    save_mask: bool
    software: tuple[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        kind: scored, or what kind of no.
        code, reason, action: of the error, as in `FasciasegError`.
        exit_code: of the error that stopped the run.
        folder: where the exam's files lie, to be moved to their place.
        line: the result as a line of `results.jsonl`.
        seconds: spent on this exam.
        peak_mb: the most memory that the worker ever had.
        log: what the library logged, by level.
    """

    kind: Kind
    code: str = ""
    reason: str = ""
    action: str = ""
    exit_code: int = 0
    folder: Path | None = None
    line: bytes = b""
    seconds: float = 0.0
    peak_mb: float = 0.0
    log: tuple[tuple[int, str], ...] = ()


def read_one(job: Job) -> Outcome:
    """Read one exam and write its files into a new folder under `job.work`."""
    start = time.perf_counter()
    with _Log() as log:
        outcome = _outcome(job)
    return dataclasses.replace(
        outcome,
        seconds=time.perf_counter() - start,
        peak_mb=peak_memory_mb(),
        log=tuple(log.told),
    )


def prepare() -> None:
    """Load what reading takes, so that the first exam doesn't wait for it."""
    import onnxruntime

    from .. import pipeline, report
    from ..dicom import choice, volume

    _ = onnxruntime, pipeline, report, choice, volume


def lost(job: Job, late: bool) -> Outcome:
    """The outcome of an exam whose worker is gone."""
    if late:
        return Outcome(
            "failed",
            "timeout",
            "The exam took longer than --timeout allows.",
            "Run again with a longer --timeout; read it with `fasciaseg classify` if that fails.",
        )
    return Outcome(
        "failed",
        "worker_died",
        "The process that read the exam died, for want of memory or over a damaged file.",
        "Run again with fewer --jobs; export the exam again if that fails.",
    )


def _outcome(job: Job) -> Outcome:
    try:
        return _read(job)
    except NothingToRead as error:
        return Outcome("skipped", error.code, error.reason, error.action)
    except (UnreadableInput, AnchorError) as error:
        return Outcome("failed", error.code, error.reason, error.action)
    except FasciasegError as error:
        return Outcome("stopped", error.code, error.reason, error.action, error.exit_code)
    except MemoryError:
        return Outcome(
            "failed", "out_of_memory", "There was too little memory.", "Run with fewer --jobs."
        )
    except Exception as error:
        # What the error says may quote the patient's data: where it happened is enough.
        frames = traceback.extract_tb(error.__traceback__)
        where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
        return Outcome(
            "failed",
            "unexpected",
            f"Unexpected error ({type(error).__name__}{where}).",
            "Please report it.",
        )


def _read(job: Job) -> Outcome:
    from ..pipeline import default_model, read_study
    from ..report import WriteOptions, write

    localizer = _localizer(job.options.model or default_model())
    if (__version__, localizer.sha256) != job.software:
        raise UsageError(
            "other_software",
            "A worker has another version of fasciaseg or of its model.",
            "Install the same version on every machine, or name a --model that all can read.",
        )
    reading = read_study(job.study, job.input, localizer, job.options)
    # Its own name for every attempt: a cluster may try an exam twice at the same time.
    folder = job.work / f"{job.exam}-{uuid.uuid4().hex}"
    with writing(folder):
        # Not its parents: a machine that doesn't see the folder must say so.
        folder.mkdir()
    outputs = write(reading, folder, WriteOptions(job.pictures, job.save_mask, for_pages=True))
    with writing(folder):
        sync(folder)
    result = dataclasses.replace(reading.result, outputs=outputs)
    return Outcome("scored", folder=folder, line=line(job.exam, result.to_dict()))


@lru_cache(maxsize=1)
def _localizer(model: Path) -> Localizer:
    """The network, loaded once a process."""
    from ..anatomy.localizer import Localizer

    return Localizer(model, threads=1)


class _Log(logging.Handler):
    """Keeps what the library logs, for the process that has a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append((record.levelno, record.getMessage()))

    def __enter__(self) -> _Log:
        logger = logging.getLogger("fasciaseg")
        self._level = logger.level
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        return self

    def __exit__(self, *_: object) -> None:
        logger = logging.getLogger("fasciaseg")
        logger.removeHandler(self)
        logger.setLevel(self._level)


def peak_memory_mb() -> float:
    """The most memory (resident set) that this process ever had, in MB; 0 where unknown."""
    try:
        # getrusage counts the parent's memory at the time of the start.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        (kb,) = (v.split()[1] for v in status.splitlines() if v.startswith("VmHWM:"))
        return int(kb) / 1e3
    except (OSError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
