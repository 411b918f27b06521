"""Serve a review until somebody stops it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import UsageError
from .access import Access, is_loopback
from .exams import load
from .options import ReviewOptions
from .store import Store


def serve(folder: Path, options: ReviewOptions, on_address: Callable[[str], None]) -> None:
    """Serve the exams of a batch's folder until the process is interrupted.

    Args:
        folder: what `fasciaseg batch --out` wrote.
        options: where and how.
        on_address: told the address with its one-time token, and a new one once it was used.

    Raises:
        UsageError: no batch in the folder, no password for a public address, or the address
            can't be listened on.
        OutputNotWritable: `review.sqlite` can't be written.
    """
    if options.password is None and not is_loopback(options.host):
        raise UsageError(
            "password_needed",
            f"Other machines can reach '{options.host}': a password is needed.",
            "Give --password-file, or listen on 127.0.0.1 and use an SSH tunnel.",
        )
    exams = load(folder)
    with Store(folder) as store, _listening(options) as listener:
        import uvicorn

        from .app import build
        from .desk import Review

        port = listener.getsockname()[1]
        host = f"[{options.host}]" if ":" in options.host else options.host

        def told(token: str) -> None:
            on_address(f"http://{host}:{port}/?token={token}")

        access = Access(options.password, told)
        app = build(Review(folder, exams, store, access, options), options.host)
        config = uvicorn.Config(
            app,
            log_config=None,
            # A log of requests would hold the token.
            access_log=False,
            ws="none",
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=3,
            proxy_headers=False,
        )
        told(access.token)
        with suppress(KeyboardInterrupt):  # how a review ends
            uvicorn.Server(config).run(sockets=[listener])


def _listening(options: ReviewOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        # From here on a browser that is sent here waits until the server answers.
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or "no such port"
        raise UsageError(
            "cant_listen",
            f"Can't listen on {options.host}, port {options.port}: {reason}.",
            "Name another --port or --host.",
        ) from error
    return listener
