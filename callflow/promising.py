"""A caller in a line asks to be called back: the number is read out, confirmed or typed anew, and promised.

A stranger is never called at our cost where the line's account may not call, nor at an extension, a trunk's own number
or an emergency number: whoever types the number need not be whose it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from callflow import saying
from callflow.callback_facts import CallbackPromised
from callflow.promises import Promise
from callflow.router import CallbackPlan, LinePlan, ToExtension, ToTrunk
from callflow.waiting import first_of
from pbx.leg import Identity
from pbx.media.messages import MAX_FILES

if TYPE_CHECKING:
    from callflow.search import Search

CONFIRM, DONE = "1", "#"
ATTEMPTS = 3
SILENCE = 6.0  # seconds after the prompt without a key: back to waiting
NEXT_KEY = 3.0  # seconds without another key: the number is complete, or the 1 was a yes
MOST_DIGITS = 20
HANGS_UP_WITHIN = timedelta(seconds=12)
"""The promise is heard and the caller hangs up before anybody is called back: else the line would be busy."""


class Promising:
    """`joined_at`: since when they wait (monotonic)."""

    def __init__(self, search: Search, line: LinePlan, plan: CallbackPlan, joined_at: float) -> None:
        self._search = search
        self._call = search.call
        self._exchange = search.call.exchange
        self._line, self._plan = line, plan
        self._joined_at = joined_at

    async def ask(self) -> bool:
        """Whether it was promised. The place is kept meanwhile; cancelled when an agent answers."""
        waiting = self._search.waiting
        number = waiting.extension or waiting.shown.number
        if not self._may_be_called(number):
            number = ""
        for _ in range(ATTEMPTS):
            typed = await self._asked(number)
            if not typed:
                return False
            if typed == CONFIRM and number:
                self._promise(number)
                return True
            if self._may_be_called(typed):
                number = typed
            else:
                await self._play(["callback_refused"])
        return False

    async def _asked(self, number: str) -> str:
        if not number:
            return await self._typed(["callback_type"])
        digits = saying.digits(number, self._line.language)
        return await self._typed(["callback_number", *digits, "callback_confirm"])

    async def _typed(self, prompts: Sequence[str]) -> str:
        """`1` alone, or a number up to `#`, or until no further key comes; "" when there is none."""
        typed = await self._play(prompts) or await self._key(SILENCE) or ""
        if typed in ("", DONE):
            return ""
        while len(typed) < MOST_DIGITS:
            key = await self._key(NEXT_KEY)
            if key is None or key == DONE:
                break
            typed += key
        return typed

    async def _play(self, prompts: Sequence[str]) -> str | None:
        """The key that has cut it."""
        leg = self._search.waiting.leg
        paths = [str(path) for name in prompts if (path := self._exchange.prompts.path(name)) is not None]
        for first in range(0, len(paths), MAX_FILES):
            if leg.media is None or leg.is_over:
                return None
            playback = leg.media.play(paths[first : first + MAX_FILES])
            pressed = asyncio.create_task(leg.digits.get())
            try:
                await first_of(pressed, playback.ended, leg.ended)
            finally:
                pressed.cancel()
            if pressed.done() and not pressed.cancelled():
                leg.media.stop_playing()
                return pressed.result()
        return None

    async def _key(self, seconds: float) -> str | None:
        leg = self._search.waiting.leg
        pressed = asyncio.create_task(leg.digits.get())
        try:
            await first_of(pressed, leg.ended, timeout=seconds)
        finally:
            pressed.cancel()
        return pressed.result() if pressed.done() and not pressed.cancelled() else None

    def _may_be_called(self, number: str) -> bool:
        if not any(map(str.isdigit, number)):
            return False
        route = self._exchange.route(number, by=self._line.number)
        if isinstance(route, ToExtension):
            return number == self._search.waiting.extension
        if not isinstance(route, ToTrunk) or number in self._exchange.plan.trunk_numbers:
            return False
        return not self._exchange.permissions.is_emergency(number)

    def _begins(self, now: datetime) -> datetime:
        hours = self._plan.hours
        return now if hours is None else hours.next_open(now, self._exchange.flows.zone) or now

    def _promise(self, number: str) -> None:
        """Told first, so that it stands whatever happens next. Who asks again has it already."""
        call, now = self._call, self._exchange.clock.now()
        call.promised = True
        party = self._exchange.plan.numbers.e164(number) or number
        if self._exchange.promises.of(party, self._line.number) is not None:
            return
        inside = number == self._search.waiting.extension
        name = self._search.waiting.shown.name
        waited = asyncio.get_running_loop().time() - self._joined_at
        promise = Promise(
            id=uuid7(),
            line=self._line.number,
            number=number,
            party=party,
            name=name,
            joined_at=now - timedelta(seconds=waited),
            promised_at=now,
            expires_at=self._begins(now) + timedelta(seconds=self._plan.expires),
            again_at=now + HANGS_UP_WITHIN,
        )
        call.tell(
            CallbackPromised,
            promise=promise.id,
            line=promise.line,
            party=call.introduce(Identity(number, name), extension=inside),
            joined_at=promise.joined_at,
            expires_at=promise.expires_at,
        )
        self._exchange.promises.add(promise)
