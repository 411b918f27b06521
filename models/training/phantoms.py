"""Phantom slices as training samples: every tissue is known, and contrasts real data lack."""

from __future__ import annotations

import numpy as np
from data import BODY, CANAL, L4, L5, S1_BODY, SUBCUTANEOUS, Sample

from fasciaseg.phantom import (
    Coil,
    Sampling,
    Sequence,
    random_intensities,
    random_phantom,
    random_view,
    render,
)
from fasciaseg.vertebrae import LEVELS

PIXEL_MM = 2.0
_L5 = 1 + LEVELS.index("L5")
#: Slices taken from one phantom.
SLICES_EACH = 2


def phantom_samples(count: int, seed: int, pixel_mm: float = PIXEL_MM) -> list[Sample]:
    """`count` slices of random phantoms, half physical contrasts, half free ones."""
    rng = np.random.default_rng(seed)
    out: list[Sample] = []
    while len(out) < count:
        phantom = random_phantom(rng)
        out += [_sample(phantom, rng, f"phantom-{len(out)}", pixel_mm) for _ in range(SLICES_EACH)]
    return out[:count]


def _sample(phantom: object, rng: np.random.Generator, name: str, pixel_mm: float) -> Sample:
    aside = rng.uniform(-9, 9) if rng.random() < 0.75 else rng.uniform(-30, 30)
    finer = PIXEL_MM / pixel_mm
    shape = (int(rng.integers(100, 200) * finer), int(rng.integers(100, 160) * finer))
    view = random_view(rng, phantom, shape=shape, spacing_mm=pixel_mm, offset_mm=aside)
    sequence = list(Sequence)[rng.integers(len(Sequence))]
    image = render(
        phantom,
        view,
        sequence,
        intensities=random_intensities(rng) if rng.random() < 0.35 else None,
        coil=Coil(
            depth_mm=float(rng.uniform(60, 400)),
            reach_mm=float(rng.uniform(180, 400)),
            ripple=float(rng.uniform(0, 0.1)),
        ),
        sampling=Sampling(thickness_mm=float(rng.uniform(1, 5)), subslices=2, supersample=2),
        noise=float(rng.uniform(0.003, 0.04)),
        seed=int(rng.integers(2**31)),
    )
    truth = phantom.labels(view)
    presacral = (truth.body > 0) & (truth.body <= _L5)
    targets = np.where(presacral, BODY, 0).astype(np.uint8)
    targets[truth.body == _L5] |= L5
    targets[truth.body == _L5 - 1] |= L4
    targets[truth.body == _L5 + 1] |= S1_BODY
    targets[truth.canal] |= CANAL
    targets[truth.subcutaneous] |= SUBCUTANEOUS
    instances = np.where(presacral, truth.body, 0).astype(np.uint8)
    ids = [i for i in np.unique(instances) if i and (instances == i).sum() * pixel_mm**2 > 150]
    centers = np.array([np.argwhere(instances == i).mean(axis=0) for i in ids]).reshape(-1, 2)
    return Sample(
        image=(image / max(float(np.percentile(image, 99.7)), 1e-6)).astype(np.float32),
        targets=targets,
        known=np.full(targets.shape, 255, np.uint8),
        centers=centers,
        fascia=_fascia_columns(phantom.fascia_line(view), image.shape[0]),
        patient=name,
        scan=name,
        contrast=sequence.name,
        instances=instances,
        pixel_mm=pixel_mm,
    )


def _fascia_columns(line: np.ndarray, rows: int) -> np.ndarray:
    """Column of the fascia in each row (rows,), NaN beyond the line's ends."""
    if len(line) < 2:
        return np.full(rows, np.nan)
    order = np.argsort(line[:, 0])
    return np.interp(np.arange(rows), line[order, 0], line[order, 1], left=np.nan, right=np.nan)
