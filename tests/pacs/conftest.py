"""A real Orthanc on loopback: started, filled over DICOM, asked over its REST API, ended."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
START_S = STORE_S = REST_S = 20.0
LOOPBACK = "127.0.0.1"
SENDER, SERVER = "SCANNER", "ORTHANC"
SENDERS = 6


@dataclass(frozen=True)
class Orthanc:
    """A running server."""

    http: int
    dicom: int
    log: Path

    def get(self, place: str) -> bytes:
        return self._ask(place)

    def post(self, place: str, **told: object) -> bytes:
        return self._ask(place, json.dumps(told).encode())

    def studies(self) -> dict[str, str]:
        """{StudyInstanceUID: Orthanc's own identifier}."""
        told = json.loads(self.get("studies?expand"))
        return {study["MainDicomTags"]["StudyInstanceUID"]: study["ID"] for study in told}

    def n_instances(self) -> int:
        return int(json.loads(self.get("statistics"))["CountInstances"])

    def store(self, files: Sequence[Path]) -> None:
        """Send files as they are, compressed ones too, and wait until the server has them all."""
        # Over several associations: one waits most of its time for the network's acknowledgements.
        with ThreadPoolExecutor(SENDERS) as senders:
            states = set().union(
                *senders.map(self._send, (files[i::SENDERS] for i in range(SENDERS)))
            )
        assert states == {0x0000}, f"{states}\n{self.said()}"
        _wait(
            lambda: self.n_instances() == len(files),
            STORE_S,
            lambda: f"{self.n_instances()} of {len(files)} images stored\n{self.said()}",
        )

    def _send(self, files: Sequence[Path]) -> set[int | None]:
        """Send files over one association; the states that the server answered."""
        from pydicom import dcmread
        from pynetdicom import AE, build_context

        headers = [dcmread(path, stop_before_pixels=True) for path in files]
        kinds = {(h.SOPClassUID, h.file_meta.TransferSyntaxUID) for h in headers}
        sender = AE(ae_title=SENDER)
        sender.connection_timeout = STORE_S
        sender.acse_timeout = sender.dimse_timeout = sender.network_timeout = STORE_S
        # A context for each: with several syntaxes in one, the server would take one of them.
        contexts = [build_context(kind, syntax) for kind, syntax in sorted(kinds)]
        link = sender.associate(LOOPBACK, self.dicom, contexts=contexts, ae_title=SERVER)
        if not link.is_established:
            return {None}
        try:
            return {link.send_c_store(path).get("Status") for path in files}
        finally:
            link.release()

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-4000:]

    def _ask(self, place: str, body: bytes | None = None) -> bytes:
        # Without the proxy that the environment may name: nothing leaves this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{LOOPBACK}:{self.http}/{place}", body, REST_S) as answer:
            told = answer.read()
        assert isinstance(told, bytes)
        return told


@contextmanager
def running(folder: Path) -> Iterator[Orthanc]:
    """Start Orthanc with its storage and log in a folder, and end it whatever happens inside."""
    if PROGRAM is None:
        pytest.skip("Orthanc isn't installed (Debian package orthanc)")
    http, dicom = _free_ports(2)
    server = Orthanc(http, dicom, folder / "orthanc.log")
    (folder / "orthanc.json").write_text(json.dumps(_configuration(folder, server)))
    command = [PROGRAM, "orthanc.json"]
    if shutil.which("setpriv"):  # ends it even if this process is killed
        command = ["setpriv", "--pdeathsig", "KILL", *command]
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait(
            lambda: _answers(server, process),
            START_S,
            lambda: f"Orthanc doesn't answer within {START_S:.0f} s\n{server.said()}",
        )
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _configuration(folder: Path, server: Orthanc) -> dict[str, Any]:
    return {
        "Name": "fasciaseg tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [],
        "HttpPort": server.http,
        "DicomPort": server.dicom,
        "DicomAet": SERVER,
        # It listens on every address, but serves this machine only.
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomModalities": {"sender": [SENDER, LOOPBACK, server.dicom]},
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomAssociationCloseDelay": 0,
        "DicomThreadsCount": SENDERS,
        "SyncStorageArea": False,  # gone after the tests: nothing has to outlive a power cut
    }


def _answers(server: Orthanc, process: subprocess.Popen[bytes]) -> bool:
    ended = process.poll()
    if ended is not None:
        pytest.fail(f"Orthanc doesn't start (exit code {ended})\n{server.said()}")
    try:
        server.get("system")
    except OSError:
        return False
    return True


def _wait(done: Callable[[], bool], seconds: float, otherwise: Callable[[], str]) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            pytest.fail(otherwise())
        time.sleep(0.05)


def _free_ports(n: int) -> list[int]:
    """Ports that nobody has at the moment, all different."""
    held = [socket.create_server((LOOPBACK, 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


@pytest.fixture(scope="session")
def pacs(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc that was sent the five sample studies."""
    pytest.importorskip("pynetdicom", reason="pynetdicom isn't installed (PyPI, extra test)")
    files = [p for study in studies_in(samples) for p in study.rglob("*") if p.is_file()]
    with running(tmp_path_factory.mktemp("orthanc")) as server:
        server.store(files)
        yield server


def studies_in(samples: Path) -> list[Path]:
    return sorted(p for p in samples.iterdir() if p.is_dir())
