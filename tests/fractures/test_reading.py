"""Fractures as a user sees them: in the result of a whole exam."""

from pathlib import Path

import pytest

import fasciaseg
from fasciaseg.report.words import fracture_lines

SAMPLES = Path(__file__).parents[2] / "sample_dicoms"


@pytest.fixture(scope="module")
def fresh() -> fasciaseg.Result:
    return fasciaseg.classify(SAMPLES / "thoracolumbar")


def test_a_fresh_wedge_is_reported_beside_the_fascia(fresh: fasciaseg.Result) -> None:
    found = {f.level: f for f in fresh.fractures}
    assert [level for level, f in found.items() if f.notable] == ["L1"]
    assert found["L1"].marrow_edema.present
    assert found["L1"].degree == "25-50"
    assert found["L1"].looks == "acute"
    assert fracture_lines(fresh) == ("L1: marrow edema, height loss 25–50 % (looks acute)",)


def test_every_body_in_view_has_an_entry_in_the_result(fresh: fasciaseg.Result) -> None:
    told = fresh.to_dict()["fractures"]
    assert [f["level"] for f in told] == [v.level for v in fresh.vertebrae]
    assert told[-1]["marrow_edema"]["present"] is False


def test_no_marrow_edema_where_there_is_none() -> None:
    result = fasciaseg.classify(SAMPLES / "none")
    assert not any(f.marrow_edema.present for f in result.fractures)
