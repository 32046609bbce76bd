"""What protects the browser side of every route: response headers and the check of where a change comes from."""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.types import Message, Scope

from crm_core.organisation import User

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(self)"),
)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Connection: TypeAlias = ASGIConnection[Any, User, Any, State]
"""A request or a websocket; which handler it goes to does not matter here."""


class ForeignOrigin(Exception):
    """A change, or a websocket, that another site's page asked for."""


async def add_headers(message: Message, scope: Scope) -> None:
    """Every response carries the headers; those of an API answer are never kept by a cache."""
    if message["type"] != "http.response.start":
        return
    headers = [*message.get("headers", ())]
    present = {name.lower() for name, _ in headers}
    headers.extend(header for header in HEADERS if header[0] not in present)
    if scope["path"].startswith("/api/") and b"cache-control" not in present:
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers


def check_origin(connection: Connection, allowed: frozenset[str]) -> None:
    """Raises ForeignOrigin.

    Browsers say with every change, and with every websocket, where the page that asks comes from (Origin,
    Sec-Fetch-Site). A request that says neither does not come from a browser, so nobody's cookie is being misused.
    """
    origin = connection.headers.get("origin")
    if origin is not None and origin in allowed:
        return
    site = connection.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise ForeignOrigin
    if origin is None:
        return
    # Behind a proxy the scheme is not ours to know; the host is what tells sites apart.
    if urlsplit(origin).netloc.lower() != connection.headers.get("host", "").lower():
        raise ForeignOrigin
