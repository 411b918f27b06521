"""Marrow edema and lost height, on bodies whose truth is known."""

import numpy as np
import pytest

from fasciaseg.fractures import marrow
from fasciaseg.fractures.heights import USUAL_MM, degree_of, height_losses
from fasciaseg.fractures.judge import region_of
from fasciaseg.vertebrae import SCORED_LEVELS

LEVELS = SCORED_LEVELS[SCORED_LEVELS.index("T10") :]
Z_MM = np.linspace(120.0, -120.0, len(LEVELS))


def heights(scale: float = 1.0) -> np.ndarray:
    """A healthy spine of some size."""
    return scale * np.array([USUAL_MM[level] for level in LEVELS])


def bodies(bright: dict[int, tuple[float, float]], coil: float = 0.0, unit: float = 100.0) -> list:
    """Noisy marrow; `bright` gives {body: (times as bright, share of it)}."""
    rng = np.random.default_rng(3)
    out = []
    for i, z in enumerate(Z_MM):
        values = unit * np.exp(coil * z / 100) * rng.normal(1, 0.08, 400)
        contrast, share = bright.get(i, (1.0, 0.0))
        wet = np.arange(400) < share * 400
        values[wet] *= contrast
        out.append(marrow.Marrow(values, np.arange(400) % 2 == 0))
    return out


def present(found: list) -> list[int]:
    """Places of the bodies called edematous."""
    return [i for i, f in enumerate(found) if f.present]


@pytest.mark.parametrize("unit", [1e-3, 1.0, 3e4])
def test_marrow_edema_does_not_depend_on_the_scanners_units(unit: float) -> None:
    found = marrow.judge(bodies({3: (2.2, 0.7)}, unit=unit), Z_MM)
    assert present(found) == [3]
    assert found[3].contrast == pytest.approx(2.2, rel=0.1)
    assert found[3].share == pytest.approx(0.7, abs=0.05)


def test_several_edemas_at_once_are_found() -> None:
    assert present(marrow.judge(bodies({2: (2.5, 1), 3: (2, 0.8), 5: (3, 0.5)}), Z_MM)) == [2, 3, 5]


@pytest.mark.parametrize("coil", [-0.4, 0.4])
def test_a_bright_side_of_the_image_is_no_edema(coil: float) -> None:
    assert present(marrow.judge(bodies({}, coil), Z_MM)) == []


def test_small_bright_spots_and_end_plates_are_no_edema() -> None:
    spots = bodies({2: (3.0, 0.15)})
    modic = bodies({4: (3.0, 0.4)})
    shallow = marrow.Marrow(modic[4].values, np.arange(400) >= 200)
    assert present(marrow.judge(spots, Z_MM)) == []
    assert present(marrow.judge([*modic[:4], shallow, *modic[5:]], Z_MM)) == []


def test_cement_hides_the_marrow_and_leaves_the_others_alone() -> None:
    found = marrow.judge(bodies({3: (0.1, 1.0), 5: (2.2, 0.8)}), Z_MM)
    assert found[3].present is None
    assert present(found) == [5]


def test_too_few_bodies_answer_nothing() -> None:
    assert all(f.present is None for f in marrow.judge(bodies({1: (3, 1)})[:3], Z_MM[:3]))


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.3])
def test_no_height_is_lost_in_small_and_tall_people(scale: float) -> None:
    assert np.abs(height_losses(LEVELS, heights(scale))).max() < 0.01


def test_lost_height_beside_another_fracture() -> None:
    tall = heights()
    tall[3, 0] *= 0.45
    tall[4] *= 0.7
    losses = height_losses(LEVELS, tall)
    assert losses[3] == pytest.approx([0.55, 0, 0], abs=0.03)
    assert losses[4] == pytest.approx([0.3] * 3, abs=0.03)
    assert losses[[0, 1, 2, 5]].max() < 0.05


def test_unmeasured_neighbours_leave_the_question_open() -> None:
    tall = heights()
    tall[1:] = np.nan
    assert np.isnan(height_losses(LEVELS, tall)).all()


def test_the_published_degrees_and_regions() -> None:
    assert [degree_of(x) for x in (0, 0.2, 0.25, 0.5, 0.75, 0.9)] == [
        "<25", "<25", "25-50", "50-75", ">75", ">75"
    ]  # fmt: skip
    assert [region_of(n) for n in ("T5", "T10", "T11", "L2", "L3", "L5")] == [
        "thoracic", "thoracic", "thoracolumbar", "thoracolumbar", "lower_lumbar", "lower_lumbar"
    ]  # fmt: skip
