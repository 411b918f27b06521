"""From labels to pictures: contrast, partial volume, coil and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..geometry import SliceGeometry
from .canvas import Canvas, bulge, look_up, wave_vectors, waves
from .model import SpinePhantom
from .pathology import fat_left
from .placement import F32, sample_points
from .profiles import F64
from .tissue import (
    PROTOCOLS,
    Intensities,
    Protocol,
    Sequence,
    Tissue,
    fat_signal,
    unsuppressed_fat,
    water_signal,
)


@dataclass(frozen=True)
class Coil:
    """A surface coil behind the patient.

    Attributes:
        depth_mm: where its sensitivity has fallen to 40 %; infinite for a flat one.
        reach_mm: half the height of the sensitive region, about the image's middle.
        ripple: share by which its elements show along the spine.
    """

    depth_mm: float = 110.0
    reach_mm: float = 260.0
    ripple: float = 0.05


@dataclass(frozen=True)
class Sampling:
    """How a slice is measured.

    Attributes:
        thickness_mm: of the slice.
        subslices: planes averaged over the thickness.
        supersample: samples per pixel along each axis.
    """

    thickness_mm: float = 4.0
    subslices: int = 3
    supersample: int = 2


def render(
    phantom: SpinePhantom,
    geometry: SliceGeometry,
    protocol: Protocol | Sequence | None = None,
    *,
    intensities: Intensities | None = None,
    sampling: Sampling = Sampling(),
    coil: Coil | None = Coil(),
    noise: float = 0.02,
    seed: int = 0,
) -> npt.NDArray[np.float32]:
    """One slice as the scanner would show it.

    Args:
        phantom: who lies in it.
        geometry: where the slice is, in LPS.
        protocol: how it is measured; a sequence's name stands for its usual protocol.
        intensities: one brightness a tissue (`random_intensities`), instead of a protocol.
        sampling: slice thickness and samples per pixel.
        coil: sensitivity, None for a flat one.
        noise: standard deviation in either channel, as a share of the brightest tissue.
        seed: of the noise and the marrow's texture.

    Returns:
        float32 (rows, columns), about 0 to 1, magnitude with Rician noise.
    """
    canvas = phantom.canvas(
        geometry, sampling.thickness_mm, sampling.subslices, sampling.supersample
    )
    return expose(
        phantom, canvas, geometry, protocol,
        intensities=intensities, sampling=sampling, coil=coil, noise=noise, seed=seed,
    )  # fmt: skip


def expose(
    phantom: SpinePhantom,
    canvas: Canvas,
    geometry: SliceGeometry,
    protocol: Protocol | Sequence | None = None,
    *,
    intensities: Intensities | None = None,
    sampling: Sampling = Sampling(),
    coil: Coil | None = Coil(),
    noise: float = 0.02,
    seed: int = 0,
) -> npt.NDArray[np.float32]:
    """`render` from a canvas painted before: one painting serves all sequences of an exam."""
    if intensities is None:
        image, brightest = _measured(phantom, canvas, _protocol(protocol), geometry, sampling)
    else:
        brightest = float(np.max(intensities))
        image = _average(_mixed(intensities, canvas), sampling.supersample)
    centers = sample_points(geometry, phantom.placement, 0.0, 1, 1)
    x, y, z = (axis[0] for axis in centers[:3])
    rng = np.random.Generator(np.random.PCG64(seed))
    texture = waves(x, y, z, wave_vectors(rng, 5, (3.5, 15.0), (1.0, 1.0, 1.0)))
    image = image * (1 + 0.05 * texture.astype(np.float64))
    if coil is not None:
        image = image * sensitivity(phantom, coil, x, y, z)
    if noise:
        sigma = noise * brightest
        real = image + sigma * rng.standard_normal(image.shape)
        imaginary = sigma * rng.standard_normal(image.shape)
        image = np.sqrt(real * real + imaginary * imaginary)
    return np.asarray(image / brightest, dtype=np.float32)


def _protocol(protocol: Protocol | Sequence | None) -> Protocol:
    if isinstance(protocol, Protocol):
        return protocol
    return PROTOCOLS[protocol or Sequence.T2]


def _measured(
    phantom: SpinePhantom,
    canvas: Canvas,
    protocol: Protocol,
    geometry: SliceGeometry,
    sampling: Sampling,
) -> tuple[F64, float]:
    """Noiseless signal averaged to pixels, and the brightest tissue's signal."""
    water = water_signal(protocol, phantom.marrow_fat)
    fat = fat_signal(protocol, phantom.marrow_fat) * protocol.fat_left
    image = _average(_mixed(water + fat, canvas, water[Tissue.FLUID]), sampling.supersample)
    failure = phantom.pathology.fat_failure
    suppressed = protocol.ti_ms is not None or protocol.fat_left < 0.5
    if failure is not None and suppressed:
        spilled = unsuppressed_fat(protocol, phantom.marrow_fat)
        escaped = _average(_mixed(spilled, canvas, 0.0), sampling.supersample)
        _, y, z, _ = sample_points(geometry, phantom.placement, 0.0, 1, 1)
        heights = {b.level: b.center[1] for b in phantom.spine.bodies}
        profiles = phantom.profiles
        share = fat_left(failure, (profiles.z_mm, profiles.fascia_y), z[0], y[0], heights)
        image = image + escaped * share
    return image, float(np.max(water + fat))


def _mixed(signal: Intensities, canvas: Canvas, fluid: float | None = None) -> F64:
    """Signal at every sample: the tissue's, with free fluid taking its share."""
    out = np.take(signal, canvas.tissue)
    wet = canvas.fluid > 0
    if wet.any():
        share = canvas.fluid[wet].astype(np.float64)
        bright = signal[Tissue.FLUID] if fluid is None else fluid
        out[wet] += share * (bright - out[wet])
    return np.asarray(out)


def _average(samples: F64, supersample: int) -> F64:
    """Mean over sub-slices and the samples of each pixel, in a fixed order."""
    total = samples[0].copy()
    for plane in samples[1:]:
        total += plane
    n = supersample
    pixel = np.zeros((total.shape[0] // n, total.shape[1] // n))
    for i in range(n):
        for j in range(n):
            pixel += total[i::n, j::n]
    return np.asarray(pixel / (n * n * samples.shape[0]))


def sensitivity(phantom: SpinePhantom, coil: Coil, x: F32, y: F32, z: F32) -> F64:
    """Receive sensitivity, 0 to about 1, at phantom points (mm)."""
    profiles = phantom.profiles
    index = profiles.index(z)
    skin = look_up(profiles.fascia_y + profiles.fat + phantom.soft.skin, index) + bulge(x, 0.0)
    distance = np.maximum(skin - y, 0).astype(np.float64)
    q = distance / coil.depth_mm
    # A rational stand-in for exp(-q): exact arithmetic, the same on every machine.
    gain = 1 / (1 + q + 0.5 * q * q)
    along = z.astype(np.float64)
    far = (along - 0.5 * (along.min() + along.max())) / coil.reach_mm
    wave = along / 65.0
    wave = wave - np.floor(wave) - 0.5
    ripple = wave * (8 - 16 * np.abs(wave))
    return np.asarray(gain * (1 + coil.ripple * ripple) / (1 + far * far * far * far))
