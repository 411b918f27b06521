"""Train the outliner: `python models/training/bodies.py --data ../shared/mri --out outliner.onnx`.

It sees one vertebral body cut out along its own axes at 1 mm and marks which pixels are that
body's. Whole bodies of real scans are broken on the way (`crush.py`), filled with edema in part,
and shown in random contrasts; phantoms bring broken bodies of their own. One run takes about
six minutes on one core; `--fold K` leaves every patient of fold K out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import augment
import numpy as np
import torch
from crush import SHAPES, source_of
from data import Sample
from export import write_onnx
from net import UNet
from scipy import ndimage
from torch import nn
from train import SHARES, chosen, load_samples

from fasciaseg.anatomy.localizer import standardised
from fasciaseg.fractures import patches
from fasciaseg.fractures.outliner import BACK_MM, DOWN_MM
from fasciaseg.geometry import SliceGeometry

WIDTHS = (8, 16, 32, 48)
#: Share of bodies that are broken, and how much of their height they lose at most.
BROKEN, MOST_LOST = 0.5, 0.85
#: The body's centre and axis are known to about this much.
CENTER_SIGMA_MM, AXIS_SIGMA_DEG = 2.0, 6.0
#: Slices that cut less than this share of a body's largest area only graze it.
LEAST_CUT = 0.6


@dataclass(frozen=True, eq=False)
class Body:
    """A labelled body on a slice; places in mm of the slice's grid.

    Attributes:
        sample: the slice.
        instance: the body's number on it.
        center: (row, column) mm.
        down: unit vector to the foot along its axis.
        size_mm: height and depth.
    """

    sample: Sample
    instance: int
    center: np.ndarray
    down: np.ndarray
    size_mm: tuple[float, float]


class _Marks:
    """A label mask in place of the network's marks."""

    def __init__(self, mask: np.ndarray, pixel_mm: float) -> None:
        self.geometry = SliceGeometry(
            origin_lps_mm=(0.0, 0.0, 0.0),
            column_axis=(0.0, 1.0, 0.0),
            row_axis=(0.0, 0.0, -1.0),
            spacing_mm=(pixel_mm, pixel_mm),
            shape=mask.shape,
        )
        self.body = mask.astype(np.float32)


def bodies_of(sample: Sample) -> Iterator[Body]:
    """The bodies of a slice that have a neighbour to tell their axis by."""
    numbers = [int(i) for i in np.unique(sample.instances) if i]
    centers = {
        i: np.argwhere(sample.instances == i).mean(axis=0) * sample.pixel_mm for i in numbers
    }
    for i in numbers:
        near = [centers[n] for n in (i - 1, i, i + 1) if n in centers]
        if len(near) < 2:
            continue
        line = near[-1] - near[0]
        marks = _Marks(sample.instances == i, sample.pixel_mm)
        center, axis = centers[i][None], (line / np.linalg.norm(line))[None]
        down = patches.turned(center, axis, marks)
        outline = patches.outlines(center, down, marks)[0]
        if outline is None or not np.isfinite(outline.heights_mm).all():
            continue
        size = (float(outline.heights_mm.max()), float(len(outline.columns)))
        yield Body(sample, i, centers[i], down[0], size)


