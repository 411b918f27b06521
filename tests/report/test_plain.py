"""What pages draw an exam from: greys without marks, and lines in mm."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fasciaseg.pages import DRAWING_CALL
from fasciaseg.report import WriteOptions, write
from fasciaseg.report.film import Film
from fasciaseg.report.plain import drawing_js, plain_png

from .conftest import ReadingMaker


def told(film: Film) -> dict[str, Any]:
    before, after = DRAWING_CALL
    text = drawing_js(film).decode()
    drawn: dict[str, Any] = json.loads(text.removeprefix(before).removesuffix(after))
    return drawn


@pytest.mark.parametrize("degrees", [0.0, 12.0])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 0.8)])
def test_a_point_lies_where_the_slice_has_it(
    make_reading: ReadingMaker, degrees: float, spacing: tuple[float, float]
) -> None:
    reading = make_reading(degrees=degrees, spacing=spacing)
    drawn = told(Film.of(reading))
    for part, found in zip(reading.slices, drawn["slices"], strict=True):
        g = part.slice.geometry
        assert found["size_mm"] == pytest.approx(
            [g.shape[1] * g.spacing_mm[1], g.shape[0] * g.spacing_mm[0]]
        )
        z0, zx, zy = found["z"]
        for body in reading.result.vertebrae:
            x, y = found["bodies"][body.level]
            assert z0 + zx * x + zy * y == pytest.approx(body.center_lps_mm[2], abs=0.2)
        fascia = np.array(found["fascia"])
        rc = fascia[:, ::-1] / np.array(g.spacing_mm) - 0.5
        assert z0 + fascia @ [zx, zy] == pytest.approx(g.heights_mm(rc), abs=0.2)
    assert drawn["boundaries_mm"].keys() == reading.boundaries_mm.keys()


def test_edema_is_outlined_where_it_is(make_reading: ReadingMaker) -> None:
    reading = make_reading(spacing=(0.5, 0.8))
    for part, found in zip(reading.slices, told(Film.of(reading))["slices"], strict=True):
        rows, columns = np.nonzero(part.edema)
        row_mm, column_mm = part.slice.geometry.spacing_mm
        line = np.concatenate([np.array(each) for each in found["edema"]])
        for axis, at, mm in ((0, columns, column_mm), (1, rows, row_mm)):
            assert line[:, axis].min() == pytest.approx(at.min() * mm, abs=mm)
            assert line[:, axis].max() == pytest.approx((at.max() + 1) * mm, abs=mm)


def test_no_outlines_where_there_is_no_answer(make_reading: ReadingMaker) -> None:
    film = Film.of(make_reading(answer=None, levels=()))
    assert all(s["edema"] == [] for s in told(film)["slices"])


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.25, 0.25)])
def test_the_picture_holds_the_slices_side_by_side(
    make_reading: ReadingMaker, spacing: tuple[float, float]
) -> None:
    """Bare: not a pixel of a mark; slices too large for any screen at half their size."""
    film = Film.of(make_reading(spacing=spacing))
    page = np.asarray(Image.open(BytesIO(plain_png(film))))
    assert page.dtype == np.uint8
    right = 0
    for grey, found in zip(film.greys, told(film)["slices"], strict=True):
        left, width, height = found["px"]
        assert left == right
        right = left + width
        wanted = np.asarray(grey if grey.height == height else grey.reduce(2))
        assert wanted.shape == (height, width)
        assert np.array_equal(page[:height, left:right], wanted)
    assert right == page.shape[1]
    assert max(page.shape[0], right // 3) <= 768


def test_only_a_batch_asks_for_it(make_reading: ReadingMaker, tmp_path: Path) -> None:
    reading = make_reading()
    assert write(reading, tmp_path / "a").plain is None
    assert not (tmp_path / "a" / "plain.png").exists()
    outputs = write(reading, tmp_path / "b", WriteOptions(for_pages=True))
    assert (outputs.plain, outputs.drawing) == ("plain.png", "drawing.js")
    kept = json.loads((tmp_path / "b" / "result.json").read_text())["outputs"]
    assert (kept["plain"], kept["drawing"]) == ("plain.png", "drawing.js")
    uid = reading.result.study.study_instance_uid
    assert uid not in (tmp_path / "b" / "drawing.js").read_text()
