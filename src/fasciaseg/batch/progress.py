"""What a run tells whoever watches it. The base class tells nobody."""

from __future__ import annotations


class Progress:
    """Called by `run` from the thread that started it; override what is of interest."""

    def scanning(self) -> None:
        """The headers of the export are being read."""

    def starting(self, todo: int, done: int) -> None:
        """Exams will be read: `todo` of them; `done` are there from earlier runs."""

    def ended(self, kind: str) -> None:
        """One exam ended: scored, skipped or failed."""

    def stopped(self) -> None:
        """No more exams will end in this run."""
