"""The session timer of a leg: refreshes its session, or ends it when the other side does not (RFC 4028)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pbx.leg.part import Part
from pbx.leg.values import LegEnd
from pbx.sip import session_timer
from pbx.sip.message import Request, Response
from pbx.sip.reason import Cause
from pbx.sip.session_timer import Agreed, Expire, Refresh, Refresher, SessionTimer, TimerEffect
from pbx.sip.success_retransmission import StopWaiting, Wait

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

EXPIRED = Cause("SIP", 408, "Session expired")
Header = tuple[str, str]


class SessionWatch(Part["Leg"]):
    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self._timer = SessionTimer()
        self._minimum = leg.endpoint.session_policy.minimum

    @property
    def agreed(self) -> Agreed | None:
        return self._timer.agreed

    def request_headers(self) -> tuple[Header, ...]:
        """For an INVITE or UPDATE of ours. Within a dialog the roles stay as they are (RFC 4028 §7.4)."""
        agreed = self._timer.agreed
        if agreed is None:
            return session_timer.request_headers(self._leg.endpoint.session_policy.interval, self._minimum)
        refresher = Refresher.UAC if agreed.ours else Refresher.UAS
        return session_timer.request_headers(agreed.seconds, self._minimum, refresher)

    def raise_minimum(self, refused: Response) -> bool:
        """After a 422: whether asking again can help."""
        minimum = session_timer.raised_minimum(refused, self._minimum)
        if minimum is None:
            return False
        self._minimum = minimum
        return True

    def accepted(self, response: Response) -> None:
        """The peer's 2xx to a session refresh request of ours."""
        self._perform(self._timer.agree(session_timer.agreed(response)))

    def answer(self, request: Request) -> tuple[Agreed | None, tuple[Header, ...]]:
        """For our 2xx to a session refresh request of the peer. Raises RemoteProtocolError with 422."""
        return session_timer.answer(request, self._leg.endpoint.session_policy)

    def agree(self, agreed: Agreed | None) -> None:
        """Our 2xx went out."""
        self._perform(self._timer.agree(agreed))

    def stop(self) -> None:
        self._perform(self._timer.agree(None))

    def _perform(self, effects: Sequence[TimerEffect]) -> None:
        leg = self._leg
        for effect in effects:
            match effect:
                case Wait(seconds):
                    leg.endpoint.timers.start((leg, "session"), seconds, self._fired)
                case StopWaiting():
                    leg.endpoint.timers.stop((leg, "session"))
                case Refresh():
                    leg.changes.refresh()
                case Expire():
                    leg.hang_up(LegEnd.TIMEOUT, EXPIRED)

    def _fired(self) -> None:
        self._perform(self._timer.fired())
