"""A result as one line of JSON."""

from __future__ import annotations

import json
from typing import Any


def line(exam: str, result: dict[str, Any]) -> bytes:
    """The object of `result.json` with the exam's hash in front, on one line.

    Raises:
        ValueError: a number isn't finite; JSON has no name for it.
    """
    text = json.dumps(
        {"exam": exam, **result}, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    # Surrogates (names that are no valid text) would otherwise lose the result.
    return f"{text}\n".encode("utf-8", "backslashreplace")
