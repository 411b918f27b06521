"""What a review is set to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReviewOptions:
    """How a review is served.

    Attributes:
        host: address to listen on.
        port: TCP port, 0 for any that is free.
        password: opens a browser as the token in the address does; needed for an address that
            other machines reach.
        blind: hide what the software says.
        hide_numbering: show no level names until the reader has named a vertebra.
    """

    host: str = "127.0.0.1"
    port: int = 0
    password: str | None = None
    blind: bool = False
    hide_numbering: bool = False

    @property
    def hides(self) -> bool:
        """Whether pictures with the software's marks and names must not be shown."""
        return self.blind or self.hide_numbering
