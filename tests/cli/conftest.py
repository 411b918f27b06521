"""The command as a user runs it, and sample studies broken in one way each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

NAME, ID, BORN = "Musterfrau^Erika", "PID-4711-0815", "19380229"


@dataclass(frozen=True)
class Ran:
    """How a process ended."""

    code: int
    out: bytes
    err: bytes

    @property
    def line(self) -> str:
        """What it said on stderr, which is one line."""
        text = self.err.decode()
        assert text.startswith("fasciaseg: ")
        assert text.count("\n") == 1
        return text.strip()


Run = Callable[..., Ran]
Breaker = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `fasciaseg ...` as a process of its own, in an empty folder with an empty home."""

    def run(*arguments: str | Path, **environment: str) -> Ran:
        home, work = tmp_path / "home", tmp_path / "work"
        home.mkdir(exist_ok=True)
        work.mkdir(exist_ok=True)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
        done = subprocess.run(
            [sys.executable, "-m", "fasciaseg_cli", *map(str, arguments)],
            cwd=work,
            env=inherited | {"HOME": str(home), "APPDATA": str(home)} | environment,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert b"Traceback" not in done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def exam(samples: Path) -> Path:
    """A small sample study with edema."""
    return samples / "thoracolumbar"


def files_of(study: Path) -> list[Path]:
    return sorted(p for p in study.rglob("*") if p.is_file())


@pytest.fixture
def rewritten(exam: Path, tmp_path: Path) -> Breaker:
    """A copy of the sample study with every header passed through `change`; None drops the file."""

    def make(change: Callable[[Dataset], Dataset | None], name: str = "changed") -> Path:
        folder = tmp_path / name
        for path in files_of(exam):
            dataset = change(dcmread(path))
            if dataset is not None:
                target = folder / path.relative_to(exam)
                target.parent.mkdir(parents=True, exist_ok=True)
                dataset.save_as(target)
        return folder

    return make


@pytest.fixture
def cut(exam: Path, tmp_path: Path) -> Path:
    """The sample study with the last third of every file lost."""
    folder = tmp_path / "cut"
    shutil.copytree(exam, folder)
    for path in files_of(folder):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 2 // 3])
    return folder
