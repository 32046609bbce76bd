"""Supervisors beside a call: who hears whom in each mode, and whatever goes on around them. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast
from uuid import UUID

import pytest

from callflow.commands import Commands
from callflow.control import Actor, ControlRefused
from callflow.exchange import RecordingRules
from callflow.facts import CallAnswered, CallEnded, CallOffered, CommandGiven, Direction, OfferEnded, TransferStarted
from callflow.inbox import ConsultWith, Hold, Resume
from callflow.room_facts import SupervisionChanged, SupervisionEnded, SupervisionMode, SupervisionStarted
from callflow.router import ToExtension
from pbx.media.client import Digit
from tests.callflow.house import Dialog, House, a_house
from tests.callflow.test_call_recording import recordings
from tests.callflow.test_conferring import give, merged, the_room
from tests.callflow.test_transfer_races import Talk, a_talk, hang_up
from tests.support.virtual_time import virtual_time

DORA = Actor(user_id=UUID(int=4), extension="1004", supervisor=True)
ALL_INSIDE = RecordingRules(directions=frozenset({Direction.INTERNAL}))
LISTEN, WHISPER, BARGE = SupervisionMode.LISTEN, SupervisionMode.WHISPER, SupervisionMode.BARGE


async def supervised(house: House, talk: Talk, mode: SupervisionMode = LISTEN) -> Dialog:
    """Dora sits beside the talk of Anna, who called, and Boris, the agent."""
    await give(house, Commands(house.calls).supervise(DORA, house.call_of(talk.anna).call_id, mode))
    return await house.phones["1004"].says(200)


def heard_by(house: House, talker: Dialog, *others: Dialog) -> list[float]:
    room = the_room(house)
    return [room.gains[other.media, talker.media] for other in others]


async def switch(house: House, talk: Talk, mode: SupervisionMode) -> None:
    await give(house, Commands(house.calls).supervise(DORA, house.call_of(talk.anna).call_id, mode))


async def dora_presses(house: House, dora: Dialog, keys: str) -> None:
    for key in keys:
        cast(Callable[[Digit], None], dora.media.on_event)(Digit(leg=0, digit=key, milliseconds=80))
    await house.settles()


@pytest.mark.parametrize(("mode", "heard"), [(LISTEN, [0, 0]), (WHISPER, [0, 1]), (BARGE, [1, 1])])
@virtual_time
async def test_whom_a_supervisor_is_heard_by(mode: SupervisionMode, heard: list[float]) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk, mode)
        assert heard_by(house, dora, talk.anna, talk.boris) == heard
        assert heard_by(house, talk.anna, talk.boris, dora) == heard_by(house, talk.boris, talk.anna, dora) == [1, 1]
        await hang_up(house, talk.anna)
        assert dora.is_hung_up


@virtual_time
async def test_a_mode_is_changed_without_another_call() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk)
        rung = len(dora.phone.rung)
        for mode, heard in ((WHISPER, [0, 1]), (BARGE, [1, 1]), (LISTEN, [0, 0])):
            await switch(house, talk, mode)
            assert heard_by(house, dora, talk.anna, talk.boris) == heard
        assert len(dora.phone.rung) == rung
        assert [request.method for request in dora.heard] == ["ACK"]
        assert [fact.mode for fact in house.of(SupervisionChanged)] == [WHISPER, BARGE, LISTEN]
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_mode_is_changed_by_keys_that_nobody_hears() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk, BARGE)
        for key, heard in (("5", [0, 1]), ("6", [1, 1]), ("4", [0, 0]), ("6", [1, 1])):
            await dora_presses(house, dora, key)
            assert heard_by(house, dora, talk.anna, talk.boris) == heard
        assert not any(what == "send_digits" for each in (talk.anna, talk.boris) for what, _ in each.media.told)
        await hang_up(house, talk.anna)


@virtual_time
async def test_keys_of_the_talk_go_over_in_a_room_too() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await supervised(house, talk)
        cast(Callable[[Digit], None], talk.anna.media.on_event)(Digit(leg=0, digit="7", milliseconds=90))
        assert ("send_digits", ("7", 90)) in talk.boris.media.told
        await hang_up(house, talk.anna)


@virtual_time
async def test_the_talk_is_a_relay_again_when_the_supervisor_leaves() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk)
        await hang_up(house, dora)
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert all(room.is_closed for room in house.switch.media.rooms)
        dora = await supervised(house, talk)
        await give(house, Commands(house.calls).stop_supervising(DORA, house.call_of(talk.anna).call_id))
        assert dora.is_hung_up
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert [fact.took_over for fact in house.of(SupervisionEnded)] == [False, False]
        await hang_up(house, talk.anna)


@virtual_time
async def test_the_call_is_one_call_and_nobody_elses_story_changes() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        before = [type(fact) for fact in house.facts if isinstance(fact, CallOffered | OfferEnded | CallAnswered)]
        dora = await supervised(house, talk, BARGE)
        await hang_up(house, dora, talk.anna)
        after = [type(fact) for fact in house.facts if isinstance(fact, CallOffered | OfferEnded | CallAnswered)]
        assert after == before
        assert house.segments == ["1002"]
        assert len(house.of(CallEnded)) == 1
        assert not [request for request in talk.anna.heard if request.method in ("INVITE", "UPDATE")]


@virtual_time
async def test_each_use_is_a_fact_and_in_the_audit() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await supervised(house, talk)
        await switch(house, talk, WHISPER)
        (started,) = house.of(SupervisionStarted)
        assert (started.by, started.agent, started.mode) == ("1004", "1002", LISTEN)
        assert [(given.user, given.command) for given in house.of(CommandGiven)] == [
            (DORA.user_id, "supervise listen"),
            (DORA.user_id, "supervise whisper"),
        ]
        await hang_up(house, talk.anna)
        (ended,) = house.of(SupervisionEnded)
        assert house.facts.index(ended) < house.facts.index(house.of(CallEnded)[0])


@virtual_time
async def test_a_barge_is_recorded_and_a_whisper_is_not() -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        await supervised(house, talk)
        (recording,) = recordings(house)
        for mode in (LISTEN, WHISPER, BARGE, WHISPER):
            await switch(house, talk, mode)
            assert ("1004" in recording.speakers()) is (mode is BARGE)
        assert recording.speakers() == {"1001": 0, "1002": 1}
        await hang_up(house, talk.anna)
        assert len(recordings(house)) == 1


# ---- taking over -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["command", "keys"])
@virtual_time
async def test_a_supervisor_takes_over(way: str) -> None:
    async with a_house(recording=ALL_INSIDE) as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk, WHISPER)
        if way == "command":
            await give(house, Commands(house.calls).take_over(DORA, house.call_of(talk.anna).call_id))
        else:
            await dora_presses(house, dora, "*7")
        assert talk.boris.is_hung_up
        assert not talk.anna.is_hung_up
        assert talk.hear_each_other(talk.anna, dora)
        (recording,) = recordings(house)
        assert recording.speakers() == {"1001": 0, "1004": 1}
        await hang_up(house, talk.anna)
        assert dora.is_hung_up
        assert house.segments == ["1002", "1004"]
        assert [fact.took_over for fact in house.of(SupervisionEnded)] == [True]


@virtual_time
async def test_a_supervisor_takes_over_in_a_conference() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        carol = await merged(house, talk)
        dora = await supervised(house, talk)
        await give(house, Commands(house.calls).take_over(DORA, house.call_of(talk.anna).call_id))
        assert talk.boris.is_hung_up
        assert heard_by(house, dora, talk.anna, carol) == [1, 1]
        await hang_up(house, talk.anna, carol)
        assert dora.is_hung_up


@virtual_time
async def test_who_only_rings_cannot_take_over() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        call_id = house.call_of(talk.anna).call_id
        await give(house, Commands(house.calls).supervise(DORA, call_id, LISTEN))
        with pytest.raises(ControlRefused, match="not_now"):
            await give(house, Commands(house.calls).take_over(DORA, call_id))
        await hang_up(house, talk.anna)


# ---- who may ---------------------------------------------------------------------------------------------------------


@virtual_time
async def test_an_agent_may_not_supervise() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        call_id, agent = house.call_of(talk.anna).call_id, Actor(DORA.user_id, "1004", supervisor=False)
        commands = Commands(house.calls)
        for command in (
            commands.supervise(agent, call_id, LISTEN),
            commands.take_over(agent, call_id),
            commands.stop_supervising(agent, call_id),
        ):
            with pytest.raises(ControlRefused, match="forbidden"):
                await give(house, command)
        assert house.phones["1004"].rung == []
        await hang_up(house, talk.anna)


@virtual_time
async def test_nobody_supervises_a_call_of_their_own() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        boris = Actor(user_id=UUID(int=2), extension="1002", supervisor=True)
        with pytest.raises(ControlRefused, match="busy"):
            await give(house, Commands(house.calls).supervise(boris, house.call_of(talk.anna).call_id, BARGE))
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_call_in_which_nobody_talks_yet_cannot_be_supervised() -> None:
    async with a_house() as house:
        anna = await house.phones["1001"].dials("1002")
        (call_id,) = house.exchange.live._calls
        with pytest.raises(ControlRefused, match="not_now"):
            await give(house, Commands(house.calls).supervise(DORA, call_id, LISTEN))
        house.at_once((anna.phone, anna.cancel_text))
        await house.settles()


# ---- by a code on the phone ------------------------------------------------------------------------------------------


@virtual_time
async def test_a_supervisor_dials_the_code_and_the_agents_extension() -> None:
    async with a_house(supervisors=["1004"]) as house:
        talk = await a_talk(house)
        dora = await house.phones["1004"].dials("*551001")
        assert house.phones["1004"].answer_to(dora).status == 200
        assert heard_by(house, dora, talk.anna, talk.boris) == [0, 0]
        await dora_presses(house, dora, "5")
        assert heard_by(house, dora, talk.anna, talk.boris) == [1, 0], "the one whose extension was dialled"
        await hang_up(house, dora)
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)


@pytest.mark.parametrize(("number", "status"), [("*551002", 403), ("*551003", 403)])
@virtual_time
async def test_a_phone_of_nobody_who_supervises_is_refused(number: str, status: int) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        assert house.phones["1004"].answer_to(await house.phones["1004"].dials(number)).status == status
        await hang_up(house, talk.anna)


@virtual_time
async def test_an_agent_who_does_not_talk_cannot_be_listened_to() -> None:
    async with a_house(supervisors=["1004"]) as house:
        assert house.phones["1004"].answer_to(await house.phones["1004"].dials("*551002")).status == 480


# ---- whatever goes on around them ------------------------------------------------------------------------------------


@virtual_time
async def test_a_hold_is_a_hold_beside_a_supervisor_too() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk, BARGE)
        call = house.call_of(talk.anna)
        await give(house, call.inbox.ask(Hold(by="1002")))
        assert talk.anna.media.told[-1][0] == "play"
        assert the_room(house).members == [dora.media]
        await give(house, call.inbox.ask(Resume(by="1002")))
        assert heard_by(house, talk.anna, talk.boris, dora) == [1, 1]
        assert heard_by(house, dora, talk.anna, talk.boris) == [1, 1]
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_supervisor_stays_with_the_customer_who_is_handed_on() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk, WHISPER)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        carol = await talk.carol.says(200)
        assert heard_by(house, talk.anna, carol, dora) == [1, 1]
        assert heard_by(house, dora, talk.anna, carol) == [0, 1], "the agent of the segment is advised now"
        await hang_up(house, talk.anna)
        assert dora.is_hung_up
        assert len(house.of(TransferStarted)) == 1


@virtual_time
async def test_a_consultation_goes_on_beside_a_supervisor() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk)
        house.call_of(talk.anna).inbox.put(ConsultWith(by="1002", number="1003", route=ToExtension("1003")))
        await house.settles()
        carol = await talk.carol.says(200)
        assert heard_by(house, talk.boris, carol, dora) == [1, 1]
        assert talk.anna.media not in the_room(house).members
        await hang_up(house, carol)
        assert heard_by(house, talk.boris, talk.anna, dora) == [1, 1]
        await hang_up(house, talk.anna)


@pytest.mark.parametrize("mode", list(SupervisionMode))
@pytest.mark.parametrize("who", ["supervisor", "agent", "customer"])
@virtual_time
async def test_whoever_goes_in_any_mode(who: str, mode: SupervisionMode) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        dora = await supervised(house, talk, mode)
        await hang_up(house, {"supervisor": dora, "agent": talk.boris, "customer": talk.anna}[who])
        assert talk.anna.is_hung_up is (who == "agent")
        assert talk.boris.is_hung_up is (who == "customer")
        assert dora.is_hung_up is (who != "supervisor")
        if who == "supervisor":
            assert talk.hear_each_other(talk.anna, talk.boris)
            await hang_up(house, talk.anna)


@pytest.mark.parametrize("who", ["supervisor", "agent", "customer"])
@pytest.mark.parametrize("turns", range(0, 12, 2))
@virtual_time
async def test_whoever_goes_while_the_supervisor_comes(who: str, turns: int) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await give(house, Commands(house.calls).supervise(DORA, house.call_of(talk.anna).call_id, LISTEN))
        phone = house.phones["1004"]
        invite = phone.rung[-1]
        dora = phone.dialog_of(invite)
        house.at_once((phone, phone.response(invite, 200)))
        for _ in range(turns):
            await asyncio.sleep(0)
        leaver = {"supervisor": dora, "agent": talk.boris, "customer": talk.anna}[who]
        await hang_up(house, leaver)
        if who == "supervisor":
            assert talk.hear_each_other(talk.anna, talk.boris)
            await hang_up(house, talk.anna)
        assert talk.boris.is_hung_up or talk.anna.is_hung_up


@pytest.mark.parametrize("status", [486, 603])
@virtual_time
async def test_a_supervisor_whose_phone_refuses_has_missed_nothing(status: int) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await give(house, Commands(house.calls).supervise(DORA, house.call_of(talk.anna).call_id, LISTEN))
        await house.phones["1004"].says(status)
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert house.of(SupervisionStarted) == []
        await supervised(house, talk)  # may try again
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_supervisor_who_thinks_better_of_it_is_rung_no_longer() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        call_id = house.call_of(talk.anna).call_id
        await give(house, Commands(house.calls).supervise(DORA, call_id, LISTEN))
        await house.phones["1004"].says(180)
        await give(house, Commands(house.calls).stop_supervising(DORA, call_id))
        assert house.phones["1004"].cancelled
        assert not talk.anna.is_hung_up
        await hang_up(house, talk.anna)


@virtual_time
async def test_the_call_ends_while_the_supervisors_phone_rings() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await give(house, Commands(house.calls).supervise(DORA, house.call_of(talk.anna).call_id, LISTEN))
        await house.phones["1004"].says(180)
        await hang_up(house, talk.anna)
        assert house.phones["1004"].cancelled


@virtual_time
async def test_without_a_place_in_a_room_the_supervisor_is_let_go() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        await give(house, Commands(house.calls).supervise(DORA, house.call_of(talk.anna).call_id, LISTEN))
        house.switch.media.is_full = True
        dora = await house.phones["1004"].says(200)
        assert dora.is_hung_up
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)
