"""The fold: what facts make of the panel, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from callflow.facts import Direction, Fact, Outcome, SoundTrouble, Target
from crm_core.follow_ups import MISSED_ELSEWHERE
from queue_engine.facts import QueueFact, Will
from tests.web_panel.story import BEGIN, IVAN, MARTA, OLENA, SUPPORT, Story, named
from web_panel import live_hall, live_state
from web_panel.live_entries import Person
from web_panel.live_messages import from_outbox
from web_panel.live_render import call_view, line_view
from web_panel.live_state import LiveState
from web_panel.statuses import AgentStatus, CallState, TicketState
from web_panel.wire import RecordingView, SoundView

Told = Fact | QueueFact | list[Fact]


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def state(story: Story) -> LiveState:
    """Three people whose phones are online, and the line 7000 that Marta serves."""
    state = LiveState(lines={SUPPORT.number: SUPPORT})
    for person in (OLENA, IVAN, MARTA):
        state.know(person, None)
        tell(state, story.online(person.extension or ""))
    return state


def tell(state: LiveState, *told: Told) -> None:
    for each in told:
        for fact in each if isinstance(each, list) else [each]:
            state.apply(fact, fact.at)


def outbox(state: LiveState, kind: str, /, **payload: object) -> None:
    message = from_outbox(kind, payload)
    assert message is not None
    state.apply(message, BEGIN)


def statuses(state: LiveState, *people: Person) -> list[AgentStatus]:
    return [state.status(person.user_id) for person in people]


# Statuses


@pytest.mark.req("R-PANEL-09")
def test_a_person_is_offline_until_a_phone_registers(story: Story) -> None:
    state = LiveState()
    state.know(OLENA, None)
    assert state.status(OLENA.user_id) is AgentStatus.OFFLINE
    tell(state, story.online("1001"))
    assert state.status(OLENA.user_id) is AgentStatus.FREE
    tell(state, story.offline("1001"))
    assert state.status(OLENA.user_id) is AgentStatus.OFFLINE


@pytest.mark.req("R-PANEL-09", "R-PANEL-04")
def test_an_internal_call_moves_both_through_calling_and_ringing_to_busy_and_back(
    state: LiveState, story: Story
) -> None:
    tell(state, story.internal("a", "1001", "1002"), story.routed("a", Target.EXTENSION, "1002"))
    assert statuses(state, OLENA, IVAN) == [AgentStatus.CALLING, AgentStatus.FREE]
    tell(state, story.offered("a", "1002"))
    assert statuses(state, OLENA, IVAN) == [AgentStatus.CALLING, AgentStatus.OFFERED]
    tell(state, story.answered("a", "1002"))
    assert statuses(state, OLENA, IVAN) == [AgentStatus.BUSY, AgentStatus.BUSY]
    tell(state, story.segment_ended("a", "1002"), story.ended("a"))
    assert statuses(state, OLENA, IVAN) == [AgentStatus.FREE, AgentStatus.FREE]


def test_on_hold_both_are_shown_as_waiting(state: LiveState, story: Story) -> None:
    tell(state, story.internal("a", "1001", "1002"), story.offered("a", "1002"), story.answered("a", "1002"))
    tell(state, story.held("a", "1001"))
    assert statuses(state, OLENA, IVAN) == [AgentStatus.WAITING, AgentStatus.WAITING]
    tell(state, story.resumed("a", "1001"))
    assert statuses(state, OLENA, IVAN) == [AgentStatus.BUSY, AgentStatus.BUSY]


def test_an_outbound_call_is_calling_until_the_other_side_answers(state: LiveState, story: Story) -> None:
    tell(state, story.outbound("a", "1001", "+380501112233"))
    assert state.status(OLENA.user_id) is AgentStatus.CALLING
    tell(state, story.answered("a", "1001"))
    assert state.status(OLENA.user_id) is AgentStatus.BUSY


def test_a_second_call_that_rings_leaves_somebody_who_talks_busy(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.offered("a", "1001"), story.answered("a", "1001"))
    tell(state, story.started("b"), story.offered("b", "1001"))
    assert state.status(OLENA.user_id) is AgentStatus.BUSY
    tell(state, story.ended("a"))
    assert state.status(OLENA.user_id) is AgentStatus.OFFERED


def test_an_offer_that_ends_unanswered_frees_the_agent(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.queued("a"), story.offered("a", "1003"), story.offer_ended("a", "1003"))
    assert state.status(MARTA.user_id) is AgentStatus.FREE


def test_after_a_transfer_the_first_agent_is_free_while_the_call_goes_on(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.offered("a", "1001"), story.answered("a", "1001"))
    tell(state, story.offered("a", "1002"), story.segment_ended("a", "1001"), story.answered("a", "1002"))
    assert statuses(state, OLENA, IVAN) == [AgentStatus.FREE, AgentStatus.BUSY]


@pytest.mark.req("R-PANEL-08")
def test_a_declared_pause_shows_only_while_nothing_stronger_holds(state: LiveState, story: Story) -> None:
    tell(state, story.declared(OLENA, Will.PAUSED, "lunch"))
    assert state.status(OLENA.user_id) is AgentStatus.PAUSED
    tell(state, story.outbound("a", "1001", "+380501112233"))
    assert state.status(OLENA.user_id) is AgentStatus.CALLING
    tell(state, story.ended("a"), story.declared(OLENA, Will.READY))
    assert state.status(OLENA.user_id) is AgentStatus.FREE


@pytest.mark.req("R-QUEUE-38")
def test_an_operator_with_an_open_ticket_is_not_free(state: LiveState, story: Story) -> None:
    tell(state, story.ticket("A-1"), story.ticket_called("A-1", OLENA))
    assert state.status(OLENA.user_id) is AgentStatus.BUSY
    tell(state, story.ticket_served("A-1", OLENA))
    assert state.status(OLENA.user_id) is AgentStatus.FREE


def test_a_status_is_dated_when_it_changes_and_not_when_it_is_confirmed(state: LiveState, story: Story) -> None:
    tell(state, story.declared(OLENA, Will.PAUSED, "lunch"))
    began = story.at
    tell(state, story.declared(OLENA, Will.PAUSED, "training"))
    assert state.status_since(OLENA.user_id) == began


def test_facts_that_come_twice_or_late_leave_nobody_stuck(state: LiveState, story: Story) -> None:
    started, answered, ended = story.started("a"), story.answered("a", "1001"), story.ended("a")
    tell(state, started, answered, answered, ended, ended, answered)
    assert state.status(OLENA.user_id) is AgentStatus.FREE
    state.apply(story.online("1001"), story.at)
    assert not state.calls
    assert not state.said


def test_a_kind_of_a_later_version_changes_nothing(state: LiveState) -> None:
    assert state.apply(object(), BEGIN) == ()


# Calls


def test_a_call_is_ringing_then_queued_then_talking_then_held_then_ended(state: LiveState, story: Story) -> None:
    call = named("a")
    seen: list[CallState] = []
    steps: Iterable[Told] = (
        story.started("a"),
        story.queued("a"),
        story.offered("a", "1003"),
        story.answered("a", "1003"),
        story.held("a", "1003"),
        story.resumed("a", "1003"),
        story.ended("a"),
    )
    for step in steps:
        tell(state, step)
        seen.append(state.calls[call].state)
    assert [str(each) for each in seen] == ["ringing", "queued", "ringing", "talking", "held", "talking", "ended"]


def test_the_time_in_a_state_begins_with_the_state(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.queued("a"))
    queued_at = story.at
    tell(state, story.offered("a", "1003"))
    assert state.calls[named("a")].since == story.at
    tell(state, story.offer_ended("a", "1003"))
    assert state.calls[named("a")].since == queued_at


def test_a_call_in_a_menu_says_so(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.routed("a", Target.MENU, "8000"))
    assert state.calls[named("a")].state is CallState.MENU


def test_the_crm_names_the_client_of_a_running_call(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"))
    outbox(
        state,
        "call.linked",
        call_id=str(named("a")),
        event_id=str(named("event")),
        client_id=str(named("client")),
        client_name="ТОВ Ромашка",
    )
    call = state.calls[named("a")]
    assert (call.event_id, call.party.client_name) == (named("event"), "ТОВ Ромашка")


def test_the_number_of_live_calls_is_bounded(state: LiveState, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_state, "MAX_CALLS", 3)
    for number in range(5):
        tell(state, story.started(f"call {number}"))
    tell(state, story.online("1001"))
    assert list(state.calls) == [named(f"call {number}") for number in (2, 3, 4)]


# Lines


@pytest.mark.req("R-PANEL-11")
def test_who_waits_in_a_line_leaves_it_when_answered_and_when_gone(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.queued("a"), story.started("b"), story.queued("b"))
    assert list(state.waiting["7000"]) == [named("a"), named("b")]
    tell(state, story.offered("a", "1003"), story.answered("a", "1003"))
    assert list(state.waiting["7000"]) == [named("b")]
    tell(state, story.ended("b", Outcome.ABANDONED))
    assert list(state.waiting["7000"]) == []


@pytest.mark.parametrize("target", [(Target.LINE, "7001"), (Target.EXTENSION, "1002")])
def test_who_goes_on_to_another_line_or_number_is_left_behind_in_none(
    state: LiveState, story: Story, target: tuple[Target, str]
) -> None:
    tell(state, story.started("a"), story.routed("a", Target.LINE, "7000"), story.queued("a"))
    tell(state, story.routed("a", *target))
    assert list(state.waiting["7000"]) == []
    if target[0] is Target.LINE:
        tell(state, story.queued("a", "7001"))
        assert list(state.waiting["7001"]) == [named("a")]
    tell(state, story.ended("a", Outcome.ABANDONED))
    tell(state, story.online("1001"))
    shown = line_view(state, "7000")
    assert shown is not None and shown.count == 0


def test_free_agents_of_a_line_are_counted_from_their_statuses(state: LiveState, story: Story) -> None:
    assert state.free_agents(SUPPORT) == 1
    tell(state, story.declared(MARTA, Will.PAUSED))
    assert state.free_agents(SUPPORT) == 0


# Missed calls


@pytest.mark.parametrize("outcome", [Outcome.ABANDONED, Outcome.NO_ANSWER, Outcome.BUSY, Outcome.UNREACHABLE])
def test_an_incoming_call_that_joined_nobody_is_missed(state: LiveState, story: Story, outcome: Outcome) -> None:
    tell(state, story.started("a"), story.ended("a", outcome))
    assert list(state.missed) == ["+380671234567"]


def test_an_answered_call_is_not_missed_whatever_its_end(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.answered("a", "1001"), story.ended("a", Outcome.INTERRUPTED))
    assert state.missed == {}


def test_an_outgoing_call_is_never_ours_to_return(state: LiveState, story: Story) -> None:
    tell(state, story.outbound("a", "1001", "+380501112233"), story.ended("a", Outcome.NO_ANSWER))
    assert state.missed == {}


def test_a_colleague_who_dialled_what_does_not_exist_was_missed_by_nobody(state: LiveState, story: Story) -> None:
    tell(state, story.internal("a", "1001", "9999"), story.ended("a", Outcome.UNKNOWN_NUMBER))
    tell(state, story.internal("b", "1001", "1002"), story.ended("b", Outcome.NO_ANSWER))
    assert list(state.missed) == ["ext:1001"]


@pytest.mark.req("R-CALL-39")
def test_spellings_of_one_number_make_one_entry(state: LiveState, story: Story) -> None:
    tell(state, story.missed("a", "0671234567"), story.missed("b", "+380671234567"), story.missed("c", "0501112233"))
    assert {key: len(entry.calls) for key, entry in state.missed.items()} == {"+380671234567": 2, "+380501112233": 1}


def test_withheld_numbers_are_different_callers(state: LiveState, story: Story) -> None:
    tell(state, story.missed("a", ""), story.missed("b", "anonymous"))
    assert len(state.missed) == 2


def test_a_short_number_leaves_no_missed_call(state: LiveState, story: Story) -> None:
    state.shortest = 5
    tell(state, story.internal("a", "1001", "1002"), story.ended("a", Outcome.NO_ANSWER))
    assert state.missed == {}


def test_a_follow_up_finds_its_missed_call_by_call_by_number_and_by_itself(state: LiveState, story: Story) -> None:
    tell(state, story.missed("a"))
    follow_up = {"id": str(named("follow-up")), "owner_id": str(OLENA.user_id), "owner_name": OLENA.name}
    outbox(state, "follow_up.opened", **follow_up, state="open", call_id=str(named("a")))
    entry = state.missed["+380671234567"]
    assert entry.follow_up and entry.follow_up.owner_name == OLENA.name
    outbox(state, "follow_up.changed", **follow_up, state="claimed", phone="067 123 45 67")
    assert entry.follow_up and entry.follow_up.state == "claimed"
    outbox(state, "follow_up.closed", **follow_up, state="closed", party_key="client:1")
    assert entry.follow_up and entry.follow_up.state == "closed"


def missed_elsewhere(state: LiveState, name: str, at: datetime) -> None:
    outbox(
        state, MISSED_ELSEWHERE, call_id=str(named(name)), event_id=str(named(f"event {name}")), at=at.isoformat(),
        phone="067 123 45 67", display_name="Анна", client_name=None, line="7000", outcome="abandoned", internal=False,
        follow_up_id=str(named("follow-up")), owner_id=str(OLENA.user_id), owner_name=OLENA.name,
        follow_up_state="open", due_at=None,
    )  # fmt: skip


def test_a_missed_call_that_another_server_saw_joins_those_of_its_number(state: LiveState, story: Story) -> None:
    tell(state, story.missed("a"))
    earlier = state.missed["+380671234567"].last_at
    missed_elsewhere(state, "b", earlier - timedelta(minutes=5))
    entry = state.missed["+380671234567"]
    assert (entry.calls, entry.last_at) == ([named("a"), named("b")], earlier)
    assert entry.follow_up and entry.follow_up.owner_name == OLENA.name


def test_missed_again_after_its_follow_up_was_closed_begins_anew(state: LiveState, story: Story) -> None:
    tell(state, story.missed("a"))
    outbox(state, "follow_up.closed", id=str(named("follow-up")), state="closed", call_id=str(named("a")))
    tell(state, story.missed("b"))
    assert state.missed["+380671234567"].follow_up is None


def test_yesterdays_missed_calls_leave_the_list(state: LiveState, story: Story) -> None:
    tell(state, story.missed("a"))
    state.forget_missed_before(story.at)
    assert list(state.missed) == ["+380671234567"]
    tell(state, story.online("1001"))
    state.forget_missed_before(story.at)
    assert state.missed == {}


# The hall


@pytest.mark.req("R-QUEUE-32", "R-QUEUE-33")
def test_a_called_number_stands_first_on_the_board_with_its_window(state: LiveState, story: Story) -> None:
    tell(state, story.ticket("A-1"), story.ticket("A-2"))
    tell(state, story.ticket_called("A-1", OLENA), story.ticket_called("A-2", MARTA))
    assert [(line.number, line.window) for line in state.board] == [("A-2", "3"), ("A-1", "1")]
    assert state.tickets[named("ticket A-1")].state is TicketState.CALLED


def test_a_number_called_again_moves_to_the_top_and_stands_once(state: LiveState, story: Story) -> None:
    tell(state, story.ticket_called("A-1", OLENA), story.ticket_called("A-2", MARTA))
    tell(state, story.ticket_called("A-1", OLENA))
    assert [line.number for line in state.board] == ["A-1", "A-2"]


def test_who_was_served_leaves_the_board(state: LiveState, story: Story) -> None:
    tell(state, story.ticket_called("A-1", OLENA), story.ticket_called("A-2", MARTA), story.ticket_served("A-1", OLENA))
    assert [line.number for line in state.board] == ["A-2"]
    assert list(state.tickets) == [named("ticket A-2")]


def test_the_board_holds_the_last_few(state: LiveState, story: Story) -> None:
    for number in range(20):
        tell(state, story.ticket_called(f"A-{number}", OLENA))
    assert len(state.board) == live_hall.BOARD_LINES


def test_an_outbox_message_of_another_shape_is_skipped() -> None:
    assert from_outbox("call.linked", {"call_id": "not an id"}) is None
    assert from_outbox("nobody.knows", {}) is None


def test_directions_are_told_as_words(state: LiveState, story: Story) -> None:
    tell(state, story.started("a", direction=Direction.INBOUND))
    assert state.calls[named("a")].direction == "inbound"


def test_a_call_shows_how_it_sounds_by_its_worst_leg(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.answered("a", "1001"))
    view = call_view(state, named("a"))
    assert view is not None
    assert view.sound is None, "nothing is known of it yet"
    tell(state, story.sounds("a", "poor", 2.5, worst="1001"))
    view = call_view(state, named("a"))
    assert view is not None
    assert view.sound == SoundView(grade="poor", mos=2.5, trouble=None, worst="1001")


def test_a_trouble_is_shown_until_it_is_over(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.answered("a", "1001"))
    for trouble in SoundTrouble:
        tell(state, story.sounds("a", trouble=trouble))
        view = call_view(state, named("a"))
        assert view is not None
        assert view.sound is not None
        assert view.sound.trouble == trouble
        assert trouble in {"one_way", "no_sound", "long_silence"}, "a word of the front end"
    tell(state, story.sounds("a"))
    view = call_view(state, named("a"))
    assert view is not None
    assert view.sound is None


def test_the_next_segment_begins_without_the_sound_of_the_last(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.answered("a", "1001"), story.sounds("a", "poor", 2.0))
    tell(state, story.segment_ended("a", "1001"))
    assert state.calls[named("a")].sound is None


def test_a_recording_is_shown_as_it_goes(state: LiveState, story: Story) -> None:
    def shown() -> RecordingView | None:
        view = call_view(state, named("a"))
        assert view is not None
        return view.recording

    tell(state, story.started("a"), story.answered("a", "1001"))
    assert shown() is None
    tell(state, story.recorded("a", by="1001"))
    assert shown() == RecordingView(by="1001", paused=False, loses_sound=False)
    tell(state, story.recording_pauses("a"), story.recording_loses("a"))
    assert shown() == RecordingView(by="1001", paused=True, loses_sound=True)
    tell(state, story.recording_pauses("a", on=False), story.recording_loses("a", over=True))
    assert shown() == RecordingView(by="1001", paused=False, loses_sound=False)
    tell(state, story.recording_ready("a", "an earlier one"))
    assert shown() is not None
    tell(state, story.recording_ready("a"))
    assert shown() is None
