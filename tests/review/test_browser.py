"""Sessions in a real Chromium, as readers have them: keys, mouse, two browsers, a dead server."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fasciaseg.review import export_tables
from fasciaseg.review.exams import Exam
from fasciaseg.vertebrae import SCORED_LEVELS

from .browser import Page, browser
from .conftest import Serve, Served

Tabs = Callable[[], Page]


@pytest.fixture(scope="module")
def tabs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tabs]:
    with browser(tmp_path_factory.mktemp("profile")) as new_page:
        yield new_page


def sign_in(tabs: Tabs, served: Served, name: str) -> Page:
    """A new browser at the desk of a reader."""
    page = tabs()
    page.look(1280, 800)
    page.open(served.address)
    assert served.process.stdout is not None
    served.address = served.process.stdout.readline().split()[-1]
    page.until("document.querySelector('#name') && !document.querySelector('#name-label').hidden")
    page.type(name)
    page.key("Enter")
    page.until(
        "!document.querySelector('#desk').hidden"
        " || document.querySelector('#enter-button').textContent.startsWith('Yes')"
    )
    if page.run("document.querySelector('#desk').hidden"):
        page.key("Enter")
    at_desk(page)
    return page


def at_desk(page: Page) -> str:
    """Wait for the next exam's pictures; its hash."""
    page.until(
        "!document.querySelector('#desk').hidden"
        " && !document.querySelector('#desk-main').inert"
        " && document.querySelectorAll('#stage .picture').length === 3"
    )
    return str(page.run("document.querySelector('#exam').textContent.split(' ').at(-1)"))


def sign(page: Page) -> None:
    """By key, once the exam has been there for a moment: before, a second press counts not."""
    page.until("!document.querySelector('#sign').disabled")
    page.key("Enter")


def saved(page: Page) -> None:
    page.until("document.querySelector('#saving').textContent === 'Saved'")


def place(page: Page) -> str:
    return str(page.run("document.querySelector('#place').textContent"))


def summary(page: Page) -> str:
    return str(page.run("document.querySelector('#summary').textContent"))


def rows_in_view(page: Page) -> list[str]:
    told = page.run(
        "[...document.querySelector('#stage .picture').querySelectorAll('.level')]"
        ".map(e => e.textContent)"
    )
    return list(told)


