"""The terms that vendors write into ImageType and ScanOptions, put on one footing.

Sources: DICOM PS3.3 C.8.3.1 and C.8.13; the vendor pages of dcm2niix (Siemens, GE, Philips,
Canon, UIH); headers published with dcm_qa. Terms may stand at any place after the second value.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Component: TypeAlias = Literal[
    "unstated",
    "water",
    "fat",
    "in_phase",
    "opposed_phase",
    "phase",
    "real",
    "imaginary",
]

_DIXON: dict[Component, frozenset[str]] = {
    "water": frozenset({"WATER", "W", "W_SE", "W_FFE", "W_TFE", "W_IR", "DIXON_W"}),
    "fat": frozenset({"FAT", "F", "F_SE", "F_FFE", "F_TFE", "F_IR", "DIXON_F"}),
    "in_phase": frozenset({"IN_PHASE", "INPHASE", "IP", "IP_SE", "IP_FFE", "DIXON_IP"}),
    "opposed_phase": frozenset(
        {"OUT_PHASE", "OPP_PHASE", "OPPOSED_PHASE", "OUTPHASE", "OP", "OP_SE", "OP_FFE", "DIXON_OP"}
    ),
}
# GE's private (0043,102F); the other vendors say it in ImageType.
_GE: dict[int, Component] = {1: "phase", 2: "real", 3: "imaginary"}
_COMPLEX: dict[Component, frozenset[str]] = {
    "phase": frozenset({"P", "PHASE", "PHASE MAP", "P_SE", "P_FFE", "P_IR", "P_TFE", "P_PCA"}),
    "real": frozenset({"R", "REAL", "R_SE", "R_FFE", "R_IR"}),
    "imaginary": frozenset({"I", "IMAGINARY", "I_SE", "I_FFE", "I_IR"}),
}

#: ImageType terms → why such an image isn't read.
UNREAD: dict[str, frozenset[str]] = {
    "localizer": frozenset({"LOCALIZER"}),
    "mosaic": frozenset({"MOSAIC", "VFRAME"}),
    "diffusion": frozenset(
        {"DIFFUSION", "ADC", "EADC", "FA", "TRACEW", "ISODWI", "CALC_BVALUE", "TENSOR"}
    ),
    "perfusion or functional image": frozenset({"PERFUSION", "ASL", "FMRI", "BOLD", "PWI"}),
    "reformatted or projected image": frozenset(
        {"MPR", "REFORMATTED", "RESAMPLED", "CPR", "MIP", "MINIP", "MNIP", "MIN IP"}
        | {"MAX_IP", "MIN_IP", "CURVED_MPR", "SURFACE_RENDER"}
        | {"PROJECTION IMAGE", "CSA RESAMPLED", "SCREENSHOT", "PASTED", "VOLUME_RENDER"}
    ),
    "computed image": frozenset(
        {"QMAP", "T1MAP", "T2MAP", "T1 MAP", "T2 MAP", "T2_STAR", "R2_STAR", "PDMAP", "FF"}
        | {"FAT_FRACTION", "FATFRACTION", "PDFF", "SUB", "SUBTRACT", "SUBTRACTION", "SYNTHETIC"}
    ),
}
_REFORMATTED = ("MPR", "CSA MPR", "CSA MIP", "MIP_")

#: ScanOptions terms that mean suppressed fat. GE's FSA_GEMS … FSS_GEMS name a direction, not fat.
FAT_SUPPRESSION = frozenset(
    {"FS", "SFS", "FAT_SAT", "FATSAT", "FAT SAT", "FAT_SAT_GEMS", "SPIR", "SPAIR", "ASPIR"}
    | {"CHESS", "SPECIAL", "WE", "WATER_EXCITATION", "PROSET", "FAT_SUPPRESSION"}
)
#: ScanOptions terms that mean an inversion pulse before the readout.
INVERSION = frozenset({"IR", "IR_GEMS", "STIR", "STIR_GEMS", "T1FLAIR_GEMS", "T2FLAIR_GEMS"})
#: ScanOptions terms of GE's Dixon methods.
DIXON_OPTIONS = frozenset({"IDEAL_GEMS", "FLEX_GEMS", "DIXON"})


def component_of(image_type: tuple[str, ...], ge_type: int | None = None) -> Component:
    """What the pixels hold, by ImageType and, for GE, its private image type.

    A Dixon term wins over a complex one: Philips writes `W\\W\\DERIVED`, Siemens `M\\…\\WATER`.
    """
    terms = set(image_type[2:])
    for table in (_DIXON, _COMPLEX):
        for component, names in table.items():
            if terms & names:
                return component
    return _GE.get(ge_type or 0, "unstated")


def unread_kind(image_type: tuple[str, ...]) -> str | None:
    """Why ImageType rules the image out, in words; None if it doesn't."""
    terms = set(image_type)
    for reason, names in UNREAD.items():
        if terms & names:
            return reason
    if any(term.startswith(_REFORMATTED) for term in terms):
        return "reformatted or projected image"
    return None
