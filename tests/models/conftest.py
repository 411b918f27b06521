"""The training recipe's modules, which are scripts beside the package, not a part of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

MODELS = Path(__file__).resolve().parents[2] / "models"


@pytest.fixture(scope="session")
def models() -> Path:
    return MODELS


@pytest.fixture(scope="session")
def recipe() -> Iterator[Callable[[str], ModuleType]]:
    """`recipe("folds")` imports models/training/folds.py as the scripts do."""
    folder = str(MODELS / "training")
    sys.path.insert(0, folder)
    yield importlib.import_module
    sys.path.remove(folder)
