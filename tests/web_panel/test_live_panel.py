"""The live panel's sockets: snapshot first, then numbered changes; each kind of looker sees what it may."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from callflow.facts import Fact, Outcome
from crm_core.follow_ups import MISSED_ELSEWHERE, MissedCall
from crm_core.outbox import OutboxMessage
from crm_core.settings import SETTING_CHANGED
from queue_engine.facts import QueueFact
from tests.web_panel.story import BEGIN, IVAN, MARTA, OLENA, SUPPORT, Story, named
from web_panel.live import BACKLOG, LivePanel, Seed, Subscription
from web_panel.live_entries import Line
from web_panel.live_views import Sight
from web_panel.wire import ServerMessage, Snapshot

SUPERVISOR = Sight(user_id=named("supervisor"), everything=True, phones=True, hall=True)
SALES = Line(number="7001", name="Продаж", agents=("1002",))
decode: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)


def own(person: str, *, phones: bool = True, hall: bool = True) -> Sight:
    return Sight(user_id=named(person), everything=False, phones=phones, hall=hall)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def panel(clock: Clock) -> LivePanel:
    panel = LivePanel(clock, time_zone=ZoneInfo("Europe/Kyiv"))
    panel.seed(Seed(people=[OLENA, IVAN, MARTA], registered=["1001", "1002", "1003"], lines=[SUPPORT, SALES]))
    return panel


def tell(panel: LivePanel, *told: Fact | QueueFact | list[Fact]) -> None:
    for each in told:
        for fact in each if isinstance(each, list) else [each]:
            panel.on_fact(fact)


async def next_of(subscription: Subscription) -> ServerMessage:
    return decode.decode(await anext(subscription))


async def all_of(subscription: Subscription) -> list[ServerMessage]:
    """What waits for this socket now."""
    subscription.close()
    return [decode.decode(message) async for message in subscription]


def kinds(messages: list[ServerMessage]) -> list[str]:
    return [str(msgspec.to_builtins(message)["type"]) for message in messages]


@pytest.mark.req("R-PANEL-13")
async def test_a_new_socket_gets_the_snapshot_and_then_each_change_by_number(panel: LivePanel, story: Story) -> None:
    with panel.subscribe(SUPERVISOR) as socket:
        snapshot = await next_of(socket)
        assert isinstance(snapshot, Snapshot)
        assert {agent.name: agent.status for agent in snapshot.agents} == {
            OLENA.name: "free",
            IVAN.name: "free",
            MARTA.name: "free",
        }
        tell(panel, story.internal("a", "1001", "1002"), story.offered("a", "1002"))
        changes = await all_of(socket)
    numbers = [change.seq for change in changes if hasattr(change, "seq")]
    assert numbers == list(range(snapshot.seq + 1, snapshot.seq + 1 + len(changes)))
    assert kinds(changes) == ["call.changed", "agent.changed", "call.changed", "agent.changed", "line.changed"]


async def test_what_did_not_change_is_not_sent(panel: LivePanel, story: Story) -> None:
    with panel.subscribe(SUPERVISOR) as socket:
        await next_of(socket)
        tell(panel, story.online("1001"), story.online("1001"))
        assert await all_of(socket) == []


@pytest.mark.req("R-PANEL-14")
async def test_a_second_socket_begins_with_the_state_as_it_now_is(panel: LivePanel, story: Story) -> None:
    with panel.subscribe(SUPERVISOR) as first:
        tell(panel, story.started("a"), story.queued("a"))
        with panel.subscribe(SUPERVISOR) as second:
            snapshot = await next_of(second)
            assert isinstance(snapshot, Snapshot)
            assert [call.state for call in snapshot.calls] == ["queued"]
            tell(panel, story.ended("a", Outcome.ABANDONED))
            later = await all_of(second)
        earlier = await all_of(first)
    assert "call.changed" in kinds(later)
    assert earlier[-len(later) :] == later


async def test_a_slow_socket_loses_its_oldest_and_is_told_once(panel: LivePanel, story: Story) -> None:
    with panel.subscribe(SUPERVISOR) as socket:
        for number in range(BACKLOG):
            tell(panel, story.started(f"call {number}"))
        messages = await all_of(socket)
    assert kinds(messages)[:2] == ["lost", "call.changed"]
    assert kinds(messages).count("lost") == 1
    assert len(messages) == BACKLOG + 1


async def test_resync_drops_the_backlog_and_begins_with_a_snapshot(panel: LivePanel, story: Story) -> None:
    with panel.subscribe(SUPERVISOR) as socket:
        for number in range(BACKLOG):
            tell(panel, story.started(f"call {number}"))
        socket.resync()
        tell(panel, story.online("1009"), story.started("one more"))
        snapshot, change = await all_of(socket)
    assert isinstance(snapshot, Snapshot)
    assert len(snapshot.calls) == BACKLOG
    assert not isinstance(change, Snapshot)
    assert msgspec.to_builtins(change)["seq"] == snapshot.seq + 1


async def test_a_slow_socket_does_not_slow_the_others(panel: LivePanel, story: Story) -> None:
    with panel.subscribe(SUPERVISOR), panel.subscribe(SUPERVISOR) as quick:
        await next_of(quick)
        for number in range(BACKLOG * 2):
            tell(panel, story.started(f"call {number}"))
            assert kinds([await next_of(quick)]) == ["call.changed"]


@pytest.mark.req("R-PANEL-07", "R-PANEL-15")
async def test_without_the_right_only_the_own_status_and_calls_are_seen(panel: LivePanel, story: Story) -> None:
    with panel.subscribe(own("olena")) as socket:
        snapshot = await next_of(socket)
        assert isinstance(snapshot, Snapshot)
        assert [agent.name for agent in snapshot.agents] == [OLENA.name]
        assert snapshot.lines == ()
        tell(panel, story.internal("theirs", "1002", "1003"), story.offered("theirs", "1003"))
        tell(panel, story.started("hers"), story.offered("hers", "1001"))
        changes = await all_of(socket)
    assert "theirs" not in json.dumps(msgspec.to_builtins(changes))
    assert str(named("theirs")) not in json.dumps(msgspec.to_builtins(changes))
    assert kinds(changes) == ["call.changed", "agent.changed"]


async def test_a_call_that_goes_to_a_colleague_leaves_the_own_view(panel: LivePanel, story: Story) -> None:
    tell(panel, story.started("a"), story.offered("a", "1001"))
    with panel.subscribe(own("olena")) as socket:
        await next_of(socket)
        tell(panel, story.offered("a", "1002"), story.offer_ended("a", "1001"), story.answered("a", "1002"))
        changes = await all_of(socket)
    assert kinds(changes) == ["call.changed", "gone", "agent.changed"]


async def test_who_saw_a_call_live_is_shown_its_end(panel: LivePanel, story: Story) -> None:
    tell(panel, story.started("a"), story.offered("a", "1001"), story.answered("a", "1001"))
    with panel.subscribe(own("olena")) as socket:
        await next_of(socket)
        tell(panel, story.ended("a"))
        changes = await all_of(socket)
    assert msgspec.to_builtins(changes[0])["call"]["state"] == "ended"


async def test_agents_see_missed_calls_of_their_lines_and_those_that_rang_them(panel: LivePanel, story: Story) -> None:
    tell(panel, story.missed("support", "+380671111111", "7000"), story.missed("sales", "+380672222222", "7001"))
    rang = [*story.started("direct", number="+380673333333"), story.offered("direct", "1003")]
    tell(panel, rang, story.ended("direct", Outcome.NO_ANSWER))
    assert await _missed_of(panel, own("marta")) == {"+380671111111", "+380673333333"}
    assert await _missed_of(panel, own("ivan")) == {"+380672222222"}
    assert await _missed_of(panel, own("olena")) == set()
    assert len(await _missed_of(panel, SUPERVISOR)) == 3


async def _missed_of(panel: LivePanel, sight: Sight) -> set[str]:
    with panel.subscribe(sight) as socket:
        snapshot = await next_of(socket)
    assert isinstance(snapshot, Snapshot)
    return {missed.key for missed in snapshot.missed}


async def test_the_hall_administrator_sees_tickets_and_no_calls(panel: LivePanel, story: Story) -> None:
    with panel.subscribe(own("hall", phones=False)) as socket:
        await next_of(socket)
        tell(panel, story.ticket("A-1"), story.missed("a"), story.internal("b", "1001", "1002"))
        assert kinds(await all_of(socket)) == ["ticket.changed"]


@pytest.mark.req("R-PANEL-16", "R-QUEUE-41")
async def test_the_board_is_told_numbers_and_windows_and_nothing_else(panel: LivePanel, story: Story) -> None:
    with panel.subscribe_board() as socket:
        tell(panel, story.started("a", name="Тарас"), story.queued("a"), story.ticket("A-1"))
        tell(panel, story.ticket_called("A-1", OLENA))
        snapshot, change = (msgspec.to_builtins(message) for message in await all_of(socket))
    assert set(snapshot) == {"type", "seq", "at", "board"}
    assert set(change) == {"type", "seq", "board"}
    assert [set(line) for line in change["board"]] == [{"number", "window", "called_at"}]
    assert (change["board"][0]["number"], change["board"][0]["window"]) == ("A-1", "1")


async def test_a_new_day_empties_the_list_of_missed_calls(panel: LivePanel, clock: Clock, story: Story) -> None:
    tell(panel, story.missed("a"))
    with panel.subscribe(SUPERVISOR) as socket:
        await next_of(socket)
        clock.now = BEGIN + timedelta(days=1)
        tell(panel, story.online("1001"))
        assert kinds(await all_of(socket)) == ["gone"]


async def test_a_reseed_gives_every_socket_a_new_snapshot(panel: LivePanel) -> None:
    with panel.subscribe(SUPERVISOR) as socket:
        await next_of(socket)
        panel.seed(Seed(people=[OLENA], lines=[SUPPORT]))
        (snapshot,) = await all_of(socket)
    assert isinstance(snapshot, Snapshot)
    assert [line.number for line in snapshot.lines] == ["7000"]


async def test_the_last_looker_takes_the_view_along(panel: LivePanel) -> None:
    with panel.subscribe(own("olena")), panel.subscribe(own("ivan")):
        assert len(panel._views) == 2
    assert panel._views == {}
    assert panel._subscriptions == {}


async def test_hostile_text_stays_text(panel: LivePanel, story: Story) -> None:
    hostile = '"><script>alert(1)</script>\u2028\x00'
    with panel.subscribe(SUPERVISOR) as socket:
        await next_of(socket)
        tell(panel, story.started("a", name=hostile, number="<b>1</b>"))
        (change,) = await all_of(socket)
    party = msgspec.to_builtins(change)["call"]["party"]
    assert (party["name"], party["number"]) == (hostile, "<b>1</b>")


@pytest.mark.parametrize(("ago", "listed"), [(timedelta(hours=1), 1), (timedelta(days=1), 0)])
async def test_of_calls_that_another_server_saw_those_of_today_are_listed(
    panel: LivePanel, ago: timedelta, listed: int
) -> None:
    call = MissedCall(
        call_id=named("a"), event_id=named("event"), at=BEGIN - ago, phone="067 123 45 67", display_name="",
        client_name=None, line="7000", outcome="abandoned", internal=False, follow_up_id=None, owner_id=None,
        owner_name=None, follow_up_state=None, due_at=None,
    )  # fmt: skip
    panel.on_outbox(OutboxMessage(1, MISSED_ELSEWHERE, msgspec.to_builtins(call)))
    assert len(panel.state.missed) == listed


async def test_a_number_that_is_too_short_from_now_on_is_listed_no_more(panel: LivePanel, story: Story) -> None:
    tell(panel, story.missed("a", "+380671111111", "7000"), story.missed("b", "105", "7000"))
    panel.on_outbox(OutboxMessage(1, SETTING_CHANGED, {"key": "min_number_length", "value": "4"}))
    tell(panel, story.missed("c", "106", "7000"), story.missed("d", "+380672222222", "7000"))
    assert await _missed_of(panel, SUPERVISOR) == {"+380671111111", "raw:105", "+380672222222"}
