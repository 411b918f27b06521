"""Vertebrae, classes and levels on random phantoms (physical contrasts), from T5 down.

    python models/training/validate_phantom.py --count 60 --seed 7

The seed must not be the training's: the shipped model has seen those patients.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence as Seq
from pathlib import Path

import numpy as np

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.errors import NothingToRead
from fasciaseg.geometry import Slice, SliceGeometry
from fasciaseg.options import Options
from fasciaseg.phantom import Coil, Sampling, Sequence, random_phantom, random_view, render, truth
from fasciaseg.pipeline import default_model, read_stack
from fasciaseg.reading import SeriesContext
from fasciaseg.result import SeriesInfo, StudyInfo
from fasciaseg.vertebrae import SCORED_LEVELS

SPACING_MM = 4.4


class PhantomStack:
    """Sagittal slices of a phantom, rendered when asked for."""

    def __init__(self, phantom: object, sequence: Sequence, rng: np.random.Generator) -> None:
        self.phantom, self.sequence = phantom, sequence
        view = str(rng.choice(["full", "lumbar", "thoracolumbar"]))
        middle = float(rng.uniform(-4, 4))
        self.seed = int(rng.integers(2**31))
        self.coil = Coil(
            depth_mm=float(rng.uniform(100, 400)),
            reach_mm=float(rng.uniform(200, 400)),
            ripple=0.05,
        )
        self.noise = float(rng.uniform(0.005, 0.02))
        first = random_view(
            rng, phantom, view=view, offset_mm=middle, shape=(300, 260), spacing_mm=1.1
        )
        normal = np.asarray(first.normal) * np.sign(first.normal[0])
        self.geometries: list[SliceGeometry] = []
        for k in range(-6, 7):
            o = np.asarray(first.origin_lps_mm) + normal * k * SPACING_MM
            self.geometries.append(
                SliceGeometry(
                    tuple(map(float, o)),
                    first.column_axis,
                    first.row_axis,
                    first.spacing_mm,
                    first.shape,
                )
            )
        self.kept: dict[int, Slice] = {}

    def __len__(self) -> int:
        return len(self.geometries)

    def __getitem__(self, index: int) -> Slice:
        if index not in self.kept:
            g = self.geometries[index]
            image = render(
                self.phantom,
                g,
                self.sequence,
                coil=self.coil,
                noise=self.noise,
                sampling=Sampling(thickness_mm=4.0, subslices=2, supersample=2),
                seed=self.seed + index,
            )
            self.kept[index] = Slice((image * 1000).astype(np.float32), g, f"1.{index}", index)
        return self.kept[index]


def _counts(found: Seq, t: object, in_view: set[str]) -> tuple[int, int, bool]:
    at = {v.level: np.asarray(v.center_lps_mm) for v in found}
    wanted = {n: np.asarray(c) for n, c in t.items() if n in in_view}
    near = {n: n in at and float(np.linalg.norm(at[n] - c)) <= 8 for n, c in wanted.items()}
    return sum(near.values()), len(near), near.get("L5", True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    localizer = Localizer(args.model or default_model(), 1)
    rows = defaultdict(list)
    sequences = {
        "T2_FS": Sequence.T2_FS,
        "STIR": Sequence.STIR,
        "T2_DIXON_WATER": Sequence.T2_DIXON_WATER,
    }
    for i in range(args.count):
        rng = np.random.default_rng([args.seed, i])
        phantom = random_phantom(rng)
        name = list(sequences)[i % len(sequences)]
        stack = PhantomStack(phantom, sequences[name], rng)
        context = SeriesContext(str(i), StudyInfo("1"), SeriesInfo("1.1", name))
        try:
            r = read_stack(stack, context, localizer, Options()).result
        except NothingToRead as e:
            print(i, name, e)
            rows[name].append((0, 1, False, False, False))
            continue
        mid = r.central_slices[1].sop_instance_uid
        middle = next(k for k in range(len(stack)) if f"1.{k}" == mid)
        t = truth(phantom, [stack.geometries[k] for k in (middle - 1, middle, middle + 1)])
        g = stack.geometries[middle]
        centers = phantom.centers_lps_mm
        inside = {
            n
            for n, c in centers.items()
            if n in SCORED_LEVELS
            and all(
                8 < p * s < (m * s - 8)
                for p, s, m in zip(g.to_pixel(np.asarray(c)), g.spacing_mm, g.shape, strict=True)
            )
        }
        right, n, l5 = _counts(r.vertebrae, centers, inside)
        exact = list(r.edema.levels) == list(t.levels)
        same = r.classification.location == t.location and r.classification.severity == t.severity
        rows[name].append((right, n, l5, exact, same))
        if right < n or not exact:
            print(
                i,
                name,
                f"{right}/{n}",
                "found",
                list(r.edema.levels),
                "truth",
                list(t.levels),
                r.classification.location,
                [f.code for f in r.flags],
                flush=True,
            )
    for name, rs in rows.items():
        right, n = sum(r[0] for r in rs), sum(r[1] for r in rs)
        print(
            f"{name:15s} vertebrae {right}/{n}  L5 {sum(r[2] for r in rs)}/{len(rs)}  "
            f"levels exact {sum(r[3] for r in rs)}/{len(rs)}  "
            f"class {sum(r[4] for r in rs)}/{len(rs)}"
        )


if __name__ == "__main__":
    main()
