"""What the switchboard does when a phone dials a code: pick up, fetch what is parked, forward, be left alone.

Such a call is nobody's visit: it makes no facts of its own and no Event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

import structlog

from callflow.call import Call
from callflow.control import ControlRefused
from callflow.exchange import Exchange
from callflow.facts import ForwardKind
from callflow.feature_codes import Feature, ToFeature
from callflow.inbox import Supervise, Take
from callflow.preferences import Preferences
from callflow.room_facts import SupervisionMode
from callflow.side import Side
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.leg import Leg
from pbx.media.client import NoMedia
from pbx.sip.offer_answer import NotAcceptable

log = structlog.get_logger("callflow.features")

TONE_SECONDS = 5.0
STATUSES: Mapping[str, int] = MappingProxyType(
    {"nobody_rings": 480, "forbidden": 403, "no_route": 404, "no_dialog": 481, "unknown_call": 480, "failed": 480}
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
            Feature.SUPERVISE: self._supervise,
        }

    async def dialled(self, leg: InboundLeg, code: ToFeature) -> None:
        """A task of its own, until the leg is over or is part of a call."""
        user = leg.arrival.user
        async with self._answering(leg):
            if user is None:
                raise ControlRefused("no_route")  # a code needs somebody whose it is
            await self._answers[code.feature](leg, user, code)

    async def replaces(self, leg: InboundLeg, rings: Leg) -> None:
        """A phone picks up what `rings`, by the name of its dialog that a lamp has told (RFC 3891). A task likewise."""
        user, call = leg.arrival.user, self.exchange.live.owner(rings)
        async with self._answering(leg):
            rung = call.extension_of(rings) if call is not None else None
            if call is None or rung is None:
                raise ControlRefused("no_dialog")
            # RFC 3891 §3: "the UA MUST verify that the initiator of the new INVITE is authorized to replace the matched
            # dialog."
            if user is None or not self.may_take(user, rung, call):
                raise ControlRefused("forbidden")
            await self._take(leg, user, call)

    @asynccontextmanager
    async def _answering(self, leg: InboundLeg) -> AsyncIterator[None]:
        """Whatever cannot be done is refused, and a leg that became no call's is closed."""
        try:
            yield
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
        for extension, call_id in self.exchange.presence.ringing():
            wanted = extension == rung if rung else extension != user
            call = self.exchange.live.of(call_id)
            if wanted and call is not None and self.may_take(user, extension, call):
                return call
        raise ControlRefused("nobody_rings")

    def may_take(self, user: str, rung: str, call: Call) -> bool:
        """Whether `user` may take a call that rings at `rung`; nobody picks up the call that they placed."""
        placed = call.extension_of(call.placed_by) if call.placed_by is not None else None
        return user != placed and (user == rung or self.exchange.rules.may_pick_up(user, rung))

    async def _take(self, leg: InboundLeg, user: str, call: Call) -> None:
        self.exchange.presence.enters(user, leg)
        near = call.any_leg()
        if near is not None:
            await leg.open_media(near)
        if not leg.is_over:
            await call.inbox.ask(Take(side=Side(leg, user, self.exchange.identity(user))))

    # ---- beside a call -----------------------------------------------------------------------------------------------

    async def _supervise(self, leg: InboundLeg, user: str, code: ToFeature) -> None:
        """Listen to the agent whose extension stands behind the code; keys change the mode then."""
        if user not in self.exchange.supervisors:
            raise ControlRefused("forbidden")
        call = self.exchange.live.talking(code.argument)
        near = call.any_leg() if call is not None else None
        if call is None or near is None:
            raise ControlRefused("not_now")
        self.exchange.presence.enters(user, leg)
        await leg.open_media(near)
        if not leg.is_over:
            side = Side(leg, user, self.exchange.identity(user))
            mode = SupervisionMode.LISTEN
            await call.inbox.ask(Supervise(by=user, mode=mode, agent=code.argument, side=side))

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
