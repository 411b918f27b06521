"""What a reading says: frozen dataclasses with the shape of `result.json`.

Schema `fasciaseg.result/1`. Later keys are additive; `Result.to_dict` is the one place where
the JSON takes its form. Lengths in mm, coordinates LPS in mm.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from .vertebrae import Vertebra

SCHEMA = "fasciaseg.result/1"

Sequence = Literal["STIR", "T2_DIXON_WATER", "T2_FS", "T2"]
Location = Literal["none", "thoracic", "thoracolumbar", "lower_lumbar", "both"]
Severity = Literal["none", "non_severe", "severe"]
Degree = Literal["<25", "25-50", "50-75", ">75"]
Looks = Literal["acute", "old"]


@dataclass(frozen=True)
class Flag:
    """Something a reader has to know about this exam; `code` is listed in docs/flags.md."""

    code: str
    text: str


@dataclass(frozen=True)
class Software:
    """What computed the result."""

    version: str
    model: str
    model_sha256: str
    options: dict[str, Any]


@dataclass(frozen=True)
class StudyInfo:
    """The exam. `study_date` only when asked for."""

    study_instance_uid: str
    study_date: str | None = None


@dataclass(frozen=True)
class SeriesInfo:
    """A series that was read."""

    series_instance_uid: str
    sequence: str


@dataclass(frozen=True)
class CentralSlice:
    """One of the three slices read, patient right to left."""

    sop_instance_uid: str
    position_mm: float
    frame: int | None = None


@dataclass(frozen=True)
class Anchor:
    """What the numbering hangs on: `kind` is `lumbosacral_junction`, `user`, `other_series` or
    `none`."""

    kind: str
    confidence: float


@dataclass(frozen=True)
class Depth:
    """Shares of the edema's area by depth; they sum to 1, None without edema."""

    subcutaneous: float
    fascial: float
    muscle: float


@dataclass(frozen=True)
class LevelEdema:
    """Edema in one level's territory.

    Attributes:
        level: T5 to L5.
        involved: coverage reaches the option `involved_fraction`; None where the territory is
            not sufficiently in view.
        coverage: share of the fascia line in the territory that edema covers, 0 to 1.
        length_mm: covered length of the central slice's fascia line.
        area_mm2: edema area over the three slices.
        contrast: mean edema intensity over the threshold's reference; None without edema.
    """

    level: str
    involved: bool | None
    coverage: float
    length_mm: float
    area_mm2: float
    contrast: float | None


@dataclass(frozen=True)
class Edema:
    """How much and where, level by level.

    `threshold` holds the numbers the threshold was made from.
    """

    levels: tuple[str, ...]
    length_mm: float
    area_mm2: float
    rule: str
    threshold: dict[str, Any]
    depth: Depth | None
    per_level: tuple[LevelEdema, ...]

    @property
    def n_levels(self) -> int:
        """Number of involved levels."""
        return len(self.levels)


@dataclass(frozen=True)
class Classification:
    """The published study's groups. All None when the exam can't answer (never `none`)."""

    fascia_edema: bool | None
    location: Location | None
    severity: Severity | None


@dataclass(frozen=True)
class MarrowEdema:
    """What a vertebral body's marrow says; all None where the exam can't answer.

    Attributes:
        present: whether there is edema.
        contrast: the brightest third of the body's marrow over the other bodies' marrow.
        share: share of the body's marrow that is bright, 0 to 1.
    """

    present: bool | None
    contrast: float | None
    share: float | None


@dataclass(frozen=True)
class BodyFinding:
    """One vertebral body that was looked at for a fracture.

    Attributes:
        level: T5 to L5.
        region: `thoracic` (T5-T10), `thoracolumbar` (T11-L2) or `lower_lumbar` (L3-L5).
        marrow_edema: on fat-suppressed series.
        heights_mm: anterior, middle, posterior; None where they couldn't be measured.
        height_loss: largest lost share of the three against the neighbours, 0 to 1.
        degree: the published study's degree of that loss, in percent.
        looks: `acute` with marrow edema, `old` with at least 25 % height loss without it; None
            without a finding, or where the marrow can't answer.
    """

    level: str
    region: str
    marrow_edema: MarrowEdema
    heights_mm: tuple[float, ...] | None
    height_loss: float | None
    degree: Degree | None
    looks: Looks | None

    @property
    def notable(self) -> bool:
        """Marrow edema, or at least a quarter of the height lost."""
        return bool(self.marrow_edema.present) or self.degree not in (None, "<25")


