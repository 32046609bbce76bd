"""Non-INVITE client transaction: RFC 3261 §17.1.2 (figure 6). One `case` for each arrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from pbx.sip.message import Request, Response
from pbx.sip.transaction.effects import Deliver, Effect, Reason, Send, StartTimer, StopTimer, Terminate
from pbx.sip.transaction.events import Forsaken, TimerFired, TransportFailed
from pbx.sip.transaction.timers import RFC_TIMINGS, Timer, Timings


class State(Enum):
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    TERMINATED = auto()


Event = Response | TimerFired | TransportFailed | Forsaken


@dataclass(slots=True)
class NonInviteClientTransaction:
    request: Request
    reliable: bool
    timings: Timings = RFC_TIMINGS
    state: State = field(default=State.TRYING, init=False)
    _retransmit_after: float = field(default=0.0, init=False)

    def start(self) -> Sequence[Effect]:
        # "the client transaction SHOULD set timer F to fire in 64*T1 seconds. … If an unreliable transport is in use,
        # the client transaction MUST set timer E to fire in T1 seconds."
        effects: list[Effect] = [Send(self.request), StartTimer(Timer.F, self.timings.give_up)]
        if not self.reliable:
            self._retransmit_after = self.timings.t1
            effects.append(StartTimer(Timer.E, self._retransmit_after))
        return effects

    def handle(self, event: Event) -> Sequence[Effect]:
        match self.state, event:
            # "If timer E fires while still in this state, the timer is reset, but this time with a value of MIN(2*T1,
            # T2)", then MIN(4*T1, T2) and so on.
            case State.TRYING, TimerFired(Timer.E):
                self._retransmit_after = min(2 * self._retransmit_after, self.timings.t2)
                return Send(self.request), StartTimer(Timer.E, self._retransmit_after)

            # "If Timer E fires while in the "Proceeding" state, the request MUST be passed to the transport layer for
            # retransmission, and Timer E MUST be reset with a value of T2 seconds."
            case State.PROCEEDING, TimerFired(Timer.E):
                return Send(self.request), StartTimer(Timer.E, self.timings.t2)

            # Forsaken: a probe or a registration that is tried elsewhere now; it left nothing behind to be undone.
            case ((State.TRYING | State.PROCEEDING), TimerFired(Timer.F) | Forsaken()):
                return self._terminate(Reason.TIMEOUT)

            case ((State.TRYING | State.PROCEEDING), TransportFailed()):
                return self._terminate(Reason.TRANSPORT)

            # "If a provisional response is received while in the "Trying" state, the response MUST be passed to the TU,
            # and then the client transaction SHOULD move to the "Proceeding" state."
            case ((State.TRYING | State.PROCEEDING), Response(is_provisional=True)):
                self.state = State.PROCEEDING
                return (Deliver(event),)

            # "Once the client transaction enters the "Completed" state, it MUST set Timer K to fire in T4 seconds for
            # unreliable transports, and zero seconds for reliable transports."
            case ((State.TRYING | State.PROCEEDING), Response()):
                self.state = State.COMPLETED
                linger = StartTimer(Timer.K, 0 if self.reliable else self.timings.t4)
                return StopTimer(Timer.E), StopTimer(Timer.F), Deliver(event), linger

            case State.COMPLETED, TimerFired(Timer.K):
                return self._terminate(Reason.DONE)

            case _:
                return ()  # "The "Completed" state exists to buffer any additional response retransmissions"

    def _terminate(self, reason: Reason) -> Sequence[Effect]:
        self.state = State.TERMINATED
        return (Terminate(reason),)
