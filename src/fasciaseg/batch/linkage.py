"""The table that leads from an exam's hash back to the patient: only when asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..dicom.instance import Instance
from ..dicom.series import Study
from .files import write_whole
from .ledger import Exam

COLUMNS = ("exam", "study_instance_uid", "patient_id", "accession_number", "study_date")


def write_linkage(path: Path, exams: Iterable[Exam], studies: Mapping[str, Study]) -> None:
    """Write the table, readable for its owner only.

    Raises:
        OSError: it can't be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for exam in exams:
        study = studies.get(exam.name)
        if study is not None:
            number = next((n for i in _instances(study) if (n := i.accession_number)), "")
            row = (exam.name, study.study_instance_uid, study.patient_id, number, study.study_date)
            writer.writerow(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue().encode("utf-8", "backslashreplace"), mode=0o600)


def _instances(study: Study) -> Iterator[Instance]:
    for series in study.series:
        yield from (*series.instances, *series.unplaced)
