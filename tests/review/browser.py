"""A real Chromium, driven over its DevTools protocol: no more of it than these tests need."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_KEYS = {
    "Enter": (13, "\r"), "Escape": (27, ""), " ": (32, " "), "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, ""), "Tab": (9, ""),
}  # fmt: skip
_WAIT_S = 20.0


class Page:
    """One tab."""

    def __init__(self, connection: Any, session: str, ids: Iterator[int]) -> None:
        self._connection, self._session, self._ids = connection, session, ids
        self.console: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params, "sessionId": self._session}
        self._connection.send(json.dumps(message))
        while True:
            told = json.loads(self._connection.recv(timeout=_WAIT_S))
            if told.get("id") == number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                result: dict[str, Any] = told["result"]
                return result
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        """Keep what the page complains of: errors of scripts, of the security policy, of files."""
        if told.get("method") == "Runtime.exceptionThrown":
            self.console.append(json.dumps(told["params"]["exceptionDetails"])[:500])
        if told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
            self.console.append(told["params"]["entry"]["text"])

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        told = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in told:
            raise RuntimeError(json.dumps(told["exceptionDetails"])[:500])
        return told["result"].get("value")

    def until(self, script: str) -> Any:
        """Wait until it is true."""
        end = time.monotonic() + _WAIT_S
        while time.monotonic() < end:
            try:
                value = self.run(script)
            except RuntimeError:  # between two pages
                value = None
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"never true: {script}; {self.console}")

    def key(self, name: str, *, shift: bool = False) -> None:
        code, text = _KEYS[name] if name in _KEYS else (ord(name.upper()), name)
        told: dict[str, Any] = {"key": name, "windowsVirtualKeyCode": code}
        told |= {"modifiers": 8} if shift else {}
        down = "keyDown" if text else "rawKeyDown"
        self.call("Input.dispatchKeyEvent", type=down, **told, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def point(self, selector: str, where: tuple[float, float] = (0.5, 0.5)) -> tuple[float, float]:
        """A place inside an element that is hit there."""
        found = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " if (!e) return null; e.scrollIntoView({block: 'nearest'});"
            " const b = e.getBoundingClientRect();"
            f" return [b.x + b.width * {where[0]}, b.y + b.height * {where[1]}]; }})()"
        )
        assert found, selector
        return (found[0], found[1])

    def click(self, selector: str, times: int = 1) -> None:
        x, y = self.point(selector)
        for n in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                          clickCount=n)  # fmt: skip

    def drag(self, *places: tuple[float, float]) -> None:
        def send(kind: str, at: tuple[float, float]) -> None:
            self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left",
                      buttons=1, clickCount=1)  # fmt: skip

        send("mousePressed", places[0])
        for a, b in itertools.pairwise(places):
            for share in (0.25, 0.5, 0.75, 1.0):
                send("mouseMoved", (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share))
        send("mouseReleased", places[-1])

    def swipe(self, *places: tuple[float, float]) -> None:
        """Drag with a finger."""
        self.call("Emulation.setTouchEmulationEnabled", enabled=True)
        for kind, at in (
            ("touchStart", places[0]), *(("touchMove", p) for p in places), ("touchEnd", None),
        ):  # fmt: skip
            points = [] if at is None else [{"x": at[0], "y": at[1]}]
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])  # fmt: skip

    def picture(self, path: Path) -> None:
        self.run("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser(profile: Path) -> Iterator[Callable[[], Page]]:
    """A running Chromium; the call makes a new tab with cookies of its own, as another browser."""
    if CHROMIUM is None:
        pytest.skip("chromium isn't installed (Debian: apt-get install chromium)")
    from websockets.sync.client import connect

    process = subprocess.Popen(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    connections = ExitStack()
    try:
        port_file = profile / "DevToolsActivePort"
        end = time.monotonic() + 60
        while not (port_file.is_file() and len(port_file.read_text().splitlines()) == 2):
            if time.monotonic() > end or process.poll() is not None:
                pytest.skip("chromium doesn't start here")
            time.sleep(0.05)
        port, path = port_file.read_text().splitlines()
        ids = itertools.count(1)

        def connected() -> Any:
            address = f"ws://127.0.0.1:{port}{path}"
            return connections.enter_context(connect(address, max_size=None, proxy=None))

        connection = connected()

        def call(method: str, **params: Any) -> dict[str, Any]:
            number = next(ids)
            connection.send(json.dumps({"id": number, "method": method, "params": params}))
            while True:
                told = json.loads(connection.recv(timeout=_WAIT_S))
                if told.get("id") == number:
                    result: dict[str, Any] = told["result"]
                    return result

        def new_page() -> Page:
            own = connected()
            context = call("Target.createBrowserContext")["browserContextId"]
            target = call("Target.createTarget", url="about:blank", browserContextId=context)
            own.send(json.dumps({"id": 0, "method": "Target.attachToTarget", "params": {
                "targetId": target["targetId"], "flatten": True}}))  # fmt: skip
            while True:
                told = json.loads(own.recv(timeout=_WAIT_S))
                if told.get("id") == 0:
                    return Page(own, told["result"]["sessionId"], ids)

        yield new_page
    finally:
        connections.close()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
