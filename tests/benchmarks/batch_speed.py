"""How fast `fasciaseg batch` is: exams per second, resume time, memory.

    python tests/benchmarks/batch_speed.py EXPORT [--jobs 1 2] [--pairs 3]

Other options go to `batch`. For each number of jobs the export is scored into an empty folder,
then once more into the same one, which has nothing to do. Memory is the peak of any worker and of
the process that starts them, both from `manifest.json`. Not collected by pytest: times depend on
the machine. `make_export.py` writes exports of any size.

With `--pairs` the export is instead scored with all cores and converted by `dcm2niix -z y`,
one after the other, so many times. dcm2niix gives up on the 27th file of a name, so the names get
the patient's ID: converted means every file of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(arguments: list[str]) -> float:
    """Seconds that one run took.

    Raises:
        RuntimeError: it failed; exams that fail are none of the process's failures.
    """
    start = time.perf_counter()
    command = [sys.executable, "-m", "fasciaseg_cli", "batch", *arguments, "--quiet"]
    code = subprocess.run(command, check=False).returncode
    if code not in (0, 5):
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}")
    return time.perf_counter() - start


def convert(export: Path) -> float:
    """Seconds that dcm2niix takes for the whole export.

    Raises:
        RuntimeError: it left something unconverted.
    """
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = ["dcm2niix", "-z", "y", "-f", "%i_%t_%s_%p", "-o", folder, str(export)]
        code = subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode
        seconds = time.perf_counter() - start
    if code:
        raise RuntimeError(f"dcm2niix ended with {code}")
    return seconds


def compare(export: Path, pairs: int, more: list[str]) -> None:
    """Print how long scoring and converting take, in turn."""
    print("| fasciaseg batch s | dcm2niix s | ratio |")
    print("|---|---|---|")
    for _ in range(pairs):
        with tempfile.TemporaryDirectory() as folder:
            scored = run([str(export), "--out", folder, *more])
        converted = convert(export)
        print(f"| {scored:.1f} | {converted:.1f} | {scored / converted:.2f} |", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("--jobs", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--pairs", type=int, default=0)
    options, more = parser.parse_known_args()
    more = [m for m in more if m != "--"]
    if options.pairs:
        compare(options.export, options.pairs, more)
        return
    print("| jobs | exams | scan s | all s | exams/s | worker MB | parent MB | resume s |")
    print("|---|---|---|---|---|---|---|---|")
    for jobs in options.jobs:
        with tempfile.TemporaryDirectory() as folder:
            arguments = [str(options.export), "--out", folder, "--jobs", str(jobs), *more]
            seconds = run(arguments)
            told = json.loads(Path(folder, "manifest.json").read_text())
            resume = run(arguments)
            n, times, memory = told["counts"]["exams"], told["timings"], told["memory"]
            print(
                f"| {jobs} | {n} | {times['scan_s']:.1f} | {seconds:.1f} | {n / seconds:.2f} "
                f"| {memory['worker_peak_mb']} | {memory['parent_peak_mb']} | {resume:.1f} |",
                flush=True,
            )
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
