"""Conference numbers: who gets in, who is heard, who goes. In virtual time, with rooms that are promises only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import cast
from uuid import UUID

import pytest

from callflow.commands import Commands
from callflow.control import Actor, ControlRefused
from callflow.facts import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallResumed,
    CallRouted,
    Outcome,
    RecordingReady,
    RecordingStarted,
    Target,
)
from callflow.meeting_commands import MeetingCommands
from callflow.meeting_facts import MeetingJoined, MeetingLeft, MeetingLocked, MeetingMuted
from callflow.meeting_pin import PATIENCE, PAUSE
from callflow.meeting_speakers import MeetingSpeakers
from callflow.router import ConferencePlan
from pbx.media.client import Digit, LegLost, LegStatistics
from tests.callflow.house import Dialog, House, a_house
from tests.callflow.test_transfer_races import a_talk, hang_up
from tests.pbx.switch import PromisedRecording, PromisedRoom
from tests.support.virtual_time import virtual_time

ROOM = ConferencePlan(number="900", moderators=frozenset({"1001"}))
ANNOUNCED = ConferencePlan(number="900", announce=True)
SECRET = ConferencePlan(number="900", pin="2580", moderators=frozenset({"1001"}))
RECORDED = ConferencePlan(number="900", record=True)
SMALL = ConferencePlan(number="900", most=2)
SUPERVISOR = Actor(user_id=UUID(int=9), extension=None, supervisor=True)
ANNA = Actor(user_id=UUID(int=1), extension="1001", supervisor=False)
BORIS = Actor(user_id=UUID(int=2), extension="1002", supervisor=False)


async def enters(house: House, user: str) -> Dialog:
    dialog = await house.phones[user].dials("900")
    assert house.phones[user].answer_to(dialog).is_success
    await house.settles()
    return dialog


def the_room(house: House) -> PromisedRoom:
    return house.switch.media.rooms[-1]


async def press(house: House, dialog: Dialog, keys: str) -> None:
    for key in keys:
        cast(Callable[[Digit], None], dialog.media.on_event)(Digit(leg=0, digit=key, milliseconds=80))
    await house.settles()


async def told(house: House, command: Coroutine[object, object, object]) -> None:
    given = asyncio.ensure_future(command)
    await house.settles()
    await given


def reasons(house: House) -> list[str]:
    return [fact.reason.value for fact in house.of(MeetingLeft)]


# ---- in and out ------------------------------------------------------------------------------------------------------


@pytest.mark.req("R-PHONE-28")
@virtual_time
async def test_whoever_dials_the_number_is_in_one_room() -> None:
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002", "1003")]
        assert the_room(house).members == [member.media for member in members]
        assert [fact.target for fact in house.of(CallRouted)] == [Target.CONFERENCE] * 3
        await hang_up(house, members[1])
        assert the_room(house).members == [members[0].media, members[2].media]
        await hang_up(house, members[0], members[2])
        assert [fact.outcome for fact in house.of(CallEnded)] == [Outcome.ANSWERED] * 3
        assert [fact.extension for fact in house.of(MeetingJoined)] == ["1001", "1002", "1003"]
        assert len({fact.call_id for fact in house.of(MeetingLeft)}) == 3
        assert not house.of(CallAnswered), "nobody served anybody"


@virtual_time
async def test_two_who_come_at_once_meet() -> None:
    async with a_house(conferences=[ROOM]) as house:
        dialogs = [house.phones[user].invites("900") for user in ("1001", "1002")]
        await house.settles()
        for dialog in dialogs:
            dialog.phone.answer_to(dialog)
        await house.settles()
        assert len(house.switch.media.rooms) == 1
        assert dialogs[1].media.near is dialogs[0].media, "in the same media worker"
        assert len(the_room(house).members) == 2
        await hang_up(house, *dialogs)


@virtual_time
async def test_when_all_have_gone_the_next_one_begins_anew() -> None:
    async with a_house(conferences=[ROOM]) as house:
        first = await enters(house, "1001")
        MeetingCommands(house.exchange).lock(SUPERVISOR, "900", on=True)
        await hang_up(house, first)
        assert the_room(house).is_closed
        again = await enters(house, "1002")
        assert the_room(house).members == [again.media]
        await hang_up(house, again)


@virtual_time
async def test_a_full_conference_is_busy() -> None:
    async with a_house(conferences=[SMALL]) as house:
        members = [await enters(house, user) for user in ("1001", "1002")]
        late = await house.phones["1003"].dials("900")
        assert house.phones["1003"].answer_to(late).status == 486
        await house.settles()
        assert [fact.outcome for fact in house.of(CallEnded)] == [Outcome.BUSY]
        await hang_up(house, *members)


@virtual_time
async def test_without_media_nobody_gets_in() -> None:
    async with a_house(conferences=[ROOM]) as house:
        house.switch.media.is_full = True
        anna = await house.phones["1001"].dials("900")
        assert house.phones["1001"].answer_to(anna).status == 503
        await house.settles()


@virtual_time
async def test_the_worker_dies_and_the_next_who_dials_gets_a_new_room() -> None:
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002")]
        lost = the_room(house)
        lost.is_closed = True
        for member in members:
            cast(Callable[[LegLost], None], member.media.on_event)(LegLost(0))
        late = await enters(house, "1003")
        assert all(member.is_hung_up for member in members)
        assert reasons(house) == ["lost", "lost"]
        assert the_room(house) is not lost
        assert the_room(house).members == [late.media]
        await hang_up(house, late)


# ---- the PIN ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", ["2580", "2580#"])
@virtual_time
async def test_the_pin_lets_in(keys: str) -> None:
    async with a_house(conferences=[SECRET]) as house:
        boris = await enters(house, "1002")
        assert not house.switch.media.rooms
        await press(house, boris, keys)
        assert the_room(house).members == [boris.media]
        await hang_up(house, boris)


@virtual_time
async def test_three_wrong_pins_and_out() -> None:
    async with a_house(conferences=[SECRET]) as house:
        boris = await enters(house, "1002")
        for _ in range(3):
            assert not boris.is_hung_up
            await press(house, boris, "2581")
            for playback in boris.media.playbacks:
                playback.finish("done")
            await asyncio.sleep(2 * PAUSE)
            for playback in boris.media.playbacks:
                playback.finish("done")
            await house.settles()
        assert boris.is_hung_up
        assert not house.of(MeetingJoined)


@virtual_time
async def test_who_presses_nothing_is_let_go() -> None:
    async with a_house(conferences=[SECRET]) as house:
        boris = await enters(house, "1002")
        await press(house, boris, "25")
        await asyncio.sleep(PATIENCE + 1)
        await house.settles()
        assert boris.is_hung_up


@virtual_time
async def test_a_moderator_is_not_asked() -> None:
    async with a_house(conferences=[SECRET]) as house:
        anna = await enters(house, "1001")
        assert the_room(house).members == [anna.media]
        assert house.of(MeetingJoined)[0].moderator
        await hang_up(house, anna)


# ---- who is heard ----------------------------------------------------------------------------------------------------


@virtual_time
async def test_a_member_mutes_itself_by_a_code() -> None:
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002")]
        await press(house, members[1], "*6")
        assert the_room(house).muted == {members[1].media}
        assert the_room(house).played[-1] == ("/prompts/conference_muted", True)
        await press(house, members[1], "*6")
        assert the_room(house).muted == set()
        assert [(fact.on, fact.by) for fact in house.of(MeetingMuted)] == [(True, "1002"), (False, "1002")]
        await hang_up(house, *members)


@virtual_time
async def test_a_phone_that_holds_is_not_heard() -> None:
    """It may send music."""
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002")]
        leg = house.switch.user_agent._legs[members[0].sip_call_id, members[0].theirs]
        for held in (True, False):
            leg.streams.held = held
            assert leg.on_hold is not None
            leg.on_hold(held)
            assert the_room(house).muted == ({members[0].media} if held else set())
        assert len(house.of(CallHeld)) == len(house.of(CallResumed)) == 1
        await hang_up(house, *members)


@virtual_time
async def test_who_holds_by_the_panel_hears_music_alone() -> None:
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002")]
        call_id = house.call_of(members[0]).call_id
        await told(house, Commands(house.calls).hold(ANNA, call_id))
        assert the_room(house).muted == {members[0].media}
        assert members[0].media.told[-1] == ("play", ("/prompts/music/hold", True))
        await told(house, Commands(house.calls).resume(ANNA, call_id))
        assert the_room(house).muted == set()
        await hang_up(house, *members)


# ---- what is played --------------------------------------------------------------------------------------------------


@virtual_time
async def test_who_is_alone_hears_music_until_somebody_comes() -> None:
    async with a_house(conferences=[ROOM]) as house:
        anna = await enters(house, "1001")
        assert len(the_room(house).playing) == 1
        boris = await enters(house, "1002")
        assert the_room(house).playing == []
        await hang_up(house, anna)
        assert len(the_room(house).playing) == 1
        await hang_up(house, boris)


@pytest.mark.parametrize(("plan", "heard"), [(ROOM, 0), (ANNOUNCED, 2)])
@virtual_time
async def test_comings_and_goings_are_announced_where_that_is_wanted(plan: ConferencePlan, heard: int) -> None:
    async with a_house(conferences=[plan]) as house:
        members = [await enters(house, user) for user in ("1001", "1002", "1003")]
        assert [name for name, _ in the_room(house).played].count("/prompts/tones/joined") == heard
        await hang_up(house, members[0])
        assert [name for name, _ in the_room(house).played].count("/prompts/tones/left") == heard // 2
        await hang_up(house, *members[1:])


@virtual_time
async def test_who_speaks_is_told_when_it_changes() -> None:
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002")]
        calls = [house.call_of(member).call_id for member in members]
        told: list[tuple[str, frozenset[UUID]]] = []
        speakers = MeetingSpeakers(
            house.exchange.meetings, looked_at=lambda: True, tell=lambda *news: told.append(news)
        )
        for talked in ((0.0, 0.0), (0.9, 0.1), (1.8, 0.1), (1.8, 0.1)):
            for member, seconds in zip(members, talked, strict=True):
                member.media.figures = figures(seconds)
            await speakers.look()
        assert told == [("900", frozenset({calls[0]})), ("900", frozenset())]
        await hang_up(house, *members)


def figures(talk_seconds: float) -> LegStatistics:
    return LegStatistics(talk_seconds=talk_seconds)


# ---- what moderators do ----------------------------------------------------------------------------------------------


@virtual_time
async def test_a_moderator_mutes_removes_locks_and_ends() -> None:
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002", "1003")]
        calls = [house.call_of(member).call_id for member in members]
        commands = MeetingCommands(house.exchange)
        await told(house, commands.mute(ANNA, "900", calls[1], on=True))
        assert the_room(house).muted == {members[1].media}
        await told(house, commands.remove(ANNA, "900", calls[2]))
        assert members[2].is_hung_up
        commands.lock(ANNA, "900", on=True)
        late = await house.phones["1004"].dials("900")
        assert house.phones["1004"].answer_to(late).status == 486
        await house.settles()
        await told(house, commands.end(ANNA, "900"))
        assert members[0].is_hung_up
        assert members[1].is_hung_up
        assert reasons(house) == ["removed", "ended", "ended"]
        assert [fact.on for fact in house.of(MeetingLocked)] == [True]


@virtual_time
async def test_others_mute_only_themselves() -> None:
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002")]
        calls = [house.call_of(member).call_id for member in members]
        commands = MeetingCommands(house.exchange)
        await told(house, commands.mute(BORIS, "900", calls[1], on=True))
        assert the_room(house).muted == {members[1].media}
        for forbidden in (
            commands.mute(BORIS, "900", calls[0], on=True),
            commands.remove(BORIS, "900", calls[0]),
            commands.end(BORIS, "900"),
        ):
            with pytest.raises(ControlRefused, match="forbidden"):
                await forbidden
        with pytest.raises(ControlRefused, match="forbidden"):
            commands.lock(BORIS, "900", on=True)
        with pytest.raises(ControlRefused, match="forbidden"):
            commands.announce(BORIS, "900", "five_minutes")
        await hang_up(house, *members)


@virtual_time
async def test_an_announcement_is_for_all_or_for_one() -> None:
    async with a_house(conferences=[ROOM]) as house:
        members = [await enters(house, user) for user in ("1001", "1002")]
        commands = MeetingCommands(house.exchange)
        commands.announce(SUPERVISOR, "900", "five_minutes")
        commands.announce(SUPERVISOR, "900", "five_minutes", house.call_of(members[0]).call_id)
        name = "/prompts/announcements/five_minutes"
        assert the_room(house).played[-2:] == [(name, False), (name, True)]
        await hang_up(house, *members)


@virtual_time
async def test_nobody_meets_there() -> None:
    async with a_house(conferences=[ROOM]) as house:
        with pytest.raises(ControlRefused, match="unknown_call"):
            MeetingCommands(house.exchange).lock(SUPERVISOR, "900", on=True)


# ---- recording -------------------------------------------------------------------------------------------------------


@virtual_time
async def test_one_recording_for_all_without_who_is_muted() -> None:
    async with a_house(conferences=[RECORDED]) as house:
        anna = await enters(house, "1001")
        assert not house.of(RecordingStarted), "nobody is there to talk with"
        others = [await enters(house, user) for user in ("1002", "1003")]
        (recording,) = [each for leg in house.switch.media.legs for each in leg.recordings]
        assert spoken(recording) == {("1001", 0), ("1002", 1), ("1003", 1)}
        await press(house, others[0], "*6")
        assert ("unrecord", None) in others[0].media.told
        anna_call = house.call_of(anna).call_id
        await hang_up(house, anna)
        assert not house.of(RecordingReady), "it goes on without the one to whose call it belongs"
        await hang_up(house, *others)
        assert [fact.call_id for fact in house.of(RecordingReady)] == [anna_call]


@virtual_time
async def test_another_phone_of_a_member_gets_into_a_locked_conference() -> None:
    """Without the PIN: the person was in already."""
    async with a_house(conferences=[SECRET]) as house:
        anna, boris = await enters(house, "1001"), await enters(house, "1002")
        await press(house, boris, "2580")
        MeetingCommands(house.exchange).lock(SUPERVISOR, "900", on=True)
        there = await house.phones["1002"].dials("900", boris.replaces)
        assert house.phones["1002"].answer_to(there).is_success
        await house.settles()
        await asyncio.sleep(2)
        await house.settles()
        assert boris.is_hung_up
        assert the_room(house).members == [anna.media, there.media]
        await hang_up(house, anna, there)


def spoken(recording: PromisedRecording) -> set[tuple[str, int]]:
    return {(who, channel) for _, channel, who in recording.puts}


# ---- calls that are handed on ----------------------------------------------------------------------------------------


@virtual_time
async def test_a_customer_is_handed_on_into_the_conference() -> None:
    async with a_house(conferences=[ROOM]) as house:
        carol = await enters(house, "1003")
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("900")))
        await house.settles()
        assert the_room(house).members == [carol.media, talk.anna.media]
        assert house.transfers == ["completed"]
        await hang_up(house, carol, talk.anna)


@virtual_time
async def test_a_locked_conference_gives_back_who_was_handed_on() -> None:
    async with a_house(conferences=[ROOM]) as house:
        carol = await enters(house, "1003")
        MeetingCommands(house.exchange).lock(SUPERVISOR, "900", on=True)
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("900")))
        await house.settles()
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert house.transfers == ["busy"]
        await hang_up(house, carol, talk.anna)


@virtual_time
async def test_who_is_in_it_brings_in_the_one_on_hold() -> None:
    """An attended transfer of a phone, whose other call is the conference."""
    async with a_house(conferences=[ROOM]) as house:
        carol = await enters(house, "1003")
        talk = await a_talk(house)
        inquiry = await enters(house, "1002")
        house.at_once((talk.boris.phone, talk.boris.refer_text("900", inquiry)))
        await house.settles()
        assert the_room(house).members == [carol.media, talk.anna.media]
        assert inquiry.is_hung_up
        assert house.transfers == ["completed"]
        await hang_up(house, carol, talk.anna)


@virtual_time
async def test_a_click_leads_into_the_conference() -> None:
    async with a_house(conferences=[ROOM]) as house:
        carol = await enters(house, "1003")
        await told(house, Commands(house.calls).call(ANNA, "900"))
        anna = await house.phones["1001"].says(200)
        assert the_room(house).members == [carol.media, anna.media]
        await hang_up(house, carol, anna)


@pytest.mark.parametrize("status", [200, 488])
@virtual_time
async def test_who_comes_from_another_media_worker_is_asked_to_send_elsewhere(status: int) -> None:
    """Who cannot hears a word, and the end."""
    async with a_house(conferences=[ROOM]) as house:
        carol = await enters(house, "1003")
        talk = await a_talk(house)
        talk.anna.media.worker = "another worker"
        house.at_once((talk.boris.phone, talk.boris.refer_text("900")))
        await house.settles()
        asked = next(each for each in reversed(house.switch.requests) if each.method == "INVITE" and each.to.tag)
        house.at_once((talk.anna.phone, talk.anna.phone.response(asked, status)))
        await house.settles()
        if status == 200:
            assert the_room(house).members == [carol.media, talk.anna.media]
            await hang_up(house, carol, talk.anna)
        else:
            assert the_room(house).members == [carol.media]
            assert talk.anna.media.told[-1] == ("play", ("/prompts/nobody", False))
            await hang_up(house, carol, talk.anna)
