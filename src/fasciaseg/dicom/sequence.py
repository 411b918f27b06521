"""What a series shows, from the physics of its signal; from words only where that is silent."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from . import words
from .dialects import DIXON_OPTIONS, FAT_SUPPRESSION, INVERSION, Component, unread_kind
from .instance import Physics

Role: TypeAlias = Literal["STIR", "T2_DIXON_WATER", "T2_FS", "T2", "T1"]
_Weighting: TypeAlias = Literal["T1", "T2", "PD"]

#: Spin-echo weightings, ms. A fat-suppressed T2 is often run at a shorter echo; a 3-D T2 (SPACE,
#: CUBE, VISTA) at a shorter repetition, its long refocusing train recovering by itself.
T2_MIN_TE, T2_MIN_TE_SUPPRESSED = 60.0, 45.0
T2_MIN_TR, T2_MIN_TR_3D = 1400.0, 700.0
T1_MAX_TE, T1_MAX_TR = 30.0, 1200.0
#: Inversion times, ms: a T1-FLAIR nulls CSF at its short TR, a FLAIR at its long one.
T1_FLAIR_TI, FLAIR_MIN_TI = (600.0, 1300.0), 1500.0
#: Vendors whose ScanOptions name fat suppression wherever it is used.
_LIST_FAT_SUPPRESSION = ("SIEMENS", "GE", "PHILIPS")
#: SequenceName of Siemens' gradient echoes: FLASH, TurboFLASH, TrueFISP, MEDIC, DESS, CISS, SWI.
_SIEMENS_GRADIENT = re.compile(r"\*?(?:T?FL|T?FI|ME|DE|CI|QFL|SWI)\w?\dD")


def fat_null_range_ms(field_tesla: float | None) -> tuple[float, float]:
    """Inversion times that null fat.

    Fat's null lies near 160 ms at 1.5 T and grows with about the 0.4th power of the field (90 ms
    at 0.3 T, 210 ms at 3 T). Protocols scatter around it by what readers like.
    """
    if field_tesla is None or not 0.05 < field_tesla < 12:
        return 60.0, 320.0
    null = 160.0 * (field_tesla / 1.5) ** 0.4
    return 0.6 * null, 1.5 * null


def component(physics: Physics, text: str) -> Component:
    """What the pixels hold: by ImageType, by the description where that is silent."""
    if physics.component != "unstated":
        return physics.component
    return words.dixon_component(text)


def role_of(physics: Physics, text: str) -> tuple[Role | None, str]:
    """The role of a series, or None and the reason in words.

    Args:
        physics: of one of its files.
        text: its descriptions, hints.
    """
    holds = component(physics, text)
    reason = _unread(physics, text, holds)
    if reason:
        return None, reason
    inversion = _inversion(physics, text)
    if inversion == "fat":
        return "STIR", ""
    if inversion in ("FLAIR", "inversion recovery that nulls no fat"):
        return None, inversion
    suppressed = holds == "water" or (holds != "in_phase" and _fat_suppressed(physics, text))
    weighting = "T1" if inversion == "T1-FLAIR" else _weighting(physics, text, suppressed)
    if weighting == "T2":
        if holds == "water":
            return "T2_DIXON_WATER", ""
        return ("T2_FS" if suppressed else "T2"), ""
    if weighting == "T1":
        return (None, "fat-suppressed T1") if suppressed else ("T1", "")
    return None, "proton density" if weighting == "PD" else "unknown contrast"


def _unread(physics: Physics, text: str, holds: Component) -> str:
    """Why such an image isn't read at all, '' if it may be."""
    kind = unread_kind(physics.image_type)
    if kind:
        return kind
    if words.says(text, "localizer"):
        return "localizer"
    if not physics.image_type and words.says(text, "projection"):
        return "reformatted or projected image"
    if "EP" in physics.scanning_sequence or (physics.b_value or 0) > 0:
        return "diffusion" if physics.b_value else "echo-planar image"
    if holds in ("phase", "real", "imaginary"):
        return f"{holds} image"
    if holds == "fat":
        return "Dixon fat image"
    if holds == "opposed_phase":
        return "opposed-phase image"
    if _gradient_echo(physics, text):
        return "gradient echo"
    if not physics.scanning_sequence and words.says(text, "diffusion"):
        return "diffusion"
    if words.says(text, "angiography"):
        return "angiography"
    dixon = words.says(text, "dixon") or bool(DIXON_OPTIONS & set(physics.scan_options))
    if holds == "unstated" and dixon:
        return "Dixon image that doesn't say whether it is water or fat"
    return ""


