"""Between the commands and the shell: exit codes, one line for an error, no traceback."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer

from fasciaseg.errors import FasciasegError, OutputNotWritable

UNEXPECTED, INTERRUPTED = 1, 130


def run() -> NoReturn:
    """Run the app with Ctrl-C caught wherever it strikes, and libraries' warnings silent."""
    interrupted = False

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    # A shell that starts a job in the background has it ignore Ctrl-C; that stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    warnings.simplefilter("ignore")
    code: object = UNEXPECTED
    try:
        from .app import app

        app(prog_name="fasciaseg")
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        # Ctrl-C inside a compiled module's import may come out as another error.
        if not interrupted:
            code = _unexpected(error, verbose=False)
    if interrupted:
        complain("Interrupted.")
        code = INTERRUPTED
    raise SystemExit(_flushed(code))


@contextmanager
def reported(*, verbose: bool = False) -> Iterator[None]:
    """End the command with the exit code that an error inside stands for, and one line."""
    try:
        yield
    except FasciasegError as error:
        complain(str(error))
        raise typer.Exit(error.exit_code) from error
    except typer.Exit:
        raise
    except Exception as error:
        raise typer.Exit(_unexpected(error, verbose=verbose)) from error


def complain(line: str) -> None:
    """One line on stderr, which may be closed."""
    try:
        sys.stderr.write(f"fasciaseg: {line}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass


def say(text: str) -> None:
    """Text on stdout, in the terminal's encoding as far as that goes.

    Raises:
        OutputNotWritable: stdout is a full disk or the like.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    say_bytes(text.encode(encoding, "replace"))


def say_bytes(data: bytes) -> None:
    """Bytes on stdout, as they are.

    Raises:
        OutputNotWritable: stdout is a full disk or the like.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read along has seen enough (`| head`); the files are written.
        _silence_stdout()
    except OSError as error:
        _silence_stdout()
        raise OutputNotWritable(
            "stdout_not_writable",
            f"Can't write to standard output: {error.strerror or type(error).__name__}.",
            "Send it somewhere else.",
        ) from error


def _silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere instead of failing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _flushed(code: object) -> object:
    """The exit code, changed where what `--help` wrote can't be got out."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
    except (AttributeError, OSError, ValueError):
        return code or OutputNotWritable.exit_code
    return code


def _unexpected(error: BaseException, *, verbose: bool) -> int:
    """Say where it happened, never what the error says: that may quote the patient's data."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    complain(
        f"Unexpected error ({type(error).__name__}{where}). "
        + ("Please report it." if verbose else "Please report it with what --verbose says.")
    )
    if verbose:
        sys.stderr.writelines(traceback.format_list(frames))
    return UNEXPECTED
