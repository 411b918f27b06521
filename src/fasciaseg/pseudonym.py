"""The name an exam goes by in folders, pages and logs: nobody can tell the patient from it.

A plain hash of a UID could be undone by trying UIDs; one with a secret random key can't. The same
key gives the same exam the same name again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from .errors import OutputNotWritable

_KEY_BYTES = 32
#: Hexadecimal digits of a name: 64 bits, enough for billions of exams.
_NAME_DIGITS = 16


def exam_name(study_instance_uid: str, key: bytes) -> str:
    """HMAC of the StudyInstanceUID: sixteen hexadecimal digits."""
    mac = hmac.new(key, study_instance_uid.encode(), hashlib.sha256)
    return mac.hexdigest()[:_NAME_DIGITS]


def load_key(path: Path) -> bytes:
    """The key in a file, which is made with a new random key where there is none.

    Raises:
        OutputNotWritable: it can't be made or read, or holds something else.
    """
    try:
        if not path.exists():
            _make_key(path)
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputNotWritable(
            "key_not_writable",
            f"The key that names output folders can't be kept in '{path}': {reason}.",
            "Make that folder writable, or name the output folder with --out.",
        ) from error
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise OutputNotWritable(
            "key_damaged",
            f"The key that names output folders is damaged: '{path}'.",
            "Delete that file (exams get new folder names), or name the output folder with --out.",
        )
    return key


def _make_key(path: Path) -> None:
    """Put a new key there, whole or not at all; one that another process put there stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        with contextlib.suppress(FileExistsError):
            _put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _put(temporary: Path, path: Path) -> None:
    """Give the file its name unless that is taken (FileExistsError)."""
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        # FAT and some network disks know no links; a plain rename can only lose a race there.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
            raise
        temporary.rename(path)
