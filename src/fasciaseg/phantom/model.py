"""The phantom itself: a spine, its soft tissue, what is wrong, and where the patient lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..geometry import BoolArray, FloatArray, SliceGeometry, Vector
from ..vertebrae import SCORED_LEVELS
from .bones import paint_bones
from .canal import paint_canal
from .canvas import Canvas, bulge, look_up
from .pathology import Pathology, Territories, paint_pathology
from .placement import Placement, sagittal_geometry, sample_points
from .profiles import Profiles, SoftTissue
from .soft import paint_soft
from .spine import Spine
from .tissue import Tissue


@dataclass(frozen=True, eq=False)
class SliceLabels:
    """Truth on one slice, (rows, columns), at the middle of its thickness.

    Attributes:
        tissue: uint8 `Tissue`.
        body: uint8, 0 or 1 + index in `PHANTOM_LEVELS` (T1 = 1 … T4 = 4 … L5 = 17, S1 = 18,
            S2 = 19, S3 = 20, S4 = 21, S5 = 22).
        canal: bool, the whole spinal canal.
        subcutaneous: bool, fat and skin behind the fascia.
        fluid: float32, share of free fluid, 0 to 1.
    """

    tissue: npt.NDArray[np.uint8]
    body: npt.NDArray[np.uint8]
    canal: BoolArray
    subcutaneous: BoolArray
    fluid: npt.NDArray[np.float32]


@dataclass(frozen=True)
class SpinePhantom:
    """A digital patient. Immutable: `dataclasses.replace` makes variants."""

    spine: Spine = field(default_factory=Spine)
    soft: SoftTissue = field(default_factory=SoftTissue)
    pathology: Pathology = field(default_factory=Pathology)
    placement: Placement = field(default_factory=Placement)
    marrow_fat: float = 0.5

    @cached_property
    def profiles(self) -> Profiles:
        """Tables along the back, made once a phantom."""
        return Profiles(self.spine, self.soft)

    @cached_property
    def centers_lps_mm(self) -> dict[str, Vector]:
        """LPS of every body's centre, T1 to S5."""
        midline = self.profiles.midline_x
        out = {}
        for body in self.spine.bodies:
            y, z = body.center
            x = float(np.interp(z, self.profiles.z_mm, midline))
            p = self.placement.to_lps([x, y, z])
            out[body.level] = (float(p[0]), float(p[1]), float(p[2]))
        return out

    @cached_property
    def territories(self) -> Territories:
        """(upper, lower) LPS z of each scored level's stretch of fascia (rule `axial`)."""
        z = {level: c[2] for level, c in self.centers_lps_mm.items()}
        names = ["T4", *SCORED_LEVELS]
        bounds = [(z[above] + z[below]) / 2 for above, below in pairwise(names)]
        bounds.append(2 * z["L5"] - bounds[-1])
        return {level: (bounds[i], bounds[i + 1]) for i, level in enumerate(SCORED_LEVELS)}

    def canvas(
        self,
        geometry: SliceGeometry,
        thickness_mm: float = 0.0,
        subslices: int = 1,
        supersample: int = 1,
    ) -> Canvas:
        """Paint one slice of any orientation at its sample points."""
        canvas = Canvas.blank(
            self.profiles,
            *sample_points(geometry, self.placement, thickness_mm, subslices, supersample),
        )
        paint_soft(canvas)
        paint_canal(canvas)
        paint_bones(canvas)
        paint_pathology(canvas, self.pathology, self.territories)
        return canvas

    def labels(self, geometry: SliceGeometry) -> SliceLabels:
        """Truth at the pixel centres of one slice."""
        canvas = self.canvas(geometry)
        tissue = canvas.tissue[0]
        outer = (Tissue.SUBCUTANEOUS_FAT, Tissue.SEPTUM, Tissue.SKIN)
        skin_and_fat = np.isin(tissue, np.array(outer, dtype=np.uint8))
        return SliceLabels(
            tissue=tissue,
            body=canvas.body[0],
            canal=canvas.canal[0],
            subcutaneous=skin_and_fat & (canvas.behind[0] > 0),
            fluid=canvas.fluid[0],
        )

    def fascia_line(self, geometry: SliceGeometry) -> FloatArray:
        """The fascia's middle on a slice, head to foot: (n, 2) as (row, column).

        A point every mm of height; points outside the image are left out.
        """
        z = self.profiles.z_mm[::-10]
        index = self.profiles.index(z.astype(np.float32))
        midline = look_up(self.profiles.midline_x, index).astype(float)
        y = self.profiles.fascia_y[index]
        p = np.stack([midline, y, z], axis=-1)
        normal = np.asarray(self.placement.rotation).T @ np.asarray(geometry.normal)
        if abs(normal[0]) < 0.2:
            raise ValueError("the fascia is a line only on sagittal slices")
        origin = self.placement.to_phantom(geometry.origin_lps_mm)
        for _ in range(3):
            # Lateral offset at which the slice meets this height, then the fascia there.
            off = (p[:, 1:] - origin[1:]) @ normal[1:]
            p[:, 0] = origin[0] - off / normal[0]
            lateral = (p[:, 0] - midline).astype(np.float32)
            p[:, 1] = y + bulge(lateral, self.soft.furrow)
        rc = geometry.to_pixel(self.placement.to_lps(p))
        rows, columns = geometry.shape
        seen = (
            (rc[:, 0] >= -0.5) & (rc[:, 0] <= rows - 0.5)
            & (rc[:, 1] >= -0.5) & (rc[:, 1] <= columns - 0.5)
        )  # fmt: skip
        return np.asarray(rc[seen])

    def sagittal(
        self,
        offset_mm: float = 0.0,
        *,
        shape: tuple[int, int] = (160, 160),
        spacing_mm: float = 2.0,
        center_level: str = "L2",
        shift_mm: tuple[float, float] = (0.0, 0.0),
    ) -> SliceGeometry:
        """A straight sagittal slice `offset_mm` (LPS x) beside the lumbar midline.

        The image's middle is at the height of `center_level`, between spine and back;
        `shift_mm` moves it down and to the back.
        """
        c = self.centers_lps_mm[center_level]
        middle = float(np.mean([self.centers_lps_mm[f"L{i}"][0] for i in range(1, 6)]))
        center = (middle + offset_mm, c[1] + shift_mm[1], c[2] - shift_mm[0])
        return sagittal_geometry(center, shape, (spacing_mm, spacing_mm))
