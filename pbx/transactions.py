"""The transaction layer's shell: it performs the effects that the pure machines of `pbx.sip.transaction` return.

Rules of this room:

1. Every effect of an event is performed, in order, before the next event is handled; also when the user cannot use
   what is delivered: else the timers that end the transaction would never start.
2. A request that nobody has vouched for gets no transaction: the user agent answers it statelessly, or calls
   `accept` once it is satisfied. So a stranger's packet leaves nothing behind (no timer, no table row).
3. One message's failure ends that message only.
4. What belongs to a call is noted in its trace: each event that a machine is given goes through `_client_event` or
   `_server_event`, each message that leaves through `_send` or `send_stateless`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog

from pbx.net.transport import Flow, Sender
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response, parse, stamp
from pbx.sip.reply import refusal, reply
from pbx.sip.transaction.effects import Deliver, Effect, Inform, Reason, Send, StartTimer, StopTimer, Terminate
from pbx.sip.transaction.events import Cancelled, Forsaken, Respond, TimerFired, TransportFailed
from pbx.sip.transaction.hop_by_hop import cancel_for
from pbx.sip.transaction.invite_client import InviteClientTransaction
from pbx.sip.transaction.invite_server import InviteServerTransaction
from pbx.sip.transaction.matching import Key, client_key, invite_key, merge_key, server_key
from pbx.sip.transaction.non_invite_client import NonInviteClientTransaction
from pbx.sip.transaction.non_invite_server import NonInviteServerTransaction
from pbx.sip.transaction.timers import Timer
from pbx.timers import Timers
from pbx.trace.tap import MachineTrace, Traces

log = structlog.get_logger("pbx.transactions")

MAX_TRANSACTIONS = 50_000
"""Live transactions of each kind. Above it new requests are answered 503 and new calls are not placed."""


Machine = InviteClientTransaction | NonInviteClientTransaction | InviteServerTransaction | NonInviteServerTransaction
ClientEvent = Response | TimerFired | TransportFailed | Cancelled | Forsaken
ServerEvent = Request | Respond | TimerFired | TransportFailed
_KINDS: dict[type, str] = {
    InviteClientTransaction: "IC",
    NonInviteClientTransaction: "NC",
    InviteServerTransaction: "IS",
    NonInviteServerTransaction: "NS",
}


_TIMERS: dict[type, tuple[Timer, ...]] = {
    InviteClientTransaction: (Timer.A, Timer.B, Timer.D, Timer.M),
    NonInviteClientTransaction: (Timer.E, Timer.F, Timer.K),
    InviteServerTransaction: (Timer.G, Timer.H, Timer.I, Timer.L),
    NonInviteServerTransaction: (Timer.J,),
}
"""What each machine may have started: none of it may outlive the machine."""
_LINGERING = frozenset((Timer.D, Timer.I, Timer.J, Timer.K, Timer.L, Timer.M))
"""They end a transaction that has nothing more to do: nobody waits for that, and it is not done one by one."""


class Overloaded(Exception):
    """The transaction table is full."""


class User(Protocol):
    """The transaction user: what this layer hands upward (RFC 3261 §17)."""

    def on_request(self, request: Request, flow: Flow) -> None:
        """A request outside any transaction; answer statelessly or `accept` it."""

    def on_ack(self, ack: Request, flow: Flow, tag: str) -> None:
        """An ACK for a 2xx: it belongs to the dialog that `tag`, ours, names, not to a transaction (§13.3.1.4)."""

    def on_stray_response(self, response: Response, flow: Flow) -> None:
        """A response that no transaction waits for (a late or forked 2xx)."""


class ClientTransaction:
    """A request that we sent. Callbacks: each delivered response, then the end with its reason.

    `answered_from`: where the last response came from, which need not be where the request went.
    """

    __slots__ = ("answered_from", "flow", "key", "machine", "on_end", "on_response", "request", "trace")

    def __init__(
        self,
        machine: InviteClientTransaction | NonInviteClientTransaction,
        request: Request,
        flow: Flow,
        on_response: Callable[[Response], None],
        on_end: Callable[[Reason], None],
        trace: MachineTrace | None = None,
    ) -> None:
        self.machine = machine
        self.request = request
        self.flow = flow
        self.trace = trace
        self.key = client_key(request)
        self.on_response = on_response
        self.on_end = on_end
        self.answered_from: Flow | None = None


class ServerTransaction:
    """A request that we accepted and owe a final response."""

    __slots__ = ("_layer", "flow", "key", "machine", "request", "tag", "trace")

    def __init__(
        self,
        layer: Transactions,
        machine: InviteServerTransaction | NonInviteServerTransaction,
        request: Request,
        flow: Flow,
        trace: MachineTrace | None = None,
    ) -> None:
        self._layer = layer
        self.machine = machine
        self.request = request
        self.flow = flow
        self.trace = trace
        self.key = server_key(request)
        self.tag = request.to.tag or ""  # ours, as the last response told it

    def respond(self, response: Response) -> None:
        self.tag = response.to.tag or self.tag
        self._layer.respond(self, response)


class Transactions:
    """`user` is set once, before the first message. `admits`: whether to look at a message from there at all.
    `may_answer(sent_to, source)`: whether a response from `source` may answer what went to `sent_to`."""

    user: User

    def __init__(
        self,
        timers: Timers,
        senders: Mapping[str, Sender],
        traces: Traces | None = None,
        *,
        admits: Callable[[bytes, Flow], bool] = lambda data, flow: True,
        may_answer: Callable[[Flow, Flow], bool] = lambda sent_to, source: True,
    ) -> None:
        self._admits = admits
        self._may_answer = may_answer
        self.traces = Traces(timers.now) if traces is None else traces
        timers.on_fire = self.traces.fired
        self._timers = timers
        self._senders = senders
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._on_stream: dict[Flow, set[ClientTransaction]] = {}
        self._ongoing: dict[Key, ServerTransaction] = {}  # the same by what merged requests share
        self._unanswered: set[ClientTransaction] = set()
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self.received = 0
        self.malformed = 0
        self.failed = 0
        self.at_hand = b""
        """The message that is being received, as it came."""

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    # ---- from the network --------------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow) -> None:
        """One message from the wire. Never raises: a bad message costs itself only."""
        self.received += 1
        if not self._admits(data, flow):
            return
        if not data.strip(b"\r\n\0 \t"):
            return  # a keep-alive (RFC 5626 §3.5.1 and its many relatives)
        try:
            message = parse(data)
            self.at_hand = data
            trace = self.traces.of(message.sip_call_id)
            if trace is not None:
                trace.received(data, flow)
            if isinstance(message, Request):
                stamp(message, flow.host, flow.port)
                self._receive_request(message, flow)
            else:
                self._receive_response(message, flow)
            if trace is not None:
                trace.settle()
        except RemoteProtocolError as error:
            self._refuse(error, flow)
        except Exception:
            self.failed += 1
            log.exception("message failed", flow=str(flow))

    def _refuse(self, error: RemoteProtocolError, flow: Flow) -> None:
        self.malformed += 1
        log.debug("malformed", flow=str(flow), reason=str(error))
        response = refusal(error)
        if response is not None:
            self.send_stateless(response, flow)

    def _receive_request(self, request: Request, flow: Flow) -> None:
        server = self._servers.get(server_key(request))
        if server is not None:
            if request.method == "ACK" and not isinstance(server.machine, InviteServerTransaction):
                return
            self._server_event(server, request)
        elif request.method == "ACK":
            self.user.on_ack(request, flow, request.to.tag or "")
        else:
            self.user.on_request(request, flow)

    def _receive_response(self, response: Response, flow: Flow) -> None:
        # RFC 3261 §8.1.3.3: "If more than one Via header field value is present in a response, the UAC SHOULD discard
        # the message": it was meant for somebody behind us, and nobody is.
        if len(response.vias) > 1:
            raise RemoteProtocolError("a response for somebody else", None)
        client = self._clients.get(client_key(response))
        if client is None:
            self.user.on_stray_response(response, flow)
        elif not self._may_answer(client.flow, flow):
            raise RemoteProtocolError("an answer from elsewhere", None)
        else:
            client.answered_from = flow
            self._client_event(client, response)

    def flow_lost(self, flow: Flow) -> None:
        """The connection is gone: no answer will come over it (RFC 3261 §18.4, §17.1.4)."""
        for client in self._on_stream.pop(flow, ()):
            self._client_event(client, TransportFailed())

    # ---- from the user -----------------------------------------------------------------------------------------

    def accept(self, request: Request, flow: Flow) -> ServerTransaction:
        """Open the server transaction of a request that earned one. Raises Overloaded."""
        if len(self._servers) >= MAX_TRANSACTIONS:
            raise Overloaded
        reliable = self._senders[flow.protocol].reliable
        machine: InviteServerTransaction | NonInviteServerTransaction
        if request.method == "INVITE":
            machine = InviteServerTransaction(request, reliable=reliable)
        else:
            machine = NonInviteServerTransaction(request, reliable=reliable)
        server = ServerTransaction(self, machine, request, flow, self._traced(request, machine))
        self._servers[server.key] = server
        # A copy of a REGISTER does no harm: the registrar looks at its CSeq. Its credentials are judged first.
        if not request.to.tag and request.method != "REGISTER":
            self._ongoing[merge_key(request)] = server
        machine.start()  # delivers the request, which the user has already
        return server

    def trace(self, invite: ServerTransaction, call_id: UUID, leg_id: UUID) -> None:
        """A call begins with the INVITE at hand: from here on its signalling is noted."""
        if invite.trace is not None:
            invite.trace.ended()  # an earlier call with the same Call-ID, of which something lingers
        self.traces.arrived(call_id, leg_id, invite.request.sip_call_id, self.at_hand, invite.flow)
        invite.trace = self._traced(invite.request, invite.machine)

    def _traced(self, request: Request, machine: Machine) -> MachineTrace | None:
        leg = self.traces.of(request.sip_call_id)
        return None if leg is None else leg.machine(_KINDS[type(machine)], reliable=machine.reliable)

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL would end (RFC 3261 §9.2), while it is still to be answered or lingers."""
        return self._servers.get(invite_key(cancel))

    def is_merged(self, request: Request) -> bool:
        """Whether a copy of this request has come another way and is being handled (RFC 3261 §8.2.2.2)."""
        return merge_key(request) in self._ongoing

    def respond(self, server: ServerTransaction, response: Response) -> None:
        self._server_event(server, Respond(response))

    def request(
        self,
        request: Request,
        flow: Flow,
        *,
        on_response: Callable[[Response], None],
        on_end: Callable[[Reason], None],
    ) -> ClientTransaction:
        """Send a request and drive it to its end. Raises Overloaded."""
        if len(self._clients) >= MAX_TRANSACTIONS:
            noting = self.traces.of(request.sip_call_id)
            if noting is not None:
                noting.sent(request.serialise(), flow, failed=True)  # its CSeq is spent
            raise Overloaded
        reliable = self._senders[flow.protocol].reliable
        machine: InviteClientTransaction | NonInviteClientTransaction
        if request.method == "INVITE":
            machine = InviteClientTransaction(request, reliable=reliable)
        else:
            machine = NonInviteClientTransaction(request, reliable=reliable)
        trace = self._traced(request, machine)
        client = ClientTransaction(machine, request, flow, on_response, on_end, trace)
        self._clients[client.key] = client
        if flow.is_stream:
            self._on_stream.setdefault(flow, set()).add(client)
        self._unanswered.add(client)
        self._all_answered.clear()
        effects = machine.start()
        if trace is not None:
            trace.step(None, machine.state.name, effects)
        self._perform_client(client, effects)
        return client

    async def settled(self) -> None:
        """Returns when no request of ours waits for its final response."""
        await self._all_answered.wait()

    def _answered(self, client: ClientTransaction) -> None:
        self._unanswered.discard(client)
        if not self._unanswered:
            self._all_answered.set()

    def cancel(self, invite: ClientTransaction, headers: Iterable[tuple[str, str]] = ()) -> None:
        """End an INVITE of ours that is still ringing (RFC 3261 §9.1). The user still hears its final response."""
        cancel = cancel_for(invite.request, headers)
        try:
            self.request(cancel, invite.flow, on_response=_unheard, on_end=_unheard)
        except Overloaded:
            self.send_stateless(cancel, invite.flow)
        if isinstance(invite.machine, InviteClientTransaction):
            self._client_event(invite, Cancelled())

    def forsake(self, client: ClientTransaction) -> None:
        """Wait no longer for an answer. An INVITE is not sent again, but its late responses are still heard; any other
        request is over at once."""
        self._client_event(client, Forsaken())

    def resume_invite(
        self,
        invite: Request,
        flow: Flow,
        *,
        on_response: Callable[[Response], None],
        on_end: Callable[[Reason], None],
    ) -> ClientTransaction:
        """The transaction of an INVITE that an earlier core sent and that rings still. Nothing is sent."""
        machine = InviteClientTransaction(invite, reliable=self._senders[flow.protocol].reliable)
        machine.start()
        machine.handle(reply(invite, 100))
        client = ClientTransaction(machine, invite, flow, on_response, on_end)
        self._clients[client.key] = client
        return client

    def send_stateless(self, message: Request | Response, flow: Flow) -> None:
        """Send without a transaction: an ACK for a 2xx, a challenge, a refusal. Failures are counted, not raised."""
        data = message.serialise()
        sent = self._put(data, flow)
        trace = self.traces.of(message.sip_call_id)
        if trace is not None:
            trace.sent(data, flow, failed=not sent)

    # ---- events and effects ------------------------------------------------------------------------------------

    def _client_event(self, client: ClientTransaction, event: ClientEvent) -> None:
        effects = client.machine.handle(event)  # type: ignore[arg-type]  # each machine ignores what is not for it
        if client.trace is not None:
            client.trace.step(event, client.machine.state.name, effects)
        self._perform_client(client, effects)

    def _server_event(self, server: ServerTransaction, event: ServerEvent) -> None:
        effects = server.machine.handle(event)
        if server.trace is not None:
            server.trace.step(event, server.machine.state.name, effects)
        self._perform_server(server, effects)

    def _perform_client(self, client: ClientTransaction, effects: Sequence[Effect]) -> None:
        fault: Exception | None = None
        for effect in effects:
            match effect:
                case Send(message):
                    if not self._send(message, client):
                        self._client_event(client, TransportFailed())
                        return
                case Deliver(message):
                    assert isinstance(message, Response)
                    fault = self._deliver(client, message)
                case StartTimer(timer, after):
                    patient = after > 0 and timer in _LINGERING
                    self._timers.start((client, timer), after, self._client_timer(client, timer), patient=patient)
                case StopTimer(timer):
                    self._timers.stop((client, timer))
                case Inform():
                    pass
                case Terminate(reason):
                    self._forget_client(client)
                    client.on_end(reason)
                    client.on_response = client.on_end = _unheard  # who made it holds it, and is let go here
                    if client.trace is not None:
                        client.trace.ended()
        if fault is not None:
            raise fault

    def _deliver(self, client: ClientTransaction, response: Response) -> Exception | None:
        if response.is_final:
            self._answered(client)
        return _fault_of(partial(client.on_response, response))

    def _perform_server(self, server: ServerTransaction, effects: Sequence[Effect]) -> None:
        fault: Exception | None = None
        for effect in effects:
            match effect:
                case Send(message):
                    if not self._send(message, server):
                        self._server_event(server, TransportFailed())
                        if server.key not in self._servers:
                            return
                        # RFC 6026 §7.1: an INVITE's transaction lives on, so it needs the timers that end it.
                case Deliver(message):
                    if isinstance(message, Request) and message.method == "ACK":
                        # RFC 6026 §7.1: an ACK that matches the INVITE's transaction is passed to the TU. Phones that
                        # give it the INVITE's branch may also give it a To tag of their own making (pyVoIP).
                        fault = _fault_of(partial(self.user.on_ack, message, server.flow, server.tag))
                case StartTimer(timer, after):
                    patient = after > 0 and timer in _LINGERING
                    self._timers.start((server, timer), after, self._server_timer(server, timer), patient=patient)
                case StopTimer(timer):
                    self._timers.stop((server, timer))
                case Inform():
                    pass  # the response is lost; the peer's retransmission asks for it again
                case Terminate(_):
                    self._forget_server(server)
        if fault is not None:
            raise fault

    def _forget_client(self, client: ClientTransaction) -> None:
        self._clients.pop(client.key, None)
        self._answered(client)
        if (beside := self._on_stream.get(client.flow)) is not None:
            beside.discard(client)
            if not beside:
                del self._on_stream[client.flow]
        for timer in _TIMERS[type(client.machine)]:
            self._timers.stop((client, timer))

    def _forget_server(self, server: ServerTransaction) -> None:
        self._servers.pop(server.key, None)
        if self._ongoing.get(key := merge_key(server.request)) is server:
            del self._ongoing[key]
        for timer in _TIMERS[type(server.machine)]:
            self._timers.stop((server, timer))
        if server.trace is not None:
            server.trace.ended()

    def _client_timer(self, client: ClientTransaction, timer: Timer) -> Callable[[], None]:
        return lambda: self._client_event(client, TimerFired(timer))

    def _server_timer(self, server: ServerTransaction, timer: Timer) -> Callable[[], None]:
        return lambda: self._server_event(server, TimerFired(timer))

    def _send(self, message: Request | Response, transaction: ClientTransaction | ServerTransaction) -> bool:
        data = message.serialise()
        sent = self._put(data, transaction.flow)
        if transaction.trace is not None:
            transaction.trace.sent(data, transaction.flow, failed=not sent)
        return sent

    def _put(self, data: bytes, flow: Flow) -> bool:
        try:
            self._senders[flow.protocol].send(data, flow)
        except OSError as error:
            self.failed += 1
            log.info("unreachable", flow=str(flow), error=str(error))
            return False
        return True


def _fault_of(deliver: Callable[[], None]) -> Exception | None:
    """What the user has to say against a message; it is raised when all else is done."""
    try:
        deliver()
    except Exception as fault:
        return fault
    return None


def _unheard(_: object) -> None:
    """For requests whose answer changes nothing."""
