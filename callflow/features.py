"""What the switchboard does when a phone dials a code: pick up, fetch what is parked, forward, be left alone.

Such a call is nobody's visit: it makes no facts of its own and no Event.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import structlog

from callflow.call import Call
from callflow.control import ControlRefused
from callflow.exchange import Exchange
from callflow.facts import ForwardKind
from callflow.feature_codes import Feature, ToFeature
from callflow.inbox import Take
from callflow.preferences import Preferences
from callflow.side import Side
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.media.client import NoMedia
from pbx.sip.offer_answer import NotAcceptable

log = structlog.get_logger("callflow.features")

TONE_SECONDS = 5.0
STATUSES: Mapping[str, int] = MappingProxyType(
    {"nobody_rings": 480, "forbidden": 403, "no_route": 404, "unknown_call": 480, "failed": 480}
)


class Features:
    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.preferences = Preferences(exchange)
        self._answers: Mapping[Feature, Callable[[InboundLeg, str, ToFeature], Awaitable[None]]] = {
            Feature.PICK_UP: self._pick_up,
            Feature.PARK: self._fetch,
            Feature.FORWARD: self._forward,
            Feature.FORWARD_NOTHING: self._forward_nothing,
            Feature.DO_NOT_DISTURB: self._do_not_disturb,
        }

    async def dialled(self, leg: InboundLeg, code: ToFeature) -> None:
        """A task of its own, until the leg is over or is part of a call."""
        user = leg.arrival.user
        try:
            if user is None:
                raise ControlRefused("no_route")  # a code needs somebody whose it is
            await self._answers[code.feature](leg, user, code)
        except ControlRefused as refused:
            leg.refuse(STATUSES.get(refused.reason, 480))
        except NoMedia:
            leg.refuse(503)
        except NotAcceptable:
            leg.refuse(488)
        finally:
            if self.exchange.live.owner(leg) is None:
                await leg.close()

    # ---- calls that ring elsewhere, or are parked ----------------------------------------------------------------

    async def _pick_up(self, leg: InboundLeg, user: str, code: ToFeature) -> None:
        await self._take(leg, user, self.ringing_for(user, code.argument))

    async def _fetch(self, leg: InboundLeg, user: str, code: ToFeature) -> None:
        call = self.exchange.live.parked_at(code.argument)
        if call is None:
            raise ControlRefused("nobody_rings")
        await self._take(leg, user, call)

    def ringing_for(self, user: str, rung: str = "") -> Call:
        """The call that has rung longest at `rung`, or anywhere in the user's group. Raises ControlRefused."""
        rules, live = self.exchange.rules, self.exchange.live
        for extension, call_id in self.exchange.presence.ringing():
            wanted = extension == rung if rung else extension != user
            call = live.of(call_id)
            if wanted and call is not None and rules.may_pick_up(user, extension):
                return call
        raise ControlRefused("nobody_rings")

    async def _take(self, leg: InboundLeg, user: str, call: Call) -> None:
        self.exchange.presence.enters(user, leg)
        near = call.any_leg()
        if near is not None:
            await leg.open_media(near)
        if not leg.is_over:
            await call.inbox.ask(Take(side=Side(leg, user, self.exchange.identity(user))))

    # ---- how one wants to be reached -------------------------------------------------------------------------------

    async def _forward(self, leg: InboundLeg, user: str, code: ToFeature) -> None:
        assert code.kind is not None
        self.preferences.forward(user, code.kind, code.argument)
        await self._confirm(leg)

    async def _forward_nothing(self, leg: InboundLeg, user: str, code: ToFeature) -> None:
        for kind in (ForwardKind.ALWAYS, ForwardKind.BUSY, ForwardKind.NO_ANSWER):
            self.preferences.forward(user, kind, "")
        await self._confirm(leg)

    async def _do_not_disturb(self, leg: InboundLeg, user: str, code: ToFeature) -> None:
        self.preferences.change(user, do_not_disturb=code.argument == "on")
        await self._confirm(leg)

    async def _confirm(self, leg: InboundLeg) -> None:
        """Answer, and let the caller hear that it is done."""
        media = await leg.open_media(self.exchange.presence.a_leg_of(leg.arrival.user))
        leg.answer()
        tone = self.exchange.prompts.path("tones/done")
        if tone is not None and not leg.is_over:
            playback = media.play([str(tone)])
            await first_of(playback.ended, leg.ended, timeout=TONE_SECONDS)
        leg.hang_up()
