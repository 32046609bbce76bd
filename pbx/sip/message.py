"""SIP messages: bytes to Request or Response and back (RFC 3261 §7).

The parser is lazy: it finds the lines, checks what every message must have, and leaves all other headers as strings
until somebody asks. After `parse` these never raise: vias, via, from_, to, cseq, sip_call_id, and of a request
max_forwards, expires, request_uri. The others (contacts, routes …) may raise RemoteProtocolError when asked.
"""

from __future__ import annotations

import re

from msgspec import Struct

from pbx.sip import fields, lexical
from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.fields import CSeq
from pbx.sip.headers import MAX_HEADER_LENGTH, MAX_HEADERS, Headers
from pbx.sip.uri import NameAddr, SipUri
from pbx.sip.via import Via, parse_vias, response_destination, stamped

__all__ = ["CSeq", "Request", "Response", "Via", "check_request", "parse", "response_destination", "stamp"]

MAX_MESSAGE = 65536
MAX_LINES = 1024  # before folded ones are joined
VERSION = "SIP/2.0"

_FOLD = re.compile(r"\r\n[ \t]++")
_SIP_VERSION = re.compile(r"SIP/[0-9]{1,9}\.[0-9]{1,9}", re.IGNORECASE | re.ASCII)
_MANDATORY = ("via", "from", "to", "call-id", "cseq")
_SINGLE = (
    "from",
    "to",
    "call-id",
    "cseq",
    "max-forwards",
    "content-length",
    "content-type",
    "expires",
    "event",
    "refer-to",
    "replaces",
)


class _Message:
    """What requests and responses share. Never made by itself."""

    __slots__ = ()
    headers: Headers
    body: bytes

    @property
    def vias(self) -> list[Via]:
        return self.headers.parsed("vias", "via", parse_vias)

    @property
    def via(self) -> Via:
        """The top Via. It can be read though those below it are broken."""
        return self.headers.parsed("via", "via", fields.top_via)

    @property
    def from_(self) -> NameAddr:
        return self.headers.parsed("from", "from", fields.one_address)

    @property
    def to(self) -> NameAddr:
        return self.headers.parsed("to", "to", fields.one_address)

    @property
    def cseq(self) -> CSeq:
        return self.headers.parsed("cseq", "cseq", fields.cseq)

    @property
    def sip_call_id(self) -> str:
        return self.headers.get("call-id") or ""

    @property
    def contacts(self) -> list[NameAddr]:
        """At most 10. `Contact: *` is no address: see `is_wildcard`."""
        return self.headers.parsed("contacts", "contact", fields.contacts)

    @property
    def contact(self) -> NameAddr | None:
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def is_wildcard(self) -> bool:
        """Whether this says `Contact: *` (§10.2.2)."""
        return "*" in lexical.elements(self.headers.all("contact"), fields.MAX_CONTACTS, "contacts")

    @property
    def max_forwards(self) -> int | None:
        """None in RFC 2543 requests."""
        return self.headers.parsed("max-forwards", "max-forwards", fields.max_forwards)

    @property
    def expires(self) -> int | None:
        return self.headers.parsed("expires", "expires", fields.expires)

    @property
    def routes(self) -> list[NameAddr]:
        return self.headers.parsed("routes", "route", fields.addresses)

    @property
    def record_routes(self) -> list[NameAddr]:
        return self.headers.parsed("record-routes", "record-route", fields.addresses)

    @property
    def content_type(self) -> str | None:
        """The media type in lower case, without parameters."""
        value = self.headers.get("content-type")
        return value.partition(";")[0].strip().lower() if value else None

    def accepts(self, media_type: str) -> bool:
        """Whether the peer takes such a body in the answer; without Accept it does (§20.1)."""
        ranges = self.headers.parsed("accept", "accept", fields.media_ranges)
        return ranges is None or bool({media_type, media_type.partition("/")[0] + "/*", "*/*"} & ranges)

    @property
    def require(self) -> frozenset[str]:
        """Option tags in lower case."""
        return self.headers.parsed("require", "require", fields.tokens)

    @property
    def supported(self) -> frozenset[str]:
        return self.headers.parsed("supported", "supported", fields.tokens)


