"""A line that offers callbacks, and callers who ask for one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from callflow.router import CallbackPlan, LinePlan
from queue_engine.work import Line
from tests.callflow.house import Dialog, House, Phone, a_house
from tests.pbx.switch import PromisedLeg

PLAN = CallbackPlan(key="5", tries=2, retry_after=60.0, expires=3600.0)
LINE = LinePlan(number="700", music=True, callback=PLAN)
QUEUE = Line("700", ("1003",))
ANNA = "0441234567"


@asynccontextmanager
async def an_office(
    line: LinePlan = LINE, queue: Line = QUEUE, *, busy: bool = True, carries: str = "0"
) -> AsyncIterator[House]:
    """The agent is away at first, so that who calls has to wait."""
    async with a_house(lines=[line], queue=[queue], trunk_leads_to="700", trunk_carries=[carries]) as house:
        for agent in queue.agents if busy else ():
            house.dispatcher.reachable(agent, False)
        yield house


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose sound can be looked at when the call is over, too."""

    dialog: Dialog
    media: PromisedLeg


async def comes(house: House, number: str = ANNA) -> Caller:
    return await heard(house, await house.outside_calls(number))


async def heard(house: House, dialog: Dialog) -> Caller:
    dialog.phone.answer_to(dialog)
    await house.settles()
    return Caller(dialog, dialog.media)


async def presses(house: House, caller: Caller, keys: str) -> None:
    for key in keys:
        house.switch.user_agent._legs[caller.dialog.sip_call_id, caller.dialog.theirs].digits.put_nowait(key)
    await house.settles()


async def hears_all(house: House, caller: Caller) -> None:
    """What is played to the caller has come to its end."""
    for _ in range(8):
        for playback in caller.media.playbacks:
            if not playback.ended.done():
                playback.finish("done")
        await house.settles()


async def passes(house: House, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await house.settles()


async def asks(house: House, caller: Caller) -> None:
    """And confirms the number."""
    await presses(house, caller, "51")
    await passes(house, 4)
    await hears_all(house, caller)


async def hangs_up(house: House, who: Caller | Dialog) -> None:
    dialog = who.dialog if isinstance(who, Caller) else who
    house.at_once((dialog.phone, dialog.text("BYE")))
    await house.settles()


def told(caller: Caller) -> list[str]:
    return [
        str(Path(str(file)).relative_to("/prompts"))
        for what, given in caller.media.told
        if what == "play" and isinstance(given, tuple)
        for file in given[:-1]
    ]


async def agent_comes(house: House, extension: str = "1003") -> Phone:
    house.dispatcher.reachable(extension, True)
    await house.settles()
    return house.phones[extension]
