"""The 2xx to INVITEs and re-INVITEs of the peer, sent again until their ACK comes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pbx.leg.part import Part
from pbx.sip.message import Response
from pbx.sip.reason import Cause
from pbx.sip.success_retransmission import GiveUp, RetransmissionEffect, StopWaiting, SuccessRetransmission, Wait
from pbx.sip.transaction.effects import Send

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

NO_ACK = Cause("SIP", 408, "No ACK")


class Successes(Part["Leg"]):
    """By CSeq: RFC 5407 §3.1.4 lets a re-INVITE be answered before the ACK of the INVITE has come."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self._waiting: dict[int, SuccessRetransmission] = {}
        self._timers: dict[int, str] = {}

    def watch(self, response: Response) -> None:
        """That response has just been handed to its transaction."""
        number = response.cseq.number
        self._timers[number] = f"2xx {number}" if self._waiting else "2xx"
        self._waiting[number] = SuccessRetransmission(response)
        self._perform(number, self._waiting[number].start())

    @property
    def are_waiting(self) -> bool:
        return bool(self._waiting)

    def waits(self, number: int) -> bool:
        return number in self._waiting

    def acknowledged(self, number: int) -> bool:
        """Whether that 2xx was still waiting. Whoever acknowledges a later one has the earlier ones too."""
        waited = number in self._waiting
        for earlier in [known for known in self._waiting if known <= number]:
            self._perform(earlier, self._waiting.pop(earlier).acknowledged())
        return waited

    def stop(self) -> None:
        """The dialog is over."""
        for number, waiting in self._waiting.items():
            self._perform(number, waiting.acknowledged())
        self._waiting.clear()
        self._timers.clear()

    def _perform(self, number: int, effects: Sequence[RetransmissionEffect]) -> None:
        leg = self._leg
        for effect in effects:
            match effect:
                case Send(message):
                    leg.endpoint.transactions.send_stateless(message, leg.flow)
                case Wait(seconds):
                    leg.endpoint.timers.start((leg, self._timers[number]), seconds, partial(self._fired, number))
                case StopWaiting():
                    leg.endpoint.timers.stop((leg, self._timers[number]))
                case GiveUp():
                    # RFC 3261 §13.3.1.4: no ACK for 64*T1: the dialog is confirmed, but the session ends by BYE.
                    self._waiting.pop(number, None)
                    leg.never_acknowledged(NO_ACK)

    def _fired(self, number: int) -> None:
        waiting = self._waiting.get(number)
        if waiting is not None:
            self._perform(number, waiting.fired())