class Request(_Message, Struct, frozen=True):
    """A request. `uri` is the Request-URI as it stands on the wire; `request_uri` is the same in parts."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""

    @property
    def request_uri(self) -> SipUri:
        return SipUri.parse(self.uri)

    def serialise(self) -> bytes:
        """The message on the wire, with its true Content-Length. Raises LocalProtocolError."""
        return _serialise(f"{self.method} {self.uri} {VERSION}", self.headers, self.body)


class Response(_Message, Struct, frozen=True):
    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    @property
    def is_provisional(self) -> bool:
        return self.status < 200

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_failure(self) -> bool:
        """Every final response that is no success: redirections (3xx) too."""
        return self.status >= 300

    @property
    def is_final(self) -> bool:
        return self.status >= 200

    def serialise(self) -> bytes:
        """The message on the wire, with its true Content-Length. Raises LocalProtocolError."""
        return _serialise(f"{VERSION} {self.status} {self.reason}", self.headers, self.body)


def parse(data: bytes | memoryview) -> Request | Response:
    """One whole message out of one datagram (or one framed piece of a stream).

    Raises RemoteProtocolError and nothing else. Where it was a request with a Via that shows the way back, the error
    carries it, so that it can be answered. A response that is wrong has status None: nobody answers a response.
    """
    if len(data) > MAX_MESSAGE:
        raise RemoteProtocolError("a message longer than 64 KiB", None)
    # §7.5: "Implementations processing SIP messages over stream-oriented transports MUST ignore any CRLF appearing
    # before the start-line"; phones send them over UDP too.
    head, gap, body = bytes(data).lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not gap:
        raise RemoteProtocolError("no end of the header", None)
    if head.count(b"\r\n") > MAX_LINES:
        raise RemoteProtocolError("more than 1024 lines", None)
    text = head.decode("utf-8", "surrogateescape")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)  # §7.3.1: a line that starts with white space continues the one before
    start_line, _, rest = text.partition("\r\n")
    lines = _header_lines(rest)
    if start_line[:4] in ("SIP/", "sip/"):
        return _parse_response(start_line, lines, body)
    return _parse_request(start_line, lines, body)


def _header_lines(text: str) -> list[str]:
    if text.count("\r\n") >= MAX_HEADERS:
        raise RemoteProtocolError("more than 256 headers", None)
    lines = text.split("\r\n")
    if max(map(len, lines)) > MAX_HEADER_LENGTH:
        raise RemoteProtocolError("a header longer than 8 KiB", None)
    return lines if text else []


def _parse_request(start_line: str, lines: list[str], body: bytes) -> Request:
    words = start_line.rstrip(" ").split(" ")
    if len(words) < 3 or not _SIP_VERSION.fullmatch(words[-1]):
        raise RemoteProtocolError("not a SIP message", None)
    headers = Headers()
    fault = headers.take(lines)
    request = Request(words[0], " ".join(words[1:-1]), headers, body)
    try:
        if words[-1].upper() != VERSION:
            raise RemoteProtocolError("a version of SIP that we do not speak", 505)
        if len(start_line) > MAX_HEADER_LENGTH:
            raise RemoteProtocolError("a request line longer than 8 KiB", 414)
        if len(words) != 3 or start_line[-1] == " ":
            raise RemoteProtocolError("white space in the request line")
        if fault:
            raise fault
        body = _cut(headers, body)
        check_request(request)
    except RemoteProtocolError as error:
        error.request = _answerable(request)
        raise
    return request if body is request.body else Request(request.method, request.uri, headers, body)


def _parse_response(start_line: str, lines: list[str], body: bytes) -> Response:
    version, _, rest = start_line.partition(" ")
    code, _, reason = rest.partition(" ")
    if version.upper() != VERSION or len(code) != 3 or "\r" in reason or "\n" in reason:
        raise RemoteProtocolError("not a SIP response", None)
    headers = Headers()
    try:
        status = lexical.integer(code, 699, "status")
        if fault := headers.take(lines):
            raise fault
        response = Response(status, reason, headers, _cut(headers, body))
        check_response(response)
    except RemoteProtocolError as error:
        error.status = None
        raise
    return response


def _cut(headers: Headers, body: bytes) -> bytes:
    """§18.3: over UDP the body may be followed by bytes to be discarded, and may come without a length."""
    declared = headers.get("content-length")
    if declared is None:
        return body
    length = lexical.integer(declared, 2**32 - 1, "Content-Length")
    if length > len(body):
        raise RemoteProtocolError("Content-Length is longer than the datagram")
    return body if length == len(body) else body[:length]


def check_request(request: Request) -> None:
    """What a request must have before anybody looks at it further (§8.1.1, §8.2.1). Raises RemoteProtocolError.

    Max-Forwards and the From tag may be absent: RFC 2543 did not ask for them.
    """
    _check_common(request)
    if not lexical.TOKEN.fullmatch(request.method):
        raise RemoteProtocolError("a method that is no token")
    # §8.1.1.5: "The method MUST match that of the request."
    if request.cseq.method != request.method:
        raise RemoteProtocolError("CSeq names another method")
    _ = request.max_forwards, request.expires
    uri = request.request_uri
    # §8.2.2.1: "If the Request-URI uses a scheme not supported by the UAS, it SHOULD reject the request with a 416".
    if not uri.is_sip and uri.scheme != "tel":
        raise RemoteProtocolError("an unknown URI scheme", 416)
    # §19.1.1, table 1: headers have no place in a Request-URI.
    if uri.headers:
        raise RemoteProtocolError("headers in the Request-URI")


def check_response(response: Response) -> None:
    """What a response must have. Raises RemoteProtocolError."""
    if response.status < 100:
        raise RemoteProtocolError("a status below 100")
    _check_common(response)


def _check_common(message: Request | Response) -> None:
    headers = message.headers
    if missing := headers.missing(_MANDATORY):
        raise RemoteProtocolError(f"no {missing}")
    if duplicate := headers.duplicated(_SINGLE):
        raise RemoteProtocolError(f"more than one {duplicate}")
    _ = message.via, message.from_, message.to, message.cseq
    if headers.duplicated(("via",)) or "," in (headers.get("via") or ""):
        _ = message.vias


def _answerable(request: Request) -> Request | None:
    """The request, when an answer could find its way; nobody answers an ACK.

    RFC 4475 §3.3.1: a request without To, From and Call-ID is best answered too, with a 400 made of what there is.
    """
    if request.method == "ACK":
        return None
    try:
        _ = request.via
    except RemoteProtocolError:
        return None
    return request


def stamp(request: Request, source_host: str, source_port: int) -> None:
    """Write into the top Via where the request really came from (§18.2.1, RFC 3581). Do it before anything else."""
    written = request.headers.get("via") or ""
    others = lexical.split_list(written)[1:] if "," in written else []
    via = stamped(request.via, source_host, source_port)
    request.headers.replace_first("Via", ", ".join([str(via), *others]))
    request.headers.know("via", "via", via)


def _serialise(start_line: str, headers: Headers, body: bytes) -> bytes:
    if "\r" in start_line or "\n" in start_line:
        raise LocalProtocolError("a start line of more than one line")
    try:
        return (
            "\r\n".join([start_line, *headers.wire_lines(len(body)), "", ""]).encode("utf-8", "surrogateescape") + body
        )
    except UnicodeEncodeError as error:
        raise LocalProtocolError("text that cannot be sent") from error
