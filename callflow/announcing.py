"""What somebody who waits is told between the music: place, expected wait, messages. It never delays an offer: the wait
itself is another task, and ends this one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from callflow import saying
from callflow.router import LinePlan
from pbx.inbound_leg import InboundLeg
from pbx.media.messages import MAX_FILES
from queue_engine.place import Place

if TYPE_CHECKING:
    from callflow.call import Call
    from callflow.search import Search

LARGEST_POSITION = 999
LONGEST_WAIT = 60  # minutes; nobody is told more


class Announcements:
    """What is due, as names of prompts. A place or a wait is told again only when it has become better: an estimate
    that grows is worse than none."""

    def __init__(self, line: LinePlan) -> None:
        self._line = line
        self._position = LARGEST_POSITION + 1
        self._minutes = LONGEST_WAIT + 1
        self._told = 0
        self._offered = False

    def due(self, position: int | None, wait: float | None, waited: float = 0.0) -> list[str]:
        """`position`: 1 = next; None: is being offered. `wait`: seconds; None: cannot be said honestly. `waited`: so
        far."""
        names: list[str] = []
        if self._line.position and position is not None and position < self._position:
            self._position = position
            names += saying.position(position, self._line.language)
        minutes = None if wait is None else max(1, -(-int(wait) // 60))
        if self._line.expected_wait and minutes is not None and minutes < self._minutes:
            self._minutes = minutes
            names += saying.expected_wait(minutes, self._line.language)
        offer = self._offer(waited)
        if offer and not self._offered:
            self._offered = True
            return names + offer
        spoken = [[message] for message in self._line.messages] + ([offer] if offer else [])
        if not names and spoken:
            names = spoken[self._told % len(spoken)]
            self._told += 1
        return names

    def _offer(self, waited: float) -> list[str]:
        """To be called back: at once when it may be chosen, and then in turn with the messages."""
        plan = self._line.callback
        if plan is None or waited < plan.after:
            return []
        return ["callback_offer", *saying.digits(plan.key, self._line.language)]


async def announce(search: Search, line: LinePlan, place: Place, joined_at: float) -> None:
    """Until it is cancelled."""
    call, due = search.call, Announcements(line)
    dispatcher = call.exchange.dispatcher
    told: list[str] = []
    while True:
        item = place.item.item_id
        names = _switched(call, line, told)
        told = names or told
        waited = asyncio.get_running_loop().time() - joined_at
        names = names + due.due(dispatcher.position(item), dispatcher.expected_wait(line.number, item), waited)
        if await _play(search, names):
            call.music(search.waiting.leg)
        await asyncio.sleep(line.announce_every)


async def tell_once(search: Search, name: str) -> None:
    """A prompt for somebody who goes on, or whose call ends then."""
    leg = search.waiting.leg
    if isinstance(leg, InboundLeg):
        leg.answer()
    await _play(search, [name])


def _switched(call: Call, line: LinePlan, told: list[str]) -> list[str]:
    """What a supervisor has the line tell, unless that was told last."""
    message = call.exchange.lines.switch(line.number).message
    return [message] if message and message not in told else []


async def _play(search: Search, names: list[str]) -> bool:
    """Whether there was anything to play."""
    prompts = search.call.exchange.prompts
    paths = [str(path) for name in names if (path := prompts.path(name)) is not None]
    for first in range(0, len(paths), MAX_FILES):
        media = search.waiting.leg.media
        if media is not None:
            await asyncio.wait([media.play(paths[first : first + MAX_FILES]).ended])
    return bool(paths)
