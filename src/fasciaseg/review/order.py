"""The order in which a reader sees the exams: random, their own, and always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def ordered(exams: Iterable[str], reader: str, seed: str) -> list[str]:
    """Exams by a keyed hash of each: one that comes later moves none of the others."""

    def place(exam: str) -> bytes:
        return hashlib.sha256("\0".join((seed, reader.casefold(), exam)).encode()).digest()

    return sorted(exams, key=place)
