"""What our pure core would do with one datagram: "accept", a status, or "discard".

A stand-in for the user agent above the core, as small as can be: it knows nobody, so it never answers 404, and it asks
for no credentials. Everything it decides, it decides with the core's own functions.
"""

from __future__ import annotations

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response, parse, stamp
from pbx.sip.registrar import Limits, address_of_record, register
from pbx.sip.reply import refusal
from pbx.sip.sdp import Sdp

METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "MESSAGE"})
BODIES = {"INVITE": "application/sdp", "MESSAGE": "text/plain"}
IN_DIALOG = frozenset({"BYE", "INFO"})


def verdict(data: bytes) -> str:
    try:
        message = parse(data)
        if isinstance(message, Response):
            return "discard"  # it answers none of our requests: no client transaction has its key
        stamp(message, "192.0.2.200", 5060)
        return _handle(message)
    except RemoteProtocolError as error:
        answer = refusal(error, error.request)
        return str(answer.status) if answer and answer.serialise() else "discard"


def _handle(request: Request) -> str:
    if request.method not in METHODS:
        return "405"
    if request.method == "ACK":
        return "discard"
    if request.require:
        return "420"
    if request.method in IN_DIALOG:
        return "481"
    wanted = BODIES.get(request.method)
    if wanted and request.body and request.content_type != wanted:
        return "415"
    if not request.accepts("application/sdp") and request.method == "INVITE":
        return "406"
    try:
        if request.method == "REGISTER":
            address_of_record(request)
            register((), request, now=0.0, source="udp", limits=Limits())
        elif request.method == "INVITE" and request.body:
            _ = Sdp.parse(request.body), request.contacts
    except RemoteProtocolError as error:
        return str(error.status)
    return "accept"
