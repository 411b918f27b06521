"""From a table of reviews to numbers: who is compared, what is left out, what is said."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from fasciaseg.agreement import AgreeOptions, computed
from fasciaseg.agreement.figures import of_pair
from fasciaseg.errors import UsageError
from fasciaseg.vertebrae import SCORED_LEVELS

from .conftest import batch, compared, estimate, read_by, row, write

SEEN = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")


def test_a_two_by_two_table_by_hand(tmp_path: Path) -> None:
    # 8 both, 2 only Anna, 1 only Ben, 9 neither.
    anna = ["T12 L1"] * 10 + [""] * 10
    ben = ["T12 L1"] * 8 + [""] * 2 + ["T12 L1"] + [""] * 9
    found = compared(tmp_path, read_by("Anna", anna) + read_by("Ben", ben))
    assert estimate(found, "fascia_edema", "agreement").value == pytest.approx(17 / 20)
    assert estimate(found, "fascia_edema", "kappa").value == pytest.approx(0.70)
    assert estimate(found, "fascia_edema", "pabak").value == pytest.approx(0.70)
    assert estimate(found, "fascia_edema", "positive_agreement").value == pytest.approx(16 / 19)
    assert estimate(found, "fascia_edema", "negative_agreement").value == pytest.approx(18 / 21)
    assert estimate(found, "fascia_edema", "bias_index").value == pytest.approx(1 / 20)
    assert estimate(found, "level_T12", "kappa").value == pytest.approx(0.70)
    assert estimate(found, "n_levels", "bias").value == pytest.approx(2 / 20)
    assert "fewer than 30" in estimate(found, "fascia_edema", "kappa").note
    swapped = computed(tmp_path, AgreeOptions(pairs=("Ben:Anna",), resamples=200))
    here, there = (estimate(f, "fascia_edema", "kappa") for f in (found, swapped))
    assert here == there
    assert estimate(swapped, "n_levels", "bias").value == pytest.approx(-2 / 20)


def test_who_is_compared(tmp_path: Path) -> None:
    rows = [
        r
        for name in ("Cleo", "Anna", "Ben", "consensus", "software")
        for r in read_by(name, ["T12", ""])
    ]
    found = compared(tmp_path, rows)
    pairs = [(c.pair.kind, c.pair.first.label, c.pair.second.label) for c in found.comparisons[::2]]
    assert pairs == [
        ("reader-reader", "Anna", "Ben"),
        ("reader-reader", "Anna", "Cleo"),
        ("reader-reader", "Ben", "Cleo"),
        ("reader-software", "Anna", "software"),
        ("reader-software", "Ben", "software"),
        ("reader-software", "Cleo", "software"),
        ("software-consensus", "software", "consensus"),
    ]
    one = computed(tmp_path, AgreeOptions(pairs=("Anna:consensus", "Anna:consensus")))
    assert [c.pair.kind for c in one.comparisons] == ["reader-consensus"] * 2


def test_a_name_may_hold_a_colon(tmp_path: Path) -> None:
    rows = read_by("MD: Anna", ["T12", ""]) + read_by("Ben", ["T12", ""])
    found = compared(tmp_path, rows, pairs=("MD: Anna:Ben",))
    assert found.comparisons[0].pair.first.label == "MD: Anna"


def test_what_is_missing_is_counted(tmp_path: Path) -> None:
    anna = ["T12", "", "?", "?", "T12", ""]
    ben = ["T12", "", "", "?", None, ""]
    found = compared(tmp_path, read_by("Anna", anna) + read_by("Ben", ben))
    told = estimate(found, "fascia_edema", "agreement")
    assert told.n == 3
    assert told.left_out == {
        "not rated by Ben": 1,
        "no answer by Anna": 1,
        "no answer by both": 1,
    }
    judged = estimate(found, "answerable", "agreement")
    assert (judged.n, judged.value) == (5, pytest.approx(4 / 5))
    # No reader measured a length: said, and no number made up.
    length = estimate(found, "length_mm", "icc_2_1")
    assert length.value is None
    assert length.left_out["not given by both"] == 3
    assert "fewer than two" in length.note


def test_no_answer_is_not_no_edema(tmp_path: Path) -> None:
    found = compared(tmp_path, read_by("Anna", ["T12", "?"]) + read_by("Ben", ["T12", ""]))
    assert estimate(found, "fascia_edema", "agreement").n == 1
    assert estimate(found, "levels", "agreement").n == len(SCORED_LEVELS)


@pytest.mark.parametrize(
    ("anna", "ben", "value", "note"),
    [
        ([""] * 8, [""] * 8, None, "one and the same answer"),
        (["T12"] * 8, [""] * 8, 0.0, "each gave one answer"),
        ([""] * 8, ["T12", *[""] * 7], 0.0, "Anna gave one answer"),
        (["T12", *[""] * 7], ["T12", *[""] * 7], 1.0, "no disagreement"),
        (["?"] * 8, [""] * 8, None, "no exam to count"),
    ],
)
def test_a_kappa_without_meaning_says_why(
    tmp_path: Path, anna: list[str], ben: list[str], value: float | None, note: str
) -> None:
    found = compared(tmp_path, read_by("Anna", anna) + read_by("Ben", ben))
    told = estimate(found, "fascia_edema", "kappa")
    assert told.value == (None if value is None else pytest.approx(value))
    assert note in told.note
    assert told.interval is None
    for e in found.comparisons[0].estimates:
        numbers = [e.value, *(e.interval or ()), *(e.clustered or ())]
        assert all(n is None or n == n for n in numbers)  # never nan
        assert e.value is not None or e.note, e.statistic


def test_zeros_of_healthy_exams_can_be_told_apart(tmp_path: Path) -> None:
    anna = read_by("Anna", [""] * 20) + [
        row(f"x{i}", "Anna", "T12 L1", length_mm=50 + 10 * i) for i in range(4)
    ]
    ben = read_by("Ben", [""] * 20) + [
        row(f"x{i}", "Ben", "T12 L1" if i else "", length_mm=40 + 10 * i if i else 0)
        for i in range(4)
    ]
    for r in (*anna, *ben):
        r.setdefault("length_mm", 0)
    found = compared(tmp_path, anna + ben)
    spread = [
        estimate(found, "length_mm", "sd_difference", subset).value
        for subset in ("all", "either_edema", "both_edema")
    ]
    assert [estimate(found, "length_mm", "icc_2_1", s).n for s in ("all", "either_edema")] == [
        24,
        4,
    ]
    assert spread[0] < spread[1]  # type: ignore[operator]
    assert spread[2] == pytest.approx(0.0)
    names = [drawn.name for drawn in of_pair(1, found.comparisons[0])]
    assert names == ["bland-altman-1-n_levels", "bland-altman-1-length_mm", "levels-1"]


def test_another_numbering_is_undone(tmp_path: Path) -> None:
    """Ben calls the software's L3 L2: his marks lie one level higher, on the same vertebrae."""
    batch(tmp_path, ["e00", "e01", "e02"], SEEN)
    anna = read_by("Anna", ["L3 L4", "T12 L1", ""])
    ben = [
        row("e00", "Ben", "L2 L3", numbering="L2@-89.0"),
        row("e01", "Ben", "T12 L1", numbering="L3@-91"),  # names it as the software does
        row("e02", "Ben", ""),
    ]
    found = compared(tmp_path, anna + ben)
    named, aligned = found.comparisons[:2]
    assert named.renumbered == aligned.renumbered == 1
    assert estimate(found, "location", "agreement").value == pytest.approx(2 / 3)
    assert estimate(found, "location", "agreement", numbering="aligned").value == 1
    assert estimate(found, "levels", "agreement", numbering="aligned").value == 1
    assert estimate(found, "fascia_edema", "agreement", numbering="aligned").value == 1
    # In e00 the software's L5 is Ben's L4, so both could mark it; T5 is Ben's T4, so nobody could.
    assert estimate(found, "level_L5", "agreement", numbering="aligned").n == 3


