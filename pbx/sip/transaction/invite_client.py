"""INVITE client transaction: RFC 3261 §17.1.1 (figure 5), with RFC 6026's Accepted state.

Pure. It holds no socket, clock or logger: give it an event, perform the effects it returns.
Read it beside the figure: a method for each state, a `case` for each arrow out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from pbx.sip.message import Request, Response
from pbx.sip.transaction.effects import Deliver, Effect, Reason, Send, StartTimer, StopTimer, Terminate
from pbx.sip.transaction.events import Cancelled, Forsaken, TimerFired, TransportFailed
from pbx.sip.transaction.hop_by_hop import ack_for
from pbx.sip.transaction.timers import RFC_TIMINGS, Timer, Timings

STOP_REQUEST_TIMERS = StopTimer(Timer.A), StopTimer(Timer.B)


class State(Enum):
    CALLING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


Event = Response | TimerFired | TransportFailed | Cancelled | Forsaken


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
        match self.state:
            case State.CALLING:
                return self._calling(event)
            case State.PROCEEDING:
                return self._proceeding(event)
            case State.COMPLETED:
                return self._completed(event)
            case State.ACCEPTED:
                return self._accepted(event)
            case State.TERMINATED:
                return ()

    def _calling(self, event: Event) -> Sequence[Effect]:
        match event:
            # "When timer A fires, the client transaction MUST retransmit the request …, and MUST reset the timer with
            # a value of 2*T1", then 4*T1 and so on.
            case TimerFired(Timer.A):
                self._retransmit_after *= 2
                return Send(self.invite), StartTimer(Timer.A, self._retransmit_after)

            # "If the client transaction is still in the "Calling" state when timer B fires, the client transaction
            # SHOULD inform the TU that a timeout has occurred."
            case TimerFired(Timer.B):
                return self._terminate(Reason.TIMEOUT)

            case TransportFailed():
                return self._terminate(Reason.TRANSPORT)

            # Not in the RFC: the call goes another way now, so the silent peer must not be asked once more. What it
            # may have heard already is still to be cancelled, so its answers are waited for as long as ever.
            case Forsaken():
                return (StopTimer(Timer.A),)

            case Response(is_provisional=True):
                self.state = State.PROCEEDING
                return *STOP_REQUEST_TIMERS, Deliver(event)

            case Response(is_success=True):
                return self._accept(event)

            case Response():
                return self._fail(event)

            case _:
                return ()

    def _proceeding(self, event: Event) -> Sequence[Effect]:
        match event:
            # "Any further provisional responses MUST be passed up to the TU while in the "Proceeding" state."
            case Response(is_provisional=True):
                return (Deliver(event),)

            case Response(is_success=True):
                return self._accept(event)

            case Response():
                return self._fail(event)

            case TransportFailed():
                return self._terminate(Reason.TRANSPORT)

            # §9.1: "If there is no final response for the original request in 64*T1 seconds …, the client SHOULD then
            # consider the original transaction cancelled and SHOULD destroy the client transaction". Nor does anything
            # else end one whose answer the user no longer waits for.
            case Cancelled() | Forsaken():
                self._cancelled = True
                return (StartTimer(Timer.B, self.timings.give_up),)

            case TimerFired(Timer.B) if self._cancelled:
                return self._terminate(Reason.TIMEOUT)

            case _:
                return ()  # a late timer B too: a phone may ring as long as it likes

    def _completed(self, event: Event) -> Sequence[Effect]:
        match event:
            # "Any retransmissions of the final response that are received while in the "Completed" state MUST cause
            # the ACK to be re-passed to the transport layer …, but the newly received response MUST NOT be passed up".
            case Response(is_failure=True) if self._ack:
                return (Send(self._ack),)

            case TimerFired(Timer.D):
                return self._terminate(Reason.DONE)

            case TransportFailed():
                return self._terminate(Reason.TRANSPORT)

            case _:
                return ()

    def _accepted(self, event: Event) -> Sequence[Effect]:
        match event:
            # RFC 6026 §8.4: every 2xx, retransmitted or from another fork, is passed to the TU, which ACKs each.
            case Response(is_success=True):
                return (Deliver(event),)

            case TimerFired(Timer.M):
                return self._terminate(Reason.DONE)

            case _:
                return ()

    def _accept(self, success: Response) -> Sequence[Effect]:
        # RFC 6026 §8.4: the TU, not the transaction, sends the ACK for a 2xx.
        self.state = State.ACCEPTED
        return *STOP_REQUEST_TIMERS, Deliver(success), StartTimer(Timer.M, self.timings.give_up)

    def _fail(self, failure: Response) -> Sequence[Effect]:
        # "The client transaction MUST pass the received response up to the TU, and … MUST generate an ACK request".
        self.state = State.COMPLETED
        self._ack = ack_for(self.invite, failure)
        linger = StartTimer(Timer.D, 0 if self.reliable else self.timings.d)
        return *STOP_REQUEST_TIMERS, Send(self._ack), Deliver(failure), linger

    def _terminate(self, reason: Reason) -> Sequence[Effect]:
        self.state = State.TERMINATED
        return (Terminate(reason),)
