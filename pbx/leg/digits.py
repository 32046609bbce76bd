"""Digits: as telephone-events they stay in the media worker; as INFO they pass here, and here the two ways meet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pbx.leg.asking import Asking
from pbx.leg.part import Part
from pbx.leg.usage import InviteUsage
from pbx.leg.values import DigitWay, LegEnd
from pbx.sip import info_digits
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.reason import Cause
from pbx.sip.reply import reply
from pbx.transactions import ServerTransaction

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

KEPT = 64
MAX_UNSENT = 64


class DigitPath(Part["Leg"]):
    """The digits of one leg, and where they go on: to the leg that it is bridged with, or to whoever hears it in a
    room."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self._hearers: tuple[DigitPath, ...] = ()
        self._is_bridged = False  # then the media worker passes telephone-events on by itself
        self.way = DigitWay.AUTO
        self.is_secret = False
        self._unsent: list[tuple[str, int]] = []
        self._sending = False
        self.digits: asyncio.Queue[str] = asyncio.Queue(KEPT)
        self.on_digit: Callable[[str], None] | None = None

    # ---- who talks to whom -----------------------------------------------------------------------------------------

    def join(self, other: DigitPath) -> None:
        """A bridge."""
        self.part()
        other.part()
        self._hearers, other._hearers = (other,), (self,)
        self._is_bridged = other._is_bridged = True

    def reach(self, *hearers: DigitPath) -> None:
        """In a room: those hear what this leg presses."""
        self.part()
        self._hearers = hearers

    def part(self) -> bool:
        """Nobody hears it now. Whether there was a bridge."""
        hearers, self._hearers = self._hearers, ()
        if not self._is_bridged:
            return False
        self._is_bridged = False
        for other in hearers:
            other._hearers, other._is_bridged = (), False
        return True

    # ---- from the other side of the leg ----------------------------------------------------------------------------

    def heard(self, digit: str, milliseconds: int) -> None:
        """A telephone-event, which the media worker has relayed, if the far side takes such; or a tone in the sound,
        which it has taken out."""
        self._keep(digit)
        relays = self._is_bridged and self.way is not DigitWay.INBAND
        for hearer in self._hearers if not self.is_secret else ():
            if not (relays and hearer.takes_events):
                hearer.send(digit, milliseconds)

    def informed(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        """INFO (R-PHONE-17)."""
        if "info-package" in request.headers:
            # RFC 6086 §4.2.2: "If a UA receives an INFO request associated with an Info Package that the UA has not
            # indicated willingness to receive, the UA MUST send a 469 (Bad Info Package) response", with Recv-Info.
            raise RemoteProtocolError("an Info Package", 469, headers=(("Recv-Info", ""),))
        digits, milliseconds = info_digits.digits_of(request) if request.body else ("", 0)
        server.respond(reply(request, 200))
        for digit in digits:
            self._keep(digit)
        for hearer in self._hearers if digits and not self.is_secret else ():
            hearer.send(digits, milliseconds)

    def _keep(self, digit: str) -> None:
        if not self.digits.full():
            self.digits.put_nowait(digit)
        if self.on_digit is not None:
            self.on_digit(digit)

    def keep_secret(self, *, on: bool) -> None:
        """While it is on, what is pressed on this leg is known to us alone: the other leg hears nothing of it, and what
        this leg says is not recorded."""
        self.is_secret = on
        if self._leg.media is not None:
            self._leg.media.keep_secret(on=on)

    # ---- towards the other side of the leg -------------------------------------------------------------------------

    @property
    def takes_events(self) -> bool:
        """RFC 4733, agreed upon in the session."""
        negotiated = self._leg.negotiated
        return negotiated is not None and negotiated.dtmf_payload_type is not None

    def send(self, digits: str, milliseconds: int) -> None:
        leg = self._leg
        if leg.is_over or leg.media is None:
            return
        if self.takes_events or self.way is DigitWay.INBAND:
            leg.media.send_digits(digits, milliseconds)
        elif leg.usage is not None and leg.usage.peer.may_take("INFO"):
            self._unsent += [(digit, milliseconds) for digit in digits][: MAX_UNSENT - len(self._unsent)]
            self._send_next()

    def _send_next(self) -> None:
        """One INFO at a time: over UDP two could change places, and the second would be answered 500 for its CSeq."""
        usage = self._leg.usage
        if self._sending or not self._unsent or usage is None or not usage.is_confirmed:
            return
        digit, milliseconds = self._unsent.pop(0)
        self._sending = True
        body = info_digits.relay_body(digit, milliseconds)
        Asking(self._leg, usage, "INFO", self._sent, body=body, content_type=info_digits.RELAY)

    def _sent(self, response: Response | None) -> None:
        self._sending = False
        if response is not None and response.status == 481:
            self._leg.hang_up(LegEnd.TIMEOUT, Cause("SIP", 481))
        elif response is not None:
            self._send_next()
        else:
            self._unsent.clear()
