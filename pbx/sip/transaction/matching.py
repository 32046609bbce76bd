"""Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3).

A key is a tuple, equal for all messages of one transaction and for no others: use it as the key of a table.
"""

from __future__ import annotations

from pbx.sip.message import Request, Response

Key = tuple[str | int | None, ...]


def client_key(message: Request | Response) -> Key:
    """The key of a request that we send and of its responses."""
    # §17.1.3: "If the response has the same value of the branch parameter in the top Via header field as the branch
    # parameter in the top Via header field of the request that created the transaction", and "if the method parameter
    # in the CSeq header field matches the method of the request … since a CANCEL request constitutes a different
    # transaction, but shares the same value of the branch parameter."
    return message.via.branch, message.cseq.method


def server_key(request: Request) -> Key:
    """The key of a request that comes in. An ACK has the key of its INVITE; a CANCEL has a transaction of its own."""
    return _key(request, "INVITE" if request.method == "ACK" else request.method)


def invite_key(request: Request) -> Key:
    """The key of the INVITE that an ACK acknowledges or a CANCEL cancels (§9.2)."""
    return _key(request, "INVITE")


def merge_key(request: Request) -> Key:
    """What all copies of one request have in common that a forking proxy sent us on several ways (§8.2.2.2)."""
    return request.sip_call_id, request.from_.tag, request.cseq.number, request.method


def _key(request: Request, method: str) -> Key:
    via = request.via
    # §17.2.3: "1. the branch parameter … is equal …, and 2. the sent-by value in the top Via of the request is equal to
    # the one in the request that created the transaction, and 3. the method … matches …, except for ACK".
    if via.is_rfc3261:
        return via.branch, via.sent_by_host.lower(), via.sent_by_port, method
    # RFC 2543: "the Request-URI, To tag, From tag, Call-ID, CSeq, and top Via header field". The To tag is left out:
    # an INVITE has none, while its ACK has the one that we gave.
    return (
        request.uri,
        request.from_.tag,
        request.sip_call_id,
        request.cseq.number,
        via.transport,
        via.sent_by_host.lower(),
        via.sent_by_port,
        via.branch,
        method,
    )
