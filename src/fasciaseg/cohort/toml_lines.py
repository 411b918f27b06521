"""Which line of a TOML file a key stands on: `tomllib` doesn't tell."""

from __future__ import annotations

import re
import tomllib

_HEADER = re.compile(r"^\s*\[(?!\[)(.+)\]\s*(#.*)?$")
_NAME = r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[\w-]+)"
_KEY = re.compile(rf"^\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line, counted from 1, of the longest part of `path` that is found."""
    best, best_length = None, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = found = _parts(header[1])
        elif key := _KEY.match(line):
            found = (*table, *_parts(key[1]))
        else:
            continue
        if found == path[: len(found)] and len(found) > best_length:
            best, best_length = number, len(found)
    return best


def _parts(key: str) -> tuple[str, ...]:
    """`a."b c"` → ("a", "b c")."""
    try:
        told: object = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts = []
    while isinstance(told, dict):
        name = next(iter(told))
        parts.append(name)
        told = told[name]
    return tuple(parts)
