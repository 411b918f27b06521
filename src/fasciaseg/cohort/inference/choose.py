"""The rule by which a comparison of groups gets its test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .answer import Rule, Test, untested
from .means import compare_means
from .normal import Floats, mean_like
from .ranks import compare_ranks
from .several import compare_several_means, compare_several_ranks


def compare_numbers(groups: Sequence[Floats], rule: Rule, test: str = "auto") -> Test:
    """Numbers in groups; of two groups the effect is the first one's against the second one's.

    Args:
        groups: one array of values a group, without missing ones.
        rule: the limits.
        test: `t` or `rank` where the user has chosen, `auto` by whether the groups look normal.
    """
    if len(groups) < 2 or not all(len(g) for g in groups):
        return untested("no value in a group")
    fits, why = mean_like(groups, rule)
    if test != "auto":
        fits, why = test == "t", "asked for"
    if fits:
        found = (
            compare_means(groups[0], groups[1], rule)
            if len(groups) == 2
            else compare_several_means(groups, rule)
        )
    else:
        two = len(groups) == 2
        found = compare_ranks(groups[0], groups[1]) if two else compare_several_ranks(groups)
    if found.p is None:
        return found
    return replace(found, rule=f"{'means' if fits else 'ranks'}: {why}; {found.rule}")


def by_means(groups: Sequence[Floats], rule: Rule, test: str = "auto") -> bool:
    """Whether groups are described by mean ± SD; else by median and quartiles."""
    if test != "auto":
        return test == "t"
    return mean_like([g for g in groups if len(g)], rule)[0]
