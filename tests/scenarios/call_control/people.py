"""What these scenarios need of people: their desks in the panel, and how they want to be reached for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.scenarios.company import UNHEARD, heard
from tests.support import tones
from tests.support.deadlines import eventually
from tests.support.panel import Json, Panel, Row
from tests.support.phone_call import Call
from tests.support.server import Server

LOGINS = {"1001": "agent1", "1002": "agent2", "1003": "agent3", "1004": "agent4", "1005": "agent5"}


@dataclass(slots=True)
class Desk:
    """The panel of the person with that extension."""

    panel: Panel
    extension: str

    async def tell(self, call_id: str, command: str, body: Json = None, *, status: int = 204) -> Row:
        answer = await self.panel.ask("POST", f"/api/calls/{call_id}/{command}", body, status=status)
        return {} if status == 204 else answer.json()

    async def my_call(self, state: str = "talking") -> str:
        """The id of the call in that state, as the panel shows it to me."""
        async with self.panel.live() as live:
            for call in live.snapshot["calls"]:  # type: ignore[union-attr]  # a list
                if call["state"] == state:  # type: ignore[call-overload,index]  # a row
                    return str(call["call_id"])  # type: ignore[call-overload,index]  # a row
            return str((await live.call(state))["call_id"])


@asynccontextmanager
async def desk(server: Server, extension: str) -> AsyncIterator[Desk]:
    async with server.sign_in(LOGINS[extension]) as panel:
        yield Desk(panel, extension)


@asynccontextmanager
async def forwarding(server: Server, extension: str, kind: str, number: str) -> AsyncIterator[None]:
    """Meanwhile calls for that extension are forwarded."""
    async with desk(server, extension) as mine:
        await mine.panel.ask("PUT", f"/api/phone/forwards/{kind}", {"number": number})
        yield
        await mine.panel.ask("PUT", f"/api/phone/forwards/{kind}", {"number": ""})
    await server.settled()


@asynccontextmanager
async def wishing(server: Server, extension: str, **wishes: Json) -> AsyncIterator[None]:
    """Meanwhile that person wants to be reached so."""
    async with desk(server, extension) as mine:
        before: Row = (await mine.panel.ask("GET", "/api/phone")).json()
        await mine.panel.ask("PATCH", "/api/phone", wishes)
        yield
        await mine.panel.ask("PATCH", "/api/phone", {name: before[name] for name in wishes})
    await server.settled()


async def hears_music(call: Call, *, without: int = tones.NOT_IN_MUSIC) -> None:
    """Music, and not the tone of the one who was there before."""
    sound = await heard(call)
    assert tones.loudness(sound) > 100, "no music"
    assert tones.level(sound, without) < UNHEARD, "the other one is heard still"


async def new_event(panel: Panel, known: set[Json], holds: Callable[[Row], object]) -> Row:
    return await panel.event(lambda row: row["id"] not in known and holds(row))


async def known_events(panel: Panel) -> set[Json]:
    return {row["id"] for row in await panel.events()}


async def follow_up_of(panel: Panel, phone: str) -> Row:
    async def owed() -> list[Row]:
        return [row for row in await panel.follow_ups() if row["phone"] == phone]

    return (await eventually("a follow-up", owed))[0]