def test_levels_that_only_one_could_name_do_not_count(tmp_path: Path) -> None:
    """Ben's S1 is the software's L5: he can't mark it, and his L5 is L4 to Anna."""
    batch(tmp_path, ["e00"], SEEN)
    rows = [row("e00", "Anna", "L4 L5"), row("e00", "Ben", "L5", numbering="L5@-120")]
    found = compared(tmp_path, rows)
    assert estimate(found, "n_levels", "agreement").value == 0
    assert estimate(found, "n_levels", "agreement", numbering="aligned").value == 1
    assert not [e for e in found.comparisons[1].estimates if e.question == "level_L5"]


def test_a_numbering_without_the_batch_is_not_guessed(tmp_path: Path) -> None:
    rows = [
        *read_by("Anna", ["L3", ""]),
        row("e00", "Ben", "L2", numbering="L2@-89"),
        row("e01", "Ben", ""),
    ]
    found = compared(tmp_path, rows)
    assert found.comparisons[0].unknown == 1
    assert estimate(found, "location", "agreement").n == 2
    told = estimate(found, "location", "agreement", numbering="aligned")
    assert (told.n, told.left_out) == (1, {"numbering unknown": 1})


def test_levels_out_of_view_make_no_agreement(tmp_path: Path) -> None:
    batch(tmp_path, ["e00", "e01"], SEEN)
    rows = read_by("Anna", ["T12", "T9"]) + read_by("Ben", ["T12", ""])
    found = compared(tmp_path, rows)
    assert estimate(found, "levels", "agreement").n == 2 * len(SEEN) + 1
    assert estimate(found, "level_T9", "agreement").value == 0
    assert not [e for e in found.comparisons[0].estimates if e.question == "level_T5"]


