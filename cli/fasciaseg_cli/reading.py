"""Options that say how an exam is read, the same for one exam and for many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Anchor: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LEVEL@Z|NAME=LEVEL",
        help="Name one vertebra and count from it: L1@-35.2, the one at LPS z = -35.2 mm is L1; "
        "L5=L4, what is called L5 without this is L4.",
        show_default=False,
    ),
]
AssumeSpine: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--assume-spine",
        help="Go on with the middle slices, and a flag, when no vertebra is found.",
    ),
]
InvolvedFraction: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="A level is involved when edema covers at least this share of its fascia, "
        "above 0 and up to 1.",
        show_default="1/3",
    ),
]
K: TypeAlias = Annotated[
    float,
    typer.Option(
        "--k",
        metavar="NUMBER",
        help="How far above muscle edema starts: third quartile + k x interquartile range.",
    ),
]
Model: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Localizer network (ONNX) to use instead of the one that comes along.",
    ),
]
Rule: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="axial|spinous",
        help="Which level a stretch of fascia belongs to: the vertebral body at its height, or "
        "the spinous process before it.",
    ),
]
SaveMask: TypeAlias = Annotated[
    bool,
    typer.Option("--save-mask", help="Also write edema mask and level map as NIfTI."),
]
StudyDate: TypeAlias = Annotated[
    bool, typer.Option("--study-date", help="Put the exam's date into the result.")
]
