"""What raters agree on: readers with each other, with the software, software with consensus.

`agree` does it all. Statistics are pure functions in `kappa`, `shares`, `icc`, `differences` and
`bootstrap`; `reviews` alone knows the columns of the table that they come from.
"""

from __future__ import annotations

from .options import AgreeOptions
from .run import Agreement, agree, computed

__all__ = ["AgreeOptions", "Agreement", "agree", "computed"]
