"""Random crops with random contrast: the network should learn shapes, not a sequence's greys."""

from __future__ import annotations

import numpy as np
import torch
from data import BODY, CANAL, L4, L5, S1_BODY, SUBCUTANEOUS, Sample
from scipy import ndimage

from fasciaseg.anatomy.localizer import PIXEL_MM, standardised

#: Rows and columns of a crop: a whole lumbar field of view about.
SHAPE = (144, 112)
#: Share of crops that show the image as the scanner framed it.
WHOLE = 0.3
#: Share of crops that end below L5, in or under the sacrum: what is left of S1 there looks much
#: like L5, and a field of view that ends so is common.
CUT_AT_SACRUM = 0.2
CENTER_SIGMA_MM = 4.0
#: The fascia line is read off the subcutaneous layer's front: pixels near it weigh more.
BORDER_MM = 9.0
BORDER_EMPHASIS = 3.0
BITS = (BODY, L5, S1_BODY, CANAL, SUBCUTANEOUS, L4)


def crop(sample: Sample, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A random affine crop of a sample, `SHAPE` pixels of about `PIXEL_MM`; geometry only."""
    zoom = PIXEL_MM / sample.pixel_mm * rng.uniform(0.8, 1.25)
    angle = np.deg2rad(rng.normal(0, 7))
    stretch = rng.uniform(0.92, 1.08)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag([zoom * stretch, zoom / stretch])
    middle = _aim(sample, rng, zoom * SHAPE[0])
    offset = middle - matrix @ (np.array(SHAPE) - 1) / 2

    def sampled(array: np.ndarray, order: int) -> np.ndarray:
        return ndimage.affine_transform(
            array, matrix, offset, SHAPE, order=order, mode="constant", cval=0
        )

    inverse = np.linalg.inv(matrix)
    distance = (
        np.nan_to_num(
            np.arange(sample.image.shape[1])[None, :] - sample.fascia[:, None], nan=1e3
        ).astype(np.float32)
        * sample.pixel_mm
    )
    return {
        "image": sampled(ndimage.gaussian_filter(sample.image, 0.35 * zoom), 1),
        "targets": sampled(sample.targets, 0),
        # Padding outside the image is known background, hence the detour over "unknown".
        "known": ~sampled(~sample.known, 0),
        "centers": (sample.centers - offset) @ inverse.T if len(sample.centers) else sample.centers,
        "behind_fascia_mm": np.where(
            sampled(np.ones_like(distance), 0) > 0, sampled(np.clip(distance, -99, 99), 1), 99
        ),
        "instances": sampled(sample.instances, 0),
    }


def _aim(sample: Sample, rng: np.random.Generator, span: float) -> np.ndarray:
    """Centre of the crop: near the spine, but any part of it may leave the view."""
    shape = np.array(sample.image.shape, float)
    kind = rng.random()
    if kind < WHOLE:
        return shape / 2
    l5 = np.nonzero(sample.targets & L5)
    if kind < WHOLE + CUT_AT_SACRUM and len(l5[0]):
        lower_edge = l5[0].mean() + rng.uniform(5, 60) / sample.pixel_mm
        return np.array([lower_edge - span / 2, l5[1].mean() + rng.uniform(-0.12, 0.25) * span])
    if len(sample.centers) and rng.random() < 0.85:
        low, high = sample.centers.min(0), sample.centers.max(0)
        margin = 20 / sample.pixel_mm
        row = rng.uniform(low[0] - margin, high[0] + margin)
        column = rng.uniform(low[1], high[1]) + rng.uniform(-0.12, 0.25) * span
        return np.array([row, column])
    return rng.uniform(0.3, 0.7, 2) * shape


def _smooth_noise(rng: np.random.Generator, coarse: int) -> np.ndarray:
    grid = rng.normal(size=(coarse, coarse))
    return ndimage.zoom(grid, max(SHAPE) / coarse, order=1)[: SHAPE[0], : SHAPE[1]]


def recolour(c: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Random contrast, edema, coil, noise and blur on the crop's image."""
    x = np.clip(c["image"], 0, 1.6)
    if rng.random() < 0.6:
        x = _tissue_factors(x, c, rng)
    if rng.random() < 0.6:
        x = curve(x, rng)
    if rng.random() < 0.5:
        x = np.clip(x, 0, None) ** rng.uniform(0.5, 1.8)
    if rng.random() < 0.6:
        x = _paint_edema(x, c["behind_fascia_mm"], rng)
    if rng.random() < 0.35:
        x = _paint_net(x, c, rng)
    if rng.random() < 0.6:
        x = x * np.exp(rng.uniform(0.1, 0.5) * _smooth_noise(rng, int(rng.integers(2, 5))))
    if rng.random() < 0.4:
        columns = np.linspace(0, 1, SHAPE[1])[None, :]
        x = x * np.exp(rng.uniform(0.5, 2.5) * (columns - 0.6))
    if rng.random() < 0.3:
        x = ndimage.gaussian_filter(x, rng.uniform(0.3, 1.0, 2))
    if rng.random() < 0.5:
        level = rng.uniform(0.005, 0.08)
        x = np.hypot(x + level * rng.normal(size=x.shape), level * rng.normal(size=x.shape))
    if rng.random() < 0.2:
        x = _hide_part(x, rng)
    return x


def _tissue_factors(
    x: np.ndarray, c: dict[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Each known tissue gets brighter or darker as a whole, single bodies on their own."""
    factor = np.zeros_like(x)
    body, canal, fat = (
        (c["targets"] & bit > 0).astype(np.float32) for bit in (BODY, CANAL, SUBCUTANEOUS)
    )
    factor += rng.normal(0, 0.6) * body + rng.normal(0, 0.6) * canal + rng.normal(0, 0.9) * fat
    for i in np.unique(c["instances"]):
        if i and rng.random() < 0.15:
            factor += rng.normal(0, 0.7) * (c["instances"] == i)
    return x * np.exp(ndimage.gaussian_filter(factor, 0.7))


def _paint_edema(x: np.ndarray, behind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A band along the fascia, brighter than the deep tissue, of varied thickness and length.

    Edema spreads to both sides of the fascia: the line to be found is about its middle. That
    can be learned only from edema that stands out, so what is painted does.
    """
    rows = np.arange(SHAPE[0])
    shift = ndimage.gaussian_filter1d(rng.normal(size=SHAPE[0]), 8) * 2 + rng.normal(0, 0.5)
    half = np.clip(
        ndimage.gaussian_filter1d(rng.normal(size=SHAPE[0]), 8) * 4 + rng.uniform(1, 5.5), 0, 7
    )
    start, length = rng.uniform(-20, SHAPE[0]), rng.uniform(8, 130)
    half = half * ((rows >= start) & (rows <= start + length))
    band = np.clip((half[:, None] - np.abs(behind - shift[:, None])) / PIXEL_MM + 0.5, 0, 1)
    band = ndimage.gaussian_filter(band, 0.4) * (np.abs(behind) < 90)
    deep = x[(behind > -18) & (behind < -6)]
    if not len(deep):
        return x
    bright = float(np.median(deep)) * rng.uniform(1.25, 3.0) + 0.03
    return x * (1 - band) + bright * band * (1 + 0.08 * rng.normal(size=x.shape))


def _paint_net(x: np.ndarray, c: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Reticular subcutaneous edema clear of the fascia: the fascia line must not follow it."""
    behind = c["behind_fascia_mm"]
    fat = (c["targets"] & SUBCUTANEOUS > 0) & (behind > rng.uniform(1.5, 9)) & (behind < 90)
    start, length = rng.uniform(-20, SHAPE[0]), rng.uniform(20, 100)
    rows = np.arange(SHAPE[0])
    fat &= ((rows >= start) & (rows <= start + length))[:, None]
    if fat.sum() < 20:
        return x
    noise = ndimage.gaussian_filter(rng.normal(size=x.shape), rng.uniform(0.8, 2.0))
    net = np.exp(-((noise / (rng.uniform(0.3, 0.8) * noise.std())) ** 2))
    weight = ndimage.gaussian_filter(net * fat, 0.4)
    bright = float(np.percentile(x, rng.uniform(80, 99.5)))
    return x * (1 - weight) + bright * weight


def curve(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random curve over the greys, monotone or not, mixed with the identity."""
    top = max(float(np.percentile(x, 99.5)), 1e-3)
    knots = np.linspace(0, 1.2, int(rng.integers(4, 8)))
    values = rng.uniform(0, 1, len(knots))
    if rng.random() < 0.5:
        values = np.sort(values)
    values[0] = values[0] * (rng.random() < 0.15)
    mix = rng.uniform(0.2, 1.0)
    return top * (mix * np.interp(x / top, knots, values) + (1 - mix) * x / top)


def _hide_part(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Saturation band, signal void or the end of the coil."""
    x = x.copy()
    kind = rng.integers(3)
    if kind == 0:
        width = int(rng.integers(10, 60))
        x[:, :width] *= rng.uniform(0, 0.4)
    elif kind == 1:
        r, col, size = rng.integers(0, SHAPE[0]), rng.integers(0, SHAPE[1]), rng.uniform(3, 10)
        rr, cc = np.ogrid[: SHAPE[0], : SHAPE[1]]
        x[(rr - r) ** 2 + (cc - col) ** 2 < size**2] *= rng.uniform(0, 0.3)
    else:
        x *= 1 / (1 + np.exp((np.arange(SHAPE[0]) - rng.uniform(10, 40)) / -6))[:, None]
    return x


def heat(centers: np.ndarray) -> np.ndarray:
    """Gaussian bumps at the centres (row, column), largest value wins."""
    out = np.zeros(SHAPE, np.float32)
    sigma = CENTER_SIGMA_MM / PIXEL_MM
    rows, columns = (np.arange(n) for n in SHAPE)
    for r, c in centers:
        bump = np.exp(-((rows - r) ** 2) / (2 * sigma**2))[:, None] * np.exp(
            -((columns - c) ** 2) / (2 * sigma**2)
        )
        np.maximum(out, bump, out=out)
    return out


def example(sample: Sample, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Input SHAPE, targets (7, *SHAPE) and their weights, all float32."""
    c = crop(sample, rng)
    x = standardised(recolour(c, rng))
    targets = np.stack(
        [(c["targets"] & b > 0).astype(np.float32) for b in BITS] + [heat(c["centers"])]
    )
    known = np.stack([(c["known"] & b > 0).astype(np.float32) for b in (*BITS, BODY)])
    known[4] *= 1 + BORDER_EMPHASIS * (np.abs(c["behind_fascia_mm"]) < BORDER_MM)
    return x, targets, known


def batch(
    samples: list[Sample], weights: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`size` examples drawn by weight."""
    picks = rng.choice(len(samples), size, p=weights)
    xs, ts, ks = zip(*(example(samples[i], rng) for i in picks), strict=True)
    return (
        torch.from_numpy(np.stack(xs))[:, None],
        torch.from_numpy(np.stack(ts)),
        torch.from_numpy(np.stack(ks)),
    )
