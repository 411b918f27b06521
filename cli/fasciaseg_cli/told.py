"""A result in a few lines, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fasciaseg.flags import FLAGS
from fasciaseg.report import words
from fasciaseg.result import Result


def told(result: Result, out: Path) -> Iterator[str]:
    """The answer, what it rests on, what to mind, where the pictures are."""
    yield words.headline(result)
    yield from words.class_lines(result)
    yield f"Read from: {words.sequence(result)}, three central slices"
    for flag in result.flags:
        action = FLAGS[flag.code].action if flag.code in FLAGS else ""
        yield f"Note: {flag.text} {action}".rstrip()
    yield f"Pictures and result.json: {out}"
    yield f"{words.DISCLAIMER}."
