"""Conferences, lost media workers and secret entry, as the panel folds, shows and commands them."""

from __future__ import annotations

from uuid import UUID

import pytest

from callflow.facts import MediaWorkerLost, Outcome
from callflow.meeting_facts import (
    MeetingJoined,
    MeetingLeave,
    MeetingLeft,
    MeetingLocked,
    MeetingMuted,
    MeetingRecorded,
)
from callflow.secret_facts import SecretEntry
from tests.web_panel.house import House
from tests.web_panel.story import IVAN, MARTA, OLENA, Story, named
from tests.web_panel.test_desk import me
from tests.web_panel.test_live_call_control import shown, talking
from tests.web_panel.test_live_state import state, statuses, story, tell
from web_panel.live_entries import Kind
from web_panel.live_meetings import Conference, MeetingHeard
from web_panel.live_render import meeting_view, notice_view
from web_panel.live_state import MAX_NOTICES, LiveState
from web_panel.live_views import Sight, StaffView
from web_panel.statuses import AgentStatus, CallState
from web_panel.wire import GuestView, MeetingView

__all__ = ["state", "story"]

CALL = named("a")


def enters(state: LiveState, story: Story, call: str, extension: str | None) -> None:
    started = story.internal(call, extension, "900") if extension else story.started(call)
    joined = MeetingJoined(
        id=named(f"joined {call}"), at=story.at, call_id=named(call), conference="900", visit=named(f"visit {call}"),
        extension=extension,
    )  # fmt: skip
    tell(state, started, joined)


def leaves(story: Story, call: str) -> MeetingLeft:
    return MeetingLeft(
        id=named(f"left {call}"), at=story.at, call_id=named(call), conference="900", visit=named(f"visit {call}"),
        reason=MeetingLeave.GONE,
    )  # fmt: skip


def meeting(state: LiveState) -> MeetingView:
    view = meeting_view(state, "900")
    assert view is not None
    return view


def guests(state: LiveState) -> list[GuestView]:
    return list(meeting(state).guests)


def test_who_is_in_it_is_busy_and_shown(state: LiveState, story: Story) -> None:
    state.meetings.named["900"] = Conference(number="900", name="Нарада", moderators=("1001",))
    for call, extension in (("a", "1001"), ("b", "1002"), ("c", None)):
        enters(state, story, call, extension)
    assert statuses(state, OLENA, IVAN, MARTA) == [AgentStatus.BUSY, AgentStatus.BUSY, AgentStatus.FREE]
    assert (shown(state).state, shown(state).conference) == (CallState.TALKING, "900")
    assert (meeting(state).name, meeting(state).moderators) == ("Нарада", ("1001",))
    assert [(each.extension, each.name) for each in guests(state)] == [
        ("1001", OLENA.name),
        ("1002", IVAN.name),
        (None, ""),
    ]
    assert guests(state)[2].party is not None
    tell(state, leaves(story, "b"), story.ended("b"))
    assert [each.extension for each in guests(state)] == ["1001", None]
    assert statuses(state, IVAN) == [AgentStatus.FREE]
    tell(state, leaves(story, "a"), leaves(story, "c"), story.ended("a", Outcome.ANSWERED))
    assert not state.missed, "who was in a conference has missed nobody, and nobody them"
    assert meeting_view(state, "900") is None


def test_muted_held_locked_and_recorded_are_told(state: LiveState, story: Story) -> None:
    enters(state, story, "a", "1001")
    facts = (
        MeetingMuted(id=named("m"), at=story.at, call_id=CALL, conference="900", on=True),
        MeetingLocked(id=named("l"), at=story.at, conference="900", on=True, by=OLENA.user_id),
        MeetingRecorded(id=named("r"), at=story.at, call_id=CALL, conference="900", on=True),
    )
    for fact in facts:
        assert (Kind.MEETING, "900") in state.apply(fact, fact.at)
    assert (Kind.MEETING, "900") in state.apply(story.held("a", "1001"), story.at)
    assert (guests(state)[0].muted, guests(state)[0].held) == (True, True)
    assert (meeting(state).locked, meeting(state).recorded) == (True, True)
    assert statuses(state, OLENA) == [AgentStatus.WAITING]
    assert shown(state).state is CallState.HELD


