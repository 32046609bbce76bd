"""Foreign phones transfer, blindly and after a talk, and are transferred: who stays hears the other."""

from __future__ import annotations

import pytest

from tests.interop.capabilities import Capability
from tests.interop.meeting import (
    Kind,
    Meeting,
    Talk,
    calls,
    hear_each_other,
    is_called,
    tries,
    two_of_ours_hear_each_other,
)
from tests.support.deadlines import until
from tests.support.phone import FakePhone
from tests.support.phone_transfer import refer


@tries(Capability.TRANSFERS)
@pytest.mark.req("R-PHONE-37", "R-PHONE-38")
async def test_it_transfers_blindly(meeting: Meeting, kind: Kind) -> None:
    carol = await meeting.ours(kind, "1003")
    talk = await meeting.talk(kind)
    handing_over = meeting.meanwhile(talk.theirs.transfer("1003"))
    incoming = await carol.rings()
    incoming.ring()
    await incoming.answer()
    await handing_over
    await two_of_ours_hear_each_other(talk.ours, incoming)
    await incoming.hang_up()
    await talk.ours.ended()


@tries(Capability.TRANSFERS_ATTENDED)
@pytest.mark.req("R-PHONE-38")
async def test_it_transfers_after_a_talk(meeting: Meeting, kind: Kind) -> None:
    carol = await meeting.ours(kind, "1003")
    await consult_and_transfer(await meeting.talk(kind), carol)


@tries(Capability.TRANSFERS_ATTENDED)
@pytest.mark.req("R-PHONE-38")
async def test_it_transfers_who_called_it_after_a_talk(meeting: Meeting, kind: Kind) -> None:
    """Then some phones name the tags of the replaced dialog the wrong way round."""
    carol = await meeting.ours(kind, "1003")
    phone, boris = await meeting.both(kind)
    await consult_and_transfer(await is_called(phone, boris), carol)


async def consult_and_transfer(talk: Talk, carol: FakePhone) -> None:
    await talk.theirs.hold()
    asked = await calls(talk.phone, carol)
    await hear_each_other(asked)
    await talk.theirs.transfer_to(asked.theirs)
    await two_of_ours_hear_each_other(talk.ours, asked.ours)
    await asked.ours.hang_up()
    await talk.ours.ended()


@tries(Capability.IS_TRANSFERRED)
@pytest.mark.req("R-PHONE-37")
async def test_it_is_transferred(meeting: Meeting, kind: Kind) -> None:
    carol = await meeting.ours(kind, "1003")
    talk = await meeting.talk(kind)
    await refer(talk.ours, "1003")
    incoming = await carol.rings()
    incoming.ring()
    await incoming.answer()
    await until("who transferred is let go", lambda: talk.ours.is_over)
    after = Talk(talk.phone, talk.theirs, incoming)
    await hear_each_other(after)
    await incoming.hang_up()
    await after.theirs.ended()
