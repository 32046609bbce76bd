"""The recording of a call: by rule, by hand and by key, over transfers, with pauses. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast
from uuid import UUID

import pytest

from callflow.call_recording import LONGEST_ENTRY
from callflow.commands import Commands
from callflow.control import Actor, ControlRefused, Order
from callflow.exchange import RecordingRules
from callflow.facts import (
    CallFact,
    Direction,
    Outcome,
    RecordingLosesSound,
    RecordingPaused,
    RecordingReady,
    RecordingResumed,
    RecordingStarted,
)
from callflow.inbox import Complete, ConsultWith, Swap
from callflow.pressed_codes import PATIENCE, PressedCodes
from callflow.router import LinePlan, Refuse, ToExtension, ToLine, ToTrunk, TrunkPlan
from pbx.media.client import Digit, RecordingCut
from tests.callflow.house import House, a_house
from tests.callflow.test_transfer_races import Talk, a_talk, hang_up
from tests.pbx.switch import PromisedRecording
from tests.support.virtual_time import virtual_time

ALL_INSIDE = RecordingRules(directions=frozenset({Direction.INTERNAL}))
AGENT = Actor(user_id=UUID(int=2), extension="1002", supervisor=False)
SUPERVISOR = Actor(user_id=UUID(int=9), extension=None, supervisor=True)
STRANGER = Actor(user_id=UUID(int=4), extension="1004", supervisor=False)


def recordings(house: House) -> list[PromisedRecording]:
    return [recording for leg in house.switch.media.legs for recording in leg.recordings]


def story(house: House) -> list[str]:
    kinds = (RecordingStarted, RecordingPaused, RecordingResumed, RecordingReady)
    names = [type(fact).__name__.removeprefix("Recording") for fact in house.facts if isinstance(fact, kinds)]
    return [name.lower() for name in names]


async def press(house: House, talk: Talk, keys: str) -> None:
    """Boris presses keys."""
    for key in keys:
        listener = cast(Callable[[Digit], None], talk.boris.media.on_event)
        listener(Digit(leg=0, digit=key, milliseconds=80))
    await house.settles()


async def order(house: House, talk: Talk, actor: Actor, what: Order) -> None:
    given = asyncio.ensure_future(Commands(house.calls).record(actor, house.call_of(talk.anna).call_id, what))
    await house.settles()
    await given


# ---- rules -----------------------------------------------------------------------------------------------------------


def trunk(name: str, record: bool | None = None) -> ToTrunk:
    return ToTrunk(TrunkPlan(name=name, record=record), "0501112233")


@pytest.mark.parametrize(
    ("rules", "direction", "route", "came_by", "recorded"),
    [
        (RecordingRules(), Direction.INTERNAL, ToExtension("1001"), None, False),
        (ALL_INSIDE, Direction.INTERNAL, ToExtension("1001"), None, True),
        (ALL_INSIDE, Direction.INBOUND, ToExtension("1001"), "city", False),
        (RecordingRules(trunks={"city": True}), Direction.INBOUND, ToExtension("1001"), "city", True),
        (RecordingRules(trunks={"city": True}), Direction.INBOUND, ToExtension("1001"), "other", False),
        (
            RecordingRules(directions=frozenset({Direction.INBOUND}), trunks={"city": False}),
            Direction.INBOUND,
            ToExtension("1001"),
            "city",
            False,
        ),
        (RecordingRules(), Direction.OUTBOUND, trunk("city", True), None, True),
        (RecordingRules(directions=frozenset({Direction.OUTBOUND})), Direction.OUTBOUND, trunk("city"), None, True),
        (
            RecordingRules(directions=frozenset({Direction.OUTBOUND})),
            Direction.OUTBOUND,
            trunk("city", False),
            None,
            False,
        ),
        (RecordingRules(), Direction.INBOUND, ToLine(LinePlan(number="700", record=True)), "city", True),
        (
            RecordingRules(trunks={"city": True}),
            Direction.INBOUND,
            ToLine(LinePlan(number="700", record=False)),
            "city",
            False,
        ),
    ],
)
def test_lines_trunks_and_directions_say_which_calls_are_recorded(
    rules: RecordingRules,
    direction: Direction,
    route: ToExtension | ToLine | ToTrunk | Refuse,
    came_by: str | None,
    recorded: bool,
) -> None:
    assert rules.applies(direction, route, came_by) is recorded
    assert not RecordingRules().applies(direction, Refuse(Outcome.FORBIDDEN, 403), came_by)


def test_of_a_person_never_stands_above_always() -> None:
    rules = RecordingRules(people={"1001": True, "1002": False})
    assert rules.of_people("1001", None) is True
    assert rules.of_people("1001", "1002") is False
    assert rules.of_people("1003", None) is None


@virtual_time
async def test_a_call_is_recorded_by_rule_and_told_of_when_the_file_is_whole() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        (recording,) = recordings(house)
        assert recording.who == ["1001", "1002"]
        assert [leg for leg, _ in recording.on.values()] == [talk.anna.media, talk.boris.media]
        await hang_up(house, talk.anna)
    (started,), (ready,) = house.of(RecordingStarted), house.of(RecordingReady)
    assert (started.by, started.file) == (None, recording.path)
    assert (ready.recording, ready.file, ready.seconds, ready.cut) == (started.recording, recording.path, 1.5, False)


@virtual_time
async def test_a_person_whose_calls_are_always_recorded() -> None:
    async with a_house(recording=RecordingRules(people={"1002": True})) as house:
        talk = await a_talk(house)
        assert len(recordings(house)) == 1
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_person_who_is_never_recorded_not_even_by_hand() -> None:
    async with a_house(recording=RecordingRules(directions=ALL_INSIDE.directions, people={"1001": False})) as house:
        talk = await a_talk(house)
        with pytest.raises(ControlRefused, match="forbidden"):
            await order(house, talk, AGENT, Order.START)
        assert recordings(house) == []
        await hang_up(house, talk.anna)


# ---- one time line ---------------------------------------------------------------------------------------------------


@virtual_time
async def test_a_transfer_goes_on_in_the_same_recording() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        (recording,) = recordings(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        assert ("unrecord", None) in talk.anna.media.told, "who waits is not recorded"
        carol = await talk.carol.says(200)
        assert recording.who == ["1001", "1003"]
        assert recording.on[1][0] is carol.media
        await hang_up(house, talk.anna)
        assert len(recordings(house)) == 1
    assert story(house) == ["started", "ready"]


@virtual_time
async def test_what_colleagues_say_between_themselves_is_not_recorded() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        call = house.call_of(talk.anna)
        (recording,) = recordings(house)
        call.inbox.put(ConsultWith(by="1002", number="1003", route=ToExtension("1003")))
        await house.settles()
        await talk.carol.says(200)
        for media in (talk.anna.media, talk.boris.media):
            assert [what for what, _ in media.told if what == "unrecord"] == ["unrecord"]
        assert recording.who == ["1001", "1002"]
        call.inbox.put(Swap(by="1002"))
        await house.settles()
        call.inbox.put(Complete(by="1002"))
        await house.settles()
        assert recording.who == ["1001", "1003"]
        assert len(recordings(house)) == 1
        await hang_up(house, talk.anna)


@virtual_time
async def test_colleagues_who_go_on_without_the_customer_are_not_recorded() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        house.call_of(talk.anna).inbox.put(ConsultWith(by="1002", number="1003", route=ToExtension("1003")))
        await house.settles()
        await talk.carol.says(200)
        await hang_up(house, talk.anna)
        assert len(recordings(house)) == 1
        assert recordings(house)[0].closed.done()
        await hang_up(house, talk.boris)


# ---- by hand ---------------------------------------------------------------------------------------------------------


@virtual_time
async def test_somebody_in_the_call_records_it_and_ends_that() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await order(house, talk, AGENT, Order.START)
        await order(house, talk, AGENT, Order.START)  # it runs already
        assert len(recordings(house)) == 1
        await order(house, talk, AGENT, Order.STOP)
        await house.settles()
        assert recordings(house)[0].closed.done()
        with pytest.raises(ControlRefused, match="not_now"):
            await order(house, talk, AGENT, Order.STOP)
        await order(house, talk, AGENT, Order.START)
        assert len(recordings(house)) == 2, "what is kept is kept: another file"
        await hang_up(house, talk.anna)
    assert [fact.by for fact in house.of(RecordingStarted)] == ["1002", "1002"]
    assert story(house) == ["started", "ready", "started", "ready"]


@virtual_time
async def test_nobody_else_may_but_a_supervisor() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        for what in (Order.STOP, Order.PAUSE):
            with pytest.raises(ControlRefused, match="forbidden"):
                await order(house, talk, STRANGER, what)
        with pytest.raises(ControlRefused, match="forbidden"):
            await order(house, talk, AGENT, Order.STOP)  # what is recorded by rule
        await order(house, talk, SUPERVISOR, Order.STOP)
        await house.settles()
        assert recordings(house)[0].closed.done()
        await hang_up(house, talk.anna)


@virtual_time
async def test_keys_start_and_end_it() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await press(house, talk, "7*1")
        assert len(recordings(house)) == 1
        await press(house, talk, "*1")
        await house.settles()
        assert recordings(house)[0].closed.done()
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_pause_ends_by_itself_where_the_configuration_says_so() -> None:
    rules = RecordingRules(directions=ALL_INSIDE.directions, resume_after=30.0)
    async with a_house(recording=rules) as house:
        talk = await a_talk(house)
        await press(house, talk, "*2")
        (recording,) = recordings(house)
        await asyncio.sleep(29)
        assert recording.pauses == [True]
        await asyncio.sleep(2)
        assert recording.pauses == [True, False]
        await press(house, talk, "*2")
        await press(house, talk, "*2")
        assert recording.pauses == [True, False, True, False]
        await asyncio.sleep(60)
        assert recording.pauses == [True, False, True, False]
        await hang_up(house, talk.anna)
    assert [fact.by for fact in house.of(RecordingPaused)] == ["1002", "1002"]
    assert [fact.by for fact in house.of(RecordingResumed)] == [None, "1002"]


@virtual_time
async def test_without_that_setting_a_pause_lasts() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        await order(house, talk, AGENT, Order.PAUSE)
        await asyncio.sleep(600)
        assert recordings(house)[0].pauses == [True]
        await hang_up(house, talk.anna)


# ---- what goes wrong -------------------------------------------------------------------------------------------------


@virtual_time
async def test_sound_that_is_lost_is_an_alarm_and_its_end_too() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        (recording,) = recordings(house)
        assert recording.on_cut is not None
        for over in (False, True):
            recording.on_cut(RecordingCut(recording_id=recording.recording_id, reason="disk full", over=over))
        await hang_up(house, talk.anna)
    facts: list[CallFact] = list(house.of(RecordingLosesSound))
    assert [(fact.reason, fact.over) for fact in house.of(RecordingLosesSound)] == [
        ("disk full", False),
        ("disk full", True),
    ]
    assert {fact.call_id for fact in facts} == {house.of(RecordingReady)[0].call_id}


@virtual_time
async def test_of_a_recording_whose_worker_died_the_file_says_how_long_it_is() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        recordings(house)[0].lose()
        await hang_up(house, talk.anna)
        async with asyncio.timeout(5):
            while not house.of(RecordingReady):
                await asyncio.sleep(0.01)
    (ready,) = house.of(RecordingReady)
    assert (ready.seconds, ready.cut, ready.reason) == (7.0, True, "its writer was ended")


# ---- secure entry ----------------------------------------------------------------------------------------------------


def hidings(talk: Talk) -> list[object]:
    """What the media worker was told of the customer's leg."""
    return [on for what, on in talk.anna.media.told if what == "keep_secret"]


