"""How fast `fasciaseg batch` is: exams per second, resume time, memory.

    python tests/benchmarks/batch_speed.py EXPORT [--jobs 1 2] [-- more options of batch]

For each number of jobs the export is scored into an empty folder, then once more into the same
one, which has nothing to do. Memory is the peak of any worker and of the process that starts
them, both from `manifest.json`. Not collected by pytest: times depend on the machine.
`make_export.py` writes exports of any size.
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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("--jobs", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    options, more = parser.parse_known_args()
    more = [m for m in more if m != "--"]
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
