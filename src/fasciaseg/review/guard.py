"""Around the whole server: foreign hosts and origins are turned away, every answer is fenced in."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import known_host, same_origin

#: Larger requests than any page of ours sends.
LARGEST_BODY = 64_000
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Passes on only requests that our own page could have sent."""

    def __init__(self, app: ASGIApp, bound: str) -> None:
        """Guard `app`, which listens on the host `bound`."""
        self._app = app
        self._bound = bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return

        async def fenced(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refused(scope)
        if refused is not None:
            status, reason = refused
            await JSONResponse({"error": reason}, status)(scope, receive, fenced)
            return
        await self._app(scope, receive, fenced)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not known_host(hosts[0], self._bound):
            return 421, "This server doesn't go by that name."
        if headers.get("sec-fetch-site", "none") == "cross-site" and not _is_visit(scope, headers):
            return 403, "Requests of other pages aren't answered."
        if scope["method"] in ("GET", "HEAD"):
            return None
        if not same_origin(headers.get("origin"), hosts[0]):
            return 403, "Requests of other pages aren't answered."
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return 415, "Only JSON is taken."
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return 413, "That is too much."
        return None


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Whether somebody follows a link here, from a mail or a chat, as to any page."""
    return scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
