"""A reader names one vertebra; everything else follows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import fasciaseg
from fasciaseg import Options, Result, UsageError
from fasciaseg.anatomy.anchor import AnchorError, UserAnchor, parse
from fasciaseg.vertebrae import LEVELS

#: Edema behind T12, L1 and L2.
SAMPLE = Path(__file__).resolve().parents[2] / "sample_dicoms" / "thoracolumbar"


@cache
def read(anchor: str | None = None) -> Result:
    options = Options(anchor=parse(anchor) if anchor else None, threads=1)
    return fasciaseg.classify(SAMPLE, options)


def heights(result: Result) -> dict[str, float]:
    return {v.level: v.center_lps_mm[2] for v in result.vertebrae}


def one_up(levels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(LEVELS[LEVELS.index(n) - 1] for n in levels)


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("L1@-35.2", UserAnchor("L1", z_mm=-35.2)),
        (" t12 @ 140 ", UserAnchor("T12", z_mm=140.0)),
        ("S1@-10", UserAnchor("S1", z_mm=-10.0)),
        ("L5=L4", UserAnchor("L4", called="L5")),
        ("s1 = l5", UserAnchor("L5", called="S1")),
    ],
)
def test_two_forms(text: str, anchor: UserAnchor) -> None:
    assert parse(text) == anchor
    assert parse(str(anchor)) == anchor


@pytest.mark.parametrize(
    "text", ["", "L1", "L6@3", "C7@3", "L0=L1", "T13=L1", "L1@x", "L1@", "S2=L5"]
)
def test_nonsense_is_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.code == "bad_anchor"
    assert caught.value.action


def test_an_anchor_that_agrees_changes_no_level() -> None:
    plain = read()
    z = heights(plain)["L1"]
    for anchor in (f"L1@{z:.1f}", f"L1@{z + 8:.1f}", "L3=L3"):
        told = read(anchor)
        assert told.edema == plain.edema
        assert told.vertebrae == plain.vertebrae
        assert (told.anchor.kind, told.anchor.confidence) == ("user", 1.0)


def test_everything_follows_the_anchor() -> None:
    plain, told = read(), read("L5=L4")
    assert plain.edema.levels == ("T12", "L1", "L2")
    assert told.edema.levels == ("T11", "T12", "L1")
    assert one_up(plain.levels_in_view) == tuple(n for n in told.levels_in_view if n != "L5")
    assert heights(told)["L4"] == heights(plain)["L5"]
    assert told.central_slices == plain.central_slices
    assert not {"levels_unverified", "transitional_suspected"} & {f.code for f in told.flags}
    assert told.software.options["anchor"] == "L5=L4"


def test_what_lies_below_the_named_l5_leaves_the_list() -> None:
    plain, told = read(), read("L4=L5")
    assert "L5" in heights(told)
    assert heights(told)["L5"] == heights(plain)["L4"]
    assert min(heights(told).values()) == heights(plain)["L4"]


def test_the_two_forms_agree() -> None:
    z = heights(read())["L2"]
    assert read(f"L3@{z:.1f}").vertebrae == read("L2=L3").vertebrae


@pytest.mark.parametrize("anchor", ["L1@900", "T1=L1"])
def test_a_vertebra_that_is_not_in_view_is_an_error(anchor: str) -> None:
    with pytest.raises(AnchorError) as caught:
        read(anchor)
    assert caught.value.code == "anchor_out_of_view"
    assert caught.value.exit_code == 2


def test_an_anchor_must_leave_something_above_the_sacrum() -> None:
    with pytest.raises(AnchorError):
        read(f"S1@{max(heights(read()).values()):.1f}")


def test_where_no_scored_level_is_left_the_exam_says_so() -> None:
    result = read("L5=T3")
    assert result.classification.fascia_edema is None
    assert result.anchor.kind == "user"
    assert "no_scored_level_in_view" in {f.code for f in result.flags}
    assert {v.level for v in result.vertebrae} <= {"T1", "T2", "T3"}