@virtual_time
async def test_a_code_hides_what_the_customer_presses_and_shows_it_again() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        await press(house, talk, "*3")
        assert hidings(talk) == [True]
        assert not any(what == "keep_secret" for what, _ in talk.boris.media.told)
        await press(house, talk, "*3")
        assert hidings(talk) == [True, False]
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_secure_entry_that_was_forgotten_ends_by_itself() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await order(house, talk, AGENT, Order.HIDE)
        await asyncio.sleep(LONGEST_ENTRY - 1)
        assert hidings(talk) == [True]
        await asyncio.sleep(2)
        assert hidings(talk) == [True, False]
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_secure_entry_ends_with_the_talk_and_a_second_order_begins_it_anew() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await order(house, talk, AGENT, Order.HIDE)
        await order(house, talk, AGENT, Order.HIDE)
        assert hidings(talk) == [True, False, True]
        media = talk.anna.media
        await hang_up(house, talk.anna)
        assert [on for what, on in media.told if what == "keep_secret"] == [True, False, True, False]


# ---- keys ------------------------------------------------------------------------------------------------------------

CODES = {"*1": Order.TOGGLE, "*2": Order.TOGGLE_PAUSE}


def pressed(keys: str, every: float = 0.2) -> list[Order]:
    ear = PressedCodes(CODES)
    heard = [ear.press(key, number * every) for number, key in enumerate(keys)]
    return [what for what in heard if what is not None]


@pytest.mark.parametrize(
    ("keys", "meant"),
    [
        ("*1", [Order.TOGGLE]),
        ("12*1*2", [Order.TOGGLE, Order.TOGGLE_PAUSE]),
        ("**1", [Order.TOGGLE]),
        ("*31", []),
        ("1*", []),
    ],
)
def test_a_code_is_its_keys_in_a_row(keys: str, meant: list[Order]) -> None:
    assert pressed(keys) == meant


def test_keys_far_apart_are_no_code() -> None:
    assert pressed("*1", every=PATIENCE + 0.1) == []


def test_without_codes_nothing_is_meant() -> None:
    assert PressedCodes({}).press("1", 0.0) is None