def runs(levels: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for level in levels:
        place = SCORED_LEVELS.index(level)
        if found and SCORED_LEVELS.index(found[-1][-1]) == place - 1:
            found[-1].append(level)
        else:
            found.append([level])
    return found


def mark_by_keys(page: Page, levels: list[str]) -> None:
    at = rows_in_view(page)[0]
    if levels:
        page.key("ArrowDown")
    for run in runs(levels):
        for _ in range(SCORED_LEVELS.index(run[0]) - SCORED_LEVELS.index(at)):
            page.key("ArrowDown")
        page.key(" ")
        for _ in run[1:]:
            page.key("ArrowDown", shift=True)
        at = run[-1]


def mark_by_mouse(page: Page, levels: list[str]) -> None:
    rows = rows_in_view(page)
    for run in runs(levels):
        strips = [f"#stage .picture:nth-child(2) [data-row='{rows.index(n)}']" for n in run]
        page.drag(*(page.point(strip, (0.6, 0.5)) for strip in strips))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_two_readers_from_sign_in_to_kappa(
    tabs: Tabs, folder: Path, exams: dict[str, Exam], serve: Serve
) -> None:
    """Ann reads by keys, Ben by mouse; they differ on one exam and settle it."""
    served = serve(folder, "--blind")
    truth = {name: list(exam.told["edema"]["levels"]) for name, exam in exams.items()}
    disputed = next(name for name, levels in sorted(truth.items()) if levels == ["T12", "L1", "L2"])
    ann, ben = sign_in(tabs, served, "Ann"), sign_in(tabs, served, "Ben")
    orders: dict[str, list[str]] = {"Ann": [], "Ben": []}
    for n in range(1, 6):
        ann.until(f"document.querySelector('#place').textContent === 'Exam {n} of 5'")
        exam = at_desk(ann)
        orders["Ann"].append(exam)
        mark_by_keys(ann, truth[exam])
        ann.key("g")
        sign(ann)

        ben.until(f"document.querySelector('#place').textContent === 'Exam {n} of 5'")
        exam = at_desk(ben)
        orders["Ben"].append(exam)
        assert "Software" not in ben.run("document.body.innerText"), "blinded"
        mark_by_mouse(ben, [*truth[exam], "L3"] if exam == disputed else truth[exam])
        ben.click("[data-quality=fair]")
        ben.click("#comment")
        ben.type("wie <b>gesehen</b>")
        ben.until("!document.querySelector('#sign').disabled")
        ben.click("#sign")
    assert sorted(orders["Ann"]) == sorted(orders["Ben"]) == sorted(exams)
    for page in (ann, ben):
        page.until("!document.querySelector('#done').hidden")

    assert ben.run("document.activeElement === document.body"), "no key begins it by chance"
    ben.click("#done-consensus", times=2)
    assert ben.run("document.querySelector('#done-consensus').textContent").startswith("Yes")
    ben.click("#done-consensus")
    assert at_desk(ben) == disputed
    assert place(ben) == "Disagreement 1 of 1"
    text = ben.run("document.querySelector('#software').innerText")
    assert "T12–L2" in text
    assert "T12–L3" in text
    ben.key("a")
    ben.until("document.querySelector('#summary').textContent === 'Fascia edema: T12–L2'")
    sign(ben)
    ben.until("document.querySelector('#done-title').textContent.startsWith('Every disagreement')")
    assert not [line for page in (ann, ben) for line in page.console]

    export_tables(folder)
    done = subprocess.run(
        [sys.executable, "-m", "fasciaseg_cli", "agree", str(folder), "--out",
         str(folder / "agreement")],
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert "Ann and Ben, 5 exams: fascia edema, kappa 1.00" in done.stdout, done.stderr
    told = table(folder / "reviews.csv")
    for reader in ("Ann", "Ben", "consensus"):
        mine = {r["exam"]: r["levels"].split() for r in told if r["reader"] == reader}
        expected = dict(truth)
        if reader == "Ben":
            expected[disputed] = [*truth[disputed], "L3"]
        assert mine == expected, reader
    assert {r["image_quality"] for r in told if r["reader"] == "Ann"} == {"good"}
    assert {r["comment"] for r in told if r["reader"] == "Ben"} == {"wie <b>gesehen</b>"}
    assert all(float(r["seconds"]) > 0 for r in told if r["role"] == "reader")


def test_an_exam_by_keys_alone(tabs: Tabs, folder: Path, serve: Serve) -> None:
    """Every answer that there is, none of them with a pointer."""
    page = sign_in(tabs, serve(folder, "--hide-numbering"), "Ann")
    assert "First name a vertebra" in summary(page)
    page.key("ArrowDown")
    page.until("document.querySelector('dialog[open]') !== null")
    page.run("document.querySelector('#level').value = 'L4'")
    page.key("Enter")
    page.until("document.querySelector('#stage .level').textContent !== '?'")
    assert rows_in_view(page)[-1] == "L4", "counted from the lowest vertebra, as named"
    page.key("ArrowUp")
    page.key(" ")
    page.until("document.querySelector('#summary').textContent === 'Fascia edema: L4'")
    page.key("c")
    page.type("faint")
    page.key("Escape")
    page.key("p")
    page.until("document.querySelector('#class').textContent.startsWith('lower lumbar')")
    page.key("x")
    page.until("document.querySelector('#summary').textContent === \"Can't be judged\"")
    page.key("x")
    page.until("document.querySelector('#summary').textContent === 'Fascia edema: L4'")
    saved(page)
    first = at_desk(page)
    sign(page)
    page.until("document.querySelector('#place').textContent === 'Exam 2 of 5'")
    page.key("ArrowLeft")
    page.until("document.querySelector('#place').textContent === 'Exam 1 of 5'")
    assert at_desk(page) == first
    assert summary(page) == "Fascia edema: L4"
    assert page.run("document.querySelector('#comment').value") == "faint"
    assert page.run("document.querySelector('#sign').textContent").startswith("Signed")
    export = page.run(f"fetch('/api/exams/{first}').then(r => r.json()).then(v => v.reading)")
    assert (export["quality"], export["numbering"].split("@")[0]) == ("poor", "L4")
    assert not page.console


def test_location_and_severity_follow_while_dragging(
    tabs: Tabs, folder: Path, serve: Serve
) -> None:
    page = sign_in(tabs, serve(folder), "Ann")
    rows = rows_in_view(page)
    strip = "#stage .picture:nth-child(1) [data-row='{}']"
    mark_by_mouse(page, ["L1", "L2"])
    page.until("document.querySelector('#class').textContent.startsWith('thoracolumbar')")
    page.drag(*(page.point(strip.format(rows.index(n)), (0.6, 0.5)) for n in ("L3", "L5")))
    page.until("document.querySelector('#class').textContent.includes('both) · severe (5 levels)')")
    mark_by_mouse(page, ["L1", "L2", "L3", "L4", "L5"])
    page.until("document.querySelector('#summary').textContent === 'No fascia edema'")
    page.drag(page.point("#levels [data-level=T12]"), page.point("#levels [data-level=L2]"))
    page.until("document.querySelector('#summary').textContent === 'Fascia edema: T12–L2'")
    page.key("t")
    software = page.run("document.querySelector('#software').innerText")
    page.until(
        "document.querySelector('#software').innerText.includes("
        "document.querySelector('#summary').textContent.replace('Fascia edema: ', '')"
        ".replace('No', 'no'))"
    )
    assert "Software" in software


def test_a_finger_marks_as_a_mouse_does(tabs: Tabs, folder: Path, serve: Serve) -> None:
    page = sign_in(tabs, serve(folder), "Ann")
    page.look(820, 1180)
    page.until("innerWidth === 820")
    rows = rows_in_view(page)
    strip = "#stage .picture:nth-child(3) [data-row='{}']"
    levels = ["L1", "L2", "L3", "L4"]
    page.swipe(*(page.point(strip.format(rows.index(n)), (0.6, 0.5)) for n in levels))
    page.until("document.querySelector('#summary').textContent === 'Fascia edema: L1–L4'")
    last = page.point("#levels [data-level=L4]")  # scrolled to
    page.swipe(page.point("#levels [data-level=L3]"), last)
    page.until("document.querySelector('#summary').textContent === 'Fascia edema: L1–L2'")
    assert not page.console


def test_nothing_is_lost_while_the_server_is_gone(tabs: Tabs, folder: Path, serve: Serve) -> None:
    """The page says so, keeps on trying, and what it holds arrives once."""
    served = serve(folder)
    page = sign_in(tabs, served, "Ann")
    exam = at_desk(page)
    served.process.send_signal(signal.SIGSTOP)
    page.key("ArrowDown")
    page.key(" ")
    page.key("g")
    page.until("document.querySelector('#saving').textContent.startsWith('Saving')")
    served.process.send_signal(signal.SIGCONT)
    saved(page)
    told = page.run(f"fetch('/api/exams/{exam}').then(r => r.json()).then(v => v.reading)")
    assert (len(told["levels"]), told["quality"]) == (1, "good")
    served.stop(signal.SIGKILL)
    page.key("f")
    page.until("document.querySelector('#saving').textContent.startsWith('Not saved yet')")
    assert page.run("document.querySelector('#saving').className") == "lost"


def test_a_double_click_on_sign_skips_no_exam(tabs: Tabs, folder: Path, serve: Serve) -> None:
    page = sign_in(tabs, serve(folder), "Ann")
    page.until("!document.querySelector('#sign').disabled")
    page.click("#sign", times=2)
    page.until("document.querySelector('#place').textContent !== 'Exam 1 of 5'")
    saved(page)
    told = page.run("fetch('/api/exams').then(r => r.json())")
    assert [e["signed"] for e in told["exams"]] == [True, False, False, False, False]


def test_markup_stays_text(tabs: Tabs, folder: Path, serve: Serve) -> None:
    """Whatever a batch or a reader wrote, no browser takes it for a page."""
    evil = "<img src=x onerror='window.hit=1'>"
    lines = []
    for line in (folder / "results.jsonl").read_text().splitlines():
        told: dict[str, Any] = json.loads(line)
        told["flags"] = [{"code": evil, "text": evil}]
        lines.append(json.dumps(told))
    (folder / "results.jsonl").write_text("\n".join(lines) + "\n")
    page = sign_in(tabs, serve(folder), evil)
    page.until("document.querySelector('#software').innerText.includes('onerror')")
    assert page.run("document.querySelector('#who').textContent") == evil
    assert not page.run("window.hit || document.querySelectorAll('img[src=x]').length")
    page.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.hit = 1';"
        " document.body.append(s); })()"
    )
    assert not page.run("window.hit"), "the policy lets no script in, whoever wrote it"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (2560, 1400), (820, 1180)])
