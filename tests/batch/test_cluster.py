"""The batch on a real Dask scheduler with two workers, one of them killed half-way."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import HERE, Batch

Process = subprocess.Popen[bytes]

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="needs Dask: pip install 'fasciaseg[dask]'",
)


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[Process]]]:
    """A scheduler's address, and its workers."""
    file = folder / "scheduler.json"
    paths = os.pathsep.join([str(HERE), *sys.path])
    processes: list[Process] = []

    def start(part: str, *options: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.dask_{part}", "--scheduler-file"]
        processes.append(
            subprocess.Popen(
                [*command, str(file), "--host", "127.0.0.1", "--no-dashboard", *options],
                env=os.environ | {"PYTHONPATH": paths},
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    try:
        start("scheduler", "--port", "0")
        while not file.exists():
            time.sleep(0.1)
            assert processes[0].poll() is None
        for _ in range(2):
            start("worker", "--no-nanny", "--nthreads", "1")
        yield json.loads(file.read_text())["address"], processes[1:]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


@needs_dask
def test_a_worker_killed_half_way_loses_nothing(
    make_batch: Callable[..., Batch], tmp_path: Path
) -> None:
    names = [f"e{i:02}" for i in range(40)] + ["crash", "bad", "none"]
    batch = make_batch(*names, task="slow")
    lines = batch.out / "results.jsonl"
    with cluster(tmp_path) as (address, workers):
        command = [sys.executable, str(HERE / "drive.py")]
        run = subprocess.Popen([*command, str(batch.export), str(batch.out), address])
        while not (lines.exists() and lines.read_bytes().count(b"\n") > 5):
            time.sleep(0.05)
            assert run.poll() is None
        workers[0].kill()
        assert run.wait(timeout=240) == 0
    assert batch.ends == {
        name: {"crash": "failed", "bad": "failed", "none": "skipped"}.get(name, "scored")
        for name in names
    }
    codes = {row["input"]: row["code"] for row in batch.table("failures.csv")}
    assert codes["crash"] == "worker_died"
    batch.forget_tries()
    batch.run()
    assert batch.tried == ["bad", "crash"], "without Dask, the same ledger"


def test_nothing_of_dask_is_imported_without_it() -> None:
    code = (
        "import sys, fasciaseg.batch, fasciaseg.batch.cluster, fasciaseg_cli.app\n"
        "print([m for m in ('dask', 'distributed') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
