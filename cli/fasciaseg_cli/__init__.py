"""The command line of fasciaseg: a thin layer over `fasciaseg.api`."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from . import interrupt

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130


def main() -> None:
    """Run the `fasciaseg` command, ready for Ctrl-C before anything else is imported."""
    # A shell that starts a job in the background has it ignore Ctrl-C; that stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt.interrupt)
    # Imports make garbage collectors busy and leave no garbage.
    gc.set_threshold(100_000, 50, 50)
    # NumPy's linear algebra is small here: threads of its own would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = INTERRUPTED
    try:
        from .guard import run

        code = run(_app)
    except BaseException:
        # Ctrl-C while a module is imported may come out as any other error.
        if not interrupt.seen:
            raise
    if interrupt.seen:
        code = INTERRUPTED
        with suppress(OSError):
            os.write(2, b"fasciaseg: Interrupted.\n")
    # Not sys.exit: everything is written, and taking Python apart takes a tenth of a second. Also,
    # where Ctrl-C passed through an `exec`, Python would end with another code.
    os._exit(code)


def _app() -> typer.Typer:
    from .app import app

    return app
