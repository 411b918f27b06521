"""A reader's word on the numbering: `L1@-35.2` or `L5=L4`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..vertebrae import LEVELS

if TYPE_CHECKING:  # options are read before anything heavy is loaded
    from .spine import Spine

#: Half of the way between two bodies' centres where only one was found, mm.
LONE_MM = 17.0
_FORM = re.compile(r"\s*([A-Za-z]\d{1,2})\s*(?:@\s*(\S+)|=\s*([A-Za-z]\d{1,2}))\s*")


class AnchorError(UsageError):
    """The vertebra that an anchor names isn't in view."""


@dataclass(frozen=True)
class UserAnchor:
    """One vertebral body named by a reader.

    Attributes:
        level: its name, T1 to S1.
        z_mm: the body whose centre lies nearest to this LPS z is meant; None with `called`.
        called: the body that the software calls so is meant; None with `z_mm`.
    """

    level: str
    z_mm: float | None = None
    called: str | None = None

    def __str__(self) -> str:
        """As on the command line."""
        return f"{self.called}={self.level}" if self.called else f"{self.level}@{self.z_mm!r}"


def parse(text: str) -> UserAnchor:
    """Read `L1@-35.2` (L1 lies at LPS z -35.2 mm) or `L5=L4` (what is called L5 is L4).

    Raises:
        UsageError: `bad_anchor`, neither form, or a level that isn't T1 to S1.
    """
    # A minus pasted from a page is often the typographic one.
    form = _FORM.fullmatch(text.replace("\u2212", "-"))
    if form is None:
        raise _bad(text)
    first, z, second = form.groups()
    names = [name.upper() for name in (first, second) if name is not None]
    if any(name not in LEVELS for name in names):
        raise _bad(text)
    if z is None:
        return UserAnchor(names[1], called=names[0])
    try:
        height = float(z)
    except ValueError:
        raise _bad(text) from None
    if not math.isfinite(height):
        raise _bad(text)
    return UserAnchor(names[0], z_mm=height)


def anchored(spine: Spine, anchor: UserAnchor) -> Spine:
    """The same bodies, counted from the one that the anchor names.

    Raises:
        AnchorError: `anchor_out_of_view`, it fits none of them or leaves none from T1 to L5.
    """
    numbering = spine.numbering
    place = None
    if anchor.called is not None:
        place = LEVELS.index(anchor.called)
    elif anchor.z_mm is not None:
        place = _place_at(spine, anchor.z_mm)
    if place is None or place not in numbering.places:
        raise _out_of_view(anchor, spine)
    named = numbering.shifted(LEVELS.index(anchor.level) - place, "user", 1.0)
    if not named.levels:
        raise _out_of_view(anchor, spine)
    return spine.renamed(named)


def _place_at(spine: Spine, z_mm: float) -> int | None:
    """Place of the body at a height; None if none lies within half a vertebra of it."""
    heights = [float(z) for z in spine.bodies_lps_mm[:, 2]]
    if not heights:
        return None
    away = [abs(z - z_mm) for z in heights]
    i = away.index(min(away))
    steps = [abs(heights[j] - heights[i]) for j in (i - 1, i + 1) if 0 <= j < len(heights)]
    # Next to a body that was missed, the nearer neighbour says how high a vertebra is.
    half = min(steps) / 2 if steps else LONE_MM
    return spine.numbering.places[i] if away[i] <= half else None


def _out_of_view(anchor: UserAnchor, spine: Spine) -> AnchorError:
    found = ", ".join(f"{v.level} at {v.center_lps_mm[2]:.1f} mm" for v in spine.vertebrae)
    return AnchorError(
        "anchor_out_of_view",
        f"The anchor {anchor} fits no vertebra in view ({found or 'none'}).",
        "Name a vertebra that result.json lists, or its height there.",
    )


def _bad(text: str) -> UsageError:
    return UsageError(
        "bad_anchor",
        f"{text!r} is no anchor.",
        "Write LEVEL@Z, as L1@-35.2, or NAME=LEVEL, as L5=L4, with levels T1 to S1.",
    )
