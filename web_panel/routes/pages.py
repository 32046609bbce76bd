"""The pages: one document that the front end fills, and its hashed files."""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path

from litestar import MediaType, Response, Router, get
from litestar.datastructures import CacheControlHeader, State
from litestar.exceptions import NotFoundException
from litestar.static_files import create_static_files_router

from web_panel.auth import PUBLIC
from web_panel.texts import text

STATIC = Path(__file__).parent.parent / "static"
PATHS = [
    "/",
    "/events",
    "/events/{event_id:uuid}",
    "/calls/{call_id:uuid}",
    "/reports",
    "/lines",
    "/hall",
    "/board",
    "/booking",
    "/keys",
]
NOT_BUILT = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Dzvin</title></head>
<body><h1>Dzvin</h1><p>{says}</p></body></html>"""


@get(PATHS, opt={"rule": PUBLIC}, include_in_schema=False, media_type=MediaType.HTML)
async def page(state: State) -> Response[str]:
    """The document is never cached, its files always: a new version is there at the next visit."""
    document = state["static"] / "index.html"
    headers = {"Cache-Control": "no-cache"}
    try:
        return Response(document.read_text("utf-8"), headers=headers, media_type=MediaType.HTML)
    except FileNotFoundError:
        language = state["services"].settings.language
        says = NOT_BUILT.format(language=language, says=escape(text("error.not_built", language)))
        return Response(says, headers=headers, media_type=MediaType.HTML, status_code=503)


def assets(static: Path) -> Router:
    """Hashed files: their content never changes under one name."""
    return create_static_files_router(
        path="/assets",
        directories=[static / "assets"],
        opt={"rule": PUBLIC},
        include_in_schema=False,
        cache_control=CacheControlHeader(max_age=365 * 24 * 3600, public=True, immutable=True),
    )


@get("/ca.pem", opt={"rule": PUBLIC}, include_in_schema=False, media_type="application/x-x509-ca-cert")
async def authority(state: State) -> bytes:
    """The installation's own authority, for whoever has to believe it. 404 where the certificate is another's."""
    file: Path | None = state["services"].settings.authority
    if file is None:
        raise NotFoundException
    return await asyncio.to_thread(file.read_bytes)
