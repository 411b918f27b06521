"""Broken bodies whose lost height is known, from DICOM to degree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import fasciaseg
from fasciaseg.errors import UsageError
from fasciaseg.fractures.heights import degree_of
from fasciaseg.fractures.outliner import BACK_MM, DOWN_MM, EDGE_MM, Outliner
from fasciaseg.phantom import Fracture, Spine, SpinePhantom, write_study
from fasciaseg_models import outliner_path

Shape = Literal["wedge", "biconcave", "crush"]


def lost(level: str, broken: Spine) -> float:
    """Largest lost share of front, middle and back height."""

    def heights(spine: Spine) -> np.ndarray:
        b = spine.body(level)
        places = np.array([-0.56, 0, 0.56])
        return b.height - places * b.wedge / 2 - (1 - places**2) * sum(b.concavity)

    return float((1 - heights(broken) / heights(replace(broken, fractures=()))).max())


# The phantom's discs don't sink into a dry body's broken end plate: what fills it is as dark as the
# marrow there, and no reading can tell. Real bodies broken by us are in docs/fractures.md.
@pytest.mark.parametrize(
    ("shape", "loss", "edema"),
    [
        ("wedge", 0.35, 0.7),
        ("wedge", 0.75, 0.7),
        ("crush", 0.15, 0.0),
        ("crush", 0.35, 0.0),
        ("crush", 0.35, 0.7),
        ("crush", 0.6, 0.0),
        ("crush", 0.6, 0.7),
    ],
)
def test_a_broken_bodys_degree_is_told(
    shape: Shape, loss: float, edema: float, tmp_path: Path
) -> None:
    spine = Spine(fractures=(Fracture("L1", loss, shape, edema),))
    true = lost("L1", spine)
    write_study(SpinePhantom(spine=spine), tmp_path)
    result = fasciaseg.classify(tmp_path)
    found = {f.level: f for f in result.fractures}
    assert found["L1"].height_loss == pytest.approx(true, abs=0.16)
    assert min(abs(true - border) for border in (0.25, 0.5, 0.75)) > 0.02, "a borderline case"
    assert found["L1"].degree == degree_of(true)
    broken = edema > 0 or true >= 0.25
    assert [f.level for f in result.fractures if f.notable] == ["L1"] * broken
    assert found["L1"].looks == ("acute" if edema else "old" if broken else None)


def patch(rows: slice = slice(None)) -> np.ndarray:
    """A bright block in the dark, one body of the outliner's grid; NaN beyond `rows`."""
    values = np.full((1, len(DOWN_MM), len(BACK_MM)), np.nan)
    values[:, rows] = 50.0
    block = (np.abs(DOWN_MM[:, None]) < 12) & (np.abs(BACK_MM) < 16)
    values[:, block] = np.where(np.isnan(values[:, block]), np.nan, 200.0)
    return values


def test_near_the_images_edge_nothing_is_outlined() -> None:
    """A body that the edge cuts would look as if it had lost height."""
    outliner = Outliner(outliner_path())
    edge = 18
    p = outliner.mark(patch(slice(edge, None)))[0]
    assert np.isnan(p[: edge + EDGE_MM]).all()
    assert np.isfinite(p[edge + EDGE_MM :]).all()
    padded = np.nan_to_num(patch(slice(edge, None)))
    assert np.array_equal(np.isnan(outliner.mark(padded)[0]), np.isnan(p)), "nor near padding"


def test_single_black_pixels_are_no_padding() -> None:
    values = patch()
    values[0, 20, 20:24] = 0
    assert np.isfinite(Outliner(outliner_path()).mark(values)).all()


def test_no_bodies_no_marks() -> None:
    assert len(Outliner(outliner_path()).mark(patch()[:0])) == 0


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="outliner"):
        Outliner(tmp_path / "x.onnx").mark(patch())
