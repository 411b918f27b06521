"""Which exam of which patient counts; what doesn't is listed."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pytest
from clinics import Clinic, exam, mixed, write_csv

from fasciaseg.cohort import CohortOptions, make_study
from fasciaseg.errors import UsageError

DAY = dt.date(2024, 1, 10)
DATED = '[exam]\nindex_date = "op"\n[columns.age]\nkind = "continuous"\n'


def later(days: int) -> dt.date:
    return DAY + dt.timedelta(days)


def test_every_exam_and_line_is_accounted_for(clinic: Clinic) -> None:
    mixed(clinic)
    clinic.results.append(exam(99, "L1"))
    clinic.lines.append({"uid": "2.25.777", "age": 50})
    study = clinic.study()
    assert clinic.fates()[99] == "NO_LINE"
    assert study.match.without_exam == (42,)  # headings are line 1
    assert len(study.fated) == len(clinic.results)
    for step, following in zip(study.flow, study.flow[1:], strict=False):
        assert step.n - sum(n for _, n in step.lost) == following.n
    assert study.flow[-1].n == len(study.patients)


def test_exams_without_an_answer_are_in_no_group(clinic: Clinic) -> None:
    mixed(clinic)
    study = clinic.study()
    assert clinic.fates()[6] == "NO_ANSWER"
    assert all(p.edema.present is not None for g in study.groupings for m in g.members for p in m)


def test_only_exams_before_the_operation_count(clinic: Clinic) -> None:
    clinic.toml = DATED
    for number, days in enumerate((-3, 0, 4)):
        clinic.add(number, "L1", later(days), op=DAY.isoformat())
    clinic.add(3, "", later(-3), op="")
    clinic.add(4, "", later(-3), op=DAY.isoformat())
    assert clinic.fates() == {
        0: "ANALYSED", 1: "SAME_DAY", 2: "AFTER", 3: "NO_INDEX_DATE", 4: "ANALYSED",
    }  # fmt: skip
    assert clinic.fates(include_after=True)[2] == "ANALYSED"
    clinic.toml = DATED.replace('"op"', '"op"\nsame_day = "before"')
    assert clinic.fates()[1] == "ANALYSED"


def test_of_several_exams_the_last_before_the_operation_stays(clinic: Clinic) -> None:
    clinic.toml = f'key = "mrn"\n{DATED}'
    for number, days in enumerate((-30, -2, -2, 5)):
        clinic.results.append(exam(number, "L1", later(days), confidence=number / 10))
    clinic.results.append(exam(4, "", later(-9)))
    clinic.lines = [
        {"mrn": "P1", "op": f"{DAY:%d.%m.%Y}", "age": 70},
        {"mrn": "P2", "op": f"{DAY:%d.%m.%Y}", "age": 71},
    ]
    linkage = clinic.link({0: "P1", 1: "P1", 2: "P1", 3: "P1", 4: "P2"})
    fates = clinic.fates(linkage=linkage)
    assert fates[2] == "ANALYSED"  # surer than the other one of that day
    assert (fates[0], fates[1]) == ("NOT_THE_LAST", "NOT_THE_LAST")
    assert fates[3] == "AFTER"
    assert clinic.fates(linkage=linkage, include_after=True)[2] == "ANALYSED"


def test_cement_leaves_a_patient_out(clinic: Clinic) -> None:
    clinic.toml = '[exam]\ncement = "pkp"\n[columns.age]\nkind = "continuous"\n'
    for number, told in enumerate(("ja", "nein", "", "1", "no")):
        clinic.add(number, "L1", pkp=told)
    fates = clinic.fates()
    assert [n for n, fate in fates.items() if fate == "CEMENT"] == [0, 3]
    assert set(clinic.fates(include_cement=True).values()) == {"ANALYSED"}


def test_zeros_that_excel_dropped(clinic: Clinic) -> None:
    for number in range(4):
        clinic.results.append(exam(number, "L1" if number % 2 else ""))
        clinic.lines.append({"mrn": str(number + 5), "age": 60 + number})
    study = clinic.study(linkage=clinic.link({n: f"000{n + 5}" for n in range(4)}), key="mrn")
    assert len(study.patients) == 4
    assert study.match.loosely == (2, 3, 4, 5)


def test_zeros_that_tell_patients_apart_are_kept(clinic: Clinic) -> None:
    clinic.results = [exam(1, "L1"), exam(2, "")]
    clinic.lines = [{"mrn": "7", "age": 60}, {"mrn": "07", "age": 70}]
    study = clinic.study(linkage=clinic.link({1: "07", 2: "7"}), key="mrn")
    assert {p.exam.patient_id: p.values["age"] for p in study.patients} == {"07": 70, "7": 60}


def test_the_key_is_found(clinic: Clinic) -> None:
    mixed(clinic)
    assert (clinic.study().match.column, clinic.study().match.field) == (
        "uid", "study_instance_uid",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("nothing", r"no column 'nothing'\. Its columns: uid, age"),
        ("age", "none of the exams.*--linkage"),
    ],
)  # fmt: skip
def test_a_key_that_fits_nothing(clinic: Clinic, key: str, told: str) -> None:
    clinic.add(1, "L1")
    with pytest.raises(UsageError, match=told):
        clinic.study(key=key)


def test_two_lines_for_one_patient(clinic: Clinic) -> None:
    mixed(clinic)
    clinic.lines.append(dict(clinic.lines[0]))
    assert clinic.study().match.repeated == (42,)
    clinic.lines.append({**clinic.lines[3], "age": 99})
    with pytest.raises(UsageError, match=r"Lines 5 and 43 of 'clinic.csv' have the same 'uid'"):
        clinic.study()


def test_cells_that_make_no_sense_are_named_by_their_lines(clinic: Clinic) -> None:
    mixed(clinic)
    for at in (2, 5, 7, 8, 9, 12, 13):
        clinic.lines[at]["age"] = "secret"
    with pytest.raises(UsageError, match=r"'age'.* in lines 4, 7, 9, 10, 11 and 2 more") as found:
        clinic.study()
    assert "secret" not in str(found.value)
    clinic.toml = clinic.toml.replace('unit = "year"', 'unit = "year"\nmissing = ["secret"]')
    clinic.study()


def test_dates_that_are_not_there(clinic: Clinic) -> None:
    clinic.toml = DATED
    clinic.add(1, "L1", op=DAY.isoformat())
    clinic.results[0]["study_date"] = ""
    with pytest.raises(UsageError, match="--study-date"):
        clinic.study()


def test_dates_that_are_unclear(clinic: Clinic) -> None:
    clinic.toml = DATED
    clinic.add(1, "L1", op="03/04/2024")
    with pytest.raises(UsageError, match="date_format"):
        clinic.study()
    clinic.toml = DATED.replace('"op"', '"op"\ndate_format = "%d/%m/%Y"')
    assert clinic.fates() == {1: "ANALYSED"}


def test_failures_are_in_the_flow(clinic: Clinic) -> None:
    mixed(clinic)
    rows = [
        {"input": i, "study_instance_uid": i, "kind": k, "code": c, "reason": "", "action": ""}
        for i, (k, c) in enumerate([("skipped", "no_spine"), ("failed", "timeout")] * 2)
    ]
    write_csv(clinic.folder / "failures.csv", rows)
    first = clinic.study().flow[0]
    assert (first.n, first.lost) == (44, (("failed: timeout", 2), ("skipped: no_spine", 2)))


def test_a_readers_groups(clinic: Clinic) -> None:
    mixed(clinic)
    for at, row in enumerate(clinic.results):
        seen = at % 2 == 0
        row |= {
            "Li_fascia_edema": "true" if seen else "false",
            "Li_levels": "L1 L2 L3 L4" if seen else "",
        }
    study = clinic.study(reader="li")
    with_it, without = study.groupings[0].members
    assert (len(with_it), len(without)) == (20, 20)
    assert {p.edema.severity for p in with_it} == {"severe"}
    with pytest.raises(UsageError, match=r"no reading by 'consensus'\. It has: Li"):
        clinic.study(reader="consensus")


def test_injury_is_edema_where_it_hurts(clinic: Clinic) -> None:
    clinic.toml = '[tenderness]\ncolumn = "hurts"\n[columns.age]\nkind = "continuous"\n'
    for number, (levels, hurts) in enumerate(
        [("T12 L1 L2 L3", "L1-L2"), ("L1", "L4"), ("L1", ""), ("", ""), ("L5", "L5")]
    ):
        clinic.add(number, levels, hurts=hurts)
    injuries = [p.injury for p in clinic.study().patients]
    assert [i.present if i else None for i in injuries] == [True, False, None, False, True]
    assert injuries[0] is not None
    assert (injuries[0].levels, injuries[0].severity, injuries[0].location) == (
        ("L1", "L2"), "non_severe", "thoracolumbar",
    )  # fmt: skip
    slugs = [g.slug for g in clinic.study().groupings]
    assert {"by-edema", "by-injury"} <= set(slugs)
    assert clinic.study().groupings[slugs.index("by-injury")].left_out == 1


def test_tenderness_in_a_column_a_level(clinic: Clinic) -> None:
    clinic.toml = '[tenderness.levels]\nL1 = "t1"\nL2 = "t2"\n[columns.age]\nkind = "continuous"\n'
    clinic.add(1, "L1 L2", t1="ja", t2="nein")
    clinic.add(2, "L1 L3", t1="ja", t2="nein")
    first, second = (p.injury for p in clinic.study().patients)
    assert first is not None
    assert first.levels == ("L1",)
    assert second is not None
    assert second.present is None  # nobody pressed on L3


def test_order_of_rows_changes_nothing(clinic: Clinic) -> None:
    mixed(clinic)
    tables = clinic.study().tables
    random.Random(1).shuffle(clinic.results)
    random.Random(2).shuffle(clinic.lines)
    assert clinic.study().tables == tables


def test_delimiter_and_folder_do_not_matter(clinic: Clinic) -> None:
    mixed(clinic)
    tables = clinic.study().tables
    assert clinic.study(";").tables == tables
    description = clinic.folder / "clinic.toml"
    options = CohortOptions(columns=description)
    assert make_study(clinic.folder, clinic.folder / "clinic.csv", options).tables == tables


def test_other_tables_are_refused(clinic: Clinic, tmp_path: Path) -> None:
    mixed(clinic)
    _, clinical, _ = clinic.files()
    with pytest.raises(UsageError, match="lacks the column 'exam'"):
        make_study(clinical, clinical, CohortOptions())
    linkage = clinic.link({900: "P1"})
    with pytest.raises(UsageError, match="no exam in common"):
        clinic.study(linkage=linkage)
    clinic.results.append(clinic.results[0])
    with pytest.raises(UsageError, match="more than once"):
        clinic.study()


def test_exams_read_by_different_rules_are_not_compared(clinic: Clinic) -> None:
    mixed(clinic)
    for result in clinic.results:
        result["rule"] = "axial"
    assert clinic.study().tables
    clinic.results[-1]["rule"] = "spinous"
    with pytest.raises(UsageError, match=r"level rules \(axial, spinous\)"):
        clinic.study()
