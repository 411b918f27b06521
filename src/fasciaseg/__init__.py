"""fasciaseg: edema of the posterior (thoracolumbar) fascia on spine MRI, level by level.

    import fasciaseg
    result = fasciaseg.classify("study_dir/")
    result.classification.location     # 'thoracolumbar', 'lower_lumbar', 'both', ...
    result.edema.levels                # ('L1', 'L2', 'L3')

Research use, not a medical device.
"""

from __future__ import annotations

from .api import classify
from .errors import (
    FasciasegError,
    NothingToRead,
    OutputNotWritable,
    UnreadableInput,
    UsageError,
)
from .options import Options, ThresholdOptions
from .result import Result
from .version import __version__

__all__ = [
    "FasciasegError",
    "NothingToRead",
    "Options",
    "OutputNotWritable",
    "Result",
    "ThresholdOptions",
    "UnreadableInput",
    "UsageError",
    "__version__",
    "classify",
]
