"""Who may talk to the server: the token in the address, the password, cookies, origins.

Cookies belong to a host, not to a port, and any page that a browser shows can send requests to
127.0.0.1: nothing is taken for granted because it comes from this machine.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import UsageError

#: Shorter passwords are refused.
LEAST_PASSWORD = 8
_LONGEST_WAIT_S = 30.0


@dataclass
class Session:
    """One browser.

    Attributes:
        reader: number of who has signed in there; None before.
    """

    reader: int | None = None


class Access:
    """Tokens, password and sessions of one running server; gone when it ends."""

    def __init__(self, password: str | None, on_token: Callable[[str], None] | None = None) -> None:
        """Make the first token.

        Args:
            password: opens a browser as a token does; None for tokens only.
            on_token: told every token, the next one as soon as one is used.
        """
        self._password = None if password is None else _digest(password)
        self._on_token = on_token or (lambda token: None)
        self._sessions: dict[str, Session] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._token = secrets.token_urlsafe(32)

    @property
    def token(self) -> str:
        """What the next new browser must bring."""
        return self._token

    @property
    def has_password(self) -> bool:
        """Whether a password opens a browser too."""
        return self._password is not None

    def by_token(self, token: str) -> str | None:
        """A new session's key for the token, which then is used up; None for a wrong one."""
        with self._lock:
            if not hmac.compare_digest(_digest(token), _digest(self._token)):
                return None
            self._token = secrets.token_urlsafe(32)
        self._on_token(self._token)
        return self._new()

    def by_password(self, password: str, client: str) -> str | None:
        """A new session's key; None for a wrong password, or after too many for a while."""
        now = time.monotonic()
        with self._lock:
            n, not_before = self._failures.get(client, (0, 0.0))
            if now < not_before:
                return None
            if not hmac.compare_digest(_digest(password), self._password or b""):
                if len(self._failures) > 1000:
                    self._failures.clear()
                wait = min(0.5 * 2**n, _LONGEST_WAIT_S)
                self._failures[client] = (min(n + 1, 20), now + wait)
                return None
            self._failures.pop(client, None)
        return self._new()

    def session(self, key: str | None) -> Session | None:
        """The session of a cookie."""
        return self._sessions.get(key) if key else None

    def end(self, key: str | None) -> None:
        """Forget a session."""
        self._sessions.pop(key or "", None)

    def _new(self) -> str:
        key = secrets.token_urlsafe(32)
        self._sessions[key] = Session()
        return key


def known_host(host: str, bound: str) -> bool:
    """Whether a Host header names this server, and not a foreign name that leads here.

    A page that has its own name lead to 127.0.0.1 (DNS rebinding) sends that name.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if _address(name) is not None:
        return True
    names = {"localhost", bound.lower()}
    if not is_loopback(bound):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return name in names


def same_origin(origin: str | None, host: str) -> bool:
    """Whether a request comes from this server's own page."""
    if origin is None:
        return False
    try:
        told = urlsplit(origin)
    except ValueError:
        return False
    return told.scheme in ("http", "https") and told.netloc == host and not told.path


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    address = _address(host)
    return address.is_loopback if address is not None else host.lower() == "localhost"


def password_of(text: str) -> str:
    """The password that a file holds: its first line.

    Raises:
        UsageError: `weak_password`.
    """
    password = (text.splitlines() or [""])[0].strip()
    if len(password) < LEAST_PASSWORD:
        raise UsageError(
            "weak_password",
            f"The password file's first line has fewer than {LEAST_PASSWORD} characters.",
            "Put a longer password there.",
        )
    return password


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _digest(text: str) -> bytes:
    # Digests have one length: comparing them takes the same time whatever was sent.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
