"""The one exception tree. Every error says what is wrong and what to do about it.

`exit_code` is what the command line ends with; the mapping is made here, once, so that the
library, `classify` and `batch` can't disagree about what an error means.
"""

from __future__ import annotations

from typing import ClassVar


class FasciasegError(Exception):
    """Anything that fasciaseg refuses to do, with a named reason.

    Attributes:
        code: short machine-readable name, stable across versions (`failures.csv` carries it).
        reason: one sentence: what is wrong.
        action: one sentence: what the user can do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, reason: str, action: str = "") -> None:
        super().__init__(f"{reason} {action}".strip())
        self.code = code
        self.reason = reason
        self.action = action


class UsageError(FasciasegError):
    """The call can't be right: unknown option value, several studies and none picked."""

    exit_code = 2


class NothingToRead(FasciasegError):
    """Readable DICOM, but nothing that this tool reads (no sagittal spine series, no vertebra)."""

    exit_code = 3


class UnreadableInput(FasciasegError):
    """Nothing readable, or the series that would be used is broken."""

    exit_code = 4


class OutputNotWritable(FasciasegError):
    """The results can't be written where they should go."""

    exit_code = 6
