"""Train the localizer: `python models/training/train.py --data ../shared/mri --out localizer.onnx`.

One run takes about a quarter of an hour on one core. `--fold K` leaves every patient of fold K out,
`--leave-out SEQUENCE` every scan of a sequence. The seed fixes samples, augmentation and
weights; on the same machine and thread count the same file comes out.
"""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import augment
import numpy as np
import torch
from data import Sample, cases, samples_of
from export import write_onnx
from net import CHANNELS, LocalizerNet
from phantoms import PIXEL_MM, phantom_samples
from torch import nn

from folds import fold_of

#: How often each source is drawn; within a source every slice with bodies alike.
SHARES = {"burian2019": 0.32, "chu2015": 0.14, "zukic2014": 0.1, "spider2024": 0.24, "phantom": 0.2}
#: Slices without a body teach what is not a spine; they're drawn this much less often.
EMPTY_SLICE_WEIGHT = 0.3
#: Highest learning rate.
PEAK_RATE = 4e-3
CHANNEL_WEIGHTS = torch.tensor([1.0, 1.5, 1.0, 0.7, 1.0, 1.0, 2.0])


def load_samples(folder: Path, cache: Path | None) -> list[tuple[dict, list[Sample]]]:
    """All scans with their samples; `cache` keeps them between runs."""
    if cache is not None and cache.exists():
        return pickle.loads(cache.read_bytes())
    loaded = [(case, samples_of(folder, case)) for case in cases(folder)]
    if cache is not None:
        cache.write_bytes(pickle.dumps(loaded))
    return loaded


def chosen(
    loaded: list[tuple[dict, list[Sample]]], fold: int | None, leave_out: tuple[str, ...]
) -> list[tuple[str, Sample]]:
    """(source, sample) pairs that this run may see."""
    patients = [case["patient"] for case, _ in loaded]
    return [
        (case["source"], s)
        for case, samples in loaded
        if case["sequence"] not in leave_out
        and (fold is None or fold_of(case["patient"], patients) != fold)
        for s in samples
    ]


def draw_weights(pairs: list[tuple[str, Sample]]) -> np.ndarray:
    """Probability of each sample (n,)."""
    raw = np.array([1.0 if len(s.centers) else EMPTY_SLICE_WEIGHT for _, s in pairs])
    return balanced([source for source, _ in pairs], raw)


def balanced(sources: Sequence[str], raw: np.ndarray) -> np.ndarray:
    """Probabilities (n,) in proportion to `raw` within a source, whose sum is its share."""
    names = np.array(sources)
    out = raw.copy()
    for source in set(sources):
        mine = names == source
        out[mine] *= SHARES[source] / out[mine].sum()
    return out / out.sum()


def loss_of(logits: torch.Tensor, targets: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Cross entropy and Dice over the known pixels, channel by channel."""
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    emphasis = torch.ones_like(targets)
    emphasis[:, -1] += 6 * targets[:, -1]
    # These are one body each.
    for channel in (1, 2, 5):
        emphasis[:, channel] += 2 * targets[:, channel]
    weight = CHANNEL_WEIGHTS.view(1, -1, 1, 1) * known * emphasis
    value = (entropy * weight).sum() / known.sum().clamp(min=1)
    seen = known[:, :-1].clamp(max=1)
    p = torch.sigmoid(logits[:, :-1]) * seen
    t = targets[:, :-1] * seen
    dice = 1 - (2 * (p * t).sum((0, 2, 3)) + 20) / (p.sum((0, 2, 3)) + t.sum((0, 2, 3)) + 20)
    return 2 * value + 0.5 * dice.mean()


def train(pairs: list[tuple[str, Sample]], args: argparse.Namespace) -> LocalizerNet:
    """Fit a network; progress goes to the terminal."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    net = LocalizerNet()
    net.head.bias.data.fill_(-2.0)
    samples = [s for _, s in pairs]
    weights = draw_weights(pairs)

    def loss() -> torch.Tensor:
        x, targets, known = augment.batch(samples, weights, args.batch, rng)
        return loss_of(net(x.contiguous(memory_format=torch.channels_last)), targets, known)

    fit(net, loss, args.steps, PEAK_RATE)
    return net


def fit(net: nn.Module, loss: Callable[[], torch.Tensor], steps: int, peak_rate: float) -> None:
    """Fit `net` in place; `loss` draws a batch and runs the network on it."""
    net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, peak_rate, total_steps=steps, pct_start=0.2
    )
    start, running = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        value = loss()
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        running += (value.item() - running) / min(step, 50)
        if step % 50 == 0:
            print(
                f"step {step:5d}  loss {running:.4f}  {time.monotonic() - start:6.0f} s", flush=True
            )


def command_line(
    doc: str | None, *, steps: int, batch: int, phantoms: int
) -> argparse.ArgumentParser:
    """What both trainings can be told, with their own defaults."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--fold", type=int)
    parser.add_argument("--leave-out", nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--seed", type=int, default=20230306)
    parser.add_argument("--phantoms", type=int, default=phantoms, help="phantom slices; 0 for none")
    parser.add_argument("--threads", type=int, default=1)
    return parser


def pairs_of(args: argparse.Namespace, phantom_pixel_mm: float) -> list[tuple[str, Sample]]:
    """(source, sample) pairs that a command asks for, scans and phantoms."""
    pairs = chosen(load_samples(args.data, args.cache), args.fold, tuple(args.leave_out))
    if args.phantoms:
        some = phantom_samples(args.phantoms, args.seed, phantom_pixel_mm)
        pairs += [("phantom", s) for s in some]
    return pairs


def main() -> None:
    """Command line."""
    args = command_line(__doc__, steps=1200, batch=16, phantoms=400).parse_args()
    torch.set_num_threads(args.threads)
    pairs = pairs_of(args, PIXEL_MM)
    print(f"{len(pairs)} slices, channels {CHANNELS}", flush=True)
    write_onnx(train(pairs, args), args.out)


if __name__ == "__main__":
    main()
