"""What a page from elsewhere, a name that leads here, or a curious request can't do."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fasciaseg.errors import UsageError
from fasciaseg.review import ReviewOptions, serve_review
from fasciaseg.review.access import Access, is_loopback, known_host, password_of
from fasciaseg.review.exams import PICTURES, Exam, load, picture

from .conftest import Browser, Serve, Served


@pytest.fixture(scope="module")
def served(scored: Path, serving: Serve, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """One server for the tests that don't care what others have stored."""
    return serving(Path(shutil.copytree(scored, tmp_path_factory.mktemp("served") / "out")))


@pytest.fixture(scope="module")
def exams(scored: Path) -> dict[str, Exam]:
    return load(scored)


@pytest.fixture
def ann(served: Served) -> Browser:
    browser = served.browser()
    browser.sign_in("Ann")
    return browser


def paths(exams: dict[str, Exam]) -> list[str]:
    one = next(iter(exams))
    return ["/api/exams", f"/api/exams/{one}", f"/picture/{one}/plain.png", "/api/consensus"]


def test_nothing_without_the_token(served: Served, exams: dict[str, Exam]) -> None:
    stranger = Browser(served.base)
    for path in paths(exams):
        assert stranger.ask(path).status == 401, path
    one = next(iter(exams))
    assert stranger.change(one, {"comment": "x"}, "change-1").status == 401
    assert stranger.ask("/api/reader", {"name": "Eve", "new": True}).status == 401
    assert stranger.ask("/?token=guess").status == 403
    front = stranger.ask("/").data.decode()
    assert not any(name in front for name in exams)


def test_the_token_opens_one_browser(served: Served) -> None:
    used = served.address.removeprefix(served.base)
    first = served.browser()
    assert Browser(served.base).ask(used).status == 403
    assert first.ask("/api/me").json["open"]
    second = served.browser()
    assert second.cookies != first.cookies


def test_the_cookie_is_kept_from_scripts_and_other_sites(served: Served) -> None:
    token = served.address.partition("token=")[2]
    served.browser()
    answer = served.first
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    port = served.base.rpartition(":")[2]
    assert port in cookie.partition("=")[0], "another review on this machine has its own"
    assert token not in answer.data.decode()


def test_signing_in_comes_first(served: Served, exams: dict[str, Exam]) -> None:
    browser = served.browser()
    for path in paths(exams):
        assert browser.ask(path).status == 403, path
    one = next(iter(exams))
    assert browser.change(one, {"comment": "x"}, "change-1").status == 403


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "http://127.0.0.1", "x"]
)
def test_no_other_page_writes(
    ann: Browser, exams: dict[str, Exam], served: Served, origin: str | None
) -> None:
    one = next(iter(exams))
    body = {"id": "change-1", "changes": {"comment": "forged"}, "seconds": 1}
    for path in (f"/api/exams/{one}", "/api/reader", "/api/leave", "/api/consensus",
                 f"/api/consensus/{one}", "/api/password"):  # fmt: skip
        assert ann.ask(path, body, Origin=origin).status == 403, path
    assert ann.ask(f"/api/exams/{one}").json["reading"]["comment"] == ""


def test_no_form_of_another_page_writes(ann: Browser, exams: dict[str, Exam]) -> None:
    """What a form can send without asking: no JSON."""
    one = next(iter(exams))
    body = {"id": "change-1", "changes": {"comment": "forged"}, "seconds": 1}
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        assert ann.ask(f"/api/exams/{one}", body, Content_Type=kind).status == 415
    assert ann.ask(f"/api/exams/{one}", Sec_Fetch_Site="cross-site").status == 403
    assert ann.ask("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", ""])
def test_no_foreign_name_leads_here(ann: Browser, exams: dict[str, Exam], host: str) -> None:
    """DNS rebinding: the browser believes that it talks to the other page's own server."""
    for path in ["/", *paths(exams)]:
        assert ann.ask(path, Host=host).status == 421
    one = next(iter(exams))
    body = {"id": "change-1", "changes": {"comment": "x"}, "seconds": 1}
    assert ann.ask(f"/api/exams/{one}", body, Host=host, Origin=f"http://{host}").status == 421


def test_a_tunnel_works(served: Served) -> None:
    port = served.base.rpartition(":")[2]
    browser = served.browser()
    for host in (f"localhost:{port}", "localhost:9999", "[::1]:9999"):
        assert browser.ask("/api/me", Host=host).status == 200
    told = browser.ask("/api/reader", {"name": "Ann", "new": True}, Host="localhost:9999",
                       Origin="http://localhost:9999")  # fmt: skip
    assert told.json == {"reader": "Ann"}


