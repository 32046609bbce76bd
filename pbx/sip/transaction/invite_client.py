"""INVITE client transaction: RFC 3261 §17.1.1 (figure 5), with RFC 6026's Accepted state.

Pure. It holds no socket, clock or logger: give it an event, perform the effects it returns.
Read it beside the figure; there is one `case` for each arrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from pbx.sip.message import Request, Response
from pbx.sip.transaction.effects import Deliver, Effect, Reason, Send, StartTimer, StopTimer, Terminate
from pbx.sip.transaction.events import Cancelled, TimerFired, TransportFailed
from pbx.sip.transaction.hop_by_hop import ack_for
from pbx.sip.transaction.timers import RFC_TIMINGS, Timer, Timings

STOP_REQUEST_TIMERS = StopTimer(Timer.A), StopTimer(Timer.B)


class State(Enum):
    CALLING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


Event = Response | TimerFired | TransportFailed | Cancelled


@dataclass(slots=True)
class InviteClientTransaction:
    invite: Request
    reliable: bool
    timings: Timings = RFC_TIMINGS
    state: State = field(default=State.CALLING, init=False)
    _retransmit_after: float = field(default=0.0, init=False)
    _ack: Request | None = field(default=None, init=False)
    _cancelled: bool = field(default=False, init=False)

    def start(self) -> Sequence[Effect]:
        effects: list[Effect] = [Send(self.invite), StartTimer(Timer.B, self.timings.give_up)]
        # "If an unreliable transport is being used, the client transaction MUST start timer A with a value of T1."
        if not self.reliable:
            self._retransmit_after = self.timings.t1
            effects.append(StartTimer(Timer.A, self._retransmit_after))
        return effects

    def handle(self, event: Event) -> Sequence[Effect]:
        match self.state, event:
            # "When timer A fires, the client transaction MUST retransmit the request …, and MUST reset the timer with
            # a value of 2*T1", then 4*T1 and so on.
            case State.CALLING, TimerFired(Timer.A):
                self._retransmit_after *= 2
                return Send(self.invite), StartTimer(Timer.A, self._retransmit_after)

            # "If the client transaction is still in the "Calling" state when timer B fires, the client transaction
            # SHOULD inform the TU that a timeout has occurred." In Proceeding a phone may ring as long as it likes.
            case State.CALLING, TimerFired(Timer.B):
                return self._terminate(Reason.TIMEOUT)

            # "the provisional response MUST be passed to the TU"; further ones too.
            case ((State.CALLING | State.PROCEEDING), Response(is_provisional=True)):
                calling, self.state = self.state is State.CALLING, State.PROCEEDING
                return (*STOP_REQUEST_TIMERS, Deliver(event)) if calling else (Deliver(event),)

            # RFC 6026 §8.4: the TU, not the transaction, sends the ACK for a 2xx.
            case ((State.CALLING | State.PROCEEDING), Response(is_success=True)):
                self.state = State.ACCEPTED
                return *STOP_REQUEST_TIMERS, Deliver(event), StartTimer(Timer.M, self.timings.give_up)

            # "The client transaction MUST pass the received response up to the TU, and … MUST generate an ACK request".
            case ((State.CALLING | State.PROCEEDING), Response()):
                self.state = State.COMPLETED
                self._ack = ack_for(self.invite, event)
                linger = StartTimer(Timer.D, 0 if self.reliable else self.timings.d)
                return *STOP_REQUEST_TIMERS, Send(self._ack), Deliver(event), linger

            # "Any retransmissions of the final response that are received while in the "Completed" state MUST cause the
            # ACK to be re-passed to the transport layer …, but the newly received response MUST NOT be passed up".
            case State.COMPLETED, Response(is_failure=True) if self._ack:
                return (Send(self._ack),)

            # RFC 6026 §8.4: "all 2xx responses … received while in the "Accepted" state MUST be passed to the TU".
            case State.ACCEPTED, Response(is_success=True):
                return (Deliver(event),)

            # §9.1: "If there is no final response for the original request in 64*T1 seconds …, the client SHOULD then
            # consider the original transaction cancelled and SHOULD destroy the client transaction".
            case State.PROCEEDING, Cancelled():
                self._cancelled = True
                return (StartTimer(Timer.B, self.timings.give_up),)

            case State.PROCEEDING, TimerFired(Timer.B) if self._cancelled:
                return self._terminate(Reason.TIMEOUT)

            case (State.COMPLETED, TimerFired(Timer.D)) | (State.ACCEPTED, TimerFired(Timer.M)):
                return self._terminate(Reason.DONE)

            case ((State.CALLING | State.PROCEEDING | State.COMPLETED), TransportFailed()):
                return self._terminate(Reason.TRANSPORT)

            case _:
                return ()  # a late timer or a stray response changes nothing

    def _terminate(self, reason: Reason) -> Sequence[Effect]:
        self.state = State.TERMINATED
        return (Terminate(reason),)
