from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from fasciaseg.review.reading import ChangeError, boundaries, checked, folded, renamed
from fasciaseg.scoring.score import classify
from fasciaseg.scoring.territories import territories
from fasciaseg.vertebrae import SCORED_LEVELS, Vertebra

NAMES = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")
BODIES = tuple(Vertebra(n, (0.0, 0.0, -30.0 * i), 1.0) for i, n in enumerate(NAMES))


def reading(*changes: dict[str, Any]) -> Any:
    return folded([(c, 1.5, f"t{i}") for i, c in enumerate(changes)], BODIES)


def marks(*levels: str, on: bool = True) -> dict[str, Any]:
    return {"levels": dict.fromkeys(levels, on)}


def test_classes_are_the_softwares_own() -> None:
    """Whatever a reader marks is classed as if the software had found it."""
    chosen = random.Random(1)
    sets = [*itertools.combinations(SCORED_LEVELS, 1), *itertools.combinations(SCORED_LEVELS, 2)]
    sets += [tuple(chosen.sample(SCORED_LEVELS, n)) for n in range(3, 14) for _ in range(20)]
    for levels in [(), *sets]:
        read = reading(marks(*levels)) if levels else reading({"signed": True})
        assert read.classification == classify(levels)
        assert read.levels == tuple(n for n in SCORED_LEVELS if n in levels)


def test_boundaries_are_the_softwares_own() -> None:
    assert boundaries(None, BODIES) == territories(BODIES)


def test_boundaries_follow_the_rule_of_the_result() -> None:
    """Readers mark between the lines that the software scored by, whatever they rename."""
    assert boundaries(None, BODIES, "spinous") == territories(BODIES, "spinous")
    assert boundaries(None, BODIES, "spinous")["L2"] != boundaries(None, BODIES)["L2"]
    named = [v for v in renamed("L4@-180", BODIES) if v is not None]
    assert boundaries("L4@-180", BODIES, "spinous") == territories(named, "spinous")


def test_changes_add_up() -> None:
    read = reading(marks("L1", "L2"), marks("L2", on=False), {"comment": "a"}, {"signed": True})
    assert (read.levels, read.comment, read.signed) == (("L1",), "a", True)
    assert (read.seconds, read.changed_at) == (6.0, "t3")


def test_cant_be_judged_is_no_answer_and_never_none() -> None:
    read = reading(marks("L1"), {"cant": True})
    assert read.levels == ()
    assert read.classification.fascia_edema is None
    assert read.classification.severity is None
    again = reading(marks("L1"), {"cant": True}, marks("L2"))
    assert again.levels == ("L1", "L2"), "marking says that it can be judged after all"


def test_a_change_after_signing_must_be_signed_again() -> None:
    assert not reading({"signed": True}, marks("L1")).signed
    assert reading({"signed": True}, {**marks("L1"), "signed": True}).signed


def test_marks_move_with_the_vertebrae_and_back() -> None:
    """What is marked is a place in the patient, whatever its name."""
    down = {"numbering": "S1@-180"}
    read = reading(marks("L1", "L5"), down)
    assert read.levels == ("L2",), "L5 became S1, which isn't scored"
    assert reading(marks("L1", "L5"), down, {"numbering": None}).levels == ("L1", "L5")
    assert reading(down, marks("L2")).levels == ("L2",)
    assert reading({"numbering": "L1@-35"}, {"numbering": "L1@-60"}).levels == ()


def test_names_follow_an_anchor() -> None:
    names = [v.level if v else None for v in renamed("L4@-180", BODIES)]
    assert names == ["T10", "T11", "T12", "L1", "L2", "L3", "L4"]
    assert "L5" not in boundaries("L4@-180", BODIES)
    assert list(boundaries("S1@-180", BODIES)) == ["T12", "L1", "L2", "L3", "L4", "L5"]


@pytest.mark.parametrize(
    "changes",
    [
        None, [], {}, {"levels": ["L1"]}, {"levels": {"S1": True}}, {"levels": {"L1": 1}},
        {"signed": "yes"}, {"cant": None}, {"quality": "best"}, {"comment": 3},
        {"comment": "x" * 5000}, {"numbering": "L5"}, {"numbering": "L5=L4"},
        {"numbering": "L9@0"}, {"numbering": "L5@1000"}, {"numbering": 5}, {"seconds": 3},
        {"levels": {"__proto__": True}},
    ],
)  # fmt: skip
def test_nonsense_is_refused(changes: object) -> None:
    with pytest.raises(ChangeError):
        checked(changes, BODIES)
