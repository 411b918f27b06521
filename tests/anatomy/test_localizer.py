"""The shipped network on phantom slices: coarse bounds that hold for any sound training."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from fasciaseg.anatomy import spine as found_spine
from fasciaseg.anatomy.fascia import trace_fascia
from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.geometry import Slice
from fasciaseg.phantom import (
    Coil,
    Fracture,
    Placement,
    Sampling,
    Sequence,
    SoftTissue,
    Spine,
    SpinePhantom,
    render,
)
from fasciaseg.pipeline import default_model
from fasciaseg.vertebrae import SCORED_LEVELS

PATIENTS = {
    "plain": SpinePhantom(),
    "kyphotic": SpinePhantom(
        Spine(lordosis=35, kyphosis=55, scale=0.9, seed=3, fractures=(Fracture("T12", 0.4),)),
        SoftTissue(fat=(6, 7, 11, 9), muscle_fat=0.6, seed=4),
        placement=Placement((3.0, 10.0, -20.0), (5.0, 1.0, 2.0)),
    ),
    "stout": SpinePhantom(
        Spine(lordosis=60, scale=1.1, seed=5, degenerated=("L4", "L5")),
        SoftTissue(fat=(14, 16, 34, 26), seed=6),
        placement=Placement((-5.0, 0.0, 12.0), (-4.0, 0.0, -2.0)),
    ),
}
VIEWS = {
    "lumbar": ("L2", (204, 160)),
    "sacral": ("L4", (240, 160)),
    "whole": ("T12", (280, 200)),
}


class Thrice:
    """One picture as a stack of three slices: what is asked for is the network's eye."""

    def __init__(self, s: Slice) -> None:
        x, y, z = s.geometry.origin_lps_mm
        self.geometries = [
            replace(s.geometry, origin_lps_mm=(x + aside, y, z)) for aside in (-4.0, 0.0, 4.0)
        ]
        self.slices = [
            replace(s, geometry=g, sop_instance_uid=f"1.{i}", index=i)
            for i, g in enumerate(self.geometries)
        ]

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Slice:
        return self.slices[index]


@cache
def seen(patient: str, sequence: Sequence, view: str) -> tuple[Slice, found_spine.Spine]:
    level, shape = VIEWS[view]
    phantom = PATIENTS[patient]
    g = phantom.sagittal(shape=shape, spacing_mm=1.5, center_level=level, shift_mm=(0, 8))
    image = render(
        phantom, g, sequence, coil=Coil(200, 320), noise=0.01, sampling=Sampling(4.0, 2, 1)
    )
    stack = Thrice(Slice(image, g, "1.1", 0))
    return stack[1], found_spine.locate(stack, Localizer(default_model(), 1))


@pytest.mark.parametrize("sequence", list(Sequence))
@pytest.mark.parametrize("view", VIEWS)
def test_most_bodies_are_found_and_named_in_every_contrast(sequence: Sequence, view: str) -> None:
    right, wanted = 0, 0
    for patient, phantom in PATIENTS.items():
        s, spine = seen(patient, sequence, view)
        at = {v.level: np.asarray(v.center_lps_mm) for v in spine.vertebrae}
        for level, center in phantom.centers_lps_mm.items():
            row = s.geometry.to_pixel(np.asarray(center))[0]
            if level in SCORED_LEVELS and 12 < row < s.geometry.shape[0] - 12:
                wanted += 1
                away = at[level] - np.asarray(center) if level in at else np.full(3, np.inf)
                right += bool(np.hypot(away[1], away[2]) <= 8)
    assert wanted >= 18
    assert right / wanted > 0.8, f"{right} of {wanted}"


@pytest.mark.parametrize("sequence", list(Sequence))
def test_the_fascia_is_near_its_place_in_every_contrast(sequence: Sequence) -> None:
    for patient, phantom in PATIENTS.items():
        s, spine = seen(patient, sequence, "lumbar")
        line = trace_fascia(spine.marks[1], s)
        truth = phantom.fascia_line(s.geometry)
        assert len(line) > 0.6 * s.geometry.shape[0]
        at = np.interp(line[:, 0], truth[:, 0], truth[:, 1])
        assert np.median(np.abs(line[:, 1] - at)) * s.geometry.spacing_mm[1] < 4.0, patient


@pytest.mark.parametrize("sequence", [Sequence.STIR, Sequence.T2_FS, Sequence.T2_DIXON_WATER])
def test_the_sacrum_is_no_body(sequence: Sequence) -> None:
    for patient, phantom in PATIENTS.items():
        for view in VIEWS:
            _, spine = seen(patient, sequence, view)
            lowest = spine.vertebrae[-1]
            assert lowest.level == "L5"
            l5 = phantom.centers_lps_mm["L5"]
            assert abs(lowest.center_lps_mm[2] - l5[2]) < 10, (patient, view)
