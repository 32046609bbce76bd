"""The user agent: requests to legs, registrations and refusals. It is the transaction layer's user.

Nothing lasting is made for a request before its sender is known: refusals and challenges are answered statelessly,
with a To tag computed from the request, so that a retransmission meets the same answer (RFC 3261 §8.2.7).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from pbx.admission import Admission
from pbx.authentication import Authenticated, Authenticator, Challenged
from pbx.dialog_guard import is_at_home, owner_of
from pbx.endpoint import ALLOW, Endpoint
from pbx.inbound_leg import Arrival, InboundLeg, offered_sdp
from pbx.leg import Identity, Leg
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.ports import Doors
from pbx.registrations import Registrations
from pbx.sip.contact_rules import check_contact
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import readable
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from pbx.sip.sdp import Sdp
from pbx.transactions import Overloaded, ServerTransaction

log = structlog.get_logger("pbx.user_agent")

MAX_LEGS = 20_000
SUPPORTED: frozenset[str] = frozenset()
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

    def on_ack(self, ack: Request, flow: Flow) -> None:
        leg = self._legs.get((ack.sip_call_id, ack.to.tag or ""))
        if leg is not None and (flow.host == leg.flow.host or not ack.body):
            # An ACK cannot be challenged; one with a body moves the audio, so it must come from where the leg is.
            leg.acknowledged(ack)

    def on_stray_response(self, response: Response, flow: Flow) -> None:
        leg = self._legs.get((response.sip_call_id, response.from_.tag or ""))
        if isinstance(leg, OutboundLeg) and response.is_success and response.cseq.method == "INVITE":
            leg.succeeded(response)

    # ---- requests ------------------------------------------------------------------------------------------------

    def _dispatch(self, request: Request, flow: Flow) -> None:
        if request.method == "CANCEL":
            self._cancel(request, flow)
        elif request.to.tag:
            self._inside_dialog(request, flow)
        elif request.method not in KNOWN_METHODS:
            raise RemoteProtocolError("unknown method", 501, headers=(("Allow", ALLOW),))
        else:
            self._outside_dialog(request, flow)

    def _outside_dialog(self, request: Request, flow: Flow) -> None:
        scheme = request.request_uri.scheme
        if scheme not in ("sip", "sips", "tel"):
            raise RemoteProtocolError("unknown scheme", 416)
        unsupported = request.require - SUPPORTED
        if unsupported:
            # RFC 3261 §8.2.2.3: 420 with the options that we did not understand.
            raise RemoteProtocolError(
                "extension required", 420, headers=(("Unsupported", ", ".join(sorted(unsupported))),)
            )
        answer = self._outside.get(request.method)
        if answer is None:
            raise RemoteProtocolError("method not allowed here", 405, headers=(("Allow", ALLOW),))
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

    def _options(self, request: Request, flow: Flow) -> None:
        self._refuse(request, flow, 200, (("Allow", ALLOW), ("Accept", "application/sdp")))

    def _no_dialog(self, request: Request, flow: Flow) -> None:
        raise RemoteProtocolError("no such dialog", 481)

    def _inside_dialog(self, request: Request, flow: Flow) -> None:
        leg = self._legs.get((request.sip_call_id, request.to.tag or ""))
        if leg is None and request.method in self._dialog_keepers:
            self._outside[request.method](request, flow)
            return
        if leg is None or leg.is_over or leg.dialog is None or leg.dialog.remote_tag != (request.from_.tag or ""):
            raise RemoteProtocolError("no such dialog", 481)
        if not is_at_home(leg.flow, flow) and not self._moved(leg, request, flow):
            return
        if not self._endpoint.transports.is_open(leg.flow):
            leg.flow = flow  # its connection was lost, and this is the next one
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
        leg = self._unanswered.get(invite.key) if invite is not None else None
        # RFC 3261 §9.1: a CANCEL goes the way of its INVITE, hop by hop, so it comes from where that came from. It
        # cannot be challenged (§22.1).
        if leg is not None and invite is not None and not is_at_home(invite.flow, flow):
            leg = None
        if leg is None:
            raise RemoteProtocolError("nothing to cancel", 481)
        leg.cancelled(self._endpoint.transactions.accept(request, flow))

    def _register(self, request: Request, flow: Flow) -> None:
        user = self._authenticated(request, flow)
        if user is None:
            return
        aor = request.to.uri.user
        if aor != user:
            # RFC 3261 §10.3 step 3: authorised to modify only the own address of record.
            raise RemoteProtocolError("another's address of record", 403)
        for contact in request.contacts:
            check_contact(contact.uri, self._own_addresses(flow))
        registered = self.registrations.handle(user, request, flow)
        server = self._endpoint.transactions.accept(request, flow)
        server.respond(reply(request, 200, headers=registered.response_headers))

    def _invite(self, request: Request, flow: Flow) -> None:
        if request.max_forwards == 0:
            raise RemoteProtocolError("too many hops", 483)
        if not self.accepting or not self._has_room() or len(self._legs) >= MAX_LEGS:
            raise RemoteProtocolError("not now", 503, headers=(("Retry-After", "10"),))
        self._check_loop(request)
        number = readable(request.request_uri.user or "")
        door = self._doors.door(flow, number)
        user = None if door is not None else self._vouched(request, flow)
        if door is None and user is None:
            return
        self._endpoint.transports.vouch(flow)
        if not request.accepts("application/sdp"):
            raise RemoteProtocolError("our answer would not be read", 406)
        offered = offered_sdp(request)
        trunk = door.name if door is not None and door.trunk else None
        self._arrived(request, flow, Arrival(number, user, trunk), offered)

    def _check_loop(self, request: Request) -> None:
        """An INVITE of ours that came back to us under the number that it was sent to: nobody on its way knew better.
        Under another number it is a spiral (RFC 3261 §16.3), and Max-Forwards ends it."""
        ours = self._legs.get((request.sip_call_id, request.from_.tag or ""))
        if isinstance(ours, OutboundLeg) and ours.destination.number == request.request_uri.user:
            raise RemoteProtocolError("our own call", 482)

    def _arrived(self, request: Request, flow: Flow, arrival: Arrival, offered: Sdp | None) -> None:
        call_id, leg_id = uuid7(), uuid7()
        transactions = self._endpoint.transactions
        server = transactions.accept(request, flow)
        transactions.trace(server, call_id, leg_id)
        server.respond(reply(request, 100))
        from_ = request.from_
        remote = Identity(readable(from_.uri.user or ""), from_.readable_name)
        leg = InboundLeg(
            self._endpoint,
            call_id=call_id,
            leg_id=leg_id,
            server=server,
            remote=remote,
            arrival=arrival,
            offered=offered,
        )
        self._legs[request.sip_call_id, leg.local_tag] = leg
        self._unanswered[server.key] = leg
        self._admission.know(flow)
        leg.on_released(lambda _: self._forget(request.sip_call_id, leg.local_tag, flow, server))
        transactions.traces.watch(leg)
        self._on_call(leg)

    def _forget(self, sip_call_id: str, local_tag: str, flow: Flow, server: ServerTransaction | None = None) -> None:
        self._legs.pop((sip_call_id, local_tag), None)
        self._admission.forget(flow)
        if server is not None:
            self._unanswered.pop(server.key, None)

    # ---- placing calls -------------------------------------------------------------------------------------------

    def leg_to(self, destination: Destination, *, call_id: UUID, caller: Identity) -> OutboundLeg:
        """A new leg to a phone or trunk; `open_media`, then `dial` it. Raises Overloaded."""
        if len(self._legs) >= MAX_LEGS:
            raise Overloaded
        leg = OutboundLeg(self._endpoint, call_id=call_id, leg_id=uuid7(), destination=destination, caller=caller)
        self._legs[leg.sip_call_id, leg.local_tag] = leg
        self._admission.know(destination.flow)
        leg.on_released(lambda _: self._forget(leg.sip_call_id, leg.local_tag, destination.flow))
        self._endpoint.transactions.traces.placed(leg)
        return leg

    def phones_of(self, extension: str) -> tuple[Destination, ...]:
        """Where that extension's phones are now, the preferred first. Empty: nobody is registered."""
        return tuple(
            Destination(binding.contact, Flow.parse(binding.received), extension)
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

    def _own_addresses(self, flow: Flow) -> frozenset[str]:
        transports = self._endpoint.transports
        return frozenset((*transports.addresses.values(), transports.senders[flow.protocol].sent_by(flow)))

    def _refuse(self, request: Request, flow: Flow, status: int, headers: Iterable[tuple[str, str]] = ()) -> None:
        if request.method != "ACK":
            response = reply(request, status, headers=headers)
            self._endpoint.transactions.send_stateless(response, flow)
