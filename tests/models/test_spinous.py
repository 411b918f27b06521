"""The offsets behind the rule `spinous` are what the labelled scans show."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fasciaseg.scoring.spinous import TIPS
from fasciaseg.scoring.territories import territories
from fasciaseg.vertebrae import SCORED_LEVELS, Vertebra

#: T11 to L5: those with enough processes to judge.
MEASURED = SCORED_LEVELS[SCORED_LEVELS.index("T11") :]


@pytest.fixture(scope="module")
def validation(
    recipe: Callable[[str], ModuleType], models: Path, shared: Path
) -> tuple[ModuleType, list]:
    folder = str(models / "validation")
    sys.path.insert(0, folder)
    try:
        module = recipe("spinous")
        return module, list(recipe("processes").spines(shared / "mri"))
    finally:
        sys.path.remove(folder)


def test_the_offsets_are_the_measured_means(validation: tuple[ModuleType, list]) -> None:
    module, spines = validation
    means = module.means(module.offsets(spines))
    for level in MEASURED:
        assert TIPS[level].down == pytest.approx(means[level].down, abs=0.006)
        assert TIPS[level].back == pytest.approx(means[level].back, abs=0.006)


def test_every_process_ends_in_its_own_levels_territory(
    validation: tuple[ModuleType, list],
) -> None:
    """So they do under `spinous`; under `axial` most of T12's and L1's end in the next one."""
    _, spines = validation
    inside: dict[str, list[bool]] = {"axial": [], "spinous": []}
    for spine in spines:
        bodies = [Vertebra(n, tuple(c.tolist()), 1.0) for n, c in spine.centers.items()]
        for rule, hits in inside.items():
            told = territories(bodies, rule)
            for level in ("T12", "L1", "L2", "L3", "L4"):
                if level in spine.processes:
                    upper, lower = told[level]
                    hits.append(upper >= spine.processes[level].middle > lower)
    assert np.mean(inside["spinous"]) > 0.98
    assert np.mean(inside["axial"]) < 0.75
