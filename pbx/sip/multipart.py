"""Bodies of several parts, of which one is a session description (RFC 5621, RFC 2046 §5.1).

A part that we do not know is skipped, unless its sender says that it must be understood (RFC 3261 §20.11, handling).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pbx.sip import lexical
from pbx.sip.capabilities import SESSION_BODIES
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.sdp import CONTENT_TYPE as SDP

MAX_PARTS = 8
MAX_DEPTH = 2  # of parts within parts
MAX_PART_HEADERS = 16
Part = tuple[dict[str, str], bytes]
"""Headers by lower-case name, and the body."""

_ACCEPT = (("Accept", SESSION_BODIES),)


def session_body(message: Request | Response) -> bytes:
    """The session description in a message, empty when it has none. Raises RemoteProtocolError: 415 for a body that
    would have to be understood and is not, 400 for a broken one."""
    if not message.body:
        return b""
    named = ("content-type", "content-disposition", "content-encoding")
    headers = {name: message.headers.get(name) or "" for name in named}
    # RFC 3261 §20.15 asks for a Content-Type; a body without it in an INVITE is SDP.
    return _session(headers | ({} if headers["content-type"] else {"content-type": SDP}), message.body, depth=0)


def _session(headers: Mapping[str, str], body: bytes, *, depth: int) -> bytes:
    kind = headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    disposition, _, rest = headers.get("content-disposition", "").partition(";")
    if (headers.get("content-encoding") or "identity").strip().lower() != "identity":
        raise RemoteProtocolError("an encoded body", 415, headers=(("Accept-Encoding", "identity"),))
    if kind == SDP:
        return body if disposition.strip().lower() in ("", "session") else b""
    if kind.startswith("multipart/") and depth < MAX_DEPTH:
        parts = _parts(headers["content-type"], body)
        return _last_of(parts, depth) if kind == "multipart/alternative" else _first_of(parts, depth)
    # RFC 3261 §20.11: handling is "required" unless the part says "optional".
    if (lexical.parse_parameters(rest).get("handling") or "required").lower() == "required":
        raise RemoteProtocolError("a body that is not understood", 415, headers=_ACCEPT)
    return b""


def _first_of(parts: Sequence[Part], depth: int) -> bytes:
    """All parts are looked at: one that must be understood and is not spoils the whole."""
    found = [_session(headers, part, depth=depth + 1) for headers, part in parts]
    return next(filter(None, found), b"")


def _last_of(parts: Sequence[Part], depth: int) -> bytes:
    # RFC 2046 §5.1.4: "the best choice is the LAST part of a type supported by the recipient's local environment."
    unknown: RemoteProtocolError | None = None
    for headers, part in reversed(parts):
        try:
            return _session(headers, part, depth=depth + 1)
        except RemoteProtocolError as error:
            if error.status != 415:
                raise
            unknown = error
    if unknown is not None:
        raise unknown
    return b""


def _parts(content_type: str, body: bytes) -> list[Part]:
    boundary = lexical.parse_parameters(content_type.partition(";")[2]).get("boundary")
    if not boundary or len(boundary) > 70:
        raise RemoteProtocolError("a multipart body without a boundary")
    line = b"--" + boundary.encode("utf-8", "surrogateescape")
    pieces = (b"\r\n" + body).split(b"\r\n" + line, MAX_PARTS + 2)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--") or len(pieces) > MAX_PARTS + 2:
        raise RemoteProtocolError("a multipart body that does not end, or of more than 8 parts")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    # The rest of the boundary's line is white space (RFC 2046 §5.1.1).
    padding, _, rest = piece.partition(b"\r\n")
    if padding.strip(b" \t"):
        raise RemoteProtocolError("text behind a boundary")
    if rest.startswith(b"\r\n"):
        return {}, rest[2:]
    head, _, body = rest.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n", MAX_PART_HEADERS)[:MAX_PART_HEADERS]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}, body