@dataclass(frozen=True)
class Signs:
    """What the confidence was made from, each 0 to 1 (1 speaks for the answer).

    Attributes:
        stability: share of small changes under which location and severity stay the same.
        margin: how far the nearest level's coverage is from one third, 1 for a third or more.
        dry: share of the levels whose subcutaneous fat holds no fluid.
        agreement: share of the edema's heights that two slices show, 1 without edema.
        anchor: how sure L5 is.
        lower, higher: 1 if the answer stays where the limits are lowered or raised by a quarter.
    """

    stability: float
    margin: float
    dry: float
    agreement: float
    anchor: float
    lower: float
    higher: float

    def to_dict(self) -> dict[str, float]:
        """By name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Confidence:
    """How sure the answer is.

    Attributes:
        value: 0 to 1, about the share of such exams whose location and severity are right; 0
            where the exam gives no answer.
        reasons: what speaks against the answer, in words.
        signs: what was measured; None without an answer.
    """

    value: float
    reasons: tuple[str, ...] = ()
    signs: Signs | None = None

    def to_dict(self) -> dict[str, Any]:
        """Its part of `result.json`."""
        signs = {"signs": self.signs.to_dict()} if self.signs else {}
        return {"value": self.value, "reasons": list(self.reasons), **signs}


@dataclass(frozen=True)
class Outputs:
    """Names of the files written, relative to the output folder."""

    slices: tuple[str, ...] = ()
    summary: str | None = None
    mask: str | None = None
    level_map: str | None = None
    plain: str | None = None
    drawing: str | None = None


@dataclass(frozen=True)
class Result:
    """One exam's reading."""

    input: str
    software: Software
    study: StudyInfo
    series_edema: SeriesInfo
    series_t1: SeriesInfo | None
    central_slices: tuple[CentralSlice, ...]
    levels_in_view: tuple[str, ...]
    vertebrae: tuple[Vertebra, ...]
    anchor: Anchor
    edema: Edema
    classification: Classification
    flags: tuple[Flag, ...]
    outputs: Outputs = field(default_factory=Outputs)
    timings_ms: dict[str, float] = field(default_factory=dict)
    series_stations: tuple[SeriesInfo, ...] = ()
    fractures: tuple[BodyFinding, ...] = ()
    confidence: Confidence | None = None
    series_numbering: SeriesInfo | None = None

    def to_dict(self) -> dict[str, Any]:
        """The object of `result.json`, ready for `json.dumps`."""
        series: dict[str, Any] = {"edema": dataclasses.asdict(self.series_edema)}
        if self.series_t1 is not None:
            series["t1"] = dataclasses.asdict(self.series_t1)
        if self.series_stations:
            series["stations"] = [dataclasses.asdict(s) for s in self.series_stations]
        if self.series_numbering is not None:
            series["numbering"] = dataclasses.asdict(self.series_numbering)
        edema = dataclasses.asdict(self.edema)
        edema["levels"] = list(self.edema.levels)
        edema = _after(edema, "levels", "n_levels", self.edema.n_levels)
        edema["per_level"] = list(edema["per_level"])
        return {
            "schema": SCHEMA,
            "input": self.input,
            "software": dataclasses.asdict(self.software),
            "study": _without_none(dataclasses.asdict(self.study)),
            "series": series,
            "central_slices": [_without_none(dataclasses.asdict(s)) for s in self.central_slices],
            "levels_in_view": list(self.levels_in_view),
            "vertebrae": [
                {
                    "level": v.level,
                    "center_lps_mm": [round(c, 2) for c in v.center_lps_mm],
                    "confidence": round(v.confidence, 4),
                }
                for v in self.vertebrae
            ],
            "anchor": dataclasses.asdict(self.anchor),
            "edema": edema,
            "classification": dataclasses.asdict(self.classification),
            "confidence": self.confidence.to_dict() if self.confidence else None,
            "fractures": [
                {
                    **dataclasses.asdict(f),
                    "heights_mm": None if f.heights_mm is None else list(f.heights_mm),
                }
                for f in self.fractures
            ],
            "flags": [dataclasses.asdict(f) for f in self.flags],
            "outputs": {
                **_without_none(dataclasses.asdict(self.outputs)),
                "slices": list(self.outputs.slices),
            },
            "timings_ms": {k: round(v, 1) for k, v in self.timings_ms.items()},
        }


def _without_none(d: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in d.items() if v is not None}


def _after(d: dict[str, Any], key: str, new: str, value: object) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for k, v in d.items():
        out[k] = v
        if k == key:
            out[new] = value
    return out
