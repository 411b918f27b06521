"""How far a batch has come: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from fasciaseg.batch import Progress

_BAR = 24
_REDRAW_S = 0.1
_LINE_S = 10.0
_LINE_SHARE = 0.1


def watcher(verbose: bool | None) -> Progress:
    """Nothing if quiet, a bar on a terminal (unless log lines would tear it), else lines."""
    if verbose is False:
        return Progress()
    return Lines() if verbose or not sys.stderr.isatty() else Bar()


class _Counting(Progress):
    """Counts exams and seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = 0.0
        self._todo = 0
        self._done = 0
        self._kinds: Counter[str] = Counter()

    def starting(self, todo: int, done: int) -> None:
        """Start counting."""
        self._start = self._clock()
        self._todo, self._done = todo, done

    def ended(self, kind: str) -> None:
        """Count one."""
        self._kinds[kind] += 1

    @property
    def _ended(self) -> int:
        return self._kinds.total()

    def _told(self) -> str:
        """How many, how fast, how long still."""
        parts = [f"{self._ended}/{self._todo} exams"]
        parts += [f"{n} {kind}" for kind in ("failed", "skipped") if (n := self._kinds[kind])]
        seconds = self._clock() - self._start
        if self._ended and seconds > 0:
            rate = self._ended / seconds
            parts.append(f"{rate:.1f}/s" if rate >= 0.1 else f"{60 * rate:.1f}/min")
            if self._ended < self._todo:
                parts.append(f"{duration((self._todo - self._ended) / rate)} left")
        return ", ".join(parts)


class Bar(_Counting):
    """A line that is drawn over and over."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._drawn = -1.0
        self._width = 0

    def scanning(self) -> None:
        """Say so in the bar's place."""
        self._draw("Looking for exams ...")

    def starting(self, todo: int, done: int) -> None:
        """Draw an empty bar."""
        super().starting(todo, done)
        self._redraw()

    def ended(self, kind: str) -> None:
        """Draw it anew."""
        super().ended(kind)
        if self._clock() - self._drawn >= _REDRAW_S or self._ended == self._todo:
            self._redraw()

    def stopped(self) -> None:
        """Leave the bar's line."""
        self._write("\n" if self._todo else f"\r{' ' * self._width}\r")

    def _redraw(self) -> None:
        self._drawn = self._clock()
        full = _BAR * self._ended // self._todo if self._todo else _BAR
        self._draw(f"[{'#' * full}{'-' * (_BAR - full)}] {self._told()}")

    def _draw(self, line: str) -> None:
        line = line[: max(20, shutil.get_terminal_size().columns - 1)]
        self._write(f"\r{line.ljust(self._width)}")
        self._width = len(line)

    def _write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


class Lines(_Counting):
    """A line at the start, then one every ten seconds and every tenth of the way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._said_s = 0.0
        self._said_n = 0

    def starting(self, todo: int, done: int) -> None:
        """Say how many there are."""
        super().starting(todo, done)
        self._said_s = self._start
        before = f" ({done} done before)" if done else ""
        if todo:
            self._say(f"{todo} exams to read{before}.")
        else:
            self._say(f"Nothing to read{before}.")

    def ended(self, kind: str) -> None:
        """Say so now and then."""
        super().ended(kind)
        now = self._clock()
        late = now - self._said_s >= _LINE_S
        far = self._ended - self._said_n >= _LINE_SHARE * self._todo
        if late or far or self._ended == self._todo:
            self._said_s, self._said_n = now, self._ended
            self._say(f"{self._told()}.")

    def _say(self, line: str) -> None:
        with suppress(OSError):
            sys.stderr.write(f"fasciaseg: {line}\n")
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
