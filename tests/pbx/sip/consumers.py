"""Every pure reader of what a peer may say, for the invariant of the fuzzers: each reads or raises RemoteProtocolError.

A reader that raises nothing by contract is called bare: whatever it raises is a find.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from pbx.outbound_leg import targets_of
from pbx.sip import dialog_info, identity, info_digits, pidf, refer, session_timer
from pbx.sip.capabilities import Capabilities, PeerCapabilities
from pbx.sip.contact_rules import check_contact
from pbx.sip.dialog import Dialog
from pbx.sip.digest import authorise
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import readable
from pbx.sip.message import Request, Response
from pbx.sip.multipart import session_body
from pbx.sip.negotiation import Negotiation
from pbx.sip.publication import publish
from pbx.sip.reason import cause_of
from pbx.sip.reliable import ProvisionalOrder, RAck, ReliableProvisionals, rseq_of
from pbx.sip.replaces import Replaces
from pbx.sip.reply import reply
from pbx.sip.sdp import Sdp
from pbx.sip.subscription import Limits, Subscription, event_header, wanted
from pbx.sip.transaction import (
    Effect,
    InviteClientTransaction,
    InviteServerTransaction,
    NonInviteClientTransaction,
    NonInviteServerTransaction,
    Respond,
    Send,
    Timer,
    TimerFired,
)
from pbx.sip.uri import SipUri
from pbx.trunks import presentation
from pbx.trunks.settings import TrunkSettings

PACKAGES = {"presence": pidf.MEDIA_TYPE, "dialog": dialog_info.MEDIA_TYPE, "message-summary": "*/*"}
TRUNK = TrunkSettings(name="t", host="192.0.2.5")


def perhaps(read: Callable[[], object]) -> None:
    """The reader may refuse, in the one way that it is allowed to."""
    with suppress(RemoteProtocolError):
        read()


def check_readers(message: Request | Response) -> None:
    """What both kinds have in common."""
    PeerCapabilities().learn(message)
    cause = cause_of(message)
    if cause is not None:
        assert cause.header[1].isprintable()
    readers: Sequence[Callable[[], object]] = (
        lambda: session_body(message),
        lambda: refer.status_of(message.body),
        lambda: pidf.read(message.body).note.encode(),
        lambda: refer.event_of(message),
        lambda: session_timer.SessionExpires.of(message),
    )
    for read in readers:
        perhaps(read)


def check_request(request: Request) -> None:
    readers: Sequence[Callable[[], object]] = (
        lambda: _refer(request),
        lambda: refer.is_terminated(request),
        lambda: Replaces.of(request),
        lambda: session_timer.answer(request, session_timer.Policy()),
        lambda: Capabilities().check_required(request),
        lambda: RAck.of(request),
        lambda: info_digits.digits_of(request),
        lambda: publish((), request, now=0.0, tag="t", limits=Limits()),
        lambda: _subscription(request),
        lambda: _contacts(request),
    )
    for read in readers:
        perhaps(read)
    # These never raise.
    _ = refer.wants_subscription(request), refer.referred_by(request).encode()
    _ = identity.wants_privacy(request), identity.is_anonymous(request.from_), identity.asserted(request)
    for shown in (identity.diverted_by(request), readable(request.request_uri.user or "")):
        assert shown is None or shown.isprintable()
    for trusted in (False, True):
        number, name, _ = presentation.caller_of(request, trusted=trusted)
        assert (number + name).isprintable()
    assert presentation.called_number(request, TRUNK).isprintable()
    _server_machine(request)


def check_response(response: Response) -> None:
    session_timer.agreed(response)
    session_timer.raised_minimum(response, 90)
    for target in targets_of(response):
        assert target.isprintable()
    if rseq_of(response) is not None:
        ProvisionalOrder().take(response)
    _proof(response)
    _client_machine(response)


def check_dialog_use(dialog: Dialog, message: Request | Response) -> None:
    """What a leg does with further messages of its dialog."""
    if isinstance(message, Request):
        perhaps(lambda: dialog.receive(message))
    else:
        perhaps(lambda: dialog.confirm(message))
    perhaps(lambda: dialog.refresh(message))
    negotiation = Negotiation()
    perhaps(lambda: negotiation.offered(Sdp.parse(session_body(message))))


def _contacts(request: Request) -> None:
    for contact in request.contacts:
        check_contact(contact.uri, {})


def _refer(request: Request) -> None:
    refer_to = refer.ReferTo.of(request)
    assert refer_to.number.isprintable()
    assert refer.ReferTo.parse(str(refer_to)).number == refer_to.number
    SipUri.parse(str(refer_to.uri))


def _subscription(request: Request) -> None:
    asked = wanted(request, PACKAGES, Limits())
    assert event_header(asked)
    Subscription().subscribed(asked.expires, 0.0)


def _proof(response: Response) -> None:
    for name in ("www-authenticate", "proxy-authenticate"):
        for value in response.headers.all(name):
            perhaps(partial(authorise, value, method="INVITE", uri="sip:p", username="u", password="p", cnonce="c"))


# ---- transactions ----------------------------------------------------------------------------------------------------


def _server_machine(request: Request) -> None:
    """The message opens a transaction, comes again, is answered, and time passes."""
    machine: InviteServerTransaction | NonInviteServerTransaction
    if request.method == "INVITE":
        machine = InviteServerTransaction(request, reliable=False)
    else:
        machine = NonInviteServerTransaction(request, reliable=False)
    effects = [*machine.start(), *machine.handle(request)]
    for status in (100, 180, 486):
        effects += machine.handle(Respond(reply(request, status)))
    effects += machine.handle(request)
    for timer in Timer:
        effects += machine.handle(TimerFired(timer))
    _sent(effects)
    provisionals = ReliableProvisionals(1)
    provisionals.send(reply(request, 183, to_tag="ours"))
    perhaps(lambda: provisionals.acknowledged(RAck.of(request)))


def _client_machine(response: Response) -> None:
    """The message answers a request of ours, twice."""
    for method, kind in (("INVITE", InviteClientTransaction), ("BYE", NonInviteClientTransaction)):
        machine = kind(Request(method, "sip:peer@example.com", response.headers), reliable=False)
        effects = [*machine.start(), *machine.handle(response), *machine.handle(response)]
        for timer in Timer:
            effects += machine.handle(TimerFired(timer))
        _sent(effects)


def _sent(effects: Sequence[Effect]) -> None:
    for effect in effects:
        if isinstance(effect, Send):
            effect.message.serialise()
