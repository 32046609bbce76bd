"""Who does not take several offers in a row is paused by the engine, and everybody hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from callflow.agent_commands import AgentCommands
from callflow.facts import Fact
from crm_core.spool import SpoolFull
from dzvin.auto_pauses import NOBODYS, tell_auto_pauses
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import AgentDeclared, QueueFact, Will
from queue_engine.reasons import RefusalCause
from queue_engine.work import Line
from tests.queue_engine.desk import one
from tests.support.virtual_time import virtual_time
from web_panel.live import LivePanel, Seed
from web_panel.live_entries import Person
from web_panel.statuses import AgentStatus

AT = datetime(2026, 11, 28, 9, tzinfo=UTC)
ANNA = UUID(int=1)
LINE = Line("7000", ("1001",), retry_after=0.0, auto_pause_after=2, auto_pause_causes=frozenset(RefusalCause))


class Office:
    def __init__(self) -> None:
        self.dispatcher = Dispatcher([LINE])
        self.live = LivePanel(self.now, time_zone=ZoneInfo("Europe/Kyiv"))
        self.live.seed(
            Seed(people=[Person(user_id=ANNA, name="Anna", extension="1001", window=None)], registered=["1001"])
        )
        self.facts: list[Fact | QueueFact] = []
        self.full = False
        agents = AgentCommands(self.dispatcher, self, self)
        tell_auto_pauses(self.dispatcher, agents, self.live.state.by_extension.get)

    def append(self, fact: Fact | QueueFact) -> None:
        if self.full:
            raise SpoolFull
        self.facts.append(fact)
        self.live.on_fact(fact)

    def now(self) -> datetime:
        return AT

    def misses(self, offers: int) -> None:
        self.dispatcher.reachable("1001", True)
        place = self.dispatcher.enter(one(1), "7000")
        for _ in range(offers):
            place.refused("1001", RefusalCause.REJECTED)
            self.dispatcher.end_wrap_up("1001")


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office()
    yield office
    office.dispatcher.close()


async def test_the_pause_is_told_with_its_cause_and_by_nobody(office: Office) -> None:
    office.misses(2)
    (fact,) = office.facts
    assert isinstance(fact, AgentDeclared)
    assert (fact.user, fact.extension, fact.will, fact.reason) == (ANNA, "1001", Will.PAUSED, "auto")
    assert (fact.by, fact.cause) == (None, "rejected")


async def test_the_panel_shows_a_pause(office: Office) -> None:
    office.misses(1)
    assert office.live.state.status(ANNA) is AgentStatus.FREE
    office.misses(2)
    assert office.live.state.status(ANNA) is AgentStatus.PAUSED
    assert office.live.state.declared[ANNA].reason == "auto"
    assert office.dispatcher.will("1001") is Will.PAUSED


async def test_a_full_spool_stops_no_dispatching(office: Office) -> None:
    office.full = True
    office.misses(2)
    assert office.dispatcher.will("1001") is Will.PAUSED


@virtual_time
async def test_a_phone_that_is_nobodys_is_paused_for_a_while_since_nobody_could_end_it() -> None:
    office = Office()
    office.live.state.by_extension.clear()
    office.misses(2)
    assert (office.dispatcher.will("1001"), office.facts) == (Will.PAUSED, [])
    await asyncio.sleep(NOBODYS)
    assert office.dispatcher.will("1001") is Will.READY
    office.dispatcher.close()
