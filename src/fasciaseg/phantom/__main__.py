"""`python -m fasciaseg.phantom FOLDER` writes the sample studies."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from ..errors import FasciasegError
from .samples import make_samples


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, write the studies; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m fasciaseg.phantom",
        description="Write the synthetic sample studies and their truth.json, bit for bit the same"
        " every time. Existing sample studies in the folder are replaced.",
    )
    parser.add_argument("folder", type=Path, help="where to write, e.g. sample_dicoms/")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # to stderr
    try:
        make_samples(options.folder)
    except FasciasegError as error:
        logging.getLogger(__name__).error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
