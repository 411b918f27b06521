"""Pictures, words and files of a reading.

Importing this room imports Pillow; the pipeline does so only when there is something to draw.
"""

from __future__ import annotations

from .files import WriteOptions, result_json, write
from .film import Film
from .overlay import draw_slice
from .summary import draw_summary

__all__ = ["Film", "WriteOptions", "draw_slice", "draw_summary", "result_json", "write"]
