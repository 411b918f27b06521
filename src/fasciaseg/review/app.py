"""The review as a web application: which request is answered by what, pages and pictures."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .. import pages
from ..errors import FasciasegError, UsageError
from .desk import Review
from .exams import PICTURES, Exam, picture
from .guard import Guard

_ASSETS = {
    "colours.css": "text/css",
    "review.css": "text/css",
    "picture.js": "text/javascript",
    "review.js": "text/javascript",
    "stage.js": "text/javascript",
    "saving.js": "text/javascript",
    "words.js": "text/javascript",
}
Handler = Callable[[Review, Request, dict[str, Any]], Any]


def build(review: Review, bound: str) -> ASGIApp:
    """The application, guarded."""

    def api(path: str, handler: Handler, method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            body = await _body(request) if method == "POST" else {}
            return JSONResponse(await run_in_threadpool(handler, review, request, body))

        return Route(path, endpoint, methods=[method])

    def plain(path: str, handler: Callable[[Review, Request], Awaitable[Response]]) -> Route:
        async def endpoint(request: Request) -> Response:
            return await handler(review, request)

        return Route(path, endpoint)

    async def by_password(request: Request) -> Response:
        body = await _body(request)
        client = request.client.host if request.client else ""
        key = review.access.by_password(str(body.get("password", "")), client)
        if key is None:
            return JSONResponse({"error": "Wrong password, or too soon after one."}, 403)
        answer = JSONResponse({})
        _set_cookie(answer, review.cookie(request), key)
        return answer

    routes = [
        plain("/", _front),
        plain("/favicon.ico", _nothing),
        plain("/assets/{name}", _asset),
        plain("/picture/{exam}/{name}", _picture),
        Route("/api/password", by_password, methods=["POST"]),
        api("/api/me", Review.me),
        api("/api/reader", Review.sign_in, "POST"),
        api("/api/leave", Review.sign_out, "POST"),
        api("/api/exams", Review.listing),
        api("/api/exams/{exam}", Review.show),
        api("/api/exams/{exam}", Review.change, "POST"),
        api("/api/consensus", Review.disputes),
        api("/api/consensus", Review.open_consensus, "POST"),
        api("/api/consensus/{exam}", Review.show_dispute),
        api("/api/consensus/{exam}", Review.settle, "POST"),
    ]
    handlers: dict[Any, Any] = {
        HTTPException: _refused,
        UsageError: _refused,
        FasciasegError: _broken,
        Exception: _unexpected,
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), bound)


async def _front(review: Review, request: Request) -> Response:
    token = request.query_params.get("token")
    if token is not None:
        key = review.access.by_token(token)
        if key is not None:
            # The address with the token must not stay in the history; a redirect wouldn't carry
            # a strict cookie where the address was followed from another page.
            answer = HTMLResponse(_note('<meta http-equiv="refresh" content="0;url=/">', "Opening"))
            _set_cookie(answer, review.cookie(request), key)
            return answer
        if review.access.session(request.cookies.get(review.cookie(request))) is None:
            text = "This address was used before. The terminal shows a new one."
            return HTMLResponse(_note("", text), 403)
    return HTMLResponse(pages.text("review.html"))


async def _nothing(review: Review, request: Request) -> Response:
    return Response(status_code=204)


async def _asset(review: Review, request: Request) -> Response:
    kind = _ASSETS.get(request.path_params["name"])
    if kind is None:
        raise HTTPException(404, "There is no such file.")
    headers = {"Cache-Control": "no-cache"}
    return Response(pages.text(request.path_params["name"]), media_type=kind, headers=headers)


async def _picture(review: Review, request: Request) -> Response:
    exam, name = await run_in_threadpool(_asked, review, request)
    if name not in PICTURES or (review.options.hides and name != PICTURES[0]):
        raise HTTPException(404, "There is no such picture.")
    path = picture(review.folder, exam, name)
    if path is None:
        raise HTTPException(404, "There is no such picture.")
    headers = {"Cache-Control": "private, max-age=3600"}
    return FileResponse(path, media_type="image/png", headers=headers)


def _asked(review: Review, request: Request) -> tuple[Exam, str]:
    review.reader(request)
    return review.exam(request), request.path_params["name"]


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise HTTPException(400, "That is no JSON.") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "That is no object.")
    return body


def _set_cookie(answer: Response, name: str, key: str) -> None:
    answer.set_cookie(name, key, httponly=True, samesite="strict", path="/")


def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    return JSONResponse({"error": getattr(error, "reason", "")}, 400)


def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 503)


def _unexpected(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "Something went wrong; nothing was stored."}, 500)


def _note(head: str, text: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{head}'
        f"<title>fasciaseg review</title><p>{html.escape(text)}</p></html>"
    )
