"""What a test answers, and by which rule it was chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Two-sided 95%.
CONFIDENCE = 0.95
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Rule:
    """The limits by which tests are chosen.

    Attributes:
        normal: Shapiro–Wilk P below this speaks against a normal distribution.
        large: from this group size on, means are taken as normal unless the data are skewed.
        skewness: largest skewness at which they are.
        variance: P of Levene's (or the F) test below this speaks against equal variances.
        corrected: 2×2 tables: an expected count below this asks for continuity correction.
        exact: 2×2 tables: an expected count below this asks for Fisher's exact test.
        least_n: 2×2 tables: so does a total below this.
    """

    normal: float = 0.05
    large: int = 30
    skewness: float = 1.0
    variance: float = 0.05
    corrected: float = 5.0
    exact: float = 1.0
    least_n: int = 40


@dataclass(frozen=True)
class Effect:
    """An effect size with its 95% interval; the bounds are None where there is none."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Test:
    """One test.

    Attributes:
        name: short name, as in a table's column.
        rule: why this test, with the numbers that decided.
        p: two-sided; None where nothing can be tested, and `rule` says why.
        statistic: t, U, W, F, H or chi-square; None for Fisher's exact test.
        df: degrees of freedom.
        effects: the first one is the table's.
        notes: what a reader has to know.
    """

    __test__ = False  # not one of pytest's

    name: str
    rule: str
    p: float | None
    statistic: float | None = None
    df: tuple[float, ...] = ()
    effects: tuple[Effect, ...] = ()
    notes: tuple[str, ...] = field(default=())


def untested(reason: str) -> Test:
    """No test, and why."""
    return Test("none", reason, None)


def shown_p(p: float) -> str:
    """P inside of a rule's text."""
    return "P < 0.001" if p < 0.001 else f"P = {p:.3f}"
