"""Foreign phones call, are called, give up and refuse. Both sides hear each other's tone."""

from __future__ import annotations

import pytest

from tests.interop.capabilities import Capability
from tests.interop.meeting import REFUSALS, Kind, Meeting, calls, hear_each_other, is_called, tries


@tries(Capability.CALLS)
@pytest.mark.req("R-PHONE-02", "R-PHONE-05", "R-PHONE-33")
async def test_it_calls_and_hangs_up(meeting: Meeting, kind: Kind) -> None:
    phone, boris = await meeting.both(kind)
    talk = await calls(phone, boris)
    await hear_each_other(talk)
    await talk.theirs.hang_up()
    await talk.ours.ended()


@tries(Capability.IS_CALLED)
@pytest.mark.req("R-PHONE-02", "R-PHONE-05")
async def test_it_is_called_and_hung_up_on(meeting: Meeting, kind: Kind) -> None:
    phone, boris = await meeting.both(kind)
    talk = await is_called(phone, boris)
    await hear_each_other(talk)
    await talk.ours.hang_up()
    await talk.theirs.ended()


@tries(Capability.GIVES_UP)
async def test_it_gives_up_a_call_that_rings(meeting: Meeting, kind: Kind) -> None:
    phone, boris = await meeting.both(kind)
    theirs = await phone.dial("1002")
    ours = await boris.rings()
    ours.ring()
    await theirs.hang_up()
    await ours.cancelled()


@tries(Capability.REFUSES)
@pytest.mark.req("R-PHONE-35")
async def test_it_refuses_a_call(meeting: Meeting, kind: Kind) -> None:
    phone, boris = await meeting.both(kind)
    ours = await boris.dial(phone.setting.user)
    theirs = await phone.rings()
    await theirs.refuse()
    assert await ours.refused() in REFUSALS
