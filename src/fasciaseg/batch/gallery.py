"""`index.html`: every exam of a batch on one page, for a browser without a network.

One file, no library. It names exams by their hashes: no UID, no path, nothing of the patient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..flags import FLAGS
from ..report import words
from .files import write_whole
from .ledger import Entry
from .results import EXAMS_NAME

NAME = "index.html"

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --dim: #777; --edema: #c2410c; }
* { box-sizing: border-box; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 0; }
header { position: sticky; top: 0; z-index: 1; background: Canvas; padding: 10px 20px;
  border-bottom: 1px solid var(--line); }
h1 { font-size: 18px; margin: 0 0 6px; }
form { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: center; }
main { display: grid; gap: 14px; padding: 14px 20px;
  grid-template-columns: repeat(auto-fill, minmax(360px, 1fr)); }
article { border: 1px solid var(--line); border-radius: 6px; overflow: hidden;
  content-visibility: auto; contain-intrinsic-size: auto 330px; }
article img { display: block; width: 100%; aspect-ratio: 16 / 9; object-fit: contain;
  background: #000; }
article div { padding: 8px 12px 10px; }
h2 { font-size: 15px; margin: 0; }
.yes h2 { color: var(--edema); }
p { margin: 2px 0; }
.dim, footer { color: var(--dim); font-size: 13px; }
code { font-size: 12px; }
footer { padding: 6px 20px 24px; }
[hidden] { display: none; }
"""
_SCRIPT = """
const form = document.querySelector("form"), shown = document.querySelector("output");
const cards = [...document.querySelectorAll("article")];
function filter() {
  const wanted = [...form.querySelectorAll("select")].filter(s => s.value);
  let n = 0;
  for (const card of cards) {
    const fits = wanted.every(s => card.dataset[s.name].split(" ").includes(s.value));
    card.hidden = !fits;
    n += fits;
  }
  shown.value = n + " of " + cards.length + " exams shown";
}
form.addEventListener("change", filter);
form.addEventListener("reset", () => setTimeout(filter));
filter();
"""
_ANSWERS = {"yes": "fascia edema", "no": "no fascia edema", "null": "no answer"}


def card(result: dict[str, Any]) -> str:
    """One exam's card, from its line in `results.jsonl`."""
    classes, edema = result["classification"], result["edema"]
    codes = [f["code"] for f in result["flags"]]
    answer = {True: "yes", False: "no", None: "null"}[classes["fascia_edema"]]
    location, severity = classes["location"] or "null", classes["severity"] or "null"
    lines = [f"<h2>{escape(_headline(answer, edema['levels'], codes))}</h2>"]
    if answer == "yes":
        location_words = words.LOCATIONS.get(location, location)
        severity_words = words.SEVERITIES.get(severity, severity)
        length = words.number(edema["length_mm"])
        lines.append(f"<p>{escape(f'{location_words}, {severity_words}, {length} mm')}</p>")
    series = result["series"]["edema"]["sequence"]
    notes = "; ".join([words.SEQUENCES.get(series, series), *map(words.short_flag, codes)])
    lines.append(f'<p class="dim">{escape(notes)}</p>')
    exam = escape(result["exam"])
    lines.append(f'<p class="dim"><code>{exam}</code></p>')
    picture = ""
    if result["outputs"].get("summary"):
        file = f"{EXAMS_NAME}/{exam}/{escape(result['outputs']['summary'])}"
        picture = (
            f'<a href="{file}"><img src="{file}" loading="lazy" alt="Summary of exam {exam}"></a>'
        )
    data = {"answer": answer, "location": location, "severity": severity, "flags": " ".join(codes)}
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    return f'<article class="{answer}"{attributes}>{picture}<div>{"".join(lines)}</div></article>\n'


def write_gallery(
    out: Path, cards: Iterable[str], rows: Sequence[dict[str, Any]], others: Sequence[Entry]
) -> None:
    """Write the page.

    Args:
        out: the batch's folder.
        cards: from `card`, in the order to be shown.
        rows: the exams' rows in `results.csv`, for the filters.
        others: exams that failed or were skipped.

    Raises:
        OSError: it can't be written.
    """
    flags = Counter(code for row in rows for code in row["flags"].split())
    answers = Counter(_answer(row) for row in rows)
    selects = (
        _select("answer", "Answer", answers, _ANSWERS),
        _select("location", "Location", Counter(r["location"] or "null" for r in rows),
                words.LOCATIONS | {"null": "no answer"}),
        _select("severity", "Severity", Counter(r["severity"] or "null" for r in rows),
                words.SEVERITIES | {"null": "no answer"}),
        _select("flags", "Flag", flags, {code: words.short_flag(code) for code in flags}),
    )  # fmt: skip
    ended = Counter(entry.kind for entry in others)
    more = [f"{ended[kind]} {kind}" for kind in ("failed", "skipped") if ended[kind]]
    aside = f"{' and '.join(more)}: see failures.csv. " if more else ""
    page = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>Fascia edema, {len(rows)} exams</title>\n<style>{_STYLE}</style>\n"
        f"<header><h1>Fascia edema on spine MRI</h1>\n<form>{''.join(selects)}"
        '<button type="reset">Show all</button> <output></output></form></header>\n'
        f"<main>\n{''.join(cards)}</main>\n"
        f"<footer>{escape(aside)}{escape(words.DISCLAIMER)}.</footer>\n"
        f"<script>{_SCRIPT}</script>\n</html>\n"
    )
    write_whole(out / NAME, page.encode("utf-8", "backslashreplace"))


def _headline(answer: str, levels: list[str], codes: list[str]) -> str:
    if answer == "yes":
        return f"Fascia edema: {words.level_range(levels)}"
    if answer == "no":
        return "No fascia edema"
    why = [c for c in codes if c in FLAGS and FLAGS[c].withholds_answer] or codes
    return f"No answer: {', '.join(map(words.short_flag, why)) or 'no reason given'}"


def _answer(row: dict[str, Any]) -> str:
    return {True: "yes", False: "no", None: "null"}[row["fascia_edema"]]


def _select(name: str, label: str, counts: Counter[str], told: dict[str, str]) -> str:
    order = [*told, *sorted(set(counts) - set(told))]
    options = "".join(
        f'<option value="{escape(value)}">{escape(told.get(value, value))} ({counts[value]})'
        for value in order
        if counts[value]
    )
    return f'<label>{label} <select name="{name}"><option value="">all{options}</select></label> '
