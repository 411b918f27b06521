"""Readers check a batch: a local page to mark and sign on, a store that forgets nothing, tables.

Importing this room loads no server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .options import ReviewOptions

if TYPE_CHECKING:
    from .table import Exported

__all__ = ["ReviewOptions", "export_tables", "serve_review"]


def serve_review(folder: Path, options: ReviewOptions, on_address: Callable[[str], None]) -> None:
    """Serve the exams of a batch until interrupted; see `fasciaseg.review.serve.serve`."""
    from .serve import serve

    serve(folder, options, on_address)


def export_tables(folder: Path) -> Exported:
    """Write `reviews.csv` and the readers' columns of `results.csv`.

    Raises:
        UsageError: the folder holds no batch or no review.
        OutputNotWritable: no space or no permission.
    """
    from ..errors import UsageError
    from .exams import load
    from .store import NAME, Store
    from .table import export

    exams = load(folder)
    if not (folder / NAME).is_file():
        raise UsageError(
            "no_review", "Nobody has reviewed this batch yet.", "Run `fasciaseg review DIR` first."
        )
    with Store(folder) as store:
        return export(folder, store, exams)
