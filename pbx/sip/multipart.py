"""Bodies of several parts, of which one is a session description (RFC 5621, RFC 2046 §5.1).

A part that we do not know is skipped, unless its sender says that it must be understood (RFC 3261 §20.11, handling).
"""

from __future__ import annotations

from pbx.sip import lexical
from pbx.sip.capabilities import SESSION_BODIES
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.sdp import CONTENT_TYPE as SDP

MAX_PARTS = 8
MAX_PART_HEADERS = 16
_ACCEPT = (("Accept", SESSION_BODIES),)


def session_body(message: Request | Response) -> bytes:
    """The session description in a message, empty when it has none. Raises RemoteProtocolError: 415 for a body that
    would have to be understood and is not, 400 for a broken one."""
    if not message.body:
        return b""
    encoding = (message.headers.get("content-encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise RemoteProtocolError("an encoded body", 415, headers=(("Accept-Encoding", "identity"),))
    kind = message.content_type or SDP  # RFC 3261 §20.15 asks for the header; a body without it in an INVITE is SDP
    return _session(kind, message.headers.get("content-type") or "", _disposition(message), message.body, depth=0)


def _disposition(message: Request | Response) -> str:
    return message.headers.get("content-disposition") or ""


def _session(kind: str, content_type: str, disposition: str, body: bytes, *, depth: int) -> bytes:
    if kind == SDP:
        what = disposition.partition(";")[0].strip().lower()
        return body if what in ("", "session", "early-session") and what != "early-session" else b""
    if kind.startswith("multipart/") and depth < 2:
        found = b""
        for headers, part in _parts(content_type, body):
            inner = headers.get("content-type", "text/plain")
            inner_kind = inner.partition(";")[0].strip().lower()
            session = _session(inner_kind, inner, headers.get("content-disposition", ""), part, depth=depth + 1)
            found = found or session
        return found
    # RFC 3261 §20.11: handling is "required" unless the part says "optional".
    parameters = lexical.parse_parameters(disposition.partition(";")[2])
    if (parameters.get("handling") or "required").lower() == "required":
        raise RemoteProtocolError("a body that is not understood", 415, headers=_ACCEPT)
    return b""


def _parts(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    boundary = lexical.parse_parameters(content_type.partition(";")[2]).get("boundary")
    if not boundary or len(boundary) > 70:
        raise RemoteProtocolError("a multipart body without a boundary")
    line = b"--" + boundary.encode("utf-8", "surrogateescape")
    pieces = (b"\r\n" + body).split(b"\r\n" + line, MAX_PARTS + 2)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--") or len(pieces) > MAX_PARTS + 2:
        raise RemoteProtocolError("a multipart body that does not end, or of more than 8 parts")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> tuple[dict[str, str], bytes]:
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
