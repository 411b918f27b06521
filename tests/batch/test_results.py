"""The tables and the page, as a statistician and a browser see them."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from fasciaseg.batch import gallery, results
from fasciaseg.batch.ledger import Entry
from fasciaseg.result import Classification, Confidence, Flag, Result

from .conftest import HERE


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.syspath_prepend(HERE)
    import tasks  # type: ignore[import-not-found]

    told: Result = tasks.RESULT
    return told


def told(result: Result, exam: str = "0123456789abcdef") -> dict[str, Any]:
    return {"exam": exam, **result.to_dict()}


def unanswered(result: Result) -> Result:
    edema = dataclasses.replace(result.edema, levels=(), depth=None)
    return dataclasses.replace(
        result,
        edema=edema,
        classification=Classification(None, None, None),
        flags=(Flag("plain_t2_only", "Plain."),),
    )


def failure(kind: Any = "failed", place: str = "a") -> Entry:
    return Entry("e", "1.2", "p", place, "f", "s", kind, "timeout", "Too long.", "Wait.")


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_a_row_for_statistics(result: Result, tmp_path: Path) -> None:
    results.write_csv(tmp_path, [results.flat(told(result))])
    (row,) = rows(tmp_path / "results.csv")
    assert tuple(row) == results.COLUMNS
    assert (row["fascia_edema"], row["location"], row["n_levels"]) == ("true", "thoracolumbar", "1")
    assert (row["L1_involved"], row["L1_coverage"]) == ("true", "0.61")
    assert row["L2_involved"] == "", "not judged"
    assert row["T5_involved"] == "", "not in view"
    assert (row["depth_fascial"], row["threshold_low"]) == ("0.9", "123.4")
    assert row["rule"] == "axial"


def test_no_answer_is_empty_not_none(result: Result, tmp_path: Path) -> None:
    results.write_csv(tmp_path, [results.flat(told(unanswered(result)))])
    (row,) = rows(tmp_path / "results.csv")
    for name in ("fascia_edema", "location", "severity", "n_levels", "length_mm", "levels"):
        assert row[name] == ""
    assert row["flags"] == "plain_t2_only"


def test_exams_to_review_come_least_sure_first(result: Result, tmp_path: Path) -> None:
    sure = {"a": 0.9, "b": 0.6, "c": 0.3, "d": None}
    many = [
        told(dataclasses.replace(result, confidence=v if v is None else Confidence(v, ("why",))), e)
        for e, v in sure.items()
    ]
    assert results.write_review(tmp_path, [results.flat(m) for m in many], below=0.7) == 2
    review = rows(tmp_path / "review.csv")
    assert [(row["exam"], row["reasons"]) for row in review] == [("c", "why"), ("b", "why")]


def test_tables_survive_odd_folders(result: Result, tmp_path: Path) -> None:
    odd = 'a;b,"c"\n=1+1/Ж'
    odd_result = dataclasses.replace(result, input=odd)
    results.write_csv(tmp_path, [results.flat(told(odd_result))])
    results.write_failures(tmp_path, [failure(place=odd), failure("skipped", "z")])
    assert rows(tmp_path / "results.csv")[0]["input"] == odd
    assert [row["input"] for row in rows(tmp_path / "failures.csv")] == [odd, "z"]


class Page(HTMLParser):
    """What a browser would load and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(tmp_path: Path, exams: list[dict[str, Any]], *others: Entry) -> Page:
    cards = [gallery.card(exam) for exam in exams]
    gallery.write_gallery(tmp_path, cards, [results.flat(exam) for exam in exams], others)
    return Page((tmp_path / "index.html").read_text("utf-8"))


def test_a_card_an_exam(result: Result, tmp_path: Path) -> None:
    exams = [told(result, f"{i:016x}") for i in range(3)] + [told(unanswered(result), "f" * 16)]
    page = page_of(tmp_path, exams, failure(), failure("skipped"))
    cards = page.all("article")
    assert [card["data-answer"] for card in cards] == ["yes", "yes", "yes", "null"]
    assert cards[0]["data-location"] == "thoracolumbar"
    assert cards[3]["data-flags"] == "plain_t2_only"
    images = page.all("img")
    assert images[0]["src"] == "exams/0000000000000000/summary.png"
    assert all(image["loading"] == "lazy" for image in images)
    for words in (
        "Fascia edema: L1",
        "No answer",
        "1 failed and 1 skipped",
        "not a medical device",
    ):
        assert words in page.words
    assert [s["name"] for s in page.all("select")] == [
        "answer", "location", "severity", "flags", "confidence", "review", "order",
    ]  # fmt: skip


def test_the_page_needs_no_network_and_names_nobody(result: Result, tmp_path: Path) -> None:
    page_of(tmp_path, [told(dataclasses.replace(result, input="DOE^JOHN"))])
    text = (tmp_path / "index.html").read_text("utf-8")
    assert not re.search(r"https?:|//|@import|url\(", text)
    assert "DOE" not in text
    assert result.study.study_instance_uid not in text
    assert result.series_edema.series_instance_uid not in text


def test_everything_is_escaped(result: Result, tmp_path: Path) -> None:
    """A `results.jsonl` from elsewhere is no way into the browser."""
    evil = '"><script>alert(1)</script>'
    exam = told(dataclasses.replace(result, flags=(Flag(evil, evil),)), evil)
    exam["classification"] |= {"location": evil, "severity": evil}
    exam["series"]["edema"]["sequence"] = evil
    exam["outputs"]["summary"] = evil
    page = page_of(tmp_path, [exam])
    assert [s.get("src") for s in page.all("script")] == [None, "reviews.js"]


@pytest.mark.parametrize("name", ["../../elsewhere", "A" * 16, ""])
def test_no_script_is_loaded_for_a_name_that_is_no_hash(result: Result, name: str) -> None:
    exam = told(result, name)
    exam["outputs"]["drawing"] = "drawing.js"
    assert 'data-plain=""' in gallery.card(exam)
    assert 'data-plain="1"' in gallery.card({**exam, "exam": "0" * 16})


def test_no_pictures_no_links(result: Result, tmp_path: Path) -> None:
    exam = told(result)
    exam["outputs"] = {"slices": []}
    assert not page_of(tmp_path, [exam]).all("img")
