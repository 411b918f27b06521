"""A simulated clinic from DICOM to tables: 223 phantoms, one command each, timed.

    python tests/benchmarks/simulated_cohort.py OUT [--patients 223] [--jobs 2]

Writes the exams and the clinic's table into OUT, runs `fasciaseg batch` and `fasciaseg cohort` on
them as a user would, prints the times, and whether the planted effects were found and the others
weren't.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from fasciaseg.cohort.simulated import SimulatedPatient, simulate, write_clinic
from fasciaseg.phantom import (
    ExamPlan,
    FasciaEdema,
    Pathology,
    Patient,
    Sequence,
    random_phantom,
    write_study,
)

#: What was planted, and what was not: table, variable, time.
PLANTED = [
    ("patients", "Severity of trauma", ""),
    *(("outcomes", name, at) for name in ("VAS", "ODI")
      for at in ("3 days after surgery", "1 month after surgery")),
]  # fmt: skip
NOT_PLANTED = [
    ("patients", "Age (year)", ""),
    ("patients", "Gender (female)", ""),
    ("patients", "BMI (kg/m²)", ""),
    ("patients", "Smoking", ""),
    *(("outcomes", name, at) for name in ("VAS", "ODI")
      for at in ("preoperative", "3 months after surgery", "last follow-up")),
]  # fmt: skip


def write_exam(patient: SimulatedPatient, export: Path) -> None:
    """A phantom with this patient's edema."""
    rng = np.random.default_rng(patient.number)
    phantom = random_phantom(rng, pathology=False)
    back = tuple(float(v) for v in rng.uniform((6, 7, 12, 10), (12, 14, 24, 20)))
    soft = dataclasses.replace(phantom.soft, fat=back)
    edema = FasciaEdema(patient.levels, float(rng.uniform(4, 7)), float(rng.uniform(0.75, 0.95)))
    phantom = dataclasses.replace(
        phantom, soft=soft, pathology=Pathology((edema,) if patient.levels else ())
    )
    age, sex = int(float(patient.line["age"])), str(patient.line["sex"]).upper()
    plan = ExamPlan(Sequence.STIR if patient.number % 3 else Sequence.T2_FS)
    who = Patient(patient.number, sex, age, 10_000 + patient.number)
    write_study(phantom, export / f"{patient.number:04}", plan, who)


def timed(name: str, *command: str) -> None:
    """Run a command and say how long it took."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "fasciaseg_cli", *command], check=False)
    print(f"{name}: {time.perf_counter() - start:.1f} s, exit code {done.returncode}\n")


def p_values(study: Path) -> dict[tuple[str, str, str], float]:
    """P of each question, with against without edema."""
    found = {}
    for table in ("patients", "outcomes"):
        path = study / "tables" / f"{table}-by-edema.csv"
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                if row["p"]:
                    found[table, row["variable"], row["time"]] = float(row["p"])
    return found


def right(results: Path, linkage: Path, patients: tuple[SimulatedPatient, ...]) -> str:
    """How many exams were read as they were painted."""
    known = {p.patient_id: p for p in patients}
    with linkage.open(newline="", encoding="utf-8") as file:
        who = {row["exam"]: known[row["patient_id"]] for row in csv.DictReader(file)}
    with (results / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    levels = sum(tuple(r["levels"].split()) == who[r["exam"]].levels for r in rows)
    edema = sum((r["fascia_edema"] == "true") == bool(who[r["exam"]].levels) for r in rows)
    return f"of {len(rows)} exams {edema} have edema or none as painted, {levels} the very levels"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--patients", type=int, default=223)
    parser.add_argument("--jobs", type=int, default=2)
    told = parser.parse_args()
    patients = simulate(told.patients)
    clinic, columns = write_clinic(patients, told.out / "clinic")
    export, results = told.out / "export", told.out / "results"
    start = time.perf_counter()
    if not export.exists():
        with ProcessPoolExecutor(told.jobs) as pool:
            list(pool.map(partial(write_exam, export=export), patients, chunksize=4))
    print(f"phantoms: {time.perf_counter() - start:.1f} s")
    linkage = told.out / "linkage.csv"
    timed("fasciaseg batch", "batch", str(export), "--out", str(results), "--quiet",
          "--linkage", str(linkage), "--jobs", str(told.jobs))  # fmt: skip
    study = told.out / "study"
    timed("fasciaseg cohort", "cohort", str(results), str(clinic), "--out", str(study),
          "--columns", str(columns), "--linkage", str(linkage))  # fmt: skip
    print(right(results, linkage, patients))
    found = p_values(study)
    for name, questions in (("planted", PLANTED), ("not planted", NOT_PLANTED)):
        for question in questions:
            p = found[question]
            print(f"{name:12} {' '.join(question):40} P = {p:.2g}{' *' if p < 0.05 else ''}")


if __name__ == "__main__":
    main()
