"""What a user can set about the statistics of agreement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError


@dataclass(frozen=True)
class AgreeOptions:
    """Options of `fasciaseg.agreement.agree`.

    Attributes:
        linkage: table that says which exams are of the same patient; None: each stands alone.
        pairs: raters to compare, as `ANNA:BEN`; empty compares all that make sense.
        confidence_level: of every interval.
        seed: of the bootstrap's random numbers.
        resamples: of the bootstrap; 2,000 keep a percentile's own error well below what anyone
            would print.
    """

    linkage: Path | None = None
    pairs: tuple[str, ...] = ()
    confidence_level: float = 0.95
    seed: int = 1
    resamples: int = 2000

    def __post_init__(self) -> None:
        """Reject values that can't mean anything."""
        if not 0.5 <= self.confidence_level < 1:
            raise UsageError(
                "bad_option",
                f"The confidence level must be at least 0.5 and below 1, not "
                f"{self.confidence_level}.",
            )
        if self.seed < 0:
            raise UsageError("bad_option", f"The seed must be at least 0, not {self.seed}.")
        if self.resamples < 100:
            raise UsageError("bad_option", "At least 100 resamples are needed.")
