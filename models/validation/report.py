"""Remake the validation report: `python models/validation/report.py --shared ../shared`.

Every scan of `SHARED/mri` is read as it is, with painted edema, and with each mimic with and
without edema, always with the fold model that never saw its patient; then random phantoms in the
physical contrasts. Numbers were chosen on patients of the tuning folds; the report's tables hold
the others. Writes `docs/validation.md` and its figures; `--pictures DIR` also draws the worst cases
(they show scans that aren't the project's to hand on: keep them out of the repository).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

import figures
import tables
from campaign import campaign, load, save
from measure import has_to_be_found
from phantoms_read import phantom_rows
from pictures import picture
from trial import Row, Trial, plan, run


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--folds", type=Path, default=here / "models" / "folds")
    parser.add_argument("--docs", type=Path, default=here / "docs")
    parser.add_argument("--painted", type=int, default=4, help="painted exams a scan")
    parser.add_argument("--mimicked", type=int, default=1, help="exams a scan and mimic")
    parser.add_argument("--phantoms", type=int, default=180)
    parser.add_argument(
        "--seed", type=int, default=2000, help="not one that numbers were chosen on"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="keep the rows here; read them if they exist")
    parser.add_argument("--pictures", type=Path, help="draw the ten worst cases here")
    args = parser.parse_args()
    data = args.shared / "mri"
    if args.rows is not None and args.rows.exists():
        rows = load(args.rows)
    else:
        trials = plan(data, args.painted, args.mimicked, args.seed)
        rows = campaign(trials, data, args.folds, args.jobs)
        rows += phantom_rows(args.phantoms, args.seed, args.jobs)
        if args.rows is not None:
            save(rows, args.rows)
    args.docs.joinpath("validation.md").write_text(tables.report(rows, args.seed))
    figures.draw(rows, args.docs / "images")
    if args.pictures is not None:
        args.pictures.mkdir(parents=True, exist_ok=True)
        for i, row in enumerate(worst(rows, 10), 1):
            trial = Trial(row.scan, row.edema, row.mimic, row.seed)
            outcome = run(trial, data, args.folds)
            if outcome is not None:
                picture(outcome).save(args.pictures / f"worst-{i:02d}-{row.scan}.png")


def worst(rows: list[Row], n: int) -> list[Row]:
    """Silent errors first: wrong, without a flag, far from the truth."""

    def badness(r: Row) -> float:
        if r.called is None or (r.edema and not has_to_be_found(r)):
            return 0.0
        wrong = not (r.location_right and r.severity_right)
        away = abs(r.length_mm - r.true_length_mm)
        return wrong * (100 + away) * (1.0 if r.flags else 1.5)

    chosen = [r for r in rows if not r.contrast_group.startswith("phantom") and not r.tuning]
    return sorted(chosen, key=badness, reverse=True)[:n]


if __name__ == "__main__":
    main()
