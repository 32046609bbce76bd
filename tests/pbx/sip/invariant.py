"""The invariant that every fuzzer of the SIP core checks, here and under tests/fuzz:

Any bytes parse or raise RemoteProtocolError, nothing else; what parses can be read, matched, answered and written,
and means the same when it is read again.
"""

from __future__ import annotations

from pbx.sip.dialog import Dialog
from pbx.sip.digest import Challenge, Credentials, verify
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response, Via, parse, response_destination, stamp
from pbx.sip.offer_answer import accept, answer, offer
from pbx.sip.registrar import Limits, address_of_record, register
from pbx.sip.reply import refusal, reply
from pbx.sip.sdp import Sdp
from pbx.sip.transaction import ack_for, cancel_for, client_key, invite_key, server_key
from pbx.sip.uri import NameAddr, SipUri
from tests.pbx.sip import consumers
from tests.pbx.sip.consumers import perhaps as _perhaps

LAZY = (
    "max_forwards",
    "expires",
    "contacts",
    "contact",
    "is_wildcard",
    "routes",
    "record_routes",
    "content_type",
    "require",
    "supported",
)
ROOM = 4096  # below this an answer cannot grow over a limit
VIA = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours"
OUR_OFFER = offer(address="192.0.2.1", port=40000, session_id=1, version=1)


def check_message(data: bytes) -> None:
    """The invariant, for one datagram."""
    try:
        message = parse(data)
    except RemoteProtocolError as error:
        answer_to_error = refusal(error)
        if answer_to_error is not None:
            answer_to_error.serialise()
        return
    # What `parse` promises never to raise afterwards.
    _ = message.via.branch, message.from_.tag, message.to.readable_name, message.cseq, message.sip_call_id, message.vias
    _ = hash(client_key(message)), response_destination(message.via)
    for name in LAZY:
        _perhaps(lambda name=name: getattr(message, name))  # type: ignore[misc]
    _perhaps(lambda: message.accepts("application/sdp"))
    for value in message.headers.all("authorization") + message.headers.all("www-authenticate"):
        check_digest(value)
    check_sdp(message.body)
    consumers.check_readers(message)
    if len(data) < ROOM:
        assert parse(message.serialise()) == message
        if isinstance(message, Request):
            _check_request(message)
        else:
            _check_response(message)


def _check_request(request: Request) -> None:
    _ = hash(server_key(request)), hash(invite_key(request)), str(request.request_uri)
    _ = request.max_forwards, request.expires
    stamp(request, "192.0.2.9", 1024)
    assert response_destination(request.via)[0] == request.via.received or request.via.sent_by_host == "192.0.2.9"
    success = reply(request, 200, to_tag="ours", headers=[("Contact", "<sip:ours@192.0.2.1>")])
    assert parse(success.serialise()) == success
    _perhaps(lambda: _check_dialog(Dialog.from_uas(request, success), request))
    _perhaps(lambda: address_of_record(request))
    _perhaps(lambda: register((), request, now=0.0, source="udp", limits=Limits()))
    consumers.check_request(request)
    if request.method == "INVITE":
        ack = ack_for(request, success)
        cancel = cancel_for(request)
        assert parse(ack.serialise()) == ack
        assert parse(cancel.serialise()) == cancel
        assert server_key(ack) == server_key(request) == invite_key(cancel)


def _check_response(response: Response) -> None:
    from_us = Request("INVITE", "sip:peer@example.com", response.headers)
    _perhaps(lambda: _check_dialog(Dialog.from_uac(from_us, response), response))
    consumers.check_response(response)


def _check_dialog(dialog: Dialog, message: Request | Response) -> None:
    bye = dialog.request("BYE", via=VIA)
    assert parse(bye.serialise()) == bye
    assert Dialog.from_state(dialog.to_state()) == dialog
    consumers.check_dialog_use(dialog, message)
    dialog.request("NOTIFY", via=VIA).serialise()


def check_uri(text: str) -> None:
    def read() -> None:
        uri = SipUri.parse(text)
        assert SipUri.parse(str(uri)) == uri
        assert uri.matches(uri)

    _perhaps(read)


def check_name_addr(text: str) -> None:
    def read() -> None:
        address = NameAddr.parse(text)
        assert NameAddr.parse(str(address)) == address
        address.readable_name.encode()

    _perhaps(read)


def check_via(text: str) -> None:
    def read() -> None:
        via = Via.parse(text)
        assert Via.parse(str(via)) == via
        response_destination(via)

    _perhaps(read)


def check_digest(text: str) -> None:
    _perhaps(lambda: verify(Credentials.parse(text), "INVITE", "0" * 32, b""))
    _perhaps(lambda: Challenge.parse(text))


def check_sdp(body: bytes) -> None:
    def read() -> None:
        sdp = Sdp.parse(body)
        assert Sdp.parse(sdp.serialise()) == sdp
        _perhaps(lambda: accept(OUR_OFFER, sdp))
        ours = answer(sdp, address="192.0.2.1", port=40000, session_id=1, version=1).sdp
        assert Sdp.parse(ours.serialise()) == ours
        assert len(ours.media) == len(sdp.media)

    _perhaps(read)
