"""A study from a scored export and the clinic's own table.

from fasciaseg.cohort import CohortOptions, run

study = run(Path("results"), Path("clinic.xlsx"), Path("study"), CohortOptions(key="MRN"))
"""

from __future__ import annotations

from .options import CohortOptions
from .run import Study, make_study, run

__all__ = ["CohortOptions", "Study", "make_study", "run"]
