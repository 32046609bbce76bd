"""INVITE server transaction: RFC 3261 §17.2.1 as RFC 6026 §7.1 (figure 7) draws it.

A method for each state, a `case` for each arrow out of it.
It sends the 100 only when told: the shell answers Respond(100) at once for every new INVITE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from pbx.sip.message import Request, Response
from pbx.sip.transaction.effects import Deliver, Effect, Inform, Reason, Send, StartTimer, StopTimer, Terminate
from pbx.sip.transaction.events import Respond, TimerFired, TransportFailed
from pbx.sip.transaction.timers import RFC_TIMINGS, Timer, Timings


class State(Enum):
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


Event = Request | Respond | TimerFired | TransportFailed


@dataclass(slots=True)
class InviteServerTransaction:
    invite: Request
    reliable: bool
    timings: Timings = RFC_TIMINGS
    state: State = field(default=State.PROCEEDING, init=False)
    _last_response: Response | None = field(default=None, init=False)
    _retransmit_after: float = field(default=0.0, init=False)

    def start(self) -> Sequence[Effect]:
        return (Deliver(self.invite),)

    def handle(self, event: Event) -> Sequence[Effect]:
        match self.state:
            case State.PROCEEDING:
                return self._proceeding(event)
            case State.COMPLETED:
                return self._completed(event)
            case State.CONFIRMED:
                return self._confirmed(event)
            case State.ACCEPTED:
                return self._accepted(event)
            case State.TERMINATED:
                return ()

    def _proceeding(self, event: Event) -> Sequence[Effect]:
        match event:
            # "If a request retransmission is received while in the "Proceeding" state, the most recent provisional
            # response that was received from the TU MUST be passed to the transport layer for retransmission."
            case Request(method="INVITE"):
                return (Send(self._last_response),) if self._last_response else ()

            case Respond(Response(is_provisional=True) as response):
                self._last_response = response
                return (Send(response),)

            # RFC 6026 §7.1: the TU resends its 2xx by itself; Timer L says how long the INVITE may still come again.
            case Respond(Response(is_success=True) as response):
                self.state = State.ACCEPTED
                return Send(response), StartTimer(Timer.L, self.timings.give_up)

            case Respond(response):
                return self._refuse(response)

            # RFC 6026 §7.1: "A server transaction MUST NOT discard transaction state based only on encountering a
            # non-recoverable transport error when sending a response."
            case TransportFailed():
                return (Inform(Reason.TRANSPORT),)

            case _:
                return ()

    def _completed(self, event: Event) -> Sequence[Effect]:
        match event:
            # "while in the "Completed" state, if a request retransmission is received, the server SHOULD pass the
            # response to the transport for retransmission."
            case Request(method="INVITE") if self._last_response:
                return (Send(self._last_response),)

            # "If timer G fires, the response is passed to the transport layer once more for retransmission, and
            # timer G is set to fire in MIN(2*T1, T2) seconds."
            case TimerFired(Timer.G) if self._last_response:
                self._retransmit_after = min(2 * self._retransmit_after, self.timings.t2)
                return Send(self._last_response), StartTimer(Timer.G, self._retransmit_after)

            # "If an ACK is received while the server transaction is in the "Completed" state, the server transaction
            # MUST transition to the "Confirmed" state. As Timer G is ignored in this state, any retransmissions …
            # will cease."
            case Request(method="ACK"):
                self.state = State.CONFIRMED
                linger = StartTimer(Timer.I, 0 if self.reliable else self.timings.t4)
                return StopTimer(Timer.G), StopTimer(Timer.H), linger

            # "If timer H fires while in the "Completed" state, it implies that the ACK was never received."
            case TimerFired(Timer.H):
                return self._terminate(Reason.TIMEOUT)

            case TransportFailed():
                return (Inform(Reason.TRANSPORT),)

            case _:
                return ()

    def _confirmed(self, event: Event) -> Sequence[Effect]:
        match event:
            case TimerFired(Timer.I):
                return self._terminate(Reason.DONE)

            case _:
                return ()  # "The purpose of the "Confirmed" state is to absorb any additional ACK messages"

    def _accepted(self, event: Event) -> Sequence[Effect]:
        match event:
            case Request(method="ACK"):
                return (Deliver(event),)

            case Respond(Response(is_success=True) as response):
                return (Send(response),)

            case TransportFailed():
                return (Inform(Reason.TRANSPORT),)

            case TimerFired(Timer.L):
                return self._terminate(Reason.DONE)

            case _:
                return ()  # RFC 6026: this state is there to absorb the INVITE when it comes again

    def _refuse(self, response: Response) -> Sequence[Effect]:
        self.state = State.COMPLETED
        self._last_response = response
        effects: list[Effect] = [Send(response), StartTimer(Timer.H, self.timings.give_up)]
        # "For unreliable transports, timer G is set to fire in T1 seconds, and is not set to fire for reliable
        # transports."
        if not self.reliable:
            self._retransmit_after = self.timings.t1
            effects.append(StartTimer(Timer.G, self._retransmit_after))
        return effects

    def _terminate(self, reason: Reason) -> Sequence[Effect]:
        self.state = State.TERMINATED
        return (Terminate(reason),)
