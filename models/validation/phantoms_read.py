"""Random phantoms in the physical contrasts, read with the shipped model, as rows."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from trial import Row
from validate_phantom import PhantomStack

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.errors import FasciasegError
from fasciaseg.options import Options
from fasciaseg.phantom import Sequence, random_phantom, truth
from fasciaseg.pipeline import default_model, read_stack
from fasciaseg.reading import SeriesContext
from fasciaseg.result import SeriesInfo, StudyInfo

SEQUENCES = {
    "T2_FS": Sequence.T2_FS,
    "STIR": Sequence.STIR,
    "T2_DIXON_WATER": Sequence.T2_DIXON_WATER,
}


def phantom_rows(count: int, seed: int, jobs: int) -> list[Row]:
    """One row a phantom."""
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(partial(_row, seed=seed), range(count), chunksize=4))


def _row(i: int, seed: int) -> Row:
    rng = np.random.default_rng([seed, i])
    phantom = random_phantom(rng)
    name = list(SEQUENCES)[i % len(SEQUENCES)]
    stack = PhantomStack(phantom, SEQUENCES[name], rng)
    context = SeriesContext(str(i), StudyInfo("1"), SeriesInfo("1.1", name))
    t = truth(phantom, list(stack.geometries))
    try:
        r = read_stack(stack, context, Localizer(default_model(), 1), Options()).result
    except FasciasegError:
        r = None
    called = r.classification.fascia_edema if r else None
    answered = r is not None and called is not None
    said = set(r.edema.levels) if r else set()
    in_view = set(r.levels_in_view) if r else set()
    found = {v.level: np.array(v.center_lps_mm) for v in r.vertebrae} if r else {}
    names = all(
        np.linalg.norm(found[n] - np.array(c)) < 10 for n, c in t.vertebrae.items() if n in found
    )
    return Row(
        scan=f"phantom-{i}",
        patient=f"phantom-{i}",
        contrast_group=f"phantom {name}",
        tuning=False,
        edema=bool(t.levels),
        mimic="",
        seed=seed,
        thickness_mm=min((f.thickness_mm for f in phantom.pathology.fascia), default=0.0),
        # Not measured: the band before it is dark, so that even the faintest is over 1.3.
        contrast=9.0 if t.levels else float("nan"),
        contrast_muscle=9.0 if t.levels else float("nan"),
        clear=True,
        called=called,
        location_right=r.classification.location == t.location if r and answered else None,
        severity_right=r.classification.severity == t.severity if r and answered else None,
        levels_right=tuple(r.edema.levels) == t.levels if r and answered else None,
        level_hits=len(said & set(t.levels)),
        level_truths=len(t.levels),
        level_false=len(said - set(t.levels)),
        level_clean=len(in_view - set(t.levels)),
        length_mm=r.edema.length_mm if r else 0.0,
        true_length_mm=t.length_mm,
        dice=None,
        names_right=bool(names),
        middle_right=True,
        flags=tuple(f.code for f in r.flags) if r else ("unread",),
        levels=r.edema.levels if r else (),
        true_levels=t.levels,
        confidence=getattr(getattr(r, "confidence", None), "value", None),
    )
