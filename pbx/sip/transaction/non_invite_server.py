"""Non-INVITE server transaction: RFC 3261 §17.2.2 (figure 8). One `case` for each arrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from pbx.sip.message import Request, Response
from pbx.sip.transaction.effects import Deliver, Effect, Reason, Send, StartTimer, Terminate
from pbx.sip.transaction.events import Respond, TimerFired, TransportFailed
from pbx.sip.transaction.timers import RFC_TIMINGS, Timer, Timings


class State(Enum):
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    TERMINATED = auto()


Event = Request | Respond | TimerFired | TransportFailed


@dataclass(slots=True)
class NonInviteServerTransaction:
    request: Request
    reliable: bool
    timings: Timings = RFC_TIMINGS
    state: State = field(default=State.TRYING, init=False)
    _last_response: Response | None = field(default=None, init=False)

    def start(self) -> Sequence[Effect]:
        return (Deliver(self.request),)

    def handle(self, event: Event) -> Sequence[Effect]:
        match self.state, event:
            # "While in the "Trying" state, if the TU passes a provisional response to the server transaction, the
            # server transaction MUST enter the "Proceeding" state."
            case ((State.TRYING | State.PROCEEDING), Respond(Response(is_provisional=True) as response)):
                self.state = State.PROCEEDING
                self._last_response = response
                return (Send(response),)

            # "When the server transaction enters the "Completed" state, it MUST set Timer J to fire in 64*T1 seconds
            # for unreliable transports, and zero seconds for reliable transports."
            case ((State.TRYING | State.PROCEEDING), Respond(response)):
                self.state = State.COMPLETED
                self._last_response = response
                return Send(response), StartTimer(Timer.J, 0 if self.reliable else self.timings.give_up)

            # "If a retransmission of the request is received while in the "Proceeding" state, the most recently sent
            # provisional response MUST be passed to the transport layer"; in "Completed" the final one. In "Trying"
            # "any further request retransmissions are discarded".
            case ((State.PROCEEDING | State.COMPLETED), Request()) if self._last_response:
                return (Send(self._last_response),)

            # Figure 8: "Transport Err. Inform TU".
            case ((State.PROCEEDING | State.COMPLETED), TransportFailed()):
                return self._terminate(Reason.TRANSPORT)

            case State.COMPLETED, TimerFired(Timer.J):
                return self._terminate(Reason.DONE)

            case _:
                return ()  # "Any other final responses passed by the TU … MUST be discarded" in Completed

    def _terminate(self, reason: Reason) -> Sequence[Effect]:
        self.state = State.TERMINATED
        return (Terminate(reason),)
