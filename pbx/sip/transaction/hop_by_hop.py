"""The two requests that go only as far as the INVITE's next hop: ACK for a failure, and CANCEL.

Both repeat the INVITE's Request-URI, top Via, Call-ID, From, CSeq number and Route, so that the hop can match them.
"""

from __future__ import annotations

from collections.abc import Iterable

from pbx.sip.errors import LocalProtocolError
from pbx.sip.headers import Headers
from pbx.sip.lexical import split_list
from pbx.sip.message import Request, Response


def ack_for(invite: Request, response: Response) -> Request:
    """The ACK that the transaction itself sends for a 300-699 (§17.1.1.3). A 2xx is acknowledged by the dialog."""
    # "The To header field in the ACK MUST equal the To header field in the response being acknowledged".
    return _hop_request(invite, "ACK", to=response.headers.get("to") or "")


def cancel_for(invite: Request, headers: Iterable[tuple[str, str]] = ()) -> Request:
    """The CANCEL of a pending INVITE (§9.1). Send it only after a provisional response has come. headers: a Reason.

    It is a non-INVITE client transaction of its own. Raises LocalProtocolError for another method: "A CANCEL
    request SHOULD NOT be sent to cancel a request other than INVITE."
    """
    if invite.method != "INVITE":
        raise LocalProtocolError("only an INVITE can be cancelled")
    # "The Request-URI, Call-ID, To, the numeric part of CSeq, and From header fields in the CANCEL request MUST be
    # identical to those in the request being cancelled, including tags."
    return _hop_request(invite, "CANCEL", to=invite.headers.get("to") or "", more=headers)


def _hop_request(invite: Request, method: str, *, to: str, more: Iterable[tuple[str, str]] = ()) -> Request:
    headers = Headers()
    # "The ACK MUST contain a single Via header field, and this MUST be equal to the top Via header field of the
    # original request"; §9.1 says the same of CANCEL.
    headers.add("Via", split_list(invite.headers.all("via")[0])[0])
    headers.add("Max-Forwards", "70")
    headers.add("From", invite.headers.get("from") or "")
    headers.add("To", to)
    headers.add("Call-ID", invite.sip_call_id)
    # "The CSeq header field in the ACK MUST contain the same value for the sequence number as was present in the
    # original request, but the method parameter MUST be equal to "ACK"."
    headers.add("CSeq", f"{invite.cseq.number} {method}")
    # "If the INVITE request whose response is being acknowledged had Route header fields, those header fields MUST
    # appear in the ACK"; likewise for CANCEL.
    for route in invite.headers.all("route"):
        headers.add("Route", route)
    for name, value in more:
        headers.add(name, value)
    return Request(method, invite.uri, headers)
