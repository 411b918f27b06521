"""What any such script has to do: the least that a cold reading of an exam is compared with.

    python tests/benchmarks/reference_script.py EXAM OUT

It imports the libraries that fasciaseg needs, reads all headers, decodes three slices a series
and writes them as PNG.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime  # noqa: F401
import pydicom
import scipy.ndimage  # noqa: F401
import skimage.filters
import skimage.measure  # noqa: F401
from PIL import Image


def main(exam: Path, out: Path) -> None:
    """Write the three middle slices of every series."""
    out.mkdir(parents=True, exist_ok=True)
    series: defaultdict[str, list[tuple[float, Path]]] = defaultdict(list)
    for path in sorted(p for p in exam.rglob("*") if p.is_file()):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        axes = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
        place = float(np.cross(*axes) @ np.array(header.ImagePositionPatient, float))
        series[header.SeriesInstanceUID].append((place, path))
    for number, slices in enumerate(series.values()):
        middle = len(slices) // 2
        for place, (_, path) in enumerate(sorted(slices)[max(middle - 1, 0) : middle + 2]):
            pixels = pydicom.dcmread(path).pixel_array.astype(float)
            grey = np.clip(255 * pixels / max(float(np.percentile(pixels, 99.5)), 1.0), 0, 255)
            Image.fromarray(grey.astype(np.uint8)).save(out / f"{number}-{place}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
