"""Conferences and supervisors, as the panel folds and shows them."""

from __future__ import annotations

import pytest

from callflow.room_facts import (
    ConferenceEnded,
    ConferenceJoined,
    ConferenceLeft,
    SupervisionChanged,
    SupervisionEnded,
    SupervisionMode,
    SupervisionStarted,
)
from tests.web_panel.house import House
from tests.web_panel.story import IVAN, MARTA, OLENA, Story, named
from tests.web_panel.test_desk import me
from tests.web_panel.test_live_call_control import shown, talking
from tests.web_panel.test_live_state import state, statuses, story, tell
from web_panel.live_entries import Kind
from web_panel.live_render import agent_view
from web_panel.live_state import LiveState
from web_panel.statuses import AgentStatus, CallState
from web_panel.wire import MemberView, SupervisingView

__all__ = ["state", "story"]

FREE, BUSY, WAITING = AgentStatus.FREE, AgentStatus.BUSY, AgentStatus.WAITING
CALL = named("a")


def joined(story: Story, extension: str) -> ConferenceJoined:
    return ConferenceJoined(
        id=named(f"joined {extension}"), at=story.at, call_id=CALL, member=named(extension), by="1001",
        extension=extension,
    )  # fmt: skip


def supervision(story: Story, mode: SupervisionMode) -> SupervisionStarted:
    return SupervisionStarted(
        id=named("supervises"), at=story.at, call_id=CALL, supervision=named("s"), by="1003", agent="1002", mode=mode
    )


def test_who_is_in_a_conference_is_shown_and_busy(state: LiveState, story: Story) -> None:
    talking(state, story)
    tell(state, joined(story, "1001"), joined(story, "1002"), joined(story, "1003"))
    assert statuses(state, OLENA, IVAN, MARTA) == [BUSY, BUSY, BUSY]
    assert shown(state).members == tuple(
        MemberView(extension=person.extension, name=person.name, number="") for person in (OLENA, IVAN, MARTA)
    )
    left = ConferenceLeft(id=named("left"), at=story.at, call_id=CALL, member=named("1003"))
    tell(state, left, ConferenceEnded(id=named("ended"), at=story.at, call_id=CALL))
    assert statuses(state, OLENA, IVAN, MARTA) == [BUSY, BUSY, FREE]
    assert shown(state).members == ()


def test_one_who_holds_does_not_hold_a_conference(state: LiveState, story: Story) -> None:
    talking(state, story)
    tell(state, joined(story, "1001"), joined(story, "1002"), joined(story, "1003"), story.held("a", "1003"))
    assert shown(state).state is CallState.TALKING
    assert statuses(state, MARTA) == [WAITING]


def test_the_call_says_nothing_of_who_listens_to_it(state: LiveState, story: Story) -> None:
    """An agent is shown the own call, and not who supervises it."""
    talking(state, story)
    before = shown(state)
    tell(state, supervision(story, SupervisionMode.LISTEN))
    assert shown(state) == before
    assert not state.said.takes_part("1003", CALL)


def test_a_supervisor_is_busy_and_sees_how_they_sit_there(state: LiveState, story: Story) -> None:
    talking(state, story)
    touched = state.apply(supervision(story, SupervisionMode.LISTEN), story.at)
    assert (Kind.AGENT, MARTA.user_id) in touched
    changed = SupervisionChanged(
        id=named("c"), at=story.at, call_id=CALL, supervision=named("s"), by="1003", mode=SupervisionMode.WHISPER
    )
    tell(state, changed)
    view = agent_view(state, MARTA.user_id)
    assert view is not None
    assert (view.status, view.supervises) == (BUSY, SupervisingView(call_id=CALL, agent="1002", mode="whisper"))
    tell(state, SupervisionEnded(id=named("e"), at=story.at, call_id=CALL, supervision=named("s"), by="1003"))
    view = agent_view(state, MARTA.user_id)
    assert view is not None
    assert (view.status, view.supervises) == (FREE, None)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "supervise", {"mode": "whisper"}, 202, ("supervise", CALL, SupervisionMode.WHISPER, None)),
        ("POST", "supervise", {"mode": "barge", "agent": "1002"}, 202,
         ("supervise", CALL, SupervisionMode.BARGE, "1002")),
        ("DELETE", "supervise", None, 204, ("stop_supervising", CALL)),
        ("POST", "take-over", None, 204, ("take_over", CALL)),
    ],
)  # fmt: skip
async def test_only_who_may_supervise_can_tell_it(
    house: House, method: str, path: str, body: dict[str, str] | None, status: int, told: tuple[object, ...]
) -> None:
    async with await house.signed_in("agent") as tab:
        assert (await tab.request(method, f"/api/calls/{CALL}/{path}", json=body)).status_code == 403
    assert house.control.done == []
    async with await house.signed_in("supervisor") as tab:
        answer = await tab.request(method, f"/api/calls/{CALL}/{path}", json=body)
    assert answer.status_code == status, answer.text
    name, *rest = told
    assert house.control.done == [(name, me(house, "supervisor"), *rest)]


async def test_a_mode_that_does_not_exist_is_refused_by_name(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        answer = await tab.post(f"/api/calls/{CALL}/supervise", json={"mode": "shout"})
    assert answer.status_code == 400
