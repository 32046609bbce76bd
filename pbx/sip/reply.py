"""Responses to requests (RFC 3261 §8.2.6, §12.1.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response

REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    428: "Use Identity Header",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    439: "First Hop Lacks Outbound Support",
    440: "Max-Breadth Exceeded",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
_CLASSES = {1: "Progress", 2: "OK", 3: "Redirected", 4: "Bad Request", 5: "Server Error", 6: "Global Failure"}
_FORMS_DIALOG = frozenset({"INVITE", "SUBSCRIBE", "REFER", "NOTIFY"})


def reply(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """A response to the request, with everything that must be copied from it.

    to_tag: the local tag of the dialog; ignored when To has a tag already. Without one, a response other than 100 gets
    a tag computed from the request, the same each time: §8.2.7 asks that of a UAS that keeps no state.
    """
    # §8.2.6.2: "The Via header field values in the response MUST equal the Via header field values in the request".
    ours = [("Via", via) for via in request.headers.all("via")]
    for name in ("From", "To", "Call-ID", "CSeq"):
        value = _to(request, status, to_tag) if name == "To" else request.headers.get(name)
        if value:  # absent in the broken requests that `refusal` answers all the same
            ours.append((name, value))
    # §12.1.1: "the UAS MUST copy all Record-Route header field values from the request into the response".
    if request.method in _FORMS_DIALOG and 100 < status < 300:
        ours += (("Record-Route", route) for route in request.headers.all("record-route"))
    # §8.2.6.1: "any Timestamp header field present in the request MUST be copied into this 100 (Trying) response."
    if status == 100 and (timestamp := request.headers.get("timestamp")):
        ours.append(("Timestamp", timestamp))
    ours += headers
    if content_type:
        ours.append(("Content-Type", content_type))
    return Response(status, reason or reason_of(status), Headers(ours), body)


def reason_of(status: int) -> str:
    return REASONS.get(status) or _CLASSES.get(status // 100, "Unknown")


def refusal(error: RemoteProtocolError, request: Request | None = None) -> Response | None:
    """The response that the error asks for; None when it must be met with silence.

    request: what was being handled, for errors that come out of a header read late and so do not know their request.
    """
    request = error.request or request
    if error.status is None or request is None or request.method == "ACK":
        return None
    return reply(request, error.status, headers=error.headers)


def _to(request: Request, status: int, to_tag: str | None) -> str | None:
    to = request.headers.get("to")
    # §8.2.6.2: "if the To header field in the request did not contain a tag, … the UAS MUST add a tag to the To header
    # field in the response (with the exception of the 100 (Trying) response, in which a tag MAY be present)."
    if not to or _has_tag(request) or (status == 100 and to_tag is None):
        return to
    return f"{to};tag={to_tag or stateless_tag(request)}"


def _has_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except RemoteProtocolError:
        return True  # a To that cannot be read goes back as it came


def stateless_tag(request: Request) -> str:
    """A To tag that is the same for each retransmission of the request, and needs no memory (§8.2.7)."""
    via = request.headers.get("via") or ""
    of_request = "\0".join((via, request.sip_call_id, request.headers.get("from") or "", request.uri))
    return hashlib.sha256(of_request.encode("utf-8", "surrogateescape")).hexdigest()[:16]