def test_who_speaks_is_shown_until_they_do_not(state: LiveState, story: Story) -> None:
    enters(state, story, "a", "1001")
    for speakers in (frozenset({CALL}), frozenset[UUID]()):
        heard = MeetingHeard(conference="900", speakers=speakers)
        assert state.apply(heard, story.at) == ((Kind.MEETING, "900"),)
        assert guests(state)[0].speaking is bool(speakers)


@pytest.mark.parametrize(
    ("person", "sees"), [(OLENA, True), (IVAN, False), (MARTA, True)], ids=["member", "stranger", "moderator"]
)
def test_an_agent_sees_a_conference_that_they_are_in_or_moderate(
    state: LiveState, story: Story, person: object, sees: bool
) -> None:
    state.meetings.named["900"] = Conference(number="900", moderators=("1003",))
    enters(state, story, "a", "1001")
    user_id = getattr(person, "user_id", UUID(int=0))
    sight = Sight(user_id=user_id, everything=False, phones=True, hall=False)
    assert StaffView(sight=sight).sees(state, (Kind.MEETING, "900")) is sees


def test_secret_entry_is_shown_while_it_lasts(state: LiveState, story: Story) -> None:
    talking(state, story)
    assert not shown(state).secret
    for on in (True, False):
        tell(state, [SecretEntry(id=named(f"s{on}"), at=story.at, call_id=CALL, on=on)])
        assert shown(state).secret is on


def test_a_lost_media_worker_is_a_notice_for_who_sees_everything(state: LiveState, story: Story) -> None:
    for number in range(MAX_NOTICES + 1):
        lost = MediaWorkerLost(id=named(f"lost {number}"), at=story.at, worker=0, legs=number)
        assert state.apply(lost, lost.at) == ((Kind.NOTICE, lost.id),)
    assert notice_view(state, named("lost 0")) is None, "the oldest has gone"
    notice = notice_view(state, named("lost 3"))
    assert notice is not None
    assert notice.legs == MAX_NOTICES
    for everything in (True, False):
        sight = Sight(user_id=OLENA.user_id, everything=everything, phones=True, hall=False)
        assert StaffView(sight=sight).sees(state, (Kind.NOTICE, notice.id)) is everything


# ---- commands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", f"members/{CALL}/mute", None, ("mute", "900", CALL)),
        ("POST", f"members/{CALL}/unmute", None, ("unmute", "900", CALL)),
        ("DELETE", f"members/{CALL}", None, ("remove", "900", CALL)),
        ("POST", "lock", None, ("lock", "900")),
        ("POST", "unlock", None, ("unlock", "900")),
        ("POST", "announcements", {"prompt": "five_minutes"}, ("announce", "900", "five_minutes", None)),
        ("POST", "announcements", {"prompt": "a", "call": str(CALL)}, ("announce", "900", "a", CALL)),
        ("DELETE", "", None, ("end", "900")),
    ],
)
async def test_a_command_is_given_for_who_is_signed_in(
    house: House, method: str, path: str, body: dict[str, str] | None, told: tuple[object, ...]
) -> None:
    async with await house.signed_in("agent") as tab:
        answer = await tab.request(method, f"/api/conferences/900/{path}".rstrip("/"), json=body)
    assert answer.status_code == 204, answer.text
    name, *rest = told
    assert house.meetings.done == [(name, me(house, "agent"), *rest)]


async def test_a_refusal_has_words(house: House) -> None:
    house.meetings.refuse = "no_prompt"
    async with await house.signed_in("agent") as tab:
        answer = await tab.post("/api/conferences/900/announcements", json={"prompt": "nothing"})
    assert (answer.status_code, answer.json()["error"]) == (409, "no_prompt")
    assert answer.json()["message"].endswith(".")


@pytest.mark.parametrize("prompt", ["", "../menu", "A", "x" * 33])
async def test_only_names_of_announcements_are_taken(house: House, prompt: str) -> None:
    async with await house.signed_in("supervisor") as tab:
        answer = await tab.post("/api/conferences/900/announcements", json={"prompt": prompt})
    assert answer.status_code == 400
    assert house.meetings.done == []
