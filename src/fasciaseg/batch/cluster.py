"""The same exams on a Dask cluster that the user already has (extra `fasciaseg[dask]`).

Every machine must see the export and the output folder under the same paths, and have the same
fasciaseg. A Dask worker hands each exam to a process of its own, as a batch on one machine does:
deadlines, memory and crashes are the same. An exam whose Dask worker dies is given to another.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..errors import FasciasegError, UsageError
from .task import Job, Outcome
from .workers import Worker, WorkerLostError

if TYPE_CHECKING:
    from distributed import Client, Future

Task = Callable[[Job], Outcome]
Lost = Callable[[Job, bool], Outcome]

_CONNECT_S = 15.0
_WORKERS_S = 60.0
#: Exams handed over per thread of the cluster, so that none waits for the next one.
_AHEAD = 2


def answers(
    address: str, task: Task, jobs: Iterable[Job], timeout_s: float, lost: Lost
) -> Generator[tuple[Job, Outcome], None, None]:
    """Every job with its outcome, as they come; closing the iterator stops what still runs.

    Args:
        address: of the scheduler, as `tcp://host:8786`.
        task, jobs, timeout_s, lost: as for `workers.Pool`.

    Raises:
        UsageError: Dask isn't installed, or no scheduler or worker answers.
        FasciasegError: the cluster was lost on the way.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise UsageError(
            "no_dask",
            "--scheduler needs Dask, which isn't installed.",
            "Install it with pip install 'fasciaseg[dask]'.",
        ) from error
    run = uuid.uuid4().hex
    feed = iter(jobs)
    with _quiet(), _connected(Client, address) as client:
        waiting: dict[Future, Job] = {}

        def hand_over() -> Future | None:
            job = next(feed, None)
            if job is None:
                return None
            name = f"fasciaseg-{job.exam}-{run}"
            future = client.submit(_ask, run, task, job, timeout_s, lost, key=name, pure=False)
            waiting[future] = job
            return future

        n_ahead = _AHEAD * max(1, sum(client.nthreads().values()))
        try:
            first = [f for f in (hand_over() for _ in range(n_ahead)) if f is not None]
            ended = as_completed(first, loop=client.loop)
            for future in ended:
                job = waiting.pop(future)
                outcome = _outcome(future, job, lost)
                future.release()
                following = hand_over()
                if following is not None:
                    ended.add(following)
                yield job, outcome
        finally:
            # The cluster may be gone, and with it what would have to be stopped.
            with suppress(Exception):
                client.cancel(list(waiting), force=True)
                client.run(_end, run, on_error="ignore")


@contextmanager
def _connected(client: type[Client], address: str) -> Iterator[Client]:
    """A client of the cluster, whose workers are there."""
    try:
        connected = client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            "no_scheduler",
            "No Dask scheduler answers at that address.",
            "Check --scheduler; it looks like tcp://host:8786.",
        ) from error
    try:
        try:
            connected.wait_for_workers(1, timeout=_WORKERS_S)
        except TimeoutError as error:
            raise UsageError(
                "no_workers", "The Dask scheduler has no workers.", "Start some first."
            ) from error
        yield connected
    finally:
        with suppress(Exception):
            connected.close(timeout=5)


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells of every lost connection at length; what matters here becomes an outcome."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _outcome(future: Future, job: Job, lost: Lost) -> Outcome:
    """What came of one exam."""
    from distributed.scheduler import KilledWorker

    if future.status == "finished":
        outcome: Outcome = future.result()
        return outcome
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        return lost(job, False)
    if isinstance(error, ImportError):
        raise UsageError(
            "other_software",
            "The Dask workers have no fasciaseg, or another version of it.",
            "Install the same version on every machine.",
        )
    raise FasciasegError(
        "cluster_lost",
        "The Dask cluster gave up an exam"
        + (f" ({type(error).__name__})." if error else " or is gone."),
        "Run again when it is there: what is done is kept.",
    )


# What follows runs inside the Dask workers.

_idle: defaultdict[str, list[Worker[Job, Outcome]]] = defaultdict(list)
_busy: defaultdict[str, list[Worker[Job, Outcome]]] = defaultdict(list)
_lock = threading.Lock()


def _ask(run: str, task: Task, job: Job, timeout_s: float, lost: Lost) -> Outcome:
    """Have an exam read by one of this machine's own processes, which are kept for the next."""
    with _lock:
        worker = _idle[run].pop() if _idle[run] else Worker(task)
        _busy[run].append(worker)
    try:
        return worker.ask(job, timeout_s)
    except WorkerLostError as error:
        return lost(job, error.late)
    except FasciasegError as error:
        return Outcome("stopped", error.code, error.reason, error.action, error.exit_code)
    finally:
        with _lock:
            # After the end of the run nobody waits for it any more.
            if worker in _busy[run]:
                _busy[run].remove(worker)
                _idle[run].append(worker)
            else:
                worker.close()


def _end(run: str) -> None:
    """End the processes of one run."""
    with _lock:
        for worker in _idle.pop(run, []):
            worker.close()
        for worker in _busy.pop(run, []):
            worker.end()
