"""What the review answers, request by request; the rules are in the other modules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from .access import Access, Session
from .exams import Exam
from .names import cleaned
from .options import ReviewOptions
from .order import ordered
from .panel import panel, panels
from .reading import Reading, checked, folded
from .store import Change, Reader, Role, Store
from .view import consensus_view, exam_view, levels_view

_CHANGE_ID = re.compile(r"[0-9a-zA-Z-]{8,64}")
_LONGEST_SECONDS = 3600.0


class Review:
    """Everything that answering needs."""

    def __init__(
        self, folder: Path, exams: dict[str, Exam], store: Store, access: Access,
        options: ReviewOptions,
    ) -> None:  # fmt: skip
        """Serve the exams of a batch's folder."""
        self.folder, self.exams, self.store = folder, exams, store
        self.access, self.options = access, options

    # Who asks

    def cookie(self, request: Request) -> str:
        """Name of our cookie: cookies don't tell ports apart."""
        return f"fasciaseg-review-{(request.scope.get('server') or ('', 0))[1]}"

    def session(self, request: Request) -> Session:
        """The browser's session.

        Raises:
            HTTPException: 401 without one.
        """
        session = self.access.session(request.cookies.get(self.cookie(request)))
        if session is None:
            raise HTTPException(401, "Open the address that the terminal shows.")
        return session

    def reader(self, request: Request) -> Reader:
        """Who has signed in.

        Raises:
            HTTPException: 401 without a session, 403 before signing in.
        """
        number = self.session(request).reader
        if number is None:
            raise HTTPException(403, "Sign in first.")
        return self.store.numbered(number)

    def exam(self, request: Request) -> Exam:
        """The exam in the path.

        Raises:
            HTTPException: 404.
        """
        exam = self.exams.get(request.path_params["exam"])
        if exam is None:
            raise HTTPException(404, "There is no such exam.")
        return exam

    # What is answered

    def me(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Who the browser is, and how far."""
        session = self.access.session(request.cookies.get(self.cookie(request)))
        told: dict[str, Any] = {
            "open": session is not None,
            "password": self.access.has_password,
            "blind": self.options.blind,
            "hide_numbering": self.options.hide_numbering,
            "reader": None,
        }
        if session is not None and session.reader is not None:
            told["reader"] = self.store.numbered(session.reader).name
        return told

    def sign_in(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        """A reader by name; a name that is new among others must be confirmed."""
        session = self.session(request)
        name = cleaned(body.get("name"))
        known = self.store.reader(name)
        if known is None and self.store.readers() and body.get("new") is not True:
            return {"reader": None, "new": name}
        session.reader = (known or self.store.join(name)).number
        return {"reader": self.store.numbered(session.reader).name}

    def sign_out(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Another reader may sign in."""
        self.session(request).reader = None
        return {}

    def listing(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """The reader's exams in their order."""
        me = self.reader(request)
        mine = {
            exam: folded(events, self.exams[exam].vertebrae)
            for (exam, reader), events in self.store.all_events("reader").items()
            if reader == me.number and exam in self.exams
        }
        order = ordered(self.exams, me.name, self.store.seed)
        return {
            "exams": [
                {"exam": e, "signed": e in mine and mine[e].signed, "begun": e in mine}
                for e in order
            ],
            "unblinded": me.unblinded is not None,
        }

    def show(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """One exam, for its own reader."""
        me, exam = self.reader(request), self.exam(request)
        return exam_view(self.folder, exam, self._reading(me, exam), self.options)

    def change(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Store a change to the reader's own reading."""
        me, exam = self.reader(request), self.exam(request)
        if me.unblinded is not None:
            raise HTTPException(409, "You have seen the other readings: yours are closed.")
        return self._store(me, exam, "reader", body)

    def open_consensus(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Begin with the consensus: from here on the reader's own readings are closed."""
        me = self.reader(request)
        self._require_finished(me)
        self.store.unblind(me.number)
        return self.disputes(request, {})

    def disputes(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """The exams that readers differ on."""
        self._unblinded(request)
        found = panels(self.store, self.exams)
        counts: dict[str, int] = {}
        for each in found.values():
            counts[each.state] = counts.get(each.state, 0) + 1
        order = ordered(self.exams, "", self.store.seed)
        return {
            "exams": [
                {"exam": e, "signed": found[e].decided.signed, "begun": True}
                for e in order
                if found[e].disputed
            ],
            "counts": counts,
        }

    def show_dispute(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """One exam with all signed readings."""
        self._unblinded(request)
        exam, readers = self.exam(request), self.store.readers()
        both = panel(self.store, exam, readers)
        told = exam_view(self.folder, exam, both.decided, self.options)
        return told | consensus_view(both, readers)

    def settle(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Store a change to the consensus."""
        return self._store(self._unblinded(request), self.exam(request), "consensus", body)

    # How

    def _reading(self, reader: Reader, exam: Exam) -> Reading:
        return folded(self.store.events("reader", exam.name, reader.number), exam.vertebrae)

    def _unblinded(self, request: Request) -> Reader:
        me = self.reader(request)
        if me.unblinded is None:
            raise HTTPException(403, "The other readings are hidden until you begin the consensus.")
        return me

    def _require_finished(self, reader: Reader) -> None:
        """A reader who has open exams would see the others' answers too early."""
        mine = {
            exam
            for (exam, number), events in self.store.all_events("reader").items()
            if number == reader.number
            and exam in self.exams
            and folded(events, self.exams[exam].vertebrae).signed
        }
        n_open = len(self.exams) - len(mine)
        if n_open and reader.unblinded is None:
            raise HTTPException(409, f"Sign your own exams first: {n_open} to go.")

    def _store(self, me: Reader, exam: Exam, role: Role, body: dict[str, Any]) -> dict[str, Any]:
        change_id, seconds = body.get("id"), body.get("seconds", 0)
        if not isinstance(change_id, str) or not _CHANGE_ID.fullmatch(change_id):
            raise HTTPException(400, "A change needs an id.")
        if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _LONGEST_SECONDS:
            raise HTTPException(400, "Seconds make no sense.")
        changes = checked(body.get("changes"), exam.vertebrae)
        events = self.store.events(role, exam.name, me.number if role == "reader" else None)
        numbering = changes.get("numbering", folded(events, exam.vertebrae).numbering)
        hidden = self.options.hide_numbering and bool(exam.vertebrae) and numbering is None
        if hidden and any(changes.get("levels", {}).values()):
            raise HTTPException(409, "Name a vertebra first.")
        if hidden and changes.get("signed") and not changes.get("cant"):
            raise HTTPException(409, "Name a vertebra first.")
        self.store.record(
            Change(change_id, me.number, exam.name, role, changes, float(seconds),
                   self.options.blind)
        )  # fmt: skip
        events = self.store.events(role, exam.name, me.number if role == "reader" else None)
        return levels_view(exam, folded(events, exam.vertebrae), self.options)
