"""The 2xx of a leg, sent again until their ACK comes, as a trace shows it (`pbx.sip.success_retransmission`)."""

from __future__ import annotations

from collections import deque

from pbx.sip.message import Request, Response
from pbx.sip.success_retransmission import SuccessRetransmission, Wait
from pbx.sip.transaction.effects import Send
from pbx.trace.machines import EARLY
from pbx.trace.verdict import Differs, Unknown, compare

TIMER = "2xx"


class Successes:
    """As `pbx.leg.successes` does it: by CSeq, and with timers of the leg that are named after it."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[str, SuccessRetransmission, float]] = {}
        self._unsent: deque[bytes] = deque()
        self._cut = False

    def cut(self) -> None:
        self._waiting.clear()
        self._unsent.clear()
        self._cut = True

    def answered(self, at: float, response: Response) -> None:
        """A 2xx to an INVITE has left for the first time."""
        number = response.cseq.number
        name = f"{TIMER} {number}" if self._waiting else TIMER
        again = SuccessRetransmission(response)
        self._wait(at, number, name, again, again.start())

    def fired(self, at: float, name: str) -> None:
        """Raises Differs, Unknown."""
        for number, (known, again, due) in self._waiting.items():
            if known == name:
                if at < due - EARLY:
                    raise Differs("2xx of an INVITE", f"sent again at {at:.3f}", f"due at {due:.3f}")
                self._wait(at, number, name, again, again.fired())
                return
        if self._cut:
            raise Unknown
        raise Differs("2xx of an INVITE", "sent again", "its ACK has come")

    def sent(self, data: bytes) -> None:
        """A 2xx that no transaction sent. Raises Differs, Unknown."""
        if self._unsent:
            compare("2xx of an INVITE", data, self._unsent.popleft())
        elif self._cut:
            raise Unknown
        else:
            raise Differs("2xx of an INVITE", "sent again", "not yet due")

    def acknowledged(self, ack: Request) -> None:
        """Whoever acknowledges a later 2xx has the earlier ones too."""
        for number in [known for known in self._waiting if known <= ack.cseq.number]:
            response = self._waiting[number][1].response
            ours, theirs = response.to.tag, response.from_.tag
            if (ack.to.tag, ack.from_.tag) == (ours, theirs):
                del self._waiting[number]

    def _wait(self, at: float, number: int, name: str, again: SuccessRetransmission, effects: object) -> None:
        assert isinstance(effects, tuple)
        for effect in effects:
            match effect:
                case Send(message):
                    self._unsent.append(message.serialise())
                case Wait(seconds):
                    self._waiting[number] = (name, again, at + seconds)
                case _:
                    self._waiting.pop(number, None)
