"""A labelled scan as a stack of slices, so that validation runs the very code users run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from data import VERSE, load_scan, places_above_l5, spider_targets
from scipy import ndimage

from fasciaseg.geometry import Slice, SliceGeometry

NAMES = {number: name for name, number in VERSE.items()}


class ScanStack:
    """Sagittal slices of a labelled scan, every `every`-th one, in a made-up LPS frame."""

    def __init__(self, folder: Path, case: dict, every: int = 1) -> None:
        volume, labels, spacing = load_scan(folder, case)
        self.case = case
        self.volume, self.labels = volume[::every], labels[::every]
        self.spacing_mm = (spacing[0] * every, spacing[1], spacing[2])
        self._geometries = [self._geometry(i) for i in range(len(self.volume))]

    def _geometry(self, i: int) -> SliceGeometry:
        return SliceGeometry(
            origin_lps_mm=(i * self.spacing_mm[0], 0.0, 0.0),
            column_axis=(0.0, 1.0, 0.0),
            row_axis=(0.0, 0.0, -1.0),
            spacing_mm=(self.spacing_mm[1], self.spacing_mm[2]),
            shape=self.volume.shape[1:],
        )

    @property
    def geometries(self) -> Sequence[SliceGeometry]:
        """Geometry of every slice."""
        return self._geometries

    def __len__(self) -> int:
        return len(self.volume)

    def __getitem__(self, index: int) -> Slice:
        return Slice(
            self.volume[index].astype(np.float32), self._geometries[index], f"1.2.{index}", index
        )

    def truth(self) -> dict[str, np.ndarray]:
        """Centre of every labelled body, LPS mm; SPIDER scans have no names and give {}."""
        if self.case["levels"] is None:
            return {}
        out = {}
        for number in np.unique(self.labels):
            if number in NAMES:
                k, r, c = (float(np.mean(a)) for a in np.nonzero(self.labels == number))
                out[NAMES[int(number)]] = np.array(
                    [k * self.spacing_mm[0], c * self.spacing_mm[2], -r * self.spacing_mm[1]]
                )
        return out

    def unnamed_truth(self) -> dict[str, np.ndarray]:
        """SPIDER: (y, z) of the bodies on the middle slice; the lowest one is taken as L5."""
        k = round(float(np.mean(np.nonzero(self.labels)[0])))
        _, _, instances = spider_targets(self.labels[k])
        # The labels of a collapsed body and its neighbour can touch: thinned, they part.
        parts, n = ndimage.label(ndimage.binary_erosion(instances > 0, iterations=3))
        found = ndimage.center_of_mass(parts > 0, parts, range(1, n + 1))
        found = [f for f, i in zip(found, range(1, n + 1), strict=True) if (parts == i).sum() > 60]
        centers = np.array(sorted(found, key=lambda rc: -rc[0])).reshape(-1, 2)
        names = [NAMES[VERSE["L5"] - place] for place in places_above_l5(centers)]
        _, down, back = self.spacing_mm
        at = [np.array([c * back, -r * down]) for r, c in centers]
        return dict(zip(names, at, strict=True))
