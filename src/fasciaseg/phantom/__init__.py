"""A digital thoracolumbar spine whose truth is known: images, labels and DICOM studies.

    rng = numpy.random.default_rng(0)
    phantom = random_phantom(rng)
    view = random_view(rng, phantom)
    image = render(phantom, view, Sequence.STIR)
    truth = phantom.labels(view)

Everything comes from parameters and seeds. Lengths in mm, patient coordinates LPS.
"""

from __future__ import annotations

from .model import SliceLabels, SpinePhantom
from .pathology import FasciaEdema, FatFailure, InterspinousFluid, Pathology, SubcutaneousEdema
from .placement import Placement, sagittal_geometry
from .profiles import SoftTissue
from .render import Coil, Sampling, render
from .spine import PHANTOM_LEVELS, Fracture, Spine
from .tissue import PROTOCOLS, Protocol, Sequence, Tissue, random_intensities
from .variety import random_pathology, random_phantom, random_view

__all__ = [
    "PHANTOM_LEVELS",
    "PROTOCOLS",
    "Coil",
    "FasciaEdema",
    "FatFailure",
    "Fracture",
    "InterspinousFluid",
    "Pathology",
    "Placement",
    "Protocol",
    "Sampling",
    "Sequence",
    "SliceLabels",
    "SoftTissue",
    "Spine",
    "SpinePhantom",
    "SubcutaneousEdema",
    "Tissue",
    "random_intensities",
    "random_pathology",
    "random_phantom",
    "random_view",
    "render",
    "sagittal_geometry",
]
