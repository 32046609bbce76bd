"""What crosses what while somebody is handed on. Everything here happens in one moment, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from callflow.facts import CallEnded, Outcome
from callflow.inbox import PATIENCE, ConsultWith
from callflow.rescue import FAREWELL_SECONDS
from callflow.router import ToExtension
from callflow.talking import SETTLED
from pbx.media.client import LegLost
from pbx.sip.reply import reply
from tests.callflow.house import Dialog, House, Phone, a_house
from tests.support.virtual_time import virtual_time


@dataclass(slots=True)
class Talk:
    """Anna (1001) called Boris (1002)."""

    house: House
    anna: Dialog
    boris: Dialog

    def phone(self, user: str) -> Phone:
        return self.house.phones[user]

    @property
    def carol(self) -> Phone:
        return self.phone("1003")

    def hear_each_other(self, one: Dialog, other: Dialog) -> bool:
        """They were bridged last with each other, and not parted since."""
        last = [each for each in one.media.told if each[0] in ("bridge", "unbridge")][-1:]
        back = [each for each in other.media.told if each[0] in ("bridge", "unbridge")][-1:]
        return ("bridge", other.media) in last or ("bridge", one.media) in back


async def a_talk(house: House, caller: str = "1001", callee: str = "1002") -> Talk:
    anna = await house.phones[caller].dials(callee)
    boris = await house.phones[callee].says(200)
    house.phones[caller].answer_to(anna)
    await house.settles()
    return Talk(house, anna, boris)


async def hang_up(house: House, *dialogs: Dialog) -> None:
    house.at_once(*((dialog.phone, dialog.text("BYE")) for dialog in dialogs))
    await house.settles()


# ---- the transferor leaves -------------------------------------------------------------------------------------------


@virtual_time
async def test_refer_and_bye_in_one_moment() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        boris = talk.boris.phone
        house.at_once((boris, talk.boris.refer_text("1003")), (boris, talk.boris.text("BYE")))
        await house.settles()
        assert not talk.anna.is_hung_up
        carol = await talk.carol.says(200)
        assert talk.hear_each_other(talk.anna, carol)
        await hang_up(house, talk.anna)
        assert carol.is_hung_up
        assert house.transfers == ["completed"]
        assert house.segments == ["1002", "1003"]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
@virtual_time
async def test_refer_with_replaces_and_both_byes_in_one_moment(order: tuple[int, ...]) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        inquiry = await a_talk(house, "1002", "1003")
        boris = talk.boris.phone
        burst = (
            talk.boris.refer_text("1003", inquiry.anna),
            talk.boris.text("BYE"),
            inquiry.anna.text("BYE"),
        )
        house.at_once(*((boris, burst[index]) for index in order))
        await house.settles()
        assert not talk.anna.is_hung_up
        assert not inquiry.boris.is_hung_up
        assert talk.hear_each_other(talk.anna, inquiry.boris)
        await hang_up(house, talk.anna)
        assert house.transfers == ["completed"]


@virtual_time
async def test_the_transferor_goes_as_the_target_refuses() -> None:
    """Handed back to nobody: rung again."""
    async with a_house() as house:
        talk = await a_talk(house)
        boris = talk.boris.phone
        house.at_once((boris, talk.boris.refer_text("1003")))
        await house.settles()
        refusal = talk.carol.response(talk.carol.rung[-1], 486)
        house.at_once((talk.carol, refusal), (boris, talk.boris.text("BYE")))
        await house.settles()
        assert not talk.anna.is_hung_up
        again = await boris.says(200)
        assert talk.hear_each_other(talk.anna, again)
        await hang_up(house, talk.anna)
        assert house.transfers == ["busy"]


@virtual_time
async def test_the_transferor_goes_as_soon_as_the_customer_is_back() -> None:
    """Some phones hang up on any last NOTIFY. A second later it would be the end of the talk."""
    async with a_house() as house:
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        await talk.carol.says(486)
        assert talk.boris.told[-1] == 486
        await hang_up(house, talk.boris)
        again = await talk.boris.phone.says(200)
        assert talk.hear_each_other(talk.anna, again)
        await asyncio.sleep(SETTLED)
        await hang_up(house, again)
        assert talk.anna.is_hung_up
        assert house.segments == ["1002", "1002", "1002"]


# ---- the target ------------------------------------------------------------------------------------------------------


@virtual_time
async def test_the_target_answers_and_hangs_up_in_one_moment() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        invite = talk.carol.rung[-1]
        house.at_once(
            (talk.carol, talk.carol.response(invite, 200)),
            (talk.carol, talk.carol.dialog_of(invite).text("BYE")),
        )
        await house.settles()
        assert not talk.anna.is_hung_up
        assert not talk.boris.is_hung_up
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert talk.boris.told[-1] == 480
        await hang_up(house, talk.anna)
        assert house.transfers == ["rejected"]


@virtual_time
async def test_an_answer_that_crosses_our_cancel_rings_off_and_the_customer_is_back() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        await talk.carol.says(180)
        invite = talk.carol.rung[-1]
        await asyncio.sleep(20.1)
        assert talk.carol.cancelled == [invite.sip_call_id]
        carol = await talk.carol.says(200)
        assert carol.is_hung_up
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert talk.boris.told == [100, 180, 480]
        await hang_up(house, talk.anna)
        assert house.transfers == ["no_answer"]


# ---- the customer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["bye", "answer"])
@virtual_time
async def test_the_customer_goes_as_the_target_answers(first: str) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        invite = talk.carol.rung[-1]
        both = [(talk.anna.phone, talk.anna.text("BYE")), (talk.carol, talk.carol.response(invite, 200))]
        house.at_once(*(both if first == "bye" else reversed(both)))
        await house.settles()
        assert talk.carol.dialog_of(invite).is_hung_up
        assert talk.boris.is_hung_up
        await asyncio.sleep(2)
        await house.settles()
        assert len(house.transfers) == 1
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.ANSWERED]


@pytest.mark.parametrize("first", ["bye", "refer"])
@virtual_time
async def test_the_customer_goes_as_the_transfer_is_asked_for(first: str) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        both = [(talk.anna.phone, talk.anna.text("BYE")), (talk.boris.phone, talk.boris.refer_text("1003"))]
        house.at_once(*(both if first == "bye" else reversed(both)))
        await house.settles()
        await asyncio.sleep(2)
        await house.settles()
        assert talk.boris.is_hung_up
        assert len(talk.carol.rung) == len(talk.carol.cancelled)


@virtual_time
async def test_the_customer_goes_as_two_calls_are_joined() -> None:
    """Nobody is left for the target, who is hung up."""
    async with a_house() as house:
        talk = await a_talk(house)
        inquiry = await a_talk(house, "1002", "1003")
        house.at_once(
            (talk.boris.phone, talk.boris.refer_text("1003", inquiry.anna)),
            (talk.anna.phone, talk.anna.text("BYE")),
        )
        await house.settles()
        await asyncio.sleep(2)
        await house.settles()
        assert inquiry.boris.is_hung_up
        assert inquiry.anna.is_hung_up
        assert talk.boris.is_hung_up


@virtual_time
async def test_the_target_goes_as_two_calls_are_joined() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        inquiry = await a_talk(house, "1002", "1003")
        house.at_once(
            (talk.boris.phone, talk.boris.refer_text("1003", inquiry.anna)),
            (inquiry.boris.phone, inquiry.boris.text("BYE")),
        )
        await house.settles()
        assert not talk.anna.is_hung_up
        assert not talk.boris.is_hung_up
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert talk.boris.told[-1] >= 400
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_call_that_cannot_give_its_partner_away_leaves_the_customer_where_they_are() -> None:
    """Boris has put the inquiry on hold in the panel, to ask a third one."""
    async with a_house() as house:
        talk = await a_talk(house)
        inquiry = await a_talk(house, "1002", "1003")
        call = house.call_of(inquiry.anna)
        call.inbox.put(ConsultWith(by="1002", number="1004", route=ToExtension("1004")))
        await house.settles()
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003", inquiry.anna)))
        await house.settles()
        assert talk.hear_each_other(talk.anna, talk.boris)
        assert talk.boris.told == [100, 603]
        await hang_up(house, talk.anna, inquiry.boris)
        assert house.transfers == ["gone"]  # of the inquiry


# ---- what is missing -------------------------------------------------------------------------------------------------


@virtual_time
async def test_without_a_port_for_the_target_the_customer_is_back() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        house.switch.media.is_full = True
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        assert talk.boris.told == [100, 503]
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)
        assert house.transfers == ["failed"]


@virtual_time
async def test_a_media_worker_that_dies_ends_the_call_and_the_facts_are_whole() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        await talk.carol.says(180)
        for number, leg in enumerate(house.switch.media.legs):
            assert callable(leg.on_event)
            leg.on_event(LegLost(number))
        await house.settles()
        await asyncio.sleep(2)
        await house.settles()
        house.at_once((talk.carol, reply(talk.carol.rung[-1], 487, to_tag="at1003")))
        await house.settles()
        assert talk.anna.is_hung_up
        assert house.transfers == ["gone"]
        assert house.segments == ["1002"]


@virtual_time
async def test_a_call_that_says_farewell_listens_to_nobody_and_says_so() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")), (talk.boris.phone, talk.boris.text("BYE")))
        await house.settles()
        await talk.carol.says(486)
        await talk.boris.phone.says(486)
        assert talk.anna.media.told[-1] == ("play", ("/prompts/nobody", False))
        house.at_once((talk.anna.phone, talk.anna.refer_text("1004")))
        await asyncio.sleep(PATIENCE - 0.1)
        assert 603 not in house.switch.statuses
        await asyncio.sleep(0.2)
        assert house.switch.statuses[-1] == 603
        await asyncio.sleep(FAREWELL_SECONDS)
        await house.settles()
        assert talk.anna.is_hung_up
        assert house.phones["1004"].rung == []


@virtual_time
async def test_nobody_is_busy_with_a_call_that_they_have_handed_on() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        house.at_once((talk.boris.phone, talk.boris.refer_text("1003")))
        await house.settles()
        await hang_up(house, talk.boris)
        assert house.exchange.presence.legs_of("1002") == 0
        carol = await talk.carol.says(200)
        await hang_up(house, carol)  # at once: Boris is rung again
        await house.settles()
        assert house.exchange.presence.legs_of("1003") == 0
        again = await talk.boris.phone.says(200)
        assert talk.hear_each_other(talk.anna, again)
        await hang_up(house, talk.anna)
