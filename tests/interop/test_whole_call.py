"""One call and all that may happen to it, a foreign phone on one side: held, resumed, handed on, joined by a third
one, and two again. After every step each hears whom they should; one recording has it all in its place, to 20 ms.

Sounds are judged in a thread: this process's phones, and baresip's in it, must go on talking meanwhile.
"""

from __future__ import annotations

import asyncio
import cmath
import math
from array import array
from dataclasses import dataclass, field

import pytest

from tests.interop.foreign_phone import ITS
from tests.interop.meeting import OURS, UNHEARD, Kind, Meeting, Talk, calls, heard
from tests.interop.phones.baresip_debian import BaresipDebian
from tests.interop.phones.baresip_python import BaresipPython
from tests.interop.phones.pjsua import PjsuaPhone
from tests.scenarios.call_control.people import Desk, desk
from tests.scenarios.test_recording import SETTLED, TOLERANCE, onset, says, segments
from tests.scenarios.transfers.people import recordings, take
from tests.support import tones
from tests.support.phone import FakePhone
from tests.support.phone_call import Call

KINDS = [pytest.param(kind, id=kind.NAME) for kind in (PjsuaPhone, BaresipPython, BaresipDebian)]
SECOND = 50  # packets
THIRD = 440  # Hz
PLAIN = -7.0  # dB of the whole sound: also where two are heard at once
LONGEST_GAP = 0.04  # seconds
WINDOW, STEP = 80, 40  # samples: 10 ms, 5 ms
PASSES = 3  # a gap that a busy machine made does not come every time


def longest_gap(pcm: bytes, pitch: int) -> float:
    """Seconds for which that tone is missing at a stretch: where less than half of a window is full of it."""
    samples = array("h", pcm)
    turns = [cmath.exp(-2j * math.pi * pitch * n / tones.RATE) for n in range(WINDOW)]
    strengths = [
        abs(sum(sample * turn for sample, turn in zip(samples[at : at + WINDOW], turns, strict=True)))
        for at in range(0, len(samples) - WINDOW + 1, STEP)
    ]
    half = sorted(strengths)[len(strengths) // 2] / 2
    longest = run = 0
    for strength in strengths:
        run = run + 1 if strength < half else 0
        longest = max(longest, run)
    return longest * STEP / tones.RATE


async def holds(pcm: bytes, *pitches: int, without: int | None = None) -> None:
    """These tones are plain in it, and that one is not there."""
    levels = {pitch: await asyncio.to_thread(tones.level, pcm, pitch) for pitch in pitches}
    assert min(levels.values()) > PLAIN, f"not heard: {levels}"
    if without is not None:
        assert await asyncio.to_thread(tones.level, pcm, without) < UNHEARD, f"an echo of {without} Hz"


async def is_music(pcm: bytes) -> None:
    assert await asyncio.to_thread(tones.loudness, pcm) > 100, "no music"
    assert await asyncio.to_thread(tones.level, pcm, ITS) < UNHEARD, "who holds is heard"


async def both_hear(talk: Talk, *, held: bool = False) -> None:
    """Each the other. `held`: the foreign phone has held before, and some cannot tell any more what they hear."""
    talk.ours.audio.play(OURS)
    if held and talk.phone.DEAF_AFTER_HOLD:
        at_ours, _ = await asyncio.gather(heard(talk.ours), talk.phone.receives(1.0))
    else:
        at_ours, at_theirs = await asyncio.gather(heard(talk.ours), talk.phone.listen(1.0))
        await holds(at_theirs, OURS, without=ITS)
    await holds(at_ours, ITS, without=OURS)


@dataclass(slots=True)
class Said:
    """When our phones began to say something new, by the clock of this process."""

    at: dict[int, float] = field(default_factory=dict)

    async def by(self, call: Call, pitch: int, seconds: float = 0.5) -> None:
        """Told of only once what was late has been sent."""
        await call.audio.sent_more(5)
        self.at[pitch] = says(call, pitch)
        await call.audio.sent_more(round(seconds * SECOND))


@pytest.mark.interop
@pytest.mark.minutes
@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_is_held_resumed_handed_on_joined_and_two_again(meeting: Meeting, kind: Kind) -> None:
    said = Said()
    carols_phone = await meeting.ours(kind, "1003")
    phone, boris = await meeting.both(kind)
    talk = await calls(phone, boris)
    await both_hear(talk)
    await said.by(talk.ours, 400, SETTLED)
    await said.by(talk.ours, 800)
    await talk.theirs.hold()
    await is_music(await heard(talk.ours))
    await talk.theirs.resume()
    await both_hear(talk, held=True)
    await said.by(talk.ours, 1200)
    async with desk(meeting.server, "1002") as his, desk(meeting.server, "1003") as hers:
        call_id = await his.my_call()
        await his.tell(call_id, "transfer", {"number": "1003"})
        carol = await take(carols_phone)
        await talk.ours.ended()
        talk = Talk(phone, talk.theirs, carol)
        await both_hear(talk, held=True)
        await said.by(carol, 600, SETTLED)
        await said.by(carol, 1600)
        gaps: list[float] = []
        while len(gaps) < PASSES and min(gaps, default=1.0) > LONGEST_GAP:
            gaps.append(await gap_while_a_third_one_comes_and_goes(talk, boris, hers, call_id))
    assert min(gaps) <= LONGEST_GAP, gaps
    await said.by(carol, 2000, 1.0)
    assert carol.audio.statistics.streams == 1
    await carol.hang_up()
    await talk.theirs.ended()
    await is_recorded(meeting, call_id, said)


async def gap_while_a_third_one_comes_and_goes(talk: Talk, boris: FakePhone, hers: Desk, call_id: str) -> float:
    """How long, at most, who stayed did not hear the foreign phone."""
    carol = talk.ours
    before = carol.audio.samples_heard
    carol.audio.play(OURS)
    await carol.audio.listen(0.5)
    await hers.tell(call_id, "invite", {"number": boris.user})
    third = await take(boris)
    third.audio.play(THIRD)
    at_carol, at_third = await asyncio.gather(heard(carol), heard(third))
    await holds(at_carol, ITS, THIRD, without=OURS)
    await holds(at_third, ITS, OURS, without=THIRD)
    await third.hang_up()
    await both_hear(talk, held=True)
    return await asyncio.to_thread(longest_gap, carol.audio.heard_since(before), ITS)


async def is_recorded(meeting: Meeting, call_id: str, said: Said) -> None:
    """Our phones speak into the second channel; who stands in it changes, and the time line goes on."""
    (recording,) = await recordings(meeting.server, call_id)
    async with meeting.server.sign_in("admin") as panel:
        theirs, ours = await panel.recording(recording)
    who = await segments(meeting.server, recording)
    assert {one for channel, one in who if channel == 0} == {"1001"}
    assert [one for channel, one in who if channel == 1][:2] == ["1002", "1003"]
    assert tones.level(theirs[-8000:], ITS) > PLAIN
    offsets = {pitch: onset(ours, pitch) - moment for pitch, moment in said.at.items()}
    middle = sorted(offsets.values())[len(offsets) // 2]
    assert {key: round(offset - middle, 3) for key, offset in offsets.items() if abs(offset - middle) > TOLERANCE} == {}
