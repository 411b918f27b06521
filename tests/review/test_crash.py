"""What was acknowledged is kept, whatever ends the server."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from fasciaseg.review.exams import Exam

from .conftest import Serve


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(
    folder: Path, exams: dict[str, Exam], serve: Serve
) -> None:
    """kill -9 in the middle of two readers' writing, then a new server."""
    names = sorted(exams)
    served = serve(folder)
    acknowledged: dict[str, dict[str, str]] = {"Ann": {}, "Ben": {}}
    enough = threading.Event()

    def write(reader: str, browser: object) -> None:
        for i in range(10_000):
            exam, text = names[i % 5], f"{reader} {i}"
            try:
                answer = browser.change(exam, {"comment": text}, f"change-{i}")  # type: ignore[attr-defined]
            except OSError:
                return  # the server is gone
            assert answer.status == 200
            acknowledged[reader][exam] = text
            if i == 60:
                enough.set()

    browsers = {name: served.browser() for name in acknowledged}
    for name, browser in browsers.items():
        browser.sign_in(name)
    threads = [threading.Thread(target=write, args=pair) for pair in browsers.items()]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    served.stop(signal.SIGKILL)
    for thread in threads:
        thread.join(30)

    again = serve(folder)
    for name, told in acknowledged.items():
        browser = again.browser()
        browser.sign_in(name)
        for exam, text in told.items():
            found = browser.ask(f"/api/exams/{exam}").json["reading"]["comment"]
            # The one that was on its way may have been stored without an answer.
            assert int(found.split()[1]) >= int(text.split()[1])


def test_a_double_click_counts_once_and_so_does_a_repeated_request(
    folder: Path, exams: dict[str, Exam], serve: Serve
) -> None:
    served = serve(folder)
    ann = served.browser()
    ann.sign_in("Ann")
    one = sorted(exams)[0]
    threads = [
        threading.Thread(
            target=ann.change, args=(one, {"levels": {"L1": True}, "signed": True}, "change-1", 5.0)
        )
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served.stop() == 0
    from fasciaseg.review.store import Store

    with Store(folder) as store:
        (event,) = store.events("reader", one, 1)
        assert event[:2] == ({"levels": {"L1": True}, "signed": True}, 5.0)


def test_two_browsers_of_one_reader_dont_undo_each_other(
    folder: Path, exams: dict[str, Exam], serve: Serve
) -> None:
    served = serve(folder)
    left, right = served.browser(), served.browser()
    one = sorted(exams)[0]
    for browser in (left, right):
        browser.sign_in("Ann")
    left.change(one, {"levels": {"L1": True}}, "change-left")
    told = right.change(one, {"levels": {"L2": True}}, "change-right").json
    assert told["reading"]["levels"] == ["L1", "L2"]
