"""Between the commands and the shell: exit codes, one line for an error, no traceback."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from fasciaseg.errors import FasciasegError, OutputNotWritable

from .interrupt import check

UNEXPECTED = 1
#: Dash and minus sign for terminals that lack them.
_PLAIN = {ord("–"): "-", ord("−"): "-"}


def run(load: Callable[[], typer.Typer]) -> int:
    """Run an app with other libraries' warnings and logs silent; returns the exit code.

    `load` imports the app: what goes wrong there is reported as well.
    """
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    # Started without a stream (`>&-`, a Windows service), what goes there goes nowhere.
    sys.stdout = sys.stdout or io.TextIOWrapper(io.BytesIO(), "utf-8")
    sys.stderr = sys.stderr or io.TextIOWrapper(io.BytesIO(), "utf-8")
    code = 0
    try:
        with reported():
            load()(prog_name="fasciaseg")
    except typer.Exit as end:
        code = end.exit_code
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    return _flushed(code)


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
        if _from_interrupt(error):
            raise KeyboardInterrupt from error
        raise typer.Exit(_unexpected(error, verbose=verbose)) from error


@contextmanager
def logged(verbose: bool | None) -> Iterator[None]:
    """Show fasciaseg's own log on stderr: warnings, everything if verbose, errors if quiet."""
    logger = logging.getLogger("fasciaseg")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("fasciaseg: %(message)s"))
    levels = {None: logging.WARNING, True: logging.DEBUG, False: logging.ERROR}
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(levels[verbose])
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def complain(line: str) -> None:
    """One line on stderr."""
    with suppress(OSError):
        sys.stderr.write(f"fasciaseg: {line}\n")
        sys.stderr.flush()


def say(text: str) -> None:
    """Text on stdout, in the terminal's encoding as far as that goes.

    Raises:
        OutputNotWritable: stdout is a full disk or the like.
    """
    try:
        data = text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        data = text.translate(_PLAIN).encode(sys.stdout.encoding, "replace")
    say_bytes(data)


def say_bytes(data: bytes) -> None:
    """Bytes on stdout, as they are.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed before.
        OutputNotWritable: stdout is a full disk or the like.
    """
    check()
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


def _flushed(code: int) -> int:
    """The exit code, changed where what `--help` wrote can't be got out."""
    with suppress(OSError):
        sys.stderr.flush()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
    except OSError:
        return code or OutputNotWritable.exit_code
    return code


def _from_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: what compiled modules make of it while they load."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


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
