"""Train the outliner: `python models/training/bodies.py --data ../shared/mri --out outliner.onnx`.

It sees one vertebral body cut out along its own axes at 1 mm and marks which pixels are that
body's. Whole bodies of real scans are broken on the way (`crush.py`), filled with edema in part,
and shown in random contrasts; phantoms bring broken bodies of their own. One run takes about
six minutes on one core; `--fold K` leaves every patient of fold K out.
"""

from __future__ import annotations

import argparse

import augment
import numpy as np
import torch
from crush import SHAPES, source_of
from data import BODY, Sample
from export import write_onnx
from frames import Body, bodies_of
from net import UNet
from scipy import ndimage
from torch import nn
from train import balanced, command_line, fit, pairs_of

from fasciaseg.anatomy.localizer import standardised
from fasciaseg.fractures.outliner import BACK_MM, DOWN_MM

#: A source, a slice of it and a body on that slice.
Cut = tuple[str, Sample, Body]

WIDTHS = (8, 16, 32, 48)
#: Share of bodies that are broken, and how much of their height they lose at most.
BROKEN, MOST_LOST = 0.5, 0.85
#: The body's centre and axis are known to about this much.
CENTER_SIGMA_MM, AXIS_SIGMA_DEG = 2.0, 6.0
#: Slices that cut less than this share of a body's largest area only graze it.
LEAST_CUT = 0.6
#: Highest learning rate.
PEAK_RATE = 6e-3


def example(s: Sample, body: Body, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Input and target, float32 (rows, columns) like a patch."""
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
    others = ndimage.map_coordinates((s.targets & BODY).astype(np.float32), at, order=1) - mine
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


def well_cut(cuts: list[Cut]) -> list[Cut]:
    """Those whose slice cuts the body near its middle."""
    areas = [int((s.instances == body.instance).sum()) for _, s, body in cuts]
    whole: dict[tuple[str, int], int] = {}
    for (_, s, body), area in zip(cuts, areas, strict=True):
        of = (s.scan, body.instance)
        whole[of] = max(whole.get(of, 0), area)
    return [
        (source, s, body)
        for (source, s, body), area in zip(cuts, areas, strict=True)
        if area >= LEAST_CUT * whole[s.scan, body.instance]
    ]


def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy and Dice, body by body."""
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, targets)
    p = torch.sigmoid(logits)
    both, either = (p * targets).sum((1, 2, 3)), (p + targets).sum((1, 2, 3))
    return entropy + 0.5 * (1 - (2 * both + 5) / (either + 5)).mean()


def train(cuts: list[Cut], args: argparse.Namespace) -> UNet:
    """Fit a network; progress goes to the terminal."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    net = UNet(WIDTHS, 1)
    weights = balanced([source for source, _, _ in cuts], np.ones(len(cuts)))

    def loss() -> torch.Tensor:
        picks = rng.choice(len(cuts), args.batch, p=weights)
        xs, ts = zip(*(example(*cuts[i][1:], rng) for i in picks), strict=True)
        x, targets = (torch.from_numpy(np.stack(v))[:, None] for v in (xs, ts))
        return loss_of(net(x.contiguous(memory_format=torch.channels_last)), targets)

    fit(net, loss, args.steps, PEAK_RATE)
    return net


def main() -> None:
    """Command line."""
    args = command_line(__doc__, steps=2500, batch=32, phantoms=240).parse_args()
    torch.set_num_threads(args.threads)
    pairs = pairs_of(args, phantom_pixel_mm=1.0)
    cuts = well_cut([(source, s, body) for source, s in pairs for body in bodies_of(s)])
    print(f"{len(cuts)} bodies", flush=True)
    write_onnx(train(cuts, args), args.out, "fasciaseg-outliner")


if __name__ == "__main__":
    main()
