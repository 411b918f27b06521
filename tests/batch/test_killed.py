"""`kill -9` at any moment: nothing lost, nothing twice, nothing half-written, nobody left over."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from fasciaseg.batch.workers import Pool, Worker, WorkerLostError

from .conftest import HERE, Batch

N_KILLS = 20


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def n_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_killed_at_random_moments(make_batch: Callable[..., Batch]) -> None:
    names = [f"p{i % 7}/e{i}{'-bad' * (i % 9 == 3)}{'-none' * (i % 9 == 5)}" for i in range(150)]
    batch = make_batch(*names, task="slow")
    dice = random.Random(3)
    lines = batch.out / "results.jsonl"
    n_kills = 0
    while n_kills < N_KILLS:
        process = start(HERE / "drive.py", batch.export, batch.out)
        goal = n_lines(lines) + dice.randint(0, 4)
        while n_lines(lines) < goal and process.poll() is None:
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.08))
        if process.poll() is not None:
            process.communicate()
            break
        kill(process)
        n_kills += 1
        for folder in (batch.out / "exams").glob("*"):
            told = json.loads((folder / "result.json").read_bytes())
            assert told["schema"]
            assert (folder / "summary.png").read_bytes() == b"PNG"
    assert n_kills == N_KILLS, "the export is too small to be killed so often"
    batch.run()
    expected = {
        n: "failed" if "bad" in n else "skipped" if "none" in n else "scored" for n in names
    }
    assert batch.ends == expected
    # Whatever two workers held when they were killed is read again, and nothing else.
    tries = Counter(name for name in batch.tried if "bad" not in name)
    assert tries.total() <= len(tries) + 3 * n_kills
    assert not (batch.out / ".work").exists()


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    sign = tmp_path / "alive"
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "import tasks\n"
        "from pathlib import Path\n"
        "from fasciaseg.batch.workers import Worker\n"
        f"Worker(tasks.beat).ask(Path({str(sign)!r}), 600)\n"
    )
    process = start("-c", code)
    while not sign.exists():
        time.sleep(0.05)
        assert process.poll() is None
    kill(process)
    deadline = time.monotonic() + 60
    size = -1
    while size != sign.stat().st_size:
        assert time.monotonic() < deadline
        size = sign.stat().st_size
        time.sleep(1.0)


def test_what_libraries_print_is_no_answer(make_batch: Callable[..., Batch]) -> None:
    make_batch()
    import tasks  # type: ignore[import-not-found]

    worker: Worker[str, str] = Worker(tasks.echo)
    assert [worker.ask(word, 60) for word in ("one", "two")] == ["one", "two"]
    worker.close()


def test_a_worker_that_stands_still_is_late_even_before_it_has_the_job(
    make_batch: Callable[..., Batch],
) -> None:
    """A job larger than a pipe holds can't be handed over to a process that doesn't listen."""
    make_batch()
    import tasks  # type: ignore[import-not-found]

    worker: Worker[str, str] = Worker(tasks.echo)
    assert worker.ask("one", 60) == "one"
    assert worker._process is not None
    os.kill(worker._process.pid, signal.SIGSTOP)
    with pytest.raises(WorkerLostError) as caught:
        worker.ask("x" * 10**6, 1)
    assert caught.value.late
    assert worker.ask("two", 60) == "two"
    worker.close()


def test_every_job_is_answered_once(make_batch: Callable[..., Batch]) -> None:
    make_batch()
    import tasks  # type: ignore[import-not-found]

    words = [f"job {i}" for i in range(40)]
    pool: Pool[str, str] = Pool(tasks.echo, 3, 60, lambda job, late: "lost")
    assert sorted(pool.answers(words)) == sorted((word, word) for word in words)
