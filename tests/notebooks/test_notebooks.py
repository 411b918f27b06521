"""The notebooks run from top to bottom and show their outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from .execute import executed

REPO = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((REPO / "notebooks").glob("*.ipynb"))


def test_there_is_one() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
@pytest.mark.filterwarnings("ignore")  # of the machinery around the kernel
def test_runs(path: Path, samples: Path) -> None:
    before = path.read_bytes()
    fresh = executed(path)
    assert path.read_bytes() == before
    for old, new in zip(nbformat.read(path, as_version=4).cells, fresh.cells, strict=True):
        if new.cell_type != "code":
            continue
        kinds = [[o.output_type for o in cell.outputs] for cell in (old, new)]
        assert kinds[0] == kinds[1], "kept outputs are of another kind: run execute.py"
        assert "stderr" not in [o.get("name") for o in new.outputs]
