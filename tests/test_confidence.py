"""One number that says how sure an exam's answer is, and why not surer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fasciaseg.confidence import NAMES, confidence_of
from fasciaseg.flags import FLAGS
from fasciaseg.result import Signs

SURE = Signs(*[1.0] * 7)


def test_an_answer_that_nothing_speaks_against_is_sure_and_has_no_reasons() -> None:
    sure = confidence_of(SURE, ())
    assert sure.value > 0.9
    assert sure.reasons == ()


@pytest.mark.parametrize("sign", list(SURE.to_dict()))
def test_what_speaks_against_an_answer_never_makes_it_surer(sign: str) -> None:
    less = replace(SURE, **{sign: 0.2})
    said = confidence_of(less, ())
    assert said.value <= confidence_of(SURE, ()).value
    assert len(said.reasons) == 1


def test_the_reasons_say_which_change_mattered() -> None:
    shaky = replace(SURE, stability=0.5)
    assert "one pixel" in confidence_of(shaky, ("shift",)).reasons[0]


@pytest.mark.parametrize("doubt", list(NAMES))
def test_names_that_may_be_miscounted_are_not_sure(doubt: str) -> None:
    doubted = confidence_of(SURE, doubts=[doubt])
    assert doubted.value < 0.6
    assert doubted.reasons == (NAMES[doubt],)
    assert doubt in FLAGS
    unseen = replace(SURE, anchor=0.0)
    assert confidence_of(unseen, doubts=[doubt]).value == confidence_of(unseen).value
