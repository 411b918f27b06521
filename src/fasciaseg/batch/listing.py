"""The names, sizes and times of an export's files: is it still what was scanned last?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from ..version import __version__


def listing(export: Path, leave_out: Path) -> str:
    """Digest of every file's name, size and time; nothing is opened.

    Args:
        export: a folder, or a file.
        leave_out: a folder whose files don't count: the output may lie inside the export.
    """
    digest = hashlib.sha256(
        f"{__version__}\n{export.resolve()}\n".encode(errors="backslashreplace")
    )
    for name, size, time_ns in sorted(_files(str(export), str(leave_out.resolve()))):
        digest.update(f"{name}\0{size}\0{time_ns}\n".encode(errors="backslashreplace"))
    return digest.hexdigest()


def _files(root: str, leave_out: str) -> Iterator[tuple[str, int, int]]:
    if Path(root).is_file():
        stat = Path(root).stat()
        yield "", stat.st_size, stat.st_mtime_ns
        return
    folders = [root]
    seen = {leave_out}
    while folders:
        folder = folders.pop()
        place = os.path.realpath(folder)
        if place in seen:
            continue
        seen.add(place)
        try:
            found = list(os.scandir(folder))
        except OSError:
            yield folder, -1, 0  # can't be listed: the scan says so
            continue
        for entry in found:
            try:
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.is_file():
                    stat = entry.stat()
                    yield entry.path, stat.st_size, stat.st_mtime_ns
            except OSError:
                yield entry.path, -1, 0
