"""The published study's groups, for every set of levels that can be involved."""

from __future__ import annotations

from itertools import combinations

import pytest

from fasciaseg.scoring.score import classify, in_order
from fasciaseg.vertebrae import LOWER_LUMBAR, SCORED_LEVELS, THORACIC, THORACOLUMBAR

EVERY_SET = [
    chosen for n in range(len(SCORED_LEVELS) + 1) for chosen in combinations(SCORED_LEVELS, n)
]


def test_the_regions_hold_every_scored_level_once() -> None:
    regions = [*THORACIC, *THORACOLUMBAR, *LOWER_LUMBAR]
    assert sorted(regions) == sorted(SCORED_LEVELS)


def test_severity_counts_levels() -> None:
    for levels in EVERY_SET:
        found = classify(levels)
        assert found.fascia_edema is bool(levels)
        assert (found.severity == "severe") == (len(levels) > 3)
        assert (found.severity == "none") == (not levels)


def test_location_is_where_the_levels_are() -> None:
    for levels in EVERY_SET:
        upper = any(level in ("T11", "T12", "L1", "L2") for level in levels)
        lower = any(level in ("L3", "L4", "L5") for level in levels)
        expected = {
            (True, True): "both",
            (True, False): "thoracolumbar",
            (False, True): "lower_lumbar",
            (False, False): "thoracic" if levels else "none",
        }[upper, lower]
        assert classify(levels).location == expected


def test_upper_thoracic_levels_beside_others_keep_their_class() -> None:
    for levels in EVERY_SET:
        others = [level for level in levels if level not in THORACIC]
        if others:
            assert classify(levels).location == classify(others).location


@pytest.mark.parametrize(
    ("levels", "location", "severity"),
    [
        ((), "none", "none"),
        (("L1",), "thoracolumbar", "non_severe"),
        (("T12", "L1", "L2"), "thoracolumbar", "non_severe"),
        (("T11", "T12", "L1", "L2"), "thoracolumbar", "severe"),
        (("L3", "L4", "L5"), "lower_lumbar", "non_severe"),
        (("L2", "L3"), "both", "non_severe"),
        (("L1", "L2", "L3", "L4"), "both", "severe"),
        (("T10",), "thoracic", "non_severe"),
        (("T7", "T8", "T9", "T10"), "thoracic", "severe"),
        (("T10", "T11"), "thoracolumbar", "non_severe"),
        (("T5", "L5"), "lower_lumbar", "non_severe"),
    ],
)
def test_examples(levels: tuple[str, ...], location: str, severity: str) -> None:
    found = classify(levels)
    assert (found.location, found.severity) == (location, severity)


def test_order_of_the_list_does_not_matter() -> None:
    assert classify(("L4", "T12")) == classify(("T12", "L4"))
    assert in_order(("L4", "T12", "L1", "T5")) == ("T5", "T12", "L1", "L4")