@pytest.mark.parametrize(
    "path",
    [
        "/picture/{exam}/result.json", "/picture/{exam}/drawing.js", "/picture/{exam}/%2e%2e",
        "/picture/../../results.csv", "/picture/{exam}/../../../results.csv",
        "/picture/%2e%2e/%2e%2e%2fresults.csv", "/picture/..%2f..%2f.key/plain.png",
        "/picture/{exam}/..%5c..%5c..%5c.key", "/picture/{exam}/plain.png%00.txt",
        "/assets/__init__.py", "/assets/..%2f__init__.py", "/assets/review.html",
        "/assets/%2fetc%2fpasswd", "/api/exams/..%2f..%2f.key", "/.key", "/review.sqlite",
        "/results.csv", "//etc/passwd", "/exams/{exam}/plain.png", "/docs", "/openapi.json",
    ],
)  # fmt: skip
def test_no_path_reaches_the_disk(ann: Browser, exams: dict[str, Exam], path: str) -> None:
    assert ann.ask(path.format(exam=next(iter(exams)))).status == 404


def test_an_exam_is_what_a_batch_could_have_made(folder: Path) -> None:
    """A name in results.jsonl never becomes a path, and no link leads out of the folder."""
    lines = (folder / "results.jsonl").read_text().splitlines()
    for evil in ("../../etc", "/etc", "..", "a/b", "A" * 16, ""):
        lines.append(json.dumps({**json.loads(lines[0]), "exam": evil}))
    lines += ["[]", "null", '{"exam": "0123456789abcdef"}', "{"]
    (folder / "results.jsonl").write_text("\n".join(lines) + "\n")
    exams = load(folder)
    assert len(exams) == 5
    one = exams[min(exams)]
    outside = folder.parent / "outside.png"
    outside.write_bytes(b"secret")
    plain = folder / "exams" / one.name / PICTURES[0]
    plain.unlink()
    plain.symlink_to(outside)
    assert picture(folder, one, PICTURES[0]) is None


def test_bad_requests_get_an_answer_and_store_nothing(ann: Browser, exams: dict[str, Exam]) -> None:
    one = next(iter(exams))
    path = f"/api/exams/{one}"
    for body, status in (
        (b"{", 400), (b"[]", 400), (b"\xff", 400), (b"{}", 400),
        ({"id": "x", "changes": {"comment": "a"}, "seconds": 1}, 400),
        ({"id": "change-1", "changes": {"comment": "a"}, "seconds": -1}, 400),
        ({"id": "change-1", "changes": {"comment": "a"}, "seconds": "1"}, 400),
        ({"id": "change-1", "changes": {"levels": {"S3": True}}, "seconds": 1}, 400),
        ({"id": "change-1", "changes": {"comment": "a" * 70_000}, "seconds": 1}, 413),
    ):  # fmt: skip
        answer = ann.ask(path, body)
        assert answer.status == status, body
        assert "Traceback" not in answer.data.decode()
    assert ann.ask(path, b"[" * 60_000).status == 400
    assert ann.ask("/api/exams/0123456789abcdef").status == 404
    assert ann.ask(path, method="DELETE").status in (403, 405)
    assert ann.ask(path).json["reading"]["comment"] == ""


