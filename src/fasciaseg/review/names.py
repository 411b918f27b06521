"""Readers' names: what may be one, and how it becomes a column of a table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from ..errors import UsageError

LONGEST = 60
_TAKEN = frozenset({"software", "consensus", "reader"})


def cleaned(name: object) -> str:
    """A name as it is kept: composed characters, single blanks.

    Raises:
        UsageError: `bad_name`, it is empty, too long, or not a name.
    """
    text = unicodedata.normalize("NFC", name) if isinstance(name, str) else ""
    text = " ".join(text.split())
    if not text or len(text) > LONGEST or not all(c.isprintable() for c in text):
        raise UsageError("bad_name", f"A name has 1 to {LONGEST} characters.", "Type another one.")
    if slug(text) in _TAKEN:
        raise UsageError("bad_name", "That name stands for something else.", "Type another one.")
    return text


def slug(name: str) -> str:
    """Lower-case ASCII letters, digits and underscores: what survives every statistics program."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def slugs(names: Sequence[str], endings: Sequence[str], taken: Collection[str]) -> list[str]:
    """One slug a reader, in the order they joined, so that a later one changes no earlier one's.

    No slug with one of the `endings` makes a column that is `taken`.
    """
    found: list[str] = []
    for number, name in enumerate(names, 1):
        base = slug(name)
        if not base or not base[0].isalpha():
            base = f"reader_{base}".rstrip("_") if base else f"reader_{number}"
        candidate, n = base, 1
        while (
            candidate in found
            or candidate in _TAKEN
            or any(f"{candidate}{ending}" in taken for ending in endings)
        ):
            n += 1
            candidate = f"{base}_{n}"
        found.append(candidate)
    return found
