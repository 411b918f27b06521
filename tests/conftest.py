"""What tests of several folders share: data beside the project, and the sample studies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data beside the project: `../shared`, or the folder in FASCIASEG_SHARED."""
    path = Path(os.environ.get("FASCIASEG_SHARED") or REPO.parent / "shared")
    if not (path / "exams").is_dir():
        pytest.skip(f"the data beside the project isn't there ({path})")
    return path


@pytest.fixture(scope="session")
def samples() -> Path:
    """The synthetic studies that come with the project."""
    path = REPO / "sample_dicoms"
    if not (path / "truth.json").is_file():
        pytest.skip("sample_dicoms isn't there; `python -m fasciaseg.phantom sample_dicoms/`")
    return path


# The same examples in every run: a change is judged by what it changed. Others are tried with
# `--hypothesis-profile=default --hypothesis-seed=N`.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
