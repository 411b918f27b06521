"""Files that a reader meets whole or not at all, and what to say when they can't be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import OutputNotWritable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the operating system says while `folder` is written to into words.

    Raises:
        OutputNotWritable: any OSError inside.
    """
    try:
        yield
    except OSError as error:
        raise not_writable(folder, error) from error


def not_writable(folder: Path, error: OSError) -> OutputNotWritable:
    """The error for a folder that can't be written."""
    where = f"'{folder}'"
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return OutputNotWritable(
            "output_is_a_file",
            f"The output folder {where} can't be made: a file is in its place.",
            "Name another folder.",
        )
    if error.errno in _FORBIDDEN:
        return OutputNotWritable(
            "output_no_permission",
            f"No permission to write to {where}.",
            "Name a folder that you may write to.",
        )
    if error.errno in _FULL:
        return no_space(folder)
    reason = error.strerror or type(error).__name__
    return OutputNotWritable(
        "output_not_writable", f"Can't write to {where}: {reason}.", "Name another folder."
    )


def no_space(folder: Path) -> OutputNotWritable:
    """The error for a full disk; a batch goes on where it stopped."""
    return OutputNotWritable(
        "output_no_space",
        f"No space left for '{folder}'.",
        "Free some space and run the same command again: what is done is kept.",
    )


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a file in one step, so that neither a crash nor a full disk leaves half of it.

    Raises:
        OSError: it can't be written; an earlier file of that name is still whole.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        handle = os.open(
            temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), mode
        )
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync(folder: Path) -> None:
    """Have a folder's files on the disk before anything is said about them."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system knows how."""
    with suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