def test_every_answer_is_fenced_in(ann: Browser, exams: dict[str, Exam]) -> None:
    for path in ["/", "/assets/review.js", "/nowhere", *paths(exams)]:
        headers = ann.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_nothing_from_elsewhere_and_nothing_inline(ann: Browser) -> None:
    page = ann.ask("/").data.decode()
    assert not re.search(r"\son\w+=|<style|\sstyle=|javascript:|https?://", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    for name in re.findall(r"/assets/([\w.]+)", page):
        text = ann.ask(f"/assets/{name}").data.decode()
        assert not re.search(r"https?://|@import|url\(|eval\(|new Function|document\.write", text)
        assert "innerHTML" not in text.replace('holder.innerHTML = "<svg></svg>"', "")


def test_readers_dont_see_each_other(served: Served, exams: dict[str, Exam]) -> None:
    ann, ben = served.browser(), served.browser()
    ann.sign_in("Berta")
    ben.sign_in("Ben")
    one = next(iter(exams))
    ann.change(one, {"levels": {"L1": True}, "comment": "seen by Berta"}, "change-1")
    told = [ben.ask(path) for path in paths(exams)]
    assert not any(b"Berta" in answer.data for answer in told)
    assert told[-1].status == 403, "the consensus is closed"
    assert ben.ask("/api/consensus", {}).status == 409, "until one's own exams are signed"
    assert ben.ask(f"/api/consensus/{one}").status == 403


def test_own_readings_are_closed_once_the_others_were_seen(
    served: Served, exams: dict[str, Exam]
) -> None:
    ann = served.browser()
    ann.sign_in("Anna")
    for i, name in enumerate(exams):
        assert ann.change(name, {"signed": True}, f"change-{i}").status == 200
    assert ann.ask("/api/consensus", {}).status == 200
    assert ann.change(next(iter(exams)), {"levels": {"L1": True}}, "change-x").status == 409


def test_blinded_to_the_software(folder: Path, serve: Serve) -> None:
    """Neither its answer nor its marks nor pictures with them leave the server."""
    exams = load(folder)
    positive = next(e for e in exams.values() if e.told["edema"]["levels"])
    ben = serve(folder, "--blind").browser()
    ben.sign_in("Ben")
    told = ben.ask(f"/api/exams/{positive.name}").json
    assert "software" not in told
    assert all(s["edema"] == [] for s in told["slices"])
    assert told["reading"]["levels"] == []
    assert ben.ask(f"/picture/{positive.name}/plain.png").status == 200
    assert ben.ask(f"/picture/{positive.name}/slice-1.png").status == 404


def test_numbering_hidden_until_set(folder: Path, serve: Serve) -> None:
    exams = load(folder)
    exam = next(iter(exams.values()))
    ben = serve(folder, "--hide-numbering").browser()
    ben.sign_in("Ben")
    told = ben.ask(f"/api/exams/{exam.name}")
    assert not told.json["named"]
    view = {k: v for k, v in told.json.items() if k != "sequence"}
    assert "software" not in view
    assert not re.search(r'"[TLS]\d', json.dumps(view)), "no level's name"
    assert ben.change(exam.name, {"levels": {"L1": True}}, "change-1").status == 409
    assert ben.change(exam.name, {"signed": True}, "change-2").status == 409
    z = told.json["bodies"][-1]["z"]
    told = ben.change(exam.name, {"numbering": f"L5@{z}"}, "change-3")
    assert told.json["bodies"][-1]["level"] == "L5"
    assert ben.change(exam.name, {"levels": {"L1": True}}, "change-4").status == 200


def test_what_others_wrote_stays_text(folder: Path, serve: Serve) -> None:
    """Names, comments and the batch's own strings reach the page as JSON, never as markup."""
    evil = "<script>alert(1)</script>"
    lines = []
    for line in (folder / "results.jsonl").read_text().splitlines():
        told = json.loads(line)
        told["flags"] = [{"code": evil, "text": evil}]
        told["series"]["edema"]["sequence"] = evil
        lines.append(json.dumps(told))
    (folder / "results.jsonl").write_text("\n".join(lines) + "\n")
    browser = serve(folder).browser()
    browser.sign_in(evil)
    one = next(iter(load(folder)))
    browser.change(one, {"comment": evil}, "change-1")
    answer = browser.ask(f"/api/exams/{one}")
    assert answer.headers["content-type"].startswith("application/json")
    assert evil not in browser.ask("/").data.decode()
    assert answer.json["reading"]["comment"] == evil


def review(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fasciaseg_cli", "review", *arguments, "--no-browser"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "somewhere.example"])
def test_no_public_address_without_a_password(folder: Path, host: str) -> None:
    with pytest.raises(UsageError, match="a password is needed"):
        serve_review(folder, ReviewOptions(host=host), print)
    assert not (folder / "review.sqlite").exists()


def test_a_password_opens_a_browser(folder: Path, serve: Serve, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    served = serve(folder, "--host", "0.0.0.0", "--password-file", str(secret))
    base = served.base.replace("0.0.0.0", "127.0.0.1")
    browser = Browser(base)
    assert browser.ask("/api/me").json["password"]
    assert browser.ask("/api/password", {"password": "wrong"}).status == 403
    assert browser.ask("/api/exams").status == 401
    assert browser.ask("/api/password", {"password": "correct horse"}).status == 403, "too soon"
    deadline = time.monotonic() + 20
    while browser.ask("/api/password", {"password": "correct horse"}).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.7)
    browser.sign_in("Ann")
    assert browser.ask("/api/exams").status == 200
    assert browser.ask("/", Host="evil.example").status == 421


def test_guessing_gets_slower() -> None:
    access = Access("correct horse")
    assert not any(access.by_password(str(i), "one") for i in range(20))
    assert access.by_password("correct horse", "one") is None
    assert access.by_password("correct horse", "another") is not None


@pytest.mark.parametrize("text", ["", "short\n", "\nsecond line counts not"])
def test_weak_passwords_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="fewer than 8 characters"):
        password_of(text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{}/nowhere"], "no scored exams"),
        (["{}/out", "--export"], "Nobody has reviewed"),
        (["{}/out", "--password-file", "{}/missing"], "password file can't be read"),
        (["{}/out", "--host", "0.0.0.0"], "a password is needed"),
    ],
)
def test_what_cant_be_served_is_named(
    folder: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = review(*(a.format(tmp_path) for a in arguments))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_named(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = review(str(folder), "--port", str(other.getsockname()[1]))
    assert done.returncode == 2
    assert "Can't listen" in done.stderr


def test_who_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.example", "")))
    assert known_host("[::1]:80", "127.0.0.1")
    assert not known_host("evil.example@127.0.0.1.evil.example", "127.0.0.1")
