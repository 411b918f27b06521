"""The Python interface: what the command line runs."""

from __future__ import annotations

import dataclasses
from os import PathLike
from pathlib import Path

from .options import Options
from .result import Result


def classify(path: str | PathLike[str], options: Options | None = None) -> Result:
    """Read one exam: is there edema of the posterior fascia, where, and how much.

    Args:
        path: folder with one DICOM exam (or a single file of it).
        options: see `Options`; with `options.out` set, pictures and `result.json` are written.

    Returns:
        The result; `Result.to_dict()` is the object of `result.json`.

    Raises:
        UsageError: the input holds several studies and `options.study` picks none.
        NothingToRead: readable DICOM, but no sagittal spine series of a usable sequence, or no
            vertebra in it.
        UnreadableInput: nothing readable, or the series that would be used is broken.
        OutputNotWritable: `options.out` can't be written.
    """
    from .pipeline import read_exam

    options = options or Options()
    reading = read_exam(Path(path), options)
    if options.out is None:
        return reading.result
    from .report import WriteOptions, write

    outputs = write(reading, options.out, WriteOptions(save_mask=options.save_mask))
    return dataclasses.replace(reading.result, outputs=outputs)
