"""A supervisor over agents, a raised hand and the history of statuses, over HTTP and on the live panel."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_core import ledger
from crm_core.projection import project
from queue_engine.facts import HandRaised, Will
from tests.web_panel.house import House
from tests.web_panel.story import BEGIN, OLENA, Story, named
from web_panel.live_entries import Declared, Person
from web_panel.live_render import agent_view
from web_panel.live_state import LiveState
from web_panel.statuses import AgentStatus


@pytest.fixture
def story() -> Story:
    return Story()


async def test_a_supervisor_sets_an_agent_and_ends_a_wrap_up(house: House) -> None:
    agent = house.users["agent"].id
    async with await house.signed_in("supervisor") as tab:
        paused = await tab.put(f"/api/agents/{agent}", json={"will": "paused", "reason": "training"})
        wrapped = await tab.delete(f"/api/agents/{agent}/wrap-up")
        lowered = await tab.delete(f"/api/agents/{agent}/hand")
        nobody = await tab.put(f"/api/agents/{named('nobody')}", json={"will": "ready"})
    assert [answer.status_code for answer in (paused, wrapped, lowered, nobody)] == [204, 204, 204, 404]
    assert [(done[0], done[2].user_id) for done in house.control.done] == [  # type: ignore[attr-defined]  # an Agent
        ("declare", agent),
        ("cut_wrap_up", agent),
        ("lower_hand", agent),
    ]


async def test_an_agent_commands_nobody_else(house: House) -> None:
    other = house.users["supervisor"].id
    async with await house.signed_in("agent") as tab:
        answers = [
            await tab.put(f"/api/agents/{other}", json={"will": "paused"}),
            await tab.delete(f"/api/agents/{other}/wrap-up"),
            await tab.delete(f"/api/agents/{other}/hand"),
            await tab.get(f"/api/agents/{other}/statuses?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z"),
        ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert house.control.done == []


async def test_an_agent_raises_and_lowers_the_own_hand_and_ends_the_own_wrap_up(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        for method, path in (("PUT", "hand"), ("DELETE", "hand"), ("DELETE", "wrap-up")):
            assert (await tab.request(method, f"/api/agents/me/{path}")).status_code == 204
    assert [done[0] for done in house.control.done] == ["raise_hand", "lower_hand", "cut_wrap_up"]


async def test_an_agent_prolongs_the_own_wrap_up(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        for seconds, status in ((300, 204), (0, 400), (3601, 400)):
            put = await tab.put("/api/agents/me/wrap-up", json={"seconds": seconds})
            assert put.status_code == status
    assert [(done[0], done[-1]) for done in house.control.done] == [("prolong_wrap_up", 300)]


async def test_one_reads_the_history_of_ones_own_statuses(house: House, story: Story) -> None:
    user = house.users["agent"]
    fact = story.declared(Person(user_id=user.id, name="", extension="1002"), Will.PAUSED, "lunch")
    async with house.services.pool.acquire() as conn, conn.transaction():
        await project(conn, await ledger.write(conn, [fact]))
    since, until = fact.at - timedelta(minutes=1), fact.at + timedelta(minutes=10)
    async with await house.signed_in("agent") as tab:
        answer = await tab.get(
            f"/api/agents/{user.id}/statuses", params={"from": since.isoformat(), "to": until.isoformat()}
        )
        unclear = await tab.get(f"/api/agents/{user.id}/statuses", params={"from": "yesterday", "to": "today"})
    assert answer.status_code == 200
    (interval,) = answer.json()
    assert (interval["will"], interval["reason"], interval["until"]) == ("paused", "lunch", None)
    assert unclear.status_code == 400


@pytest.fixture
def state() -> LiveState:
    state = LiveState()
    state.know(OLENA, BEGIN)
    return state


@pytest.mark.req("R-PANEL-08")
def test_a_pause_is_timed_by_its_reason(state: LiveState, story: Story) -> None:
    for fact in (story.online("1001"), story.declared(OLENA, Will.PAUSED, "lunch")):
        state.apply(fact, fact.at)
    training = story.declared(OLENA, Will.PAUSED, "training")
    again = story.declared(OLENA, Will.PAUSED, "training")
    for fact in (training, again):
        state.apply(fact, fact.at)
    view = agent_view(state, OLENA.user_id)
    assert view is not None
    assert (view.status, view.reason, view.since) == (AgentStatus.PAUSED, "training", training.at)


def test_a_pause_counts_on_from_its_declaration_after_a_restart_and_a_call(state: LiveState, story: Story) -> None:
    state.declared[OLENA.user_id] = Declared(Will.PAUSED, "lunch", BEGIN)  # as a seed brings it
    state.settle()
    for fact in (story.online("1001"), *story.outbound("a", "1001", "+380501112233"), story.ended("a")):
        state.apply(fact, fact.at)
    view = agent_view(state, OLENA.user_id)
    assert view is not None
    assert (view.status, view.reason, view.since) == (AgentStatus.PAUSED, "lunch", BEGIN)


def test_who_signed_out_is_shown_so_even_with_a_phone(state: LiveState, story: Story) -> None:
    for fact in (story.online("1001"), story.declared(OLENA, Will.SIGNED_OUT)):
        state.apply(fact, fact.at)
    assert state.status(OLENA.user_id) is AgentStatus.SIGNED_OUT


def test_a_raised_hand_is_shown_until_it_is_lowered(state: LiveState) -> None:
    shown = []
    for minute, raised in enumerate((True, True, False)):
        at = BEGIN + timedelta(minutes=minute)
        state.apply(HandRaised(id=named(str(minute)), at=at, user=OLENA.user_id, raised=raised, by=OLENA.user_id), at)
        view = agent_view(state, OLENA.user_id)
        shown.append(view.hand if view else None)
    assert shown == [BEGIN, BEGIN, None]
