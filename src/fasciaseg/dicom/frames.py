"""Enhanced multi-frame MR: one header per frame, as if each frame were a classic file.

What a classic file says once, an enhanced one says for all frames (shared functional groups) or
for each (per-frame groups), in nested sequences and partly in new words (DICOM PS3.3, C.8.13).
Here they are put back under the classic names, so that whatever reads classic headers reads these.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from . import elements
from .elements import Encoding, Familiar, Raw
from .header import TAGS, Header

#: More frames than any MR object holds: a damaged number, not an image.
MAX_FRAMES = 100_000

_Leaves = dict[int, tuple[str, bytes]]  # {tag: (classic name, value representation)}
_CLASSIC = (
    ("RepetitionTime", b"DS"),
    ("EchoTime", b"DS"),
    ("InversionTime", b"DS"),
    ("MagneticFieldStrength", b"DS"),
    ("ScanningSequence", b"CS"),
    ("ScanOptions", b"CS"),
    ("SequenceName", b"SH"),
    ("MRAcquisitionType", b"CS"),
    ("AcquisitionNumber", b"IS"),
    ("TemporalPositionIdentifier", b"IS"),
)
_CONVERTED: _Leaves = {TAGS[name]: (name, vr) for name, vr in _CLASSIC}
#: {functional group: its elements}. Names that `TAGS` lacks are translated below.
_GROUPS: dict[int, _Leaves] = {
    0x0020_9113: {0x0020_0032: ("ImagePositionPatient", b"DS")},
    0x0020_9116: {0x0020_0037: ("ImageOrientationPatient", b"DS")},
    0x0028_9110: {0x0028_0030: ("PixelSpacing", b"DS")},
    0x0028_9145: {
        0x0028_1052: ("RescaleIntercept", b"DS"),
        0x0028_1053: ("RescaleSlope", b"DS"),
    },
    0x0018_9112: {0x0018_0080: ("RepetitionTime", b"DS")},
    0x0018_9114: {0x0018_9082: ("EchoTime", b"FD")},
    0x0018_9115: {
        0x0018_9009: ("InversionRecovery", b"CS"),
        0x0018_9025: ("SpectrallySelectedSuppression", b"CS"),
        0x0018_9026: ("SpectrallySelectedExcitation", b"CS"),
        0x0018_9079: ("InversionTime", b"FD"),
    },
    0x0018_9117: {0x0018_9087: ("DiffusionBValue", b"FD")},
    0x0018_9226: {
        0x0008_9007: ("ImageType", b"CS"),
        0x0008_9207: ("VolumeBasedCalculationTechnique", b"CS"),
        0x0008_9208: ("ComplexImageComponent", b"CS"),
        0x0008_9209: ("AcquisitionContrast", b"CS"),
    },
    0x0020_9111: {
        0x0020_9056: ("StackID", b"SH"),
        0x0020_9128: ("TemporalPositionIdentifier", b"UL"),
        0x0020_9156: ("AcquisitionNumber", b"US"),
    },
    # Legacy converted objects keep here what has no group of its own.
    0x0020_9170: _CONVERTED,
    0x0020_9171: _CONVERTED,
}
_GROUP_TAGS = frozenset(_GROUPS)
_LEAF_TAGS = {tag: frozenset(leaves) for tag, leaves in _GROUPS.items()}
#: Per frame or not at all: what a file says at its top level can't be true for every frame.
_PLACE = ("ImagePositionPatient", "SharedFunctionalGroupsSequence")
_PULSES = {b"SPIN": (b"SE",), b"GRADIENT": (b"GR",), b"BOTH": (b"SE", b"GR")}
_ORDINARY = (b"", b"NONE", b"MIXED", b"MAGNITUDE", b"UNKNOWN")

_NOTHING: Raw = (b"", b"")

_Values = Mapping[str, Raw]


def frames_of(header: Header) -> list[Header]:
    """One header per frame, in the order of the frames.

    Frames that the file counts but doesn't describe come out without position.

    Raises:
        OddError: the functional groups are damaged, or the number of frames is impossible.
    """
    shared_items = _groups(header, "SharedFunctionalGroupsSequence")
    frame_items = _groups(header, "PerFrameFunctionalGroupsSequence")
    n_frames = max(header.integer("NumberOfFrames") or len(frame_items), 1)
    if n_frames > MAX_FRAMES:
        raise elements.OddError
    dropped = {TAGS[name] for name in (*_PLACE, "PerFrameFunctionalGroupsSequence")}
    top = {tag: raw for tag, raw in header.elements.items() if tag not in dropped}
    if header.elements.get(TAGS["ContrastBolusAgentSequence"], _NOTHING)[1]:
        top.setdefault(TAGS["ContrastBolusAgent"], (b"LO", b"given"))
    shared: dict[str, Raw] = {}
    for groups in shared_items[:1]:
        shared |= _values(groups, header.encoding)
    undescribed = dict(top)
    frames = []
    for index in range(n_frames):
        if index < len(frame_items):
            own = _values(frame_items[index], header.encoding)
            described = top | _as_classic({**shared, **own}, top)
        else:
            described = undescribed
        frames.append(header._replace(elements=described))
    return frames


def _groups(header: Header, name: str) -> list[dict[int, Raw]]:
    """The functional groups in each item of a sequence."""
    raw = header.elements.get(TAGS[name])
    if raw is None:
        return []
    familiar = Familiar(ascending=False)
    return list(elements.items(raw[1], header.encoding, _GROUP_TAGS, familiar))


def _values(groups: Mapping[int, Raw], encoding: Encoding) -> dict[str, Raw]:
    """What the functional groups of one item say."""
    values: dict[str, Raw] = {}
    for tag, (_, group) in groups.items():
        values.update(_leaves(tag, group, encoding))
    return values


@lru_cache(maxsize=1024)  # most groups say the same for every frame
def _leaves(tag: int, group: bytes, encoding: Encoding) -> dict[str, Raw]:
    values: dict[str, Raw] = {}
    for found in elements.items(group, encoding, _LEAF_TAGS[tag]):
        for leaf, (vr, value) in found.items():
            name, usual = _GROUPS[tag][leaf]
            values[name] = (vr or usual, value)
        break  # a group has one item
    return values


def _as_classic(values: _Values, top: Mapping[int, Raw]) -> dict[int, Raw]:
    """Values of a frame under the tags that a classic file has them under."""
    out = {TAGS[name]: raw for name, raw in values.items() if name in TAGS}

    def word(name: str) -> bytes:
        raw = values.get(name) or top.get(TAGS.get(name, 0))
        return raw[1].strip(b" \0").upper() if raw else b""

    # What the pixels hold: classic files say in ImageType what has its own attributes here.
    image_type = [word("ImageType") or top.get(TAGS["ImageType"], _NOTHING)[1]]
    image_type += [
        term
        for name in ("ComplexImageComponent", "VolumeBasedCalculationTechnique")
        if (term := word(name)) not in _ORDINARY
    ]
    out[TAGS["ImageType"]] = b"CS", b"\\".join(image_type)
    pulses = list(_PULSES.get(word("EchoPulseSequence"), ()))
    if pulses:
        if word("EchoPlanarPulseSequence") == b"YES":
            pulses.append(b"EP")
        if word("InversionRecovery") == b"YES":
            pulses.append(b"IR")
        out.setdefault(TAGS["ScanningSequence"], (b"CS", b"\\".join(pulses)))
    if name := word("PulseSequenceName"):
        out.setdefault(TAGS["SequenceName"], (b"SH", name))
    if word("SpectrallySelectedExcitation") == b"WATER":
        out[TAGS["SpectrallySelectedSuppression"]] = b"CS", b"FAT"
    return out
