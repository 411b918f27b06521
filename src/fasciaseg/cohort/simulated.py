"""A simulated clinic: made-up patients in whom effects are planted, to be found again.

    patients = simulate()
    write_clinic(patients, folder)      # clinic.csv and columns.toml
    write_results(patients, folder)     # results.csv, as if every exam had been read without error

The numbers of patients, the shares and the means follow the published study (BMC Musculoskelet
Disord 2023;24:166); no patient is anybody.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..scoring.score import classify
from ..vertebrae import SCORED_LEVELS

#: StudyDate of every phantom.
EXAM_DAY = dt.date(2020, 1, 1)
TIMES = ("before", "3d", "1m", "3m", "last")
#: Mean and SD of VAS and ODI without edema, and what non-severe and severe edema add.
_VAS = ((7.7, 0.6), (3.0, 0.7), (2.8, 0.6), (2.1, 0.5), (2.1, 0.5))
_VAS_ADDED = ((0.0, 0.0), (0.5, 1.1), (0.45, 1.0), (0.0, 0.0), (0.0, 0.0))
_ODI = ((71.0, 2.9), (28.6, 7.3), (28.7, 6.9), (21.0, 4.6), (20.6, 4.3))
_ODI_ADDED = ((0.0, 0.0), (8.3, 13.7), (5.8, 12.0), (0.0, 0.0), (0.0, 0.0))
#: None or slight, moderate, severe: chances without, with non-severe and with severe edema.
TRAUMA = ("none or slight", "moderate", "severe")
_TRAUMA = ((107, 46, 8), (12, 26, 1), (2, 17, 4))
#: Chances of 1 to 7 involved levels, and of what they reach.
_N_LEVELS = (9, 13, 17, 11, 7, 3, 2)
_PREVALENCE = 62 / 223


@dataclass(frozen=True)
class SimulatedPatient:
    """One made-up patient.

    Attributes:
        number: from 1; `PHANTOM001` is the first one's PatientID.
        levels: with edema of the fascia.
        tender: levels that hurt when pressed.
        index_day: of the operation.
        cement: whether there was an operation before.
        line: the other cells of the clinical table.
    """

    number: int
    levels: tuple[str, ...]
    tender: tuple[str, ...]
    index_day: dt.date
    cement: bool
    line: Mapping[str, str | float]

    @property
    def patient_id(self) -> str:
        """As the phantom's files say it."""
        return f"PHANTOM{self.number:03d}"


def simulate(n: int = 223, seed: int = 2023) -> tuple[SimulatedPatient, ...]:
    """Make up `n` patients.

    Planted: edema goes with harder trauma and with worse VAS and ODI three days and one month
    after the operation, severe edema more so. Not planted, so that it shouldn't be found: age,
    sex, BMI, smoking, and VAS and ODI before, after three months and at the end.
    """
    rng = random.Random(seed)
    return tuple(_patient(rng, number) for number in range(1, n + 1))


def _patient(rng: random.Random, number: int) -> SimulatedPatient:
    levels = _levels(rng) if rng.random() < _PREVALENCE else ()
    grade = 0 if not levels else 1 if len(levels) <= 3 else 2
    line: dict[str, str | float] = {
        "age": round(rng.gauss(70.4, 8.3)),
        "sex": rng.choices("fm", (185, 38))[0],
        "bmi": round(rng.gauss(25.2, 3.1), 1),
        "smoking": rng.choices(("yes", "no"), (17, 206))[0],
        "trauma": rng.choices(TRAUMA, _TRAUMA[grade])[0],
    }
    for name, base, added, top in (
        ("vas", _VAS, _VAS_ADDED, 10.0),
        ("odi", _ODI, _ODI_ADDED, 100.0),
    ):
        for time, (mean, sd), more in zip(TIMES, base, added, strict=True):
            value = rng.gauss(mean + (0.0, *more)[grade], sd)
            line[f"{name}_{time}"] = round(min(max(value, 0.0), top), 1 if name == "vas" else 0)
    for name in ("vas_last", "odi_last"):
        if rng.random() < 0.04:  # lost on the way
            line[name] = ""
    hurts = tuple(level for level in levels if rng.random() < 0.9)
    days = rng.randint(1, 12) if rng.random() > 0.015 else -rng.randint(1, 30)
    return SimulatedPatient(
        number, levels, hurts, EXAM_DAY + dt.timedelta(days), rng.random() < 0.015, line
    )


