"""Hold and resume, from either end: who is held hears music and not who holds; after that both hear each other."""

from __future__ import annotations

import pytest

from tests.interop.capabilities import Capability
from tests.interop.foreign_phone import ITS
from tests.interop.meeting import Kind, Meeting, hear_each_other, hear_each_other_again, heard, hears_music, tries
from tests.support import tones


@tries(Capability.HOLDS)
@pytest.mark.req("R-PHONE-26")
async def test_it_holds(meeting: Meeting, kind: Kind) -> None:
    talk = await meeting.talk(kind)
    await talk.theirs.hold()
    await hears_music(lambda: heard(talk.ours), ITS)


@tries(Capability.RESUMES)
@pytest.mark.req("R-PHONE-27")
async def test_it_resumes(meeting: Meeting, kind: Kind) -> None:
    talk = await meeting.talk(kind)
    await talk.theirs.hold()
    await hears_music(lambda: heard(talk.ours, 0.5), ITS)
    await talk.theirs.resume()
    await hear_each_other_again(talk)
    await talk.theirs.hang_up()
    await talk.ours.ended()


@tries(Capability.IS_HELD)
@pytest.mark.req("R-PHONE-26", "R-PHONE-27")
async def test_it_is_held_and_resumed(meeting: Meeting, kind: Kind) -> None:
    talk = await meeting.talk(kind)
    talk.ours.audio.play(tones.NOT_IN_MUSIC)
    assert await talk.ours.hold() in ("recvonly", "inactive")
    await hears_music(lambda: talk.phone.listen(1.0), tones.NOT_IN_MUSIC)
    await talk.ours.resume()
    await hear_each_other(talk)
    await talk.theirs.hang_up()
    await talk.ours.ended()
