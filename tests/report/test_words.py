from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from fasciaseg.reading import Reading
from fasciaseg.report import words
from fasciaseg.result import Classification, Location, Severity
from fasciaseg.vertebrae import SCORED_LEVELS

ReadingMaker = Callable[..., Reading]


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ((), ""),
        (("L3",), "L3"),
        (("L1", "L2", "L3"), "L1–L3"),
        (("T12", "L2", "L3"), "T12, L2–L3"),
        (("L2", "L1"), "L1–L2"),
        (("T11", "T12", "L1"), "T11–L1"),
        (("T5", "T7", "L5"), "T5, T7, L5"),
    ],
)
def test_levels_are_joined_into_ranges(levels: tuple[str, ...], text: str) -> None:
    assert words.level_range(levels) == text


@pytest.mark.parametrize(
    ("location", "severity", "said"),
    [
        ("thoracolumbar", "non_severe", ["thoracolumbar (T11–L2)", "non-severe (2 levels)"]),
        ("lower_lumbar", "non_severe", ["lower lumbar (L3–L5)", "non-severe"]),
        ("both", "severe", ["thoracolumbar and lower lumbar (both)", "severe (2 levels)"]),
        ("thoracic", "non_severe", ["thoracic (T5–T10)"]),
    ],
)
def test_every_class_has_words(
    make_reading: ReadingMaker, location: Location, severity: Severity, said: list[str]
) -> None:
    classification = Classification(True, location, severity)
    result = make_reading(changes={"classification": classification}).result
    line = words.one_line(result)
    assert line.startswith("Fascia edema: L1–L2")
    assert all(part in line for part in said)
    assert "63 mm" in line


def test_no_edema_says_which_levels_were_judged(make_reading: ReadingMaker) -> None:
    result = make_reading(levels=(), answer=False).result
    assert words.headline(result) == "No fascia edema"
    assert words.class_lines(result) == ("Levels judged: T12–L5",)


@pytest.mark.parametrize("code", sorted(words.LEVELS_LOST))
def test_no_edema_with_levels_that_could_not_be_judged_says_so(
    make_reading: ReadingMaker, code: str
) -> None:
    result = make_reading(levels=(), answer=False, flags=(code,)).result
    assert words.headline(result) == "No fascia edema at the levels judged"


def test_null_is_no_answer_and_says_why(make_reading: ReadingMaker) -> None:
    flags = ("levels_unverified", "fat_suppression_failed")
    result = make_reading(levels=(), answer=None, flags=flags).result
    assert words.headline(result) == "No answer: fat suppression failed"
    assert "none" not in words.one_line(result).lower()
    assert "no fascia edema" not in words.one_line(result).lower()


def test_null_without_a_known_reason_names_the_flags(make_reading: ReadingMaker) -> None:
    result = make_reading(levels=(), answer=None, flags=("contrast_given",)).result
    assert words.headline(result) == "No answer: contrast agent given"
    assert words.headline(dataclasses.replace(result, flags=())) == "No answer: no reason given"


def test_level_states(make_reading: ReadingMaker) -> None:
    states = words.level_states(make_reading().result)
    assert tuple(states) == SCORED_LEVELS
    assert (states["L1"], states["L4"], states["T5"]) == ("involved", "clear", "out_of_view")
    unanswered = words.level_states(make_reading(levels=(), answer=None).result)
    assert (unanswered["L1"], unanswered["T5"]) == ("unanswered", "out_of_view")


def test_a_level_cut_by_the_edge_is_open(make_reading: ReadingMaker) -> None:
    result = make_reading().result
    cut = tuple(
        dataclasses.replace(e, involved=None) if e.level == "T12" else e
        for e in result.edema.per_level
    )
    edema = dataclasses.replace(result.edema, per_level=cut)
    result = dataclasses.replace(result, edema=edema)
    assert words.level_states(result)["T12"] == "open"
    assert "Levels judged: L1–L5" in words.class_lines(result)


def test_places_of_the_three_slices() -> None:
    told = [words.slice_place(i, 3) for i in range(3)]
    assert told == [
        "slice 1 of 3 (patient right)",
        "slice 2 of 3 (central)",
        "slice 3 of 3 (patient left)",
    ]


def test_threshold_line_takes_whatever_is_there() -> None:
    line = words.threshold_line({"value": 412.345, "csf_bound": None, "muscle": True, "x": {}})
    assert line.replace("\u00a0", " ") == "Threshold: value 412, muscle yes"
    assert (
        words.threshold_line({"low": 1853.8, "per_mm": 0.01, "by": "csf_low"}).replace(
            "\u00a0", " "
        )
        == "Threshold: low 1854, per mm 0.01, by csf low"
    )
    assert words.threshold_line({}) == "Threshold: none"


def test_numbers_have_a_true_minus() -> None:
    assert words.number(-38.04, 1) == "−38.0"
