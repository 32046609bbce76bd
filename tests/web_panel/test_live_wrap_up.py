"""Wrap-up on the live panel: who finishes the work after a call is not shown as free."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from queue_engine.facts import Will, WrapUpSet
from tests.support.virtual_time import virtual_time
from tests.web_panel.story import BEGIN, MARTA, SUPPORT, Story, named
from web_panel.live import LivePanel, Seed
from web_panel.live_render import agent_view, line_view
from web_panel.live_state import LiveState
from web_panel.statuses import AgentStatus

UNTIL = BEGIN + timedelta(seconds=60)


def wraps_up(until: datetime = UNTIL) -> WrapUpSet:
    return WrapUpSet(id=named("w"), at=BEGIN, extension="1003", item=named("a"), until=until)


def status(state: LiveState) -> AgentStatus:
    return state.status(MARTA.user_id)


def free(state: LiveState) -> int:
    line = line_view(state, "7000")
    assert line is not None
    return line.free


@pytest.fixture
def state() -> LiveState:
    state = LiveState(lines={"7000": SUPPORT}, online={"1003"})
    state.know(MARTA, BEGIN)
    return state


def test_who_wraps_up_is_not_free_and_the_panel_says_until_when(state: LiveState) -> None:
    assert (status(state), free(state)) == (AgentStatus.FREE, 1)
    state.apply(wraps_up(), BEGIN)
    view = agent_view(state, MARTA.user_id)
    assert view is not None
    assert (view.status, view.since, view.wrap_up_until) == (AgentStatus.WRAP_UP, BEGIN, UNTIL)
    assert free(state) == 0


def test_a_wrap_up_that_is_cut_is_over(state: LiveState) -> None:
    state.apply(wraps_up(), BEGIN)
    state.apply(wraps_up(until=BEGIN), BEGIN)
    assert (status(state), free(state)) == (AgentStatus.FREE, 1)


def test_a_pause_is_shown_before_the_wrap_up(state: LiveState) -> None:
    state.apply(wraps_up(), BEGIN)
    state.apply(Story().declared(MARTA, Will.PAUSED, "lunch"), BEGIN)
    assert status(state) is AgentStatus.PAUSED


@pytest.mark.parametrize("known", ["told", "seeded"])
def test_a_wrap_up_ends_by_itself(known: str) -> None:
    @virtual_time
    async def passes() -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        panel = LivePanel(lambda: BEGIN + timedelta(seconds=loop.time() - begin), time_zone=ZoneInfo("Europe/Kyiv"))
        running = {"1003": UNTIL} if known == "seeded" else {}
        panel.seed(Seed(people=[MARTA], registered=["1003"], lines=[SUPPORT], wrap_ups=running))
        if known == "told":
            panel.on_fact(wraps_up(until=BEGIN + timedelta(seconds=20)))
            panel.on_fact(wraps_up())
        await asyncio.sleep(59)
        assert status(panel.state) is AgentStatus.WRAP_UP, "the first end was given up for the second"
        await asyncio.sleep(2)
        assert (status(panel.state), free(panel.state)) == (AgentStatus.FREE, 1)

    passes()
