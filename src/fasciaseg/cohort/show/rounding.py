"""Numbers as journals print them."""

from __future__ import annotations

import math

from ..inference.answer import Effect

_ABBREVIATED = {
    "mean difference": "MD",
    "median shift": "shift",
    "odds ratio": "OR",
    "Cramér's V": "V",
    "mean change": "change",
    "median change": "change",
}
#: Effects in the unit of what was measured.
_IN_UNITS = {"mean difference", "median shift", "mean change", "median change"}


def fixed(value: float | None, decimals: int = 2) -> str:
    """A number with a true minus sign; a dash for none, no minus before a zero."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:.{decimals}f}"
    if not text.strip("-0."):
        text = text.removeprefix("-")
    return text.replace("-", "−")


def p_value(p: float | None) -> str:
    """P: two digits, three below 0.01 and where two would hide on which side of 0.05 it lies."""
    if p is None:
        return "–"
    if p < 0.001:
        return "<0.001"
    if p < 0.01 or 0.045 <= p < 0.055:
        return f"{p:.3f}"
    return f"{p:.2f}"


def percent(n: int, total: int) -> str:
    """`12 (5.4%)`."""
    return f"{n} ({100 * n / total:.1f}%)" if total else f"{n}"


def ratio(value: float) -> str:
    """An odds ratio: two decimals, fewer where it is large."""
    return fixed(value, 2) if value < 100 else f"{value:.3g}" if value < 1e6 else ">10⁶"


def effect(told: Effect, decimals: int = 2) -> str:
    """`MD 1.34 (−1.12 to 3.80)`."""
    digits = decimals if told.name in _IN_UNITS else 2

    def number(value: float) -> str:
        return ratio(value) if told.name == "odds ratio" else fixed(value, digits)

    name = _ABBREVIATED.get(told.name, told.name)
    if told.low is None or told.high is None:
        return f"{name} {number(told.value)}"
    return f"{name} {number(told.value)} ({number(told.low)} to {number(told.high)})"
