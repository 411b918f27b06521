"""The Python interface: what the command line runs."""

from __future__ import annotations

import dataclasses
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from .options import Options
from .result import Result

if TYPE_CHECKING:
    from .reading import Reading

# Imports that load numpy stand inside the functions: `import fasciaseg` and `--help` stay quick.


def classify(path: str | PathLike[str], options: Options | None = None) -> Result:
    """Read one exam: is there edema of the posterior fascia, where, and how much.

    Args:
        path: folder or zip archive with one DICOM exam (or a single file of it).
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
    options = options or Options()
    reading = read(path, options)
    if options.out is None:
        return reading.result
    return save(reading, options.out, save_mask=options.save_mask)


def read(path: str | PathLike[str], options: Options | None = None) -> Reading:
    """Read one exam and write nothing: the result with the three slices behind it.

    Arguments and errors as in `classify`; `options.out` isn't looked at.
    """
    from .pipeline import read_exam

    return read_exam(Path(path), options or Options())


def save(reading: Reading, out: str | PathLike[str], *, save_mask: bool = False) -> Result:
    """Write a reading's pictures and `result.json` into a folder, which is made if need be.

    Returns:
        The result, now with the names of the files (`outputs`).

    Raises:
        OutputNotWritable: the folder can't be written.
    """
    from .report import WriteOptions, write

    outputs = write(reading, Path(out), WriteOptions(save_mask=save_mask))
    return dataclasses.replace(reading.result, outputs=outputs)
