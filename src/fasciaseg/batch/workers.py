"""Processes that do one task at a time, each behind its own pipe.

A worker is a fresh Python with one thread for arithmetic. It can be killed at any moment, by a
deadline, by the system or by Ctrl-C, and takes nothing but its own task with it. It ends by
itself when whoever started it is gone.

`multiprocessing` isn't used: its pools hang or break as a whole when a process dies, its spawned
processes run the caller's script again, and Dask's workers may not start them.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar, cast

from ..errors import FasciasegError

Job = TypeVar("Job")
Answer = TypeVar("Answer")
Item = TypeVar("Item")

_SERVE = "from fasciaseg.batch.workers import serve; serve()"
_READY = "ready"
#: Starting includes loading every library, from a slow network disk perhaps.
_START_S = 120.0
_STARTS = 3
#: Libraries that would start a thread per core in every worker.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    ),
    "1",
)
#: glibc gives back what an array held and asks for it again a moment later, zeroed page by page;
#: a worker keeps it. Arrays of slices are smaller than the first of these (bytes).
_KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(64 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}


class WorkerLostError(Exception):
    """The worker is gone and its answer with it; `late` if its deadline is why."""

    def __init__(self, *, late: bool) -> None:
        super().__init__("past its deadline" if late else "died")
        self.late = late


class Worker(Generic[Job, Answer]):
    """One process. It is started with the first job, if not before, and again after it was lost.

    Args:
        task: what the process does with a job: a function of a module that can be imported.
        prepare: what it does before, once; such a function too.
    """

    def __init__(
        self, task: Callable[[Job], Answer], prepare: Callable[[], object] | None = None
    ) -> None:
        self._task = task
        self._prepare = prepare
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._lock = threading.Lock()
        self._ended = False

    def launch(self) -> None:
        """Start the process without waiting until it is ready.

        Raises:
            WorkerLostError: it has been ended.
        """
        with self._lock:
            if self._ended:
                raise WorkerLostError(late=False)
            process = self._process = _python()
        self._ready = False
        with suppress(OSError):  # it is gone already, which is noticed when it is asked
            _send(process, (self._task, self._prepare))

    def ask(self, job: Job, timeout_s: float) -> Answer:
        """Have one job done.

        Raises:
            WorkerLostError: it died over the job, or the deadline passed and it was killed.
            FasciasegError: no worker can be started.
        """
        process = self._started()
        with _deadline(process, timeout_s):
            _send(process, job)
            return cast(Answer, _reply(process))

    def end(self) -> None:
        """Kill it, whatever it does and from whatever thread; nothing can be asked any more."""
        with self._lock:
            self._ended = True
            process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End it and give back its pipes; for the thread that asks."""
        self.end()
        if self._process is not None:
            _dispose(self._process)

    def _started(self) -> subprocess.Popen[bytes]:
        """The process, ready for a job."""
        for _ in range(_STARTS):
            # It may have died between two jobs; that isn't the next job's fault.
            if self._process is None or self._process.poll() is not None:
                if self._process is not None:
                    _dispose(self._process)
                self.launch()
            process = cast("subprocess.Popen[bytes]", self._process)
            if self._ready:
                return process
            with suppress(WorkerLostError), _deadline(process, _START_S):
                self._ready = _reply(process) == _READY
            if self._ready:
                return process
            _dispose(process)
        raise FasciasegError(
            "workers_do_not_start",
            "The processes that read the exams don't start.",
            "Check free memory; `fasciaseg classify` on one exam may tell more.",
        )


def _send(process: subprocess.Popen[bytes], message: object) -> None:
    if process.stdin is None:
        raise BrokenPipeError
    pickle.dump(message, process.stdin)
    process.stdin.flush()


def _reply(process: subprocess.Popen[bytes]) -> object:
    if process.stdout is None:
        raise EOFError
    reply: object = pickle.load(process.stdout)
    return reply


