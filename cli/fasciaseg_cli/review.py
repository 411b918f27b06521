"""`fasciaseg review`: readers check a batch in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import interrupt
from .guard import complain, logged, reported, say

if TYPE_CHECKING:
    from fasciaseg.review.table import Exported


def review(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder that `fasciaseg batch` wrote.", show_default=False
        ),
    ],
    export: Annotated[
        bool,
        typer.Option(
            "--export",
            help="Write DIR/reviews.csv and the readers' columns of DIR/results.csv, and end.",
        ),
    ] = False,
    blind: Annotated[
        bool, typer.Option("--blind", help="Hide what the software says from the readers.")
    ] = False,
    hide_numbering: Annotated[
        bool,
        typer.Option(
            "--hide-numbering", help="Show no level names until the reader has named a vertebra."
        ),
    ] = False,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on. One that other machines reach needs --password-file.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=65535, help="Port to listen on.", show_default="a free one"
        ),
    ] = 0,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="File whose first line is a password that opens a browser too.",
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address only; open no browser.")
    ] = False,
) -> None:
    """Let readers check, correct and sign every exam of a batch on a local page.

    Prints the page's address with a token that opens one browser. Readings are stored in
    DIR/review.sqlite as they are made. Ctrl-C ends it. Exit codes: 0 done; 2 wrong usage, no
    batch in DIR, or a public address without a password; 6 DIR can't be written; 1 anything
    unexpected.
    """
    with reported(), logged(None):
        from fasciaseg import review as room

        if export:
            _tell(room.export_tables(folder), folder)
            return
        options = room.ReviewOptions(
            host=host,
            port=port,
            password=_password(password_file) if password_file is not None else None,
            blind=blind,
            hide_numbering=hide_numbering,
        )
        say("Research use, not a medical device. Ctrl-C ends the review.\n")
        first = True

        def on_address(address: str) -> None:
            nonlocal first
            say(f"{'Open' if first else 'For another browser'}: {address}\n")
            if first and not no_browser:
                import webbrowser

                webbrowser.open(address)
            first = False

        room.serve_review(folder, options, on_address)
        interrupt.seen = False  # Ctrl-C is how a review ends, not how it fails
    if not export:
        say(f"Ended. For the tables: fasciaseg review {folder} --export\n")


def _password(path: Path) -> str:
    from fasciaseg.errors import UsageError
    from fasciaseg.review.access import password_of

    try:
        return password_of(path.read_text("utf-8-sig"))
    except (OSError, UnicodeError) as error:
        raise UsageError(
            "no_password", "The password file can't be read.", "It must be a text file."
        ) from error


def _tell(done: Exported, folder: Path) -> None:
    say(
        f"{done.readers} readers, {done.signed} signed readings, {done.settled} exams with a "
        f"consensus. Tables: {folder / 'reviews.csv'}, {folder / 'results.csv'}\n"
    )
    if done.drafts:
        complain(f"{done.drafts} readings aren't signed and were left out.")
    if done.open:
        complain(f"{done.open} exams still wait for a consensus.")
