"""How long a cold `fasciaseg classify` takes beside a script that only loads and writes slices.

    python tests/benchmarks/cold_start.py EXAM [--runs 11]

Runs alternate in pairs, so that a busy machine slows both alike; the ratio is the median of the
pairs' ratios. Peak memory is the process's own (resident set). Aims: ratio at most 1.5, memory at
most 400 MB, `--help` under 0.3 s. Not collected by pytest: times depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REFERENCE = Path(__file__).with_name("reference_script.py")


def run(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in MB of one process.

    Raises:
        RuntimeError: it failed.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    kilo = 1e-6 if sys.platform == "darwin" else 1e-3
    return seconds, usage.ru_maxrss * kilo


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exam", type=Path)
    parser.add_argument("--runs", type=int, default=11, help="measured pairs, after one to warm up")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        exam = str(options.exam)
        ours = ["-m", "fasciaseg_cli", "classify", exam, "--out", f"{folder}/ours"]
        theirs = [str(REFERENCE), exam, f"{folder}/reference"]
        pairs = [(run(ours), run(theirs)) for _ in range(options.runs + 1)][1:]
    helps = [run(["-m", "fasciaseg_cli", "--help"])[0] for _ in range(options.runs)]
    for name, side in (("fasciaseg", 0), ("reference", 1)):
        seconds = [pair[side][0] for pair in pairs]
        memory = max(pair[side][1] for pair in pairs)
        print(
            f"{name}: median {statistics.median(seconds):.2f} s "
            f"({min(seconds):.2f} to {max(seconds):.2f}), peak {memory:.0f} MB"
        )
    ratios = [a[0] / b[0] for a, b in pairs]
    print(f"ratio: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"--help: median {statistics.median(helps):.2f} s ({min(helps):.2f} to {max(helps):.2f})")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
