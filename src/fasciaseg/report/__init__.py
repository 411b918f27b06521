"""Pictures, words and files of a reading.

Importing this room imports Pillow; the pipeline does so only when there is something to draw.
"""

from __future__ import annotations

from .drawn import draw_slice, draw_summary
from .files import WriteOptions, result_json, write

__all__ = ["WriteOptions", "draw_slice", "draw_summary", "result_json", "write"]