def test_the_software_comes_from_the_batch_where_the_table_lacks_it(tmp_path: Path) -> None:
    batch(tmp_path, ["e00", "e01", "unread"], SEEN)
    found = compared(tmp_path, read_by("Anna", ["T12", ""]))
    assert [c.pair.kind for c in found.comparisons] == ["reader-software"] * 2
    assert estimate(found, "fascia_edema", "agreement").value == 0.5
    assert estimate(found, "fascia_edema", "agreement").left_out == {}


def test_exams_of_a_patient_count_together(tmp_path: Path) -> None:
    anna = ["T12", "T12", "", "", "T12", "T12", "", "", "L1", "L1", "", ""]
    ben = ["T12", "T12", "", "", "", "", "", "", "L1", "L1", "T12", "T12"]
    rows = read_by("Anna", anna) + read_by("Ben", ben)
    linkage = tmp_path / "linkage.csv"
    with linkage.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("exam", "patient_id"), *((f"e{i:02d}", f"P{i // 2}") for i in range(12))]
        )
    alone = compared(tmp_path, rows)
    linked = computed(tmp_path, AgreeOptions(linkage=linkage, resamples=200))
    for found, clusters in ((alone, 12), (linked, 6)):
        assert estimate(found, "fascia_edema", "kappa").clusters == clusters
    widths = []
    for found in (alone, linked):
        low, high = estimate(found, "fascia_edema", "agreement").interval or (0, 0)
        widths.append(high - low)
    assert widths[1] > widths[0]
    assert (
        estimate(alone, "fascia_edema", "kappa").value
        == estimate(linked, "fascia_edema", "kappa").value
    )


HEAD = "exam,reader,role,fascia_edema,levels\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks the columns"),
        ("exam,reader\n", "lacks the columns role"),
        (HEAD, "holds no ratings"),
        (HEAD + "e,Anna,reader,true,T12\ne,Anna,reader,true,T12\n", "Line 3: Anna rates an exam"),
        (HEAD + "e,Anna,nurse,true,T12\n", "Line 2: role must be"),
        (HEAD + "e,,reader,true,T12\n", "reader's name is missing"),
        (HEAD + ",Anna,reader,true,T12\n", "exam is missing"),
        (HEAD + "e,Anna,reader,maybe,T12\n", "true, false or empty"),
        (HEAD + "e,Anna,reader,true,S1\n", "names from T5 to L5"),
        (HEAD + "e,Anna,reader,false,T12\n", "but levels are marked"),
        (HEAD.strip() + ",length_mm\ne,Anna,reader,true,T12,long\n", "length_mm must be a number"),
        (HEAD.strip() + ",length_mm\ne,Anna,reader,true,T12,nan\n", "length_mm must be a number"),
        (HEAD.strip() + ",location\ne,Anna,reader,true,T12,neck\n", "location must be one of"),
        (HEAD.strip() + ",numbering\ne,Anna,reader,true,T12,four\n", "is no anchor"),
        (HEAD.strip() + ",n_levels\ne,Anna,reader,true,T12,99\n", "n_levels must be"),
    ],
)
def test_a_table_that_makes_no_sense_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "reviews.csv").write_text(text)
    with pytest.raises(UsageError, match=said) as raised:
        computed(tmp_path, AgreeOptions())
    assert raised.value.code == "bad_reviews"


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    write(tmp_path, read_by("Anna", ["T12"]))
    for pairs, code in (
        ((), "one_rater"),
        (("Anna:Ben",), "unknown_rater"),
        (("Anna",), "bad_pair"),
        (("Anna:Anna",), "bad_pair"),
    ):
        with pytest.raises(UsageError) as raised:
            computed(tmp_path, AgreeOptions(pairs=pairs))
        assert raised.value.code == code
    with pytest.raises(UsageError, match=r"There is no reviews\.csv"):
        computed(tmp_path / "..", AgreeOptions())


def test_results_that_are_none_are_named(tmp_path: Path) -> None:
    write(tmp_path, read_by("Anna", ["T12"]) + read_by("Ben", ["T12"]))
    (tmp_path / "results.jsonl").write_text('{"exam": "e00", "vertebrae": [{"level": "L5"}]}\n')
    with pytest.raises(UsageError) as raised:
        computed(tmp_path, AgreeOptions())
    assert raised.value.code == "bad_results"


def test_raters_without_a_common_exam(tmp_path: Path) -> None:
    found = compared(tmp_path, [row("a", "Anna", "T12"), row("b", "Ben", "T12")])
    told = estimate(found, "fascia_edema", "kappa")
    assert (told.n, told.value, told.note) == (0, None, "no exam to count")
    assert told.left_out == {"not rated by Anna": 1, "not rated by Ben": 1}
