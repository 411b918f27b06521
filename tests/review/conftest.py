"""A real batch of the sample exams, and the review of it served by a real process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from fasciaseg import classify
from fasciaseg.batch import RunOptions, run
from fasciaseg.review.exams import Exam, load


@pytest.fixture(scope="session")
def scored(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The batch of the samples, one of them with a flag (a slice is missing); only read."""
    export, out = (tmp_path_factory.mktemp("batch") / name for name in ("export", "out"))
    shutil.copytree(samples, export)
    lose_a_slice(export / "mimics")
    run(export, out, RunOptions(jobs=1))
    return out


def lose_a_slice(study: Path) -> None:
    """Delete the second slice of the series that is read."""
    uid = classify(study).series_edema.series_instance_uid
    headers = {p: dcmread(p, stop_before_pixels=True) for p in study.rglob("*") if p.is_file()}
    mine = [p for p, header in headers.items() if header.SeriesInstanceUID == uid]
    sorted(mine, key=lambda p: float(headers[p].ImagePositionPatient[0]))[1].unlink()


@pytest.fixture
def folder(scored: Path, tmp_path: Path) -> Path:
    """A batch folder of its own."""
    return Path(shutil.copytree(scored, tmp_path / "out"))


@pytest.fixture
def exams(folder: Path) -> dict[str, Exam]:
    return load(folder)


@dataclass
class Answer:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # type: ignore[override]
        return None


@dataclass
class Browser:
    """Requests as a browser sends them, cookies and all; every header can be forged."""

    base: str
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, path: str, body: Any = None, *, method: str | None = None, **headers: str | None
    ) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        told: dict[str, str | None] = {"Cookie": cookies or None}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            told |= {"Content-Type": "application/json", "Origin": self.base}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.base + path, data=data, method=method)
        for name, value in told.items():
            if value is not None:
                request.add_header(name, value)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
        try:
            with opener.open(request, timeout=20) as answer:
                return self._kept(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return self._kept(error.code, error.headers, error.read())

    def _kept(self, status: int, headers: Any, data: bytes) -> Answer:
        for line in headers.get_all("set-cookie") or ():
            self.cookies |= {k: m.value for k, m in SimpleCookie(line).items()}
        return Answer(status, {k.lower(): v for k, v in headers.items()}, data)

    def sign_in(self, name: str) -> None:
        assert self.ask("/api/reader", {"name": name, "new": True}).status == 200

    def change(self, exam: str, changes: Any, id_: str, seconds: float = 1.0) -> Answer:
        body = {"id": id_, "changes": changes, "seconds": seconds}
        return self.ask(f"/api/exams/{exam}", body)


@dataclass
class Served:
    """A running `fasciaseg review`; `first` is the answer to the latest token."""

    process: subprocess.Popen[str]
    address: str
    first: Answer = field(default_factory=lambda: Answer(0, {}, b""))

    @property
    def base(self) -> str:
        return self.address.partition("/?")[0]

    def browser(self) -> Browser:
        """A new one, let in by the token, which the server replaces."""
        new = Browser(self.base)
        self.first = new.ask(self.address.removeprefix(self.base))
        assert self.first.status == 200
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split()[-1]
        return new

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(30)


Serve = Callable[..., Served]


@contextmanager
def _serving() -> Iterator[Serve]:
    """Starts the command as a user does."""
    running: list[Served] = []

    def start(folder: Path, *options: str) -> Served:
        process = subprocess.Popen(
            [sys.executable, "-m", "fasciaseg_cli", "review", str(folder), "--no-browser",
             *options],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        served = Served(process, process.stdout.readline().split()[-1])
        running.append(served)
        return served

    try:
        yield start
    finally:
        for served in running:
            served.stop(signal.SIGKILL)
            assert served.process.stdout is not None
            served.process.stdout.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    with _serving() as start:
        yield start


@pytest.fixture(scope="module")
def serving() -> Iterator[Serve]:
    with _serving() as start:
        yield start