def example(body: Body, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Input and target, float32 (rows, columns) like a patch."""
    s = body.sample
    turn = np.deg2rad(rng.normal(0, AXIS_SIGMA_DEG))
    zoom = rng.uniform(0.8, 1.2)
    back = np.array([-body.down[1], body.down[0]])
    # Places in the body's own frame, seen through a frame that is a little off.
    u, a = np.meshgrid(DOWN_MM * zoom, BACK_MM * zoom, indexing="ij")
    u, a = np.cos(turn) * u - np.sin(turn) * a, np.sin(turn) * u + np.cos(turn) * a
    u, a = u + rng.normal(0, CENTER_SIGMA_MM), a + rng.normal(0, CENTER_SIGMA_MM)
    if rng.random() < BROKEN:
        shape = SHAPES[rng.integers(len(SHAPES))]
        u = source_of(u, a, body.size_mm, rng.uniform(0.1, MOST_LOST), shape)
    places = (body.center + u[..., None] * body.down + a[..., None] * back) / s.pixel_mm
    at = (places[..., 0], places[..., 1])
    image = ndimage.map_coordinates(s.image, at, order=1)
    mine = ndimage.map_coordinates((s.instances == body.instance).astype(np.float32), at, order=1)
    others = ndimage.map_coordinates((s.targets & 1).astype(np.float32), at, order=1) - mine
    return standardised(_recoloured(image, mine, others, rng)), (mine > 0.5).astype(np.float32)


def _recoloured(
    x: np.ndarray, mine: np.ndarray, others: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Random contrast, edema in the body, coil, blur and noise."""
    x = np.clip(x, 0, 1.6)
    if rng.random() < 0.5:
        x = x * np.exp(rng.normal(0, 0.6) * (mine + others))
    if rng.random() < 0.4:
        x = x * np.exp(rng.normal(0, 0.6) * mine)
    if rng.random() < 0.4:
        x = x * np.exp(rng.uniform(0.2, 1.2) * mine * _part(x.shape, rng))
    if rng.random() < 0.6:
        x = augment.curve(x, rng)
    if rng.random() < 0.5:
        x = np.clip(x, 0, None) ** rng.uniform(0.5, 1.8)
    if rng.random() < 0.5:
        slope = rng.normal(0, 0.4, 2)
        rows, columns = (np.linspace(-1, 1, n) for n in x.shape)
        x = x * np.exp(slope[0] * rows[:, None] + slope[1] * columns)
    if rng.random() < 0.4:
        x = ndimage.gaussian_filter(x, rng.uniform(0.3, 1.0, 2))
    if rng.random() < 0.5:
        level = rng.uniform(0.005, 0.06)
        x = np.hypot(x + level * rng.normal(size=x.shape), level * rng.normal(size=x.shape))
    return x


def _part(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A part of the patch with a soft, ragged border, 0 to 1."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    ragged = ndimage.gaussian_filter(rng.normal(size=shape), 3)
    ragged *= 0.15 / max(float(ragged.std()), 1e-6)
    away = np.cos(angle) * rows + np.sin(angle) * columns + ragged - rng.uniform(-0.4, 0.4)
    return np.asarray(1 / (1 + np.exp(-away / rng.uniform(0.03, 0.15))))


def well_cut(bodies: list[tuple[str, Body]]) -> list[tuple[str, Body]]:
    """Those that their slice cuts near the middle."""
    areas = [int((b.sample.instances == b.instance).sum()) for _, b in bodies]
    whole: dict[tuple[str, int], int] = {}
    for (_, b), area in zip(bodies, areas, strict=True):
        of = (b.sample.scan, b.instance)
        whole[of] = max(whole.get(of, 0), area)
    return [
        (source, b)
        for (source, b), area in zip(bodies, areas, strict=True)
        if area >= LEAST_CUT * whole[b.sample.scan, b.instance]
    ]


def drawn(bodies: list[tuple[str, Body]]) -> np.ndarray:
    """Probability of each body (n,)."""
    sources = np.array([source for source, _ in bodies])
    raw = np.ones(len(bodies))
    for source in set(sources):
        mine = sources == source
        raw[mine] *= SHARES[source] / raw[mine].sum()
    return raw / raw.sum()


def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy and Dice, body by body."""
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, targets)
    p = torch.sigmoid(logits)
    both, either = (p * targets).sum((1, 2, 3)), (p + targets).sum((1, 2, 3))
    return entropy + 0.5 * (1 - (2 * both + 5) / (either + 5)).mean()


def train(bodies: list[tuple[str, Body]], steps: int, size: int, seed: int) -> UNet:
    """Fit a network; progress goes to the terminal."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = UNet(WIDTHS, 1).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 6e-3, total_steps=steps, pct_start=0.2
    )
    weights = drawn(bodies)
    start, running = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        picks = rng.choice(len(bodies), size, p=weights)
        xs, ts = zip(*(example(bodies[i][1], rng) for i in picks), strict=True)
        x, targets = (torch.from_numpy(np.stack(v))[:, None] for v in (xs, ts))
        loss = loss_of(net(x.contiguous(memory_format=torch.channels_last)), targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        running += (loss.item() - running) / min(step, 50)
        if step % 100 == 0:
            print(
                f"step {step:5d}  loss {running:.4f}  {time.monotonic() - start:6.0f} s", flush=True
            )
    return net


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--fold", type=int)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=20230306)
    parser.add_argument("--phantoms", type=int, default=240, help="phantom slices")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    pairs = chosen(load_samples(args.data, args.cache), args.fold, ())
    if args.phantoms:
        from phantoms import phantom_samples

        pairs += [("phantom", s) for s in phantom_samples(args.phantoms, args.seed, 1.0)]
    bodies = well_cut([(source, b) for source, s in pairs for b in bodies_of(s)])
    print(f"{len(bodies)} bodies", flush=True)
    write_onnx(train(bodies, args.steps, args.batch, args.seed), args.out, "fasciaseg-outliner")


if __name__ == "__main__":
    main()
