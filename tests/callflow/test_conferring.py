"""Talks of more than two: who comes, who goes, who hears whom, what the ledger says. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from uuid import UUID

import pytest

from callflow.call import LEAVING
from callflow.commands import Commands
from callflow.control import Actor, ControlRefused
from callflow.exchange import RecordingRules
from callflow.facts import CallEnded, CallHeld, CallResumed, Direction, OfferEnded, Outcome
from callflow.inbox import ConsultWith, Hold, Invite, Resume, Swap, TakeBack
from callflow.room_facts import ConferenceEnded, ConferenceJoined, ConferenceLeft
from callflow.router import Refuse, ToExtension
from pbx.media.client import LegLost
from tests.callflow.house import Dialog, House, a_house
from tests.callflow.test_call_recording import press, recordings
from tests.callflow.test_transfer_races import Talk, a_talk, hang_up
from tests.pbx.switch import SDP, PromisedRoom
from tests.support.virtual_time import virtual_time

BORIS = Actor(user_id=UUID(int=2), extension="1002", supervisor=False)
ALL_INSIDE = RecordingRules(directions=frozenset({Direction.INTERNAL}))


def the_room(house: House) -> PromisedRoom:
    (room,) = (room for room in house.switch.media.rooms if not room.is_closed)
    return room


def everybody_hears_everybody(house: House, *dialogs: Dialog) -> bool:
    room = the_room(house)
    media = [dialog.media for dialog in dialogs]
    return set(room.members) == set(media) and all(
        room.gains[one, other] == 1.0 for one in media for other in media if one is not other
    )


async def consult(house: House, talk: Talk, number: str = "1003") -> None:
    house.call_of(talk.anna).inbox.put(ConsultWith(by="1002", number=number, route=ToExtension(number)))
    await house.settles()


async def hold(house: House, dialog: Dialog) -> None:
    """By the phone itself."""
    text = dialog.text("INVITE", body=SDP + "a=sendonly\r\n")
    house.at_once((dialog.phone, text))
    await house.settles()
    house.at_once((dialog.phone, dialog.text("ACK").replace(f"CSeq: {dialog.cseq}", f"CSeq: {dialog.cseq - 1}")))
    await house.settles()


async def merged(house: House, talk: Talk) -> Dialog:
    """Boris has spoken with Carol first."""
    await consult(house, talk)
    carol = await talk.carol.says(200)
    await give(house, Commands(house.calls).confer(BORIS, house.call_of(talk.anna).call_id))
    return carol


async def give(house: House, command: Coroutine[object, object, None]) -> None:
    given = asyncio.ensure_future(command)
    await house.settles()
    await given


@pytest.mark.req("R-PHONE-28")
@virtual_time
async def test_a_consultation_becomes_a_conference() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        assert everybody_hears_everybody(house, talk.anna, talk.boris, carol)
        assert talk.anna.media.told[-1][0] != "play", "nobody hears music"
        assert house.transfers == ["conference"]
        assert [joined.extension for joined in house.of(ConferenceJoined)] == ["1001", "1002", "1003"]
        await hang_up(house, talk.anna, talk.boris, carol)
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.ANSWERED]


@pytest.mark.parametrize("leaver", ["anna", "boris", "carol"])
@virtual_time
async def test_whoever_leaves_the_others_are_a_talk_of_two(leaver: str) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dialogs = {"anna": talk.anna, "boris": talk.boris, "carol": await merged(house, talk)}
        await hang_up(house, dialogs.pop(leaver))
        one, other = dialogs.values()
        assert talk.hear_each_other(one, other)
        assert all(room.is_closed for room in house.switch.media.rooms)
        assert len(house.of(ConferenceLeft)) == len(house.of(ConferenceEnded)) == 1
        await hang_up(house, one)
        assert other.is_hung_up
        assert house.segments == (["1002", "1003"] if leaver == "boris" else ["1002"])


@virtual_time
async def test_two_leave_in_one_moment() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        await hang_up(house, talk.anna, talk.boris)
        assert carol.is_hung_up


@virtual_time
async def test_nobody_is_asked_for_another_session() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        await hang_up(house, talk.boris)
        assert [request.method for request in (*talk.anna.heard, *carol.heard)] == ["ACK"]
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_third_one_is_added_by_number_while_two_talk_on() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        told = len(talk.anna.media.told), len(talk.boris.media.told)
        await give(house, Commands(house.calls).invite(BORIS, house.call_of(talk.anna).call_id, "1003"))
        await talk.carol.says(180)
        assert (len(talk.anna.media.told), len(talk.boris.media.told)) == told, "they notice nothing"
        carol = await talk.carol.says(200)
        assert everybody_hears_everybody(house, talk.anna, talk.boris, carol)
        assert [ended.reason.value for ended in house.of(OfferEnded)] == ["answered"]
        await give(house, Commands(house.calls).invite(BORIS, house.call_of(talk.anna).call_id, "1004"))
        dora = await house.phones["1004"].says(200)
        assert everybody_hears_everybody(house, talk.anna, talk.boris, carol, dora)
        await hang_up(house, talk.anna)
        assert everybody_hears_everybody(house, talk.boris, carol, dora)
        await hang_up(house, carol, dora, talk.boris)


@pytest.mark.parametrize("status", [486, 603, 480])
@virtual_time
async def test_who_does_not_come_changes_nothing(status: int) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await give(house, Commands(house.calls).invite(BORIS, house.call_of(talk.anna).call_id, "1003"))
        await talk.carol.says(status)
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert house.of(ConferenceJoined) == []
        await consult(house, talk, "1004")  # an ordinary talk again
        assert house.phones["1004"].rung
        await hang_up(house, talk.anna, talk.boris)


@virtual_time
async def test_an_invitation_is_taken_back() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        call = house.call_of(talk.anna)
        await give(house, Commands(house.calls).invite(BORIS, call.call_id, "1003"))
        await talk.carol.says(180)
        await give(house, call.inbox.ask(TakeBack(by="1002")))
        assert talk.carol.cancelled
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)


@virtual_time
async def test_the_customer_leaves_while_a_third_one_is_rung() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await give(house, Commands(house.calls).invite(BORIS, house.call_of(talk.anna).call_id, "1003"))
        await talk.carol.says(180)
        await hang_up(house, talk.anna)
        assert talk.boris.is_hung_up
        assert talk.carol.cancelled


@virtual_time
async def test_who_answers_and_leaves_in_one_moment_is_no_conference() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await give(house, Commands(house.calls).invite(BORIS, house.call_of(talk.anna).call_id, "1003"))
        invite = talk.carol.rung[-1]
        house.at_once(
            (talk.carol, talk.carol.response(invite, 200)), (talk.carol, talk.carol.dialog_of(invite).text("BYE"))
        )
        await house.settles()
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)


@pytest.mark.parametrize(
    ("number", "reason"), [("1001", "same_number"), ("1002", "same_number"), ("*70", "no_route"), ("700", "no_route")]
)
@virtual_time
async def test_whom_nobody_can_add(number: str, reason: str) -> None:
    async with a_house(lines=["700"]) as house:
        talk = await a_talk(house)
        adding = Commands(house.calls).invite(BORIS, house.call_of(talk.anna).call_id, number)
        with pytest.raises(ControlRefused, match=reason):
            await give(house, adding)
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_number_that_may_not_be_called_is_not_called_for_a_conference_either() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        forbidden = Invite(by="1002", number="0900", route=Refuse(Outcome.FORBIDDEN, 403))
        with pytest.raises(ControlRefused, match="forbidden"):
            await give(house, house.call_of(talk.anna).inbox.ask(forbidden))
        await hang_up(house, talk.anna)


@virtual_time
async def test_who_holds_is_apart_and_the_others_hear_no_music() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        call = house.call_of(talk.anna)
        played = [sum(what == "play" for what, _ in dialog.media.told) for dialog in (talk.anna, carol)]
        await give(house, call.inbox.ask(Hold(by="1002")))
        room, boris = the_room(house), talk.boris.media
        assert room.gains[talk.anna.media, carol.media] == room.gains[carol.media, talk.anna.media] == 1.0
        assert not any(gain for pair, gain in room.gains.items() if boris in pair)
        assert [sum(what == "play" for what, _ in dialog.media.told) for dialog in (talk.anna, carol)] == played
        assert [held.by for held in house.of(CallHeld)][-1] == "1002"
        await give(house, call.inbox.ask(Resume(by="1002")))
        assert everybody_hears_everybody(house, talk.anna, talk.boris, carol)
        await hang_up(house, carol, talk.anna)
        assert len(house.of(CallHeld)) == len(house.of(CallResumed))


@virtual_time
async def test_a_hold_outlives_the_conference() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        call = house.call_of(talk.anna)
        await give(house, call.inbox.ask(Hold(by="1002")))
        await hang_up(house, carol)
        assert talk.anna.media.told[-1] == ("play", ("/prompts/music/hold", True))
        assert not talk.hear_each_other(talk.anna, talk.boris)
        await give(house, call.inbox.ask(Resume(by="1002")))
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)


@virtual_time
async def test_merged_after_a_swap_nobody_is_left_with_music() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await consult(house, talk)
        carol = await talk.carol.says(200)
        call = house.call_of(talk.anna)
        await give(house, call.inbox.ask(Swap(by="1002")))
        await give(house, Commands(house.calls).confer(BORIS, call.call_id))
        assert everybody_hears_everybody(house, talk.anna, talk.boris, carol)
        for dialog in (talk.anna, talk.boris, carol):
            assert [what for what, _ in dialog.media.told if what in ("play", "stop_playing")][-1] == "stop_playing"
        await hang_up(house, talk.anna, talk.boris, carol)


@virtual_time
async def test_keys_make_a_conference_of_a_consultation() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await consult(house, talk)
        carol = await talk.carol.says(200)
        await press(house, talk, "*5")
        assert everybody_hears_everybody(house, talk.anna, talk.boris, carol)
        await hang_up(house, talk.anna, talk.boris, carol)


@virtual_time
async def test_before_the_consulted_one_answers_nothing_can_be_merged() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await consult(house, talk)
        with pytest.raises(ControlRefused, match="not_now"):
            await give(house, Commands(house.calls).confer(BORIS, house.call_of(talk.anna).call_id))
        await hang_up(house, talk.anna)


# ---- two calls of one phone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["the held one", "the other one"])
@virtual_time
async def test_two_calls_of_one_person_become_a_conference(told: str) -> None:
    """The end at which the person speaks stays, that at which the customer was held goes."""
    async with a_house() as house:
        talk = await a_talk(house)
        await hold(house, talk.boris)
        inquiry = await a_talk(house, "1002", "1003")
        call = house.call_of(talk.anna if told == "the held one" else inquiry.boris)
        await give(house, Commands(house.calls).confer(BORIS, call.call_id))
        stays, goes = inquiry.anna, talk.boris
        assert everybody_hears_everybody(house, talk.anna, stays, inquiry.boris)
        await asyncio.sleep(LEAVING)
        assert goes.is_hung_up
        assert len(house.calls) == 1
        await hang_up(house, stays)
        assert talk.hear_each_other(talk.anna, inquiry.boris)
        await hang_up(house, talk.anna)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4])
@virtual_time
async def test_the_other_call_ends_while_it_is_asked(turns: int) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        inquiry = await a_talk(house, "1002", "1003")
        merging = asyncio.ensure_future(Commands(house.calls).confer(BORIS, house.call_of(talk.anna).call_id))
        for _ in range(turns):
            await asyncio.sleep(0)
        house.at_once((inquiry.boris.phone, inquiry.boris.text("BYE")))
        await house.settles()
        await asyncio.gather(merging, return_exceptions=True)
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4])
@virtual_time
async def test_both_calls_lose_their_people_while_they_become_one(turns: int) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        inquiry = await a_talk(house, "1002", "1003")
        merging = asyncio.ensure_future(Commands(house.calls).confer(BORIS, house.call_of(talk.anna).call_id))
        for _ in range(turns):
            await asyncio.sleep(0)
        house.at_once((talk.anna.phone, talk.anna.text("BYE")), (talk.boris.phone, talk.boris.text("BYE")))
        await house.settles()
        await asyncio.gather(merging, return_exceptions=True)
        await hang_up(house, inquiry.anna, inquiry.boris)


# ---- what is kept ----------------------------------------------------------------------------------------------------


@virtual_time
async def test_a_conference_is_one_recording_with_everybody_in_it() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        (recording,) = recordings(house)
        assert recording.speakers() == {"1001": 0, "1002": 1, "1003": 1}
        await hang_up(house, talk.boris)
        assert recording.speakers() == {"1001": 0, "1003": 1}
        await hang_up(house, carol)


@virtual_time
async def test_who_is_never_recorded_is_not_recorded_in_a_conference() -> None:
    rules = RecordingRules(directions=frozenset({Direction.INTERNAL}), people={"1003": False})
    async with a_house(recording=rules) as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        (recording,) = recordings(house)
        assert recording.speakers() == {"1001": 0, "1002": 1}
        await hang_up(house, carol, talk.anna)


@virtual_time
async def test_a_lost_worker_ends_the_conference() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        for dialog in (talk.anna, talk.boris, carol):
            listener = dialog.media.on_event
            assert callable(listener)
            listener(LegLost(0))
        await house.settles()
        assert talk.anna.is_hung_up
        assert talk.boris.is_hung_up
        assert carol.is_hung_up


@virtual_time
async def test_who_cannot_get_a_place_in_a_room_is_let_go_and_the_others_talk_on() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await give(house, Commands(house.calls).invite(BORIS, house.call_of(talk.anna).call_id, "1003"))
        house.switch.media.is_full = True
        carol = await talk.carol.says(200)
        assert carol.is_hung_up
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)
