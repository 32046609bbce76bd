"""An INVITE with Replaces that crosses something else: nobody is lost by it, and nothing is left of it."""

from __future__ import annotations

import pytest

from tests.callflow.house import Dialog, House, a_house
from tests.callflow.test_transfer_races import a_talk, hang_up
from tests.support.virtual_time import virtual_time


def status_of(dialog: Dialog) -> int:
    return dialog.phone.answer_to(dialog).status


async def moved(house: House, dialog: Dialog) -> None:
    assert status_of(dialog) == 200
    await house.settles()


@virtual_time
async def test_the_other_phone_takes_over_in_the_same_segment() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        mobile = await talk.boris.phone.dials("1002", talk.boris.replaces)
        await moved(house, mobile)
        assert talk.hear_each_other(talk.anna, mobile)
        await hang_up(house, talk.anna)
        assert mobile.is_hung_up
        assert house.segments == ["1002"]


@virtual_time
async def test_the_old_phone_hangs_up_in_the_same_moment() -> None:
    """The INVITE came first, and so the talk goes on."""
    async with a_house() as house:
        talk = await a_talk(house)
        mobile = talk.boris.phone.invites("1002", talk.boris.replaces)
        house.at_once((talk.boris.phone, talk.boris.text("BYE")))
        await house.settles()
        await moved(house, mobile)
        assert talk.hear_each_other(talk.anna, mobile)
        await hang_up(house, talk.anna)
        assert house.segments == ["1002"]


@virtual_time
async def test_the_partner_hangs_up_in_the_same_moment() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        mobile = talk.boris.phone.invites("1002", talk.boris.replaces)
        house.at_once((talk.anna.phone, talk.anna.text("BYE")))
        await house.settles()
        assert status_of(mobile) in (480, 603)
        assert talk.boris.is_hung_up


@virtual_time
async def test_given_up_in_the_same_moment() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        mobile = talk.boris.phone.invites("1002", talk.boris.replaces)
        house.at_once((talk.boris.phone, mobile.cancel_text))
        await house.settles()
        assert status_of(mobile) == 487
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)
        assert house.segments == ["1002"]


@virtual_time
async def test_without_a_port_the_talk_stays_where_it_is() -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        house.switch.media.is_full = True
        mobile = await talk.boris.phone.dials("1002", talk.boris.replaces)
        assert status_of(mobile) == 503
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)


@pytest.mark.parametrize("who", ["1003", "1001"])
@virtual_time
async def test_another_person_is_refused(who: str) -> None:
    async with a_house() as house:
        talk = await a_talk(house)
        thief = await house.phones[who].dials("1002", talk.boris.replaces)
        assert status_of(thief) == 403
        assert talk.hear_each_other(talk.anna, talk.boris)
        await hang_up(house, talk.anna)
