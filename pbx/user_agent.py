"""The user agent: requests to legs, registrations and refusals. It is the transaction layer's user.

Nothing lasting is made for a request before its sender is known: refusals and challenges are answered statelessly,
with a To tag computed from the request, so that a retransmission meets the same answer (RFC 3261 §8.2.7).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from pbx.admission import Admission
from pbx.authentication import Authenticated, Authenticator, Challenged
from pbx.dialog_guard import is_at_home, owner_of
from pbx.endpoint import Endpoint
from pbx.inbound_leg import Arrival, InboundLeg, offered_sdp
from pbx.leg import Diversion, Identity, Leg
from pbx.leg.leg import MAX_FORWARDS
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.ports import Doors
from pbx.registrations import Registrations
from pbx.sip import identity, session_timer
from pbx.sip.contact_rules import check_contact
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import readable
from pbx.sip.message import Request, Response
from pbx.sip.replaces import Replaces
from pbx.sip.reply import reply
from pbx.sip.sdp import Sdp
from pbx.sip.session_timer import Agreed
from pbx.transactions import Overloaded, ServerTransaction
from pbx.trunks.presentation import called_number, caller_of
from pbx.trunks.settings import TrunkSettings

log = structlog.get_logger("pbx.user_agent")

MAX_LEGS = 20_000
KNOWN_METHODS = frozenset(
    ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "UPDATE", "PRACK", "REFER", "SUBSCRIBE",
     "NOTIFY", "MESSAGE", "PUBLISH")
)  # fmt: skip


Answerer = Callable[[Request, Flow, str], None]
"""Answers a request of a user who has proven to be who From says."""


class UserAgent:
    def __init__(
        self,
        endpoint: Endpoint,
        authenticator: Authenticator,
        registrations: Registrations,
        doors: Doors,
        admission: Admission,
        *,
        on_call: Callable[[InboundLeg], None],
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """`has_room`: whether what a new call would tell can still be kept; without it new calls get 503."""
        self._endpoint = endpoint
        self._authenticator = authenticator
        self.registrations = registrations
        self._doors = doors
        self._admission = admission
        self._on_call = on_call
        self._has_room = has_room
        endpoint.follow = registrations.follow
        self._outside: dict[str, Callable[[Request, Flow], None]] = {
            "REGISTER": self._register,
            "INVITE": self._invite,
            "OPTIONS": self._options,
            "BYE": self._no_dialog,
        }
        self._dialog_keepers: set[str] = set()
        self._legs: dict[tuple[str, str], Leg] = {}
        self._unanswered: dict[object, InboundLeg] = {}
        self._endpoint.find_leg = self.leg_named
        self.accepting = True
        """False while the server stops: new calls get 503."""

    @property
    def legs(self) -> int:
        return len(self._legs)

    # ---- transaction user ----------------------------------------------------------------------------------------

    def on_request(self, request: Request, flow: Flow) -> None:
        try:
            self._dispatch(request, flow)
        except RemoteProtocolError as error:
            if error.status is not None:
                self._refuse(request, flow, error.status, error.headers)
        except Overloaded:
            self._refuse(request, flow, 503, (("Retry-After", "10"),))

    def on_ack(self, ack: Request, flow: Flow, tag: str) -> None:
        leg = self._legs.get((ack.sip_call_id, tag))
        if leg is not None and (flow.host == leg.flow.host or not ack.body):
            # An ACK cannot be challenged; one with a body moves the audio, so it must come from where the leg is.
            leg.acknowledged(ack)

    def on_stray_response(self, response: Response, flow: Flow) -> None:
        leg = self._legs.get((response.sip_call_id, response.from_.tag or ""))
        if not isinstance(leg, OutboundLeg) or not response.is_success or response.cseq.method != "INVITE":
            return
        # It names no transaction of ours, so it may come from anybody who once saw our INVITE: see `pbx.dialog_guard`.
        if is_at_home(leg.flow, flow) or (not leg.destination.phone and self._admission.is_friend(flow.host)):
            leg.strayed(response)

    # ---- requests ------------------------------------------------------------------------------------------------

    def _dispatch(self, request: Request, flow: Flow) -> None:
        if request.method == "CANCEL":
            self._cancel(request, flow)
        elif request.to.tag:
            self._inside_dialog(request, flow)
        elif request.method not in KNOWN_METHODS:
            raise RemoteProtocolError("unknown method", 501, headers=(self._endpoint.capabilities.allow,))
        else:
            self._outside_dialog(request, flow)

    def _outside_dialog(self, request: Request, flow: Flow) -> None:
        scheme = request.request_uri.scheme
        if scheme not in ("sip", "sips", "tel"):
            raise RemoteProtocolError("unknown scheme", 416)
        self._endpoint.capabilities.check_required(request)
        if self._endpoint.transactions.is_merged(request):
            # §8.2.2.2: a copy that a forking proxy sent us on another way.
            raise RemoteProtocolError("merged request", 482)
        answer = self._outside.get(request.method)
        if answer is None:
            raise RemoteProtocolError("method not allowed here", 405, headers=(self._endpoint.capabilities.allow,))
        answer(request, flow)

    def answers(
        self, method: str, answer: Answerer, *, open_to_strangers: bool = False, keeps_dialogs: bool = False
    ) -> None:
        """Let another room answer requests of that method. It may raise RemoteProtocolError and Overloaded.

        It is handed the user who proved to be the sender, and whom From names. open_to_strangers: nobody is asked for
        a proof, and the user is "": only for what changes nothing and tells nothing. keeps_dialogs: requests inside
        dialogs too, unless the dialog is a leg's.
        """

        def authenticated(request: Request, flow: Flow) -> None:
            user = "" if open_to_strangers else self._vouched(request, flow)
            if user is not None:
                answer(request, flow, user)

        self._outside[method] = authenticated
        if keeps_dialogs:
            self._dialog_keepers.add(method)
        self._endpoint.capabilities.add_method(method)

    def answers_inside(self, method: str, answer: Callable[[Leg, Request, ServerTransaction], None]) -> None:
        """Let another room answer requests of that method inside calls, as far as they are not of the call itself. It
        may raise RemoteProtocolError."""
        self._endpoint.inside[method] = answer
        self._endpoint.capabilities.add_method(method)

    def _options(self, request: Request, flow: Flow) -> None:
        self._refuse(request, flow, 200, self._endpoint.capabilities.of_options())

    def _no_dialog(self, request: Request, flow: Flow) -> None:
        raise RemoteProtocolError("no such dialog", 481)

    def _inside_dialog(self, request: Request, flow: Flow) -> None:
        leg = self._legs.get((request.sip_call_id, request.to.tag or ""))
        if leg is None and request.method in self._dialog_keepers:
            self._outside[request.method](request, flow)
            return
        if leg is None or leg.usage_of(request) is None:
            raise RemoteProtocolError("no such dialog", 481)
        if not is_at_home(leg.flow, flow) and not self._moved(leg, request, flow):
            return
        if not self._endpoint.transports.is_open(leg.flow):
            leg.flow = flow  # its connection was lost, and this is the next one
        self._endpoint.capabilities.check_required(request)
        server = self._endpoint.transactions.accept(request, flow)
        try:
            leg.receive(request, server)
        except RemoteProtocolError as error:
            server.respond(reply(request, error.status or 400, headers=error.headers))

    def _moved(self, leg: Leg, request: Request, flow: Flow) -> bool:
        """Whether a request that came from elsewhere than its dialog may pass (see `pbx.dialog_guard`)."""
        owner = owner_of(leg, self._authenticator.knows)
        if owner is None:
            if not self._admission.is_friend(flow.host):
                raise RemoteProtocolError("from outside of the trunks", 403)
            return True
        user = self._authenticated(request, flow)
        if user is None:
            return False
        if user != owner:
            raise RemoteProtocolError("another's dialog", 403)
        leg.flow = flow
        return True

    def _cancel(self, request: Request, flow: Flow) -> None:
        invite = self._endpoint.transactions.invite_of(request)
        # RFC 3261 §9.1: a CANCEL goes the way of its INVITE, hop by hop, so it comes from where that came from. It
        # cannot be challenged (§22.1).
        if invite is None or not is_at_home(invite.flow, flow):
            raise RemoteProtocolError("nothing to cancel", 481)
        server = self._endpoint.transactions.accept(request, flow)
        leg = self._unanswered.get(invite.key)
        if leg is not None:
            leg.cancelled(server)
        else:
            # §9.2: its final response has gone; "the CANCEL request has no effect", and is answered 200 all the same.
            server.respond(reply(request, 200))

    def _register(self, request: Request, flow: Flow) -> None:
        user = self._authenticated(request, flow)
        if user is None:
            return
        aor = request.to.uri.user
        if aor != user:
            # RFC 3261 §10.3 step 3: authorised to modify only the own address of record.
            raise RemoteProtocolError("another's address of record", 403)
        ours = self._own_addresses(flow)
        for contact in request.contacts:
            check_contact(contact.uri, ours)
        registered = self.registrations.handle(user, request, flow)
        server = self._endpoint.transactions.accept(request, flow)
        server.respond(reply(request, 200, headers=registered.response_headers))

    def _invite(self, request: Request, flow: Flow) -> None:
        if request.max_forwards == 0:
            raise RemoteProtocolError("too many hops", 483)
        if not self.accepting or not self._has_room() or len(self._legs) >= MAX_LEGS:
            raise RemoteProtocolError("not now", 503, headers=(("Retry-After", "10"),))
        self._check_loop(request)
        number = readable(request.request_uri.number)
        door = self._doors.door(flow, number)
        user = None if door is not None else self._vouched(request, flow)
        if door is None and user is None:
            return
        self._endpoint.transports.vouch(flow)
        if not request.accepts("application/sdp"):
            raise RemoteProtocolError("our answer would not be read", 406)
        trunk = door.trunk if door is not None else None
        # A dialog will be made of these, long after a 400 could be answered.
        _ = request.contact, request.record_routes
        offered = offered_sdp(request)
        session = session_timer.answer(request, self._endpoint.session_policy)
        arrival = Arrival(
            number if trunk is None else called_number(request, trunk),
            user,
            trunk.name if trunk is not None else None,
            replaces=self._replaced(request),
            diverted_by=identity.diverted_by(request) if trunk is not None and trunk.trusted else None,
            max_forwards=request.max_forwards if request.max_forwards is not None else MAX_FORWARDS,
        )
        leg = self._arrived(request, flow, arrival, _caller(request, trunk), offered, session)
        leg.srtp = trunk.srtp if trunk is not None else self._endpoint.secure_media.of_extension(user or "")
        self._on_call(leg)

    def _check_loop(self, request: Request) -> None:
        """An INVITE of ours that came back to us under the number that it was sent to: nobody on its way knew better.
        Under another number it is a spiral (RFC 3261 §16.3), and Max-Forwards ends it."""
        ours = self._legs.get((request.sip_call_id, request.from_.tag or ""))
        if isinstance(ours, OutboundLeg) and ours.destination.number == request.request_uri.user:
            raise RemoteProtocolError("our own call", 482)

    def _replaced(self, request: Request) -> Leg | None:
        """The leg that an INVITE shall take the place of (RFC 3891 §3)."""
        replaces = Replaces.of(request)
        if replaces is None:
            return None
        leg = self.leg_named(replaces)
        if leg is None:
            raise RemoteProtocolError("nothing to replace", 481)
        # "If the Replaces header field matches a dialog which has already terminated, the UA SHOULD decline … with a
        # 603".
        if leg.is_over:
            raise RemoteProtocolError("that call is over", 603)
        if leg.is_confirmed:
            # "checks for the presence of the "early-only" flag … returns a 486 Busy Here".
            if replaces.early_only:
                raise RemoteProtocolError("that call is answered", 486)
        elif not isinstance(leg, OutboundLeg):
            # "If the Replaces header field matches an early dialog that was not initiated by this UA, it returns a
            # 481".
            raise RemoteProtocolError("nothing to replace", 481)
        return leg

    def leg_named(self, replaces: Replaces) -> Leg | None:
        """The leg with that dialog; both orders of the tags are tried."""
        for local_tag, remote_tag in replaces.tag_orders():
            leg = self._legs.get((replaces.sip_call_id, local_tag))
            if leg is not None and leg.has_dialog(remote_tag):
                return leg
        return None

    def _arrived(
        self,
        request: Request,
        flow: Flow,
        arrival: Arrival,
        remote: Identity,
        offered: Sdp | None,
        session: tuple[Agreed | None, Sequence[tuple[str, str]]],
    ) -> InboundLeg:
        call_id, leg_id = uuid7(), uuid7()
        transactions = self._endpoint.transactions
        server = transactions.accept(request, flow)
        transactions.trace(server, call_id, leg_id)
        server.respond(reply(request, 100))
        leg = InboundLeg(
            self._endpoint,
            call_id=call_id,
            leg_id=leg_id,
            server=server,
            remote=remote,
            arrival=arrival,
            offered=offered,
            session=session,
        )
        self._legs[request.sip_call_id, leg.local_tag] = leg
        self._unanswered[server.key] = leg
        self._admission.know(flow)
        leg.on_gone(lambda: self._forget(request.sip_call_id, leg.local_tag, flow, server))
        transactions.traces.watch(leg)
        return leg

    def _forget(self, sip_call_id: str, local_tag: str, flow: Flow, server: ServerTransaction | None = None) -> None:
        self._legs.pop((sip_call_id, local_tag), None)
        self._admission.forget(flow)
        if server is not None:
            self._unanswered.pop(server.key, None)

    # ---- placing calls -------------------------------------------------------------------------------------------

    def leg_to(
        self,
        destination: Destination,
        *,
        call_id: UUID,
        caller: Identity,
        auto_answer: bool = False,
        diverted_by: Diversion | None = None,
        max_forwards: int = MAX_FORWARDS,
    ) -> OutboundLeg:
        """A new leg to a phone or trunk; `open_media`, then `dial` it. Raises Overloaded.

        auto_answer: the phone shall answer by itself. max_forwards: of the leg that this one follows from (RFC 7332).
        """
        if len(self._legs) >= MAX_LEGS:
            raise Overloaded
        leg = OutboundLeg(
            self._endpoint,
            call_id=call_id,
            leg_id=uuid7(),
            destination=destination,
            caller=caller,
            auto_answer=auto_answer,
            diverted_by=diverted_by,
            max_forwards=max_forwards,
        )
        leg.srtp = destination.srtp
        self._legs[leg.sip_call_id, leg.local_tag] = leg
        self._admission.know(destination.flow)
        leg.on_gone(lambda: self._forget(leg.sip_call_id, leg.local_tag, destination.flow))
        self._endpoint.transactions.traces.placed(leg)
        return leg

    def phones_of(self, extension: str) -> tuple[Destination, ...]:
        """Where that extension's phones are now, the preferred first. Empty: nobody is registered."""
        policy = self._endpoint.secure_media.of_extension(extension)
        return tuple(
            Destination(binding.contact, Flow.parse(binding.received), extension, phone=True, srtp=policy)
            for binding in self.registrations.bindings(extension)
        )

    # ---- answers without state -----------------------------------------------------------------------------------

    def _vouched(self, request: Request, flow: Flow) -> str | None:
        """The user behind a request, who must also be the one that From names (None: see `_authenticated`)."""
        user = self._authenticated(request, flow)
        if user is not None and request.from_.uri.user != user:
            raise RemoteProtocolError("another's name", 403)
        return user

    def _authenticated(self, request: Request, flow: Flow) -> str | None:
        """The user behind a request, or None: a challenge was sent, or nothing at all."""
        verdict = self._authenticator.check(request, flow, time.time(), is_home=self.registrations.is_at)
        if isinstance(verdict, Authenticated):
            self._endpoint.transports.vouch(flow)
            return verdict.user
        if isinstance(verdict, Challenged):
            self._refuse(request, flow, 401, verdict.headers)
        return None

    def _own_addresses(self, flow: Flow) -> dict[str, tuple[str, ...]]:
        transports = self._endpoint.transports
        ours: dict[str, tuple[str, ...]] = {name: (address,) for name, address in transports.addresses.items()}
        here = flow.protocol.lower()
        ours[here] = (*ours.get(here, ()), transports.senders[flow.protocol].sent_by(flow))
        return ours

    def _refuse(self, request: Request, flow: Flow, status: int, headers: Iterable[tuple[str, str]] = ()) -> None:
        if request.method != "ACK":
            response = reply(request, status, headers=headers)
            self._endpoint.transactions.send_stateless(response, flow)


def _caller(request: Request, trunk: TrunkSettings | None) -> Identity:
    """Who calls. A trusted trunk may assert another number than From shows; and may ask that neither be told."""
    if trunk is not None:
        number, name, withheld = caller_of(request, trusted=trunk.trusted)
        return Identity("anonymous" if withheld else number, name, withheld)
    address = request.from_
    withheld = identity.wants_privacy(request) or identity.is_anonymous(address)
    return Identity(readable(address.uri.number), address.readable_name, withheld)