def test_it_fits_the_screen(
    tabs: Tabs, folder: Path, serve: Serve, width: int, height: int, dark: bool
) -> None:
    page = sign_in(tabs, serve(folder), "Ann")
    page.look(width, height, dark=dark)
    page.until(f"innerWidth === {width}")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.until(
        "[...document.querySelectorAll('#stage .picture')].every(e => { const b ="
        " e.getBoundingClientRect(); return b.width > 150 && b.left >= 0 && b.right <= innerWidth;"
        " })"
    )
    if width >= 1280:
        bottom = page.run("document.querySelector('#sign').getBoundingClientRect().bottom")
        assert bottom <= height
    colour = page.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, colour[4:-1].split(","))) < 120) == dark


def test_a_batch_of_an_earlier_version_can_be_reviewed(
    tabs: Tabs, folder: Path, serve: Serve
) -> None:
    """Without slices that bear no marks: the marked ones, or none for those who may not know."""
    for path in folder.glob("exams/*/plain.png"):
        path.unlink()
    for options, expected in (((), 3), (("--blind",), 0)):
        page = tabs()
        page.look(1280, 800)
        served = serve(folder, *options)
        page.open(served.address)
        page.until("document.querySelector('#name') && !document.querySelector('#door').hidden")
        page.type("Ann")
        page.key("Enter")
        page.until("document.querySelector('#stage').childElementCount > 0")
        assert page.run("document.querySelectorAll('#stage img').length") == expected
        page.click("#levels [data-level=L1]")
        page.until("document.querySelector('#summary').textContent === 'Fascia edema: L1'")
        page.click("#levels [data-level=L1]")
        saved(page)
