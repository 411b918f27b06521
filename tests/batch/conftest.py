"""Small exports, and readings of them that take no time."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from fasciaseg.batch import RunOptions, Summary, run

HERE = Path(__file__).parent
NAME, PATIENT = "Musterfrau^Erika", "PID-4711"


def write_image(path: Path, study: str, patient: str = PATIENT, number: int = 1) -> None:
    """One sagittal slice of a STIR series."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    ds.SOPInstanceUID = f"{study}.1.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, f"{study}.1"
    ds.PatientID, ds.PatientName, ds.StudyDate = patient, NAME, "20260102"
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "MR", 1, number
    ds.ScanningSequence, ds.ScanOptions = ["SE", "IR"], "IR"
    ds.RepetitionTime, ds.EchoTime, ds.InversionTime = 4000, 60, 160
    ds.ImagePositionPatient = [4.0 * number, 0, 0]
    ds.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    ds.PixelSpacing, ds.Rows, ds.Columns = [1, 1], 8, 8
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 0
    ds.PixelData = bytes(128)
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, ds, enforce_file_format=True)


def make_export(folder: Path, exams: Iterable[str]) -> Path:
    """One exam a name, which is also its folder; UIDs count from 1."""
    for number, name in enumerate(exams, 1):
        write_image(folder / name / "IM0", f"1.2.826.{number}")
    return folder


@dataclass
class Batch:
    """Runs batches of one export into one folder and looks at what they leave."""

    export: Path
    out: Path
    task: Callable[..., Any]
    options: dict[str, Any] = field(default_factory=lambda: {"jobs": 2})

    def run(self, **options: object) -> Summary:
        return run(self.export, self.out, RunOptions(**self.options | options), task=self.task)

    @property
    def tried(self) -> list[str]:
        """Exams that a worker was given, by their folders."""
        path = self.out / "tried.txt"
        return sorted(path.read_text().split("\n")[:-1]) if path.exists() else []

    def forget_tries(self) -> None:
        (self.out / "tried.txt").unlink(missing_ok=True)

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = (self.out / "results.jsonl").read_bytes().decode()
        assert not text or text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def scored(self) -> list[str]:
        return sorted(line["input"] for line in self.lines)

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.out / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @property
    def ends(self) -> dict[str, str]:
        """How each exam ended; fails if one stands twice, or the files disagree."""
        rows = [(row["input"], row["kind"]) for row in self.table("failures.csv")]
        scored = [(row["input"], "scored") for row in self.table("results.csv")]
        assert sorted(name for name, _ in scored) == self.scored
        assert len(dict(rows + scored)) == len(rows + scored), "each exam once"
        folders = sorted(p.name for p in (self.out / "exams").iterdir())
        assert folders == sorted(line["exam"] for line in self.lines)
        for line in self.lines:
            told = json.loads((self.out / "exams" / line["exam"] / "result.json").read_bytes())
            assert {"exam": line["exam"], **told} == line
        return dict(rows + scored)

    @property
    def manifest(self) -> dict[str, Any]:
        told = json.loads((self.out / "manifest.json").read_text())
        assert isinstance(told, dict)
        return told


@pytest.fixture
def make_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Batch]:
    """A batch over exams with these names, read by `tasks.act`."""
    monkeypatch.syspath_prepend(HERE)  # the workers import what this process can import
    import tasks  # type: ignore[import-not-found]

    def make(*exams: str, task: str = "act") -> Batch:
        export = make_export(tmp_path / "export", exams)
        return Batch(export, tmp_path / "out", getattr(tasks, task))

    return make
