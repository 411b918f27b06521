"""A whole export, exam by exam: found, read in parallel, remembered, written down.

`run` does it all. Importing this room loads nothing heavy.
"""

from __future__ import annotations

from .manifest import Summary
from .options import RunOptions
from .progress import Progress
from .run import plan, run

__all__ = ["Progress", "RunOptions", "Summary", "plan", "run"]