def _levels(rng: random.Random) -> tuple[str, ...]:
    """Neighbours that end at L2 to L5, more often low: the published study found none in T5–T10."""
    n = rng.choices(range(1, 8), _N_LEVELS)[0]
    top = SCORED_LEVELS.index("T11")
    end = rng.choices(("L2", "L3", "L4", "L5"), (6, 14, 22, 20))[0]
    last = max(SCORED_LEVELS.index(end), top + n - 1)
    return SCORED_LEVELS[last - n + 1 : last + 1]


DESCRIPTION = """\
key = "id"

[exam]
index_date = "operation"
cement = "operated_before"

[tenderness]
column = "tender"

[columns.age]
label = "Age"
kind = "continuous"
unit = "year"

[columns.sex]
label = "Gender"
kind = "categorical"
values = { f = "female", m = "male" }
show = "female"

[columns.bmi]
label = "BMI"
kind = "continuous"
unit = "kg/m²"

[columns.smoking]
label = "Smoking"
kind = "categorical"

[columns.trauma]
label = "Severity of trauma"
kind = "ordinal"
order = ["none or slight", "moderate", "severe"]

[outcomes.VAS.times]
"preoperative" = "vas_before"
"3 days after surgery" = "vas_3d"
"1 month after surgery" = "vas_1m"
"3 months after surgery" = "vas_3m"
"last follow-up" = "vas_last"

[outcomes.ODI.times]
"preoperative" = "odi_before"
"3 days after surgery" = "odi_3d"
"1 month after surgery" = "odi_1m"
"3 months after surgery" = "odi_3m"
"last follow-up" = "odi_last"

[residual_pain]
outcome = "VAS"
time = "1 month after surgery"
above = 3
adjust = ["age", "sex", "trauma"]
"""


def write_clinic(patients: Sequence[SimulatedPatient], folder: Path) -> tuple[Path, Path]:
    """Write `clinic.csv` and `columns.toml`; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "id": p.patient_id,
            "operation": p.index_day.isoformat(),
            "operated_before": "yes" if p.cement else "no",
            "tender": " ".join(p.tender) or "none",
            **p.line,
        }
        for p in patients
    ]
    description = folder / "columns.toml"
    description.write_text(DESCRIPTION, encoding="utf-8")
    return _csv(folder / "clinic.csv", rows), description


def write_results(patients: Sequence[SimulatedPatient], folder: Path) -> tuple[Path, Path]:
    """Write `results.csv` and `linkage.csv` as a reading without an error would be."""
    folder.mkdir(parents=True, exist_ok=True)
    results, linkage = [], []
    for p in patients:
        classes = classify(p.levels)
        exam: dict[str, object] = {
            "exam": f"{p.number:016x}",
            "study_instance_uid": f"2.25.{p.number}",
        }
        results.append(
            exam
            | {
                "fascia_edema": str(classes.fascia_edema).lower(),
                "location": classes.location,
                "severity": classes.severity,
                "n_levels": len(p.levels),
                "levels": " ".join(p.levels),
            }
        )
        linkage.append(
            exam
            | {
                "patient_id": p.patient_id,
                "accession_number": "",
                "study_date": f"{EXAM_DAY:%Y%m%d}",
            }
        )
    return _csv(folder / "results.csv", results), _csv(folder / "linkage.csv", linkage)


def _csv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, tuple(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
