"""The files that an exam leaves behind, written so that a reader never meets half of one."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import OutputNotWritable
from ..reading import Reading
from ..result import Outputs, Result
from .canvas import palette
from .film import Film
from .overlay import slice_page
from .plain import drawing_js, plain_png
from .png import encoded
from .summary import summary_page

RESULT_NAME = "result.json"
SUMMARY_NAME = "summary.png"
PLAIN_NAME = "plain.png"
DRAWING_NAME = "drawing.js"
MASK_NAME = "edema-mask.nii.gz"
LEVEL_MAP_NAME = "level-map.nii.gz"


@dataclass(frozen=True)
class WriteOptions:
    """What to write beside `result.json`.

    Attributes:
        pictures: the three slices and the summary.
        save_mask: edema mask and level map as NIfTI.
        for_pages: with the pictures, what the pages of a batch draw an exam from.
    """

    pictures: bool = True
    save_mask: bool = False
    for_pages: bool = False


def write(reading: Reading, out_dir: Path, options: WriteOptions | None = None) -> Outputs:
    """Write an exam's files into `out_dir`, which is made if need be.

    Everything is drawn and stored under temporary names first and then renamed, `result.json`
    last: where there is a `result.json`, the files that it names are whole and belong to it.
    Files of an earlier reading are replaced; ones that this reading doesn't write are left.

    Returns:
        The names of the files, as they stand in `result.json`.

    Raises:
        OutputNotWritable: no permission, no space, a file in the folder's place.
    """
    options = options or WriteOptions()
    files: dict[str, bytes] = {}
    outputs = Outputs()
    if options.pictures:
        film = Film.of(reading)
        files |= _pictures(film)
        names = tuple(name for name in files if name != SUMMARY_NAME)
        outputs = dataclasses.replace(outputs, slices=names, summary=SUMMARY_NAME)
        if options.for_pages:
            files[PLAIN_NAME] = plain_png(film)
            files[DRAWING_NAME] = drawing_js(film)
            outputs = dataclasses.replace(outputs, plain=PLAIN_NAME, drawing=DRAWING_NAME)
    if options.save_mask:
        # nibabel takes a while to import, and few ask for masks.
        from .nifti import edema_mask, level_map

        files[MASK_NAME] = edema_mask(reading)
        files[LEVEL_MAP_NAME] = level_map(reading)
        outputs = dataclasses.replace(outputs, mask=MASK_NAME, level_map=LEVEL_MAP_NAME)
    files[RESULT_NAME] = result_json(dataclasses.replace(reading.result, outputs=outputs))
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        _replace_all(out_dir, files)
    except OSError as e:
        raise _not_writable(out_dir, e) from e
    return outputs


def result_json(result: Result) -> bytes:
    """`result.json` as it is written: UTF-8, indented, never NaN.

    Raises:
        ValueError: a number isn't finite; JSON has no name for it.
    """
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    # A path that is no valid text (surrogates from the file system) must not lose the result.
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _pictures(film: Film) -> dict[str, bytes]:
    """The PNG files by name."""
    pages = {f"slice-{i + 1}.png": slice_page(film, i) for i in range(len(film.greys))}
    pages[SUMMARY_NAME] = summary_page(film)
    return {name: encoded(page.pixels, palette()) for name, page in pages.items()}


def _replace_all(out_dir: Path, files: dict[str, bytes]) -> None:
    """Store all under temporary names, then rename them in order."""
    staged = {out_dir / name: out_dir / f".{name}.{os.getpid()}.tmp" for name in files}
    try:
        for (target, temporary), data in zip(staged.items(), files.values(), strict=True):
            # A rename onto a folder would fail after others have been replaced.
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
            temporary.write_bytes(data)
        for target, temporary in staged.items():
            temporary.replace(target)
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def _not_writable(out_dir: Path, error: OSError) -> OutputNotWritable:
    where = f"'{out_dir}'"
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return OutputNotWritable(
            "output_is_a_file",
            f"The output folder {where} can't be made: a file is in its place.",
            "Name another folder.",
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return OutputNotWritable(
            "output_no_permission",
            f"No permission to write to {where}.",
            "Name a folder that you may write to.",
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputNotWritable(
            "output_no_space",
            f"No space left for {where}.",
            "Free some space or name another disk.",
        )
    reason = error.strerror or type(error).__name__
    return OutputNotWritable(
        "output_not_writable", f"Can't write to {where}: {reason}.", "Name another folder."
    )
