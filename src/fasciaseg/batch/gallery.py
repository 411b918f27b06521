"""`index.html`: every exam of a batch on one page, for a browser without a network.

One file, no library, and the pictures beside it. It names exams by their hashes: no UID, no path,
nothing of the patient. Style and scripts are files of `pages`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from .. import pages
from ..report import words
from .files import write_whole
from .ledger import Entry
from .results import EXAMS_NAME

NAME = "index.html"
#: Less sure answers stand out.
LOW_CONFIDENCE = 0.5

_HASH = re.compile(r"[0-9a-f]{8,64}")
_SURENESS = {"0-0.5": "below 0.5", "0.5-0.8": "0.5 to 0.8", "0.8-2": "0.8 and more"}
_ORDERS = {
    "exam": "exam", "confidence": "least sure first", "sure": "surest first",
    "severity": "most severe first", "flags": "most flags first", "review": "review",
}  # fmt: skip
_ANSWERS = {"yes": "fascia edema", "no": "no fascia edema", "null": "no answer"}


def card(result: dict[str, Any]) -> str:
    """One exam's card, from its line in `results.jsonl`."""
    classes, edema = result["classification"], result["edema"]
    codes = [f["code"] for f in result["flags"]]
    answer = {True: "yes", False: "no", None: "null"}[classes["fascia_edema"]]
    exam, outputs = result["exam"], result["outputs"]
    data = {
        "exam": exam,
        "answer": answer,
        "location": classes["location"] or "null",
        "severity": classes["severity"] or "null",
        "flags": " ".join(codes),
        "levels": " ".join(edema["levels"]),
        "n": len(edema["levels"]),
        "confidence": _confidence(result),
        # The page makes a path of the exam's name: only one that we could have made.
        "plain": "1" if outputs.get("drawing") and _HASH.fullmatch(exam) else "",
    }
    attributes = "".join(f' data-{name}="{escape(str(value))}"' for name, value in data.items())
    picture = ""
    if outputs.get("summary"):
        file = escape(f"{EXAMS_NAME}/{exam}/{outputs['summary']}")
        picture = (
            f'<div class="crop"><img src="{file}" loading="lazy" decoding="async" '
            f'alt="Three slices of exam {escape(exam)} with marks"></div>'
        )
    return (
        f'<article class="{answer}" tabindex="-1"{attributes}>{picture}'
        f'<div class="words">{_words(result, answer, codes)}</div></article>\n'
    )


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
    ended = Counter(entry.kind for entry in others)
    more = [f"{ended[kind]} {kind}" for kind in ("failed", "skipped") if ended[kind]]
    aside = f"{' and '.join(more)}: see failures.csv. " if more else ""
    page = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Fascia edema, {len(rows)} exams</title>\n"
        f"<style>{pages.text('colours.css')}{pages.text('gallery.css')}</style>\n"
        f"<header><h1>Fascia edema on spine MRI</h1>\n<form>{_form(rows)}</form></header>\n"
        f"<main>\n{''.join(cards)}</main>\n"
        f"<footer>{escape(aside)}{escape(words.DISCLAIMER)}. Keys: arrows and Enter; F for the "
        "filters.</footer>\n"
        f"{pages.text('viewer.html')}"
        f"<script>{pages.text('picture.js')}{pages.text('gallery.js')}</script>\n"
        # Where `fasciaseg review --export` wrote how far each exam's review has come.
        '<script src="reviews.js"></script>\n</html>\n'
    )
    write_whole(out / NAME, page.encode("utf-8", "backslashreplace"))


def _words(result: dict[str, Any], answer: str, codes: list[str]) -> str:
    """What a card says: in short, and what the full view adds."""
    classes, edema = result["classification"], result["edema"]
    location, severity = classes["location"] or "null", classes["severity"] or "null"
    sure = _confidence(result)
    parts = []
    if isinstance(sure, float) and answer != "null":
        low = " low" if sure < LOW_CONFIDENCE else ""
        parts.append(f'<span class="sure{low}">confidence {sure:.2f}</span>')
    told = words.headline_of(classes["fascia_edema"], edema["levels"], codes)
    parts.append(f"<h2>{escape(told)}</h2>")
    if answer == "yes":
        told = f"{words.LOCATIONS.get(location, location)}, "
        told += f"{words.SEVERITIES.get(severity, severity)}, {words.number(edema['length_mm'])} mm"
        parts.append(f"<p>{escape(told)}</p>")
    series = result["series"]["edema"]["sequence"]
    notes = "; ".join([words.SEQUENCES.get(series, series), *map(words.short_flag, codes)])
    parts.append(f'<p class="dim">{escape(notes)}</p>')
    exam = escape(result["exam"])
    parts.append(f'<p class="dim"><code>{exam}</code> <span class="review"></span></p>')
    reasons = (result.get("confidence") or {}).get("reasons") or ()
    for title, lines in (
        ("What speaks against the answer", reasons),
        ("Please check", [f["text"] for f in result["flags"]]),
    ):
        if lines:
            items = "".join(f"<li>{escape(str(line))}</li>" for line in lines)
            parts.append(f'<div class="more"><b>{title}</b><ul>{items}</ul></div>')
    return "".join(parts)


def _form(rows: Sequence[dict[str, Any]]) -> str:
    flags = Counter(code for row in rows for code in row["flags"].split())
    sure = Counter(_bucket(row["confidence"]) for row in rows)
    selects = (
        _select("answer", "Answer", Counter(_answer(row) for row in rows), _ANSWERS),
        _select("location", "Location", Counter(r["location"] or "null" for r in rows),
                words.LOCATIONS | {"null": "no answer"}),
        _select("severity", "Severity", Counter(r["severity"] or "null" for r in rows),
                words.SEVERITIES | {"null": "no answer"}),
        _select("flags", "Flag", flags, {code: words.short_flag(code) for code in flags}),
        _select("confidence", "Confidence", sure, _SURENESS),
    )  # fmt: skip
    orders = "".join(f'<option value="{k}">{v}' for k, v in _ORDERS.items())
    return (
        f"{''.join(selects)}"
        '<label hidden>Review <select name="review" data-filter><option value="">all'
        "</select></label> "
        f'<label>Order <select name="order">{orders}</select></label> '
        '<button type="reset">Show all</button> '
        '<button type="button" id="print">Print</button> <output></output>'
    )


def _confidence(result: dict[str, Any]) -> float | str:
    """Empty where an earlier version didn't know it."""
    value = (result.get("confidence") or {}).get("value")
    return float(value) if isinstance(value, (int, float)) else ""


def _bucket(value: float | None) -> str:
    for name in _SURENESS:
        low, high = map(float, name.split("-"))
        if value is not None and low <= value < high:
            return name
    return ""


def _answer(row: dict[str, Any]) -> str:
    return {True: "yes", False: "no", None: "null"}[row["fascia_edema"]]


def _select(name: str, label: str, counts: Counter[str], told: dict[str, str]) -> str:
    order = [*told, *sorted(set(counts) - set(told))]
    options = "".join(
        f'<option value="{escape(value)}">{escape(told.get(value, value))} ({counts[value]})'
        for value in order
        if counts[value]
    )
    return (
        f'<label>{label} <select name="{name}" data-filter><option value="">all{options}'
        "</select></label> "
    )
