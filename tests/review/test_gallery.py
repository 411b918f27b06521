"""The gallery as a browser opens it from a disk."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fasciaseg.review import export_tables
from fasciaseg.review.exams import Exam
from fasciaseg.review.store import Change, Store

from .browser import Page, browser

Tabs = Callable[[], Page]
PICTURES = "document.querySelectorAll('#slices .picture').length"


@pytest.fixture(scope="module")
def tabs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tabs]:
    with browser(tmp_path_factory.mktemp("profile")) as new_page:
        yield new_page


def opened(tabs: Tabs, folder: Path) -> Page:
    page = tabs()
    page.look(1280, 800)
    page.open((folder / "index.html").as_uri())
    return page


def shown(page: Page) -> list[str]:
    found = page.run(
        "[...document.querySelectorAll('article')].filter(e => !e.hidden).map(e => e.dataset.exam)"
    )
    return list(found)


def choose(page: Page, name: str, value: str) -> None:
    page.run(
        f"(() => {{ const s = document.querySelector('select[name={name}]');"
        f" s.value = '{value}'; s.dispatchEvent(new Event('change', {{bubbles: true}})); }})()"
    )


def test_filters_and_order(tabs: Tabs, folder: Path, exams: dict[str, Exam]) -> None:
    page = opened(tabs, folder)
    assert shown(page) == sorted(exams)
    severe = [n for n, e in exams.items() if e.told["classification"]["severity"] == "severe"]
    choose(page, "severity", "severe")
    assert shown(page) == severe
    assert page.run("document.querySelector('output').value") == "1 of 5 exams shown"
    choose(page, "severity", "")
    flagged = sorted(n for n, e in exams.items() if e.told["flags"])
    choose(page, "flags", exams[flagged[0]].told["flags"][0]["code"])
    assert shown(page) == flagged
    choose(page, "flags", "")
    choose(page, "order", "confidence")
    sure = [exams[n].told["confidence"]["value"] for n in shown(page)]
    assert sure == sorted(sure)
    choose(page, "order", "severity")
    assert shown(page)[0] == severe[0]
    page.click("button[type=reset]")
    page.until("document.querySelector('select[name=order]').value === 'exam'")
    page.run("new Promise(r => setTimeout(r, 30))")
    assert shown(page) == sorted(exams)


def test_one_exam_at_full_size_by_keys(tabs: Tabs, folder: Path, exams: dict[str, Exam]) -> None:
    page = opened(tabs, folder)
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.key(key)
    page.until(f"{PICTURES} === 3")
    second = sorted(exams)[1]
    assert second in page.run("document.querySelector('#told').textContent")
    lines = "document.querySelectorAll('#slices .boundary').length"
    assert page.run(lines) > 0
    involved = len(exams[second].told["edema"]["levels"])
    assert page.run("document.querySelectorAll('#slices .bracket').length") == 3 * involved
    page.key("o")
    assert page.run(lines) == 0
    light = "document.querySelector('#slices canvas').style.filter"
    page.key("+")
    assert "contrast" in page.run(light)
    before = page.run(light)
    x, y = page.point("#slices .picture")
    page.drag((x, y), (x + 60, y + 30))
    assert page.run(light) != before
    page.key("r")
    assert page.run(light) == "none"
    page.key("2")
    assert page.run("document.querySelectorAll('#slices .picture:not([hidden])').length") == 1
    page.key("ArrowRight")
    third = sorted(exams)[2]
    page.until(f"document.querySelector('#told').textContent.includes('{third}')")
    page.key("s")
    page.until("document.querySelector('#slices img')?.naturalWidth === 1800")
    page.key("Escape")
    assert page.run("document.querySelector('#viewer').hidden")
    assert page.run("document.activeElement.dataset.exam") == third
    # The one file that needs not be there tells how far the review is.
    assert set(page.console) <= {"Failed to load resource: net::ERR_FILE_NOT_FOUND"}


def test_window_and_level_are_true(tabs: Tabs, folder: Path) -> None:
    """Greys from `low` to `high` become black to white, in a straight line."""
    page = opened(tabs, folder)
    greys = [0, 40, 80, 120, 160, 200, 255]
    for low, high in ((0.0, 1.0), (0.2, 0.6), (0.0, 0.3), (0.5, 0.9), (0.3, 1.2)):
        told = page.run(
            "(() => { const c = document.createElement('canvas'), x = c.getContext('2d');"
            f" x.filter = fasciaseg.windowing({low}, {high});"
            f" return {greys}.map(v => {{ x.fillStyle = `rgb(${{v}},${{v}},${{v}})`;"
            " x.fillRect(0, 0, 9, 9); return x.getImageData(4, 4, 1, 1).data[0]; }); })()"
        )
        for grey, seen in zip(greys, told, strict=True):
            wanted = min(max((grey / 255 - low) / (high - low), 0), 1) * 255
            assert abs(seen - wanted) <= 4, (low, high, grey)


def test_review_state(tabs: Tabs, folder: Path, exams: dict[str, Exam]) -> None:
    one, two, *_ = sorted(exams)
    with Store(folder) as store:
        for n, reader in enumerate(("Ann", "Ben")):
            number = store.join(reader).number
            for exam, levels in ((one, {}), (two, {"L1": bool(n)})):
                changes = {"levels": levels, "signed": True}
                store.record(Change(f"{exam}-{n}", number, exam, "reader", changes, 1.0, False))
    export_tables(folder)
    page = opened(tabs, folder)
    page.until("!document.querySelector('select[name=review]').closest('label').hidden")
    choose(page, "review", "disputed")
    assert shown(page) == [two]
    choose(page, "review", "agreed")
    assert shown(page) == [one]
    assert "readers agree" in page.run(
        "document.querySelector(`article:not([hidden])`).textContent"
    )
    assert not page.console


def test_it_can_be_printed(tabs: Tabs, folder: Path) -> None:
    page = opened(tabs, folder)
    page.look(1280, 300)
    page.run("window.print = () => { window.printed = true; }")
    page.click("#print")
    page.until("window.printed")
    assert page.run("[...document.images].every(i => i.complete && i.naturalWidth)")
    paper = base64.b64decode(page.call("Page.printToPDF")["data"])
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Subtype /Image") >= 5 or paper.count(b"/Subtype/Image") >= 5
