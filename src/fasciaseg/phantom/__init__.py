"""A digital thoracolumbar spine whose truth is known: images, labels and DICOM studies.

    rng = numpy.random.default_rng(0)
    phantom = random_phantom(rng)
    view = random_view(rng, phantom)
    image = render(phantom, view, Sequence.STIR)
    labels = phantom.labels(view)
    write_study(phantom, pathlib.Path("study"))

Everything comes from parameters and seeds. Lengths in mm, patient coordinates LPS.
"""

from __future__ import annotations

from .answers import Truth, truth
from .imaging import Coil, Sampling, expose, render
from .model import SliceLabels, SpinePhantom
from .pathology import FasciaEdema, FatFailure, InterspinousFluid, Pathology, SubcutaneousEdema
from .placement import Placement, sagittal_geometry
from .profiles import SoftTissue
from .series import ExamPlan
from .spine import PHANTOM_LEVELS, Fracture, Spine, level_number
from .study import Patient, write_study
from .tissue import PROTOCOLS, Protocol, Sequence, Tissue, random_intensities
from .variety import random_pathology, random_phantom, random_view

__all__ = [
    "PHANTOM_LEVELS",
    "PROTOCOLS",
    "Coil",
    "ExamPlan",
    "FasciaEdema",
    "FatFailure",
    "Fracture",
    "InterspinousFluid",
    "Pathology",
    "Patient",
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
    "Truth",
    "expose",
    "level_number",
    "random_intensities",
    "random_pathology",
    "random_phantom",
    "random_view",
    "render",
    "sagittal_geometry",
    "truth",
    "write_study",
]
