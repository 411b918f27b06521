"""The sample studies, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fasciaseg.phantom.__main__ import main

COMMITTED = Path(__file__).resolve().parents[2] / "sample_dicoms"


@pytest.fixture(scope="session")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "samples"
    folder.mkdir()
    assert main([str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def committed() -> Path:
    return COMMITTED


def dicom_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "truth.json")


@pytest.fixture(scope="session")
def remade_files(remade: Path) -> list[Path]:
    return dicom_files(remade)
