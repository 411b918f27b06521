"""How long reading headers takes beside a plain pydicom loop over the same files.

    python tests/benchmarks/scan_speed.py FOLDER... [--runs 7]

The loop is `pydicom.dcmread(path, stop_before_pixels=True)` for every file. Runs alternate in
pairs, so that a busy machine slows both alike; a ratio is the median of the pairs' ratios.
"headers" reads them; "scan" also makes images of them; "list" also groups and chooses series.
Aim: headers in at most 1/8 of the loop's time. Not collected by pytest: times depend on the
machine.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from fasciaseg.dicom.header import CutShortError, HeaderReader, NotDicomError
from fasciaseg.dicom.listing import listing
from fasciaseg.dicom.scan import scan
from fasciaseg.dicom.source import Source


def plain(paths: list[Path]) -> None:
    """What most scripts do."""
    for path in paths:
        with suppress(InvalidDicomError):
            dcmread(path, stop_before_pixels=True)


def headers(paths: list[Path]) -> None:
    """The elements that fasciaseg asks for, as bytes."""
    reader = HeaderReader()
    for path in paths:
        with suppress(NotDicomError, CutShortError):
            reader.read(Source(path))


def listed(folder: Path) -> None:
    """What `fasciaseg scan` does."""
    listing(scan(folder))


def files(folder: Path) -> list[Path]:
    """All files, in a fixed order."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one run; waiting for others isn't counted."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=7, help="pairs, after one to warm up")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    gc.set_threshold(100_000, 50, 50)  # as the command does
    print(
        f"{'folder':32} {'files':>6} {'plain':>9} {'headers':>9} {'scan':>9} {'list':>9}  µs/file"
    )
    for folder in options.folders:
        paths = files(folder)
        n = len(paths)
        works = (
            partial(plain, paths),
            partial(headers, paths),
            partial(scan, folder),
            partial(listed, folder),
        )
        runs = [[seconds(work) for work in works] for _ in range(options.runs + 1)][1:]
        medians = [statistics.median(column) / n * 1e6 for column in zip(*runs, strict=True)]
        ratios = [statistics.median(run[0] / run[column] for run in runs) for column in range(1, 4)]
        name = "/".join(folder.parts[-2:])
        print(f"{name:32} {n:6}", *(f"{m:9.0f}" for m in medians))
        print(f"{'':32} {'':6} {'ratio':>9}", *(f"{r:9.1f}" for r in ratios), flush=True)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
