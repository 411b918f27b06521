from __future__ import annotations

from pathlib import Path

import pytest

from fasciaseg.flags import FLAGS, flag, markdown_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "flags.md"

#: The ones that design and results promise by name.
PROMISED = [
    "central_slices_geometric",
    "levels_unverified",
    "transitional_suspected",
    "plain_t2_only",
    "fat_suppression_failed",
    "fat_water_swap_suspected",
    "subcutaneous_edema",
    "edema_reaches_image_edge",
    "extends_above_T11",
    "extends_below_L5",
    "reference_muscle_missing",
    "contrast_given",
    "fascia_not_found",
    "oblique_slices",
    "irregular_spacing",
    "edema_beyond_skin_edge",
]


def test_the_document_holds_the_registry() -> None:
    assert markdown_table() in DOCUMENT.read_text(encoding="utf-8"), (
        "docs/flags.md is out of date: paste fasciaseg.flags.markdown_table() into it"
    )


@pytest.mark.parametrize("code", PROMISED)
def test_promised_flags_exist(code: str) -> None:
    assert flag(code).code == code


@pytest.mark.parametrize("code", FLAGS)
def test_texts_are_sentences_that_fit_a_table(code: str) -> None:
    text = FLAGS[code]
    for sentence in (text.meaning, text.action):
        assert sentence.endswith(".")
        assert "|" not in sentence
        assert "\n" not in sentence
    assert 0 < len(text.short) <= 45


def test_details_follow_the_meaning() -> None:
    told = flag("oblique_slices", degrees=17.34, slices=[1, 2], unknown=None).text
    assert told.endswith("(degrees: 17.3, slices: 1 2).")
    assert flag("oblique_slices").text == FLAGS["oblique_slices"].meaning


def test_an_unknown_flag_is_an_error() -> None:
    with pytest.raises(KeyError):
        flag("no_such_flag")
