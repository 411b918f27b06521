"""What pages are made of: style sheets and scripts as plain files, and one place to get them.

No build step, nothing from elsewhere: what stands here is what a browser runs.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent

#: A page opened from a disk may load a script but not read a file: an exam's lines are the
#: argument of a call.
DRAWING_CALL = ("fasciaseg.drawn(", ");\n")


@lru_cache(maxsize=32)
def text(name: str) -> str:
    """The file of that name, which must be one of this folder's own."""
    return (_HERE / name).read_text("utf-8")
