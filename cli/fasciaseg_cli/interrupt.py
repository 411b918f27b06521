"""Ctrl-C, remembered: a compiled module that is being imported can swallow it."""

from __future__ import annotations

seen = False


def interrupt(_signal: int, _frame: object) -> None:
    """Handle SIGINT.

    Raises:
        KeyboardInterrupt: always.
    """
    global seen
    seen = True
    raise KeyboardInterrupt


def check() -> None:
    """Go no further after Ctrl-C.

    Raises:
        KeyboardInterrupt: it was pressed, and the first one got lost.
    """
    if seen:
        raise KeyboardInterrupt
