"""fasciaseg: edema of the posterior (thoracolumbar) fascia on spine MRI, level by level.

    import fasciaseg
    result = fasciaseg.classify("study_dir/")
    result.classification

Research use, not a medical device.
"""

from __future__ import annotations

__version__ = "0.1.0"
