"""A thoracic and a lumbar station are read like the one long slice they were cut from."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.geometry import Slice
from fasciaseg.options import Options
from fasciaseg.phantom import (
    FasciaEdema,
    Pathology,
    Sampling,
    Sequence,
    SpinePhantom,
    render,
    sagittal_geometry,
)
from fasciaseg.pipeline import default_model, read_stack
from fasciaseg.reading import Reading, SeriesContext
from fasciaseg.result import SeriesInfo, StudyInfo
from fasciaseg.stations import JoinedStack, joinable

PIXEL_MM, STEP_MM = 1.5, 4.4
SLANTED = (-0.5, 0.0, -(0.75**0.5))
PATIENT = SpinePhantom(
    pathology=Pathology((FasciaEdema(("T8", "T9", "T10", "T11", "T12"), 6.0, 0.85),))
)


class ImageStack:
    """Slices that stand in memory."""

    def __init__(self, slices: Items[Slice]) -> None:
        self.slices = tuple(slices)
        self.geometries = tuple(s.geometry for s in slices)

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, index: int) -> Slice:
        return self.slices[index]


@cache
def station(
    centre_z: float, rows: int, gain: float = 1.0, shift_x: float = 0.0, columns: int = 150
) -> ImageStack:
    """Nine slices of the patient, `rows` tall around LPS z `centre_z`."""
    slices = []
    for k in range(-4, 5):
        at = (k * STEP_MM + shift_x, 20.0, centre_z)
        g = sagittal_geometry(at, (rows, columns), (PIXEL_MM, PIXEL_MM))
        sampling = Sampling(thickness_mm=4.0, subslices=2, supersample=1)
        image = render(PATIENT, g, Sequence.STIR, sampling=sampling, noise=0.005, seed=k + 50)
        slices.append(Slice((gain * 1000 * image).astype(np.float32), g, f"1.{k + 5}", k + 4))
    return ImageStack(slices)


LUMBAR = (-40.0, 170)
THORACIC = (125.0, 170)
WHOLE = (42.0, 280)


def read(stack: ImageStack | JoinedStack) -> Reading:
    context = SeriesContext("exam", StudyInfo("1.2"), SeriesInfo("1.2.1", "STIR"))
    return read_stack(stack, context, Localizer(default_model(), 1), Options())


@pytest.mark.parametrize(("gain", "shift_x"), [(1.0, 0.0), (0.4, 1.5)])
def test_two_stations_are_read_as_one(gain: float, shift_x: float) -> None:
    """The stations differ in brightness, and their slices lie beside each other."""
    joined = JoinedStack(station(*LUMBAR), [station(*THORACIC, gain=gain, shift_x=shift_x)])
    whole, parts = read(station(*WHOLE)).result, read(joined).result
    assert whole.edema.levels == ("T8", "T9", "T10", "T11", "T12")
    assert parts.edema.levels == whole.edema.levels
    assert set(parts.levels_in_view) >= set(whole.levels_in_view)
    at = {v.level: v.center_lps_mm for v in whole.vertebrae}
    for v in parts.vertebrae:
        if v.level in at:
            apart = np.subtract(v.center_lps_mm, at[v.level])
            assert np.linalg.norm(apart[1:]) < 4, v.level


def test_the_lumbar_station_alone_sees_less() -> None:
    assert "T8" not in read(station(*LUMBAR)).result.levels_in_view


def test_a_joined_slice_keeps_what_the_base_shows() -> None:
    base = station(*LUMBAR)
    joined = JoinedStack(base, [station(*THORACIC)])
    for index in (0, 4, 8):
        here, there = base[index], joined[index]
        assert there.sop_instance_uid == here.sop_instance_uid
        assert there.geometry.shape[0] > here.geometry.shape[0]
        corner = there.geometry.to_pixel(np.asarray(here.geometry.origin_lps_mm))
        r, c = (round(float(v)) for v in corner)
        rows, columns = here.geometry.shape
        lower = there.pixels[r + rows // 2 : r + rows - 1, c : c + columns]
        assert np.allclose(lower, here.pixels[rows // 2 : -1], rtol=1e-4)


def test_a_station_on_other_slices_is_not_joined() -> None:
    """It lies far to the side, as an arm would."""
    base = station(*LUMBAR)
    far = ImageStack(
        [
            Slice(
                np.full((60, 60), 500.0, np.float32),
                sagittal_geometry((200.0 + k, 20.0, 100.0), (60, 60), (PIXEL_MM, PIXEL_MM)),
                f"2.{k}",
                k,
            )
            for k in range(3)
        ]
    )
    assert not joinable(base, far)
    assert joinable(base, station(*THORACIC))


def test_slanted_planes_are_not_joined() -> None:
    base = station(*LUMBAR)
    across = ImageStack(
        [replace(s, geometry=replace(s.geometry, row_axis=SLANTED)) for s in station(*THORACIC)]
    )
    assert not joinable(base, across)