def _gradient_echo(physics: Physics, text: str) -> bool:
    sequence = physics.scanning_sequence
    # GR with SE is a GRASE, whose contrast is a spin echo's. RM (research mode) says nothing.
    if "SE" in sequence or ("IR" in sequence and "GR" not in sequence):
        return False
    if "GR" in sequence:
        return True
    return bool(_SIEMENS_GRADIENT.match(physics.sequence_name)) or words.says(text, "t2_star")


def _inversion(physics: Physics, text: str) -> str:
    """What an inversion pulse nulls: 'fat', 'FLAIR', 'T1-FLAIR', another, or 'none'."""
    time = physics.inversion_time_ms
    low, high = fat_null_range_ms(physics.field_tesla)
    stated = (
        "IR" in physics.scanning_sequence
        or bool(INVERSION & set(physics.scan_options))
        or physics.sequence_name.lstrip("*").startswith("TIR")
    )
    if time is None:
        return _inversion_without_time(physics, text, stated)
    # A spectral (SPAIR) pulse has an inversion time too, but is no inversion recovery.
    if not stated and physics.scanning_sequence and _fat_suppressed(physics, text):
        return "none"
    if low <= time <= high:
        return "fat"
    if time >= FLAIR_MIN_TI:
        return "FLAIR"
    if T1_FLAIR_TI[0] <= time <= T1_FLAIR_TI[1] and (physics.echo_time_ms or 0) <= T1_MAX_TE:
        return "T1-FLAIR"
    return "inversion recovery that nulls no fat" if stated else "none"


def _inversion_without_time(physics: Physics, text: str, stated: bool) -> str:
    # The standard wants IR among the values of ScanningSequence where there is an inversion.
    if not stated and physics.scanning_sequence:
        return "none"
    if words.says(text, "flair"):
        short = (physics.echo_time_ms or 100) <= T1_MAX_TE or words.says(text, "t1")
        return "T1-FLAIR" if short else "FLAIR"
    if words.says(text, "stir"):
        return "fat"
    if not stated:
        return "none"
    # An inversion recovery that says nothing else: of the spine's, only STIR has a long TR and
    # an echo time for fluid.
    echo, repetition = physics.echo_time_ms or 0, physics.repetition_time_ms or 0
    fluid = echo >= T1_MAX_TE and repetition >= T2_MIN_TR
    return "fat" if fluid else "inversion recovery that nulls no fat"


def _fat_suppressed(physics: Physics, text: str) -> bool:
    if physics.fat_suppressed or FAT_SUPPRESSION & set(physics.scan_options):
        return True
    if physics.fat_suppressed is False:
        return False
    options = physics.scan_options
    if options and "OTHER" not in options and physics.vendor.startswith(_LIST_FAT_SUPPRESSION):
        return False
    return words.says_fat_suppressed(text)


def _weighting(physics: Physics, text: str, suppressed: bool) -> _Weighting | None:
    echo, repetition = physics.echo_time_ms, physics.repetition_time_ms
    min_echo = T2_MIN_TE_SUPPRESSED if suppressed else T2_MIN_TE
    min_repetition = T2_MIN_TR_3D if physics.is_3d else T2_MIN_TR
    if echo is not None and repetition is not None:
        if echo >= min_echo and repetition >= min_repetition:
            return "T2"
        if echo <= T1_MAX_TE and repetition <= T1_MAX_TR:
            return "T1"
        return "PD" if echo < min_echo and repetition > T1_MAX_TR else None
    if echo is not None and echo >= min_echo:
        return "T2"
    if repetition is not None and repetition <= T1_MAX_TR and not physics.is_3d:
        return "T1"
    named: list[_Weighting] = []
    if words.says(text, "t2"):
        named.append("T2")
    if words.says(text, "t1"):
        named.append("T1")
    if words.says(text, "pd"):
        named.append("PD")
    # A short echo without its repetition time can be T1 or PD, never T2; and the other way round.
    if echo is not None:
        named = [n for n in named if n != "T2"]
    if repetition is not None:
        named = [n for n in named if n != "T1"]
    return named[0] if len(named) == 1 else None
