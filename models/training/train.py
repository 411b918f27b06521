"""Train the localizer: `python models/training/train.py --data ../shared/mri --out localizer.onnx`.

One run takes about a quarter of an hour on one core. `--fold K` leaves every patient of fold K out,
`--leave-out SEQUENCE` every scan of a sequence. The seed fixes samples, augmentation and
weights; on the same machine and thread count the same file comes out.
"""

from __future__ import annotations

import argparse
import pickle
import time
from pathlib import Path

import augment
import numpy as np
import torch
from data import Sample, cases, samples_of
from export import write_onnx
from net import CHANNELS, LocalizerNet
from torch import nn

from folds import fold_of

#: How often each source is drawn; within a source every slice with bodies alike.
SHARES = {"burian2019": 0.32, "chu2015": 0.14, "zukic2014": 0.1, "spider2024": 0.24, "phantom": 0.2}
#: Slices without a body teach what is not a spine; they're drawn this much less often.
EMPTY_SLICE_WEIGHT = 0.3
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
    sources = np.array([source for source, _ in pairs])
    for source in set(sources):
        mine = sources == source
        raw[mine] *= SHARES[source] / raw[mine].sum()
    return raw / raw.sum()


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


def train(pairs: list[tuple[str, Sample]], steps: int, batch_size: int, seed: int) -> LocalizerNet:
    """Fit a network; progress goes to the terminal."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = LocalizerNet().to(memory_format=torch.channels_last)
    net.head.bias.data.fill_(-2.0)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 4e-3, total_steps=steps, pct_start=0.2
    )
    samples = [s for _, s in pairs]
    weights = draw_weights(pairs)
    start, running = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        x, targets, known = augment.batch(samples, weights, batch_size, rng)
        loss = loss_of(net(x.contiguous(memory_format=torch.channels_last)), targets, known)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        running += (loss.item() - running) / min(step, 50)
        if step % 50 == 0:
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
    parser.add_argument("--leave-out", nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=20230306)
    parser.add_argument("--phantoms", type=int, default=400, help="phantom slices; 0 for none")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    pairs = chosen(load_samples(args.data, args.cache), args.fold, tuple(args.leave_out))
    if args.phantoms:
        from phantoms import phantom_samples

        pairs += [("phantom", s) for s in phantom_samples(args.phantoms, args.seed)]
    print(f"{len(pairs)} slices, channels {CHANNELS}", flush=True)
    write_onnx(train(pairs, args.steps, args.batch, args.seed), args.out)


if __name__ == "__main__":
    main()