@contextmanager
def _deadline(process: subprocess.Popen[bytes], timeout_s: float) -> Iterator[None]:
    """What is said to a process inside, and heard of it, takes no longer than this.

    Raises:
        WorkerLostError: it died, or the deadline passed and it was killed.
    """
    late = threading.Event()

    def strike() -> None:
        late.set()
        process.kill()

    deadline = threading.Timer(timeout_s, strike)
    deadline.daemon = True
    deadline.start()
    try:
        yield
    except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        _dispose(process)
        raise WorkerLostError(late=late.is_set()) from error
    finally:
        deadline.cancel()


def _dispose(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a process behind."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _python() -> subprocess.Popen[bytes]:
    """A Python that imports what this one can import and waits for its task."""
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | _ONE_THREAD | _KEPT_MEMORY | {"PYTHONPATH": paths},
        process_group=0,  # Ctrl-C at the terminal goes to the parent, which knows what to do
    )


def serve() -> None:
    """What a worker does: learn the task, then job after job, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    # What libraries print must not end up between the replies.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        # In a thread of its own, so that the parent's end is noticed in the middle of a job.
        try:
            while True:
                inbox.put(pickle.load(requests))
        finally:
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    task, prepare = inbox.get()
    if prepare is not None:
        # What is wrong shows again, and has a name, where it is needed.
        with suppress(Exception):
            prepare()
    answer: Any = _READY
    while True:
        with suppress(BrokenPipeError):
            pickle.dump(answer, replies)
            replies.flush()
        answer = task(inbox.get())


class Pool(Generic[Job, Answer]):
    """Several workers that share a list of jobs.

    Args:
        task: see `Worker`.
        n_workers: processes at the same time.
        timeout_s: seconds for one job.
        lost: the answer for a job whose worker died (`late` False) or took too long (True).
        prepare: see `Worker`.
    """

    def __init__(
        self,
        task: Callable[[Job], Answer],
        n_workers: int,
        timeout_s: float,
        lost: Callable[[Job, bool], Answer],
        prepare: Callable[[], object] | None = None,
    ) -> None:
        self._workers = [Worker(task, prepare) for _ in range(n_workers)]
        self._timeout_s = timeout_s
        self._lost = lost

    def launch(self, most: int) -> None:
        """Start some processes before there are jobs; `close` ends them if none come."""
        for worker in self._workers[:most]:
            worker.launch()

    def close(self) -> None:
        """Leave no process behind."""
        for worker in self._workers:
            worker.close()

    def answers(self, jobs: Iterable[Job]) -> Generator[tuple[Job, Answer], None, None]:
        """Every job with its answer, as they come; closing the iterator kills the workers.

        Raises:
            FasciasegError: no worker can be started.
        """
        todo = iter(jobs)
        taking = threading.Lock()
        done: queue.SimpleQueue[tuple[Job, Answer] | BaseException | None] = queue.SimpleQueue()
        stopped = threading.Event()

        def work(worker: Worker[Job, Answer]) -> None:
            try:
                while not stopped.is_set():
                    with taking:
                        job = next(todo, None)
                    if job is None:
                        break
                    try:
                        answer = worker.ask(job, self._timeout_s)
                    except WorkerLostError as error:
                        if stopped.is_set():
                            break
                        answer = self._lost(job, error.late)
                    done.put((job, answer))
                done.put(None)
            except BaseException as error:  # for the thread that waits for answers
                done.put(error)
            finally:
                worker.close()

        threads = [threading.Thread(target=work, args=(w,), daemon=True) for w in self._workers]
        for thread in threads:
            thread.start()
        running = len(threads)
        try:
            while running:
                item = _wait(done)
                if item is None:
                    running -= 1
                elif isinstance(item, BaseException):
                    raise item
                else:
                    yield item
        finally:
            stopped.set()
            for worker in self._workers:
                worker.end()
            for thread in threads:
                thread.join()


def _wait(box: queue.SimpleQueue[Item]) -> Item:
    """Next item; in small steps, because Windows can't interrupt a long wait with Ctrl-C."""
    while True:
        with suppress(queue.Empty):
            return box.get(timeout=0.5)
