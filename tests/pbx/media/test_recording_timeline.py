"""Where sound lands on a recording's time line: within 20 ms of when it was said, whatever the network and the phone's
clock do, and whoever comes and goes."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from pbx.media.record_buffers import RecordBuffers
from pbx.rtp.g711 import SILENCE, Law, decode
from tests.pbx.media.rig import MILLISECOND, Rig, rig
from tests.pbx.media.test_record_buffers import drained, finished, recorded
from tests.pbx.media.tones import frames, heard, level, tone

QUIET = SILENCE[Law.ULAW]
CLICK = 0  # the loudest sample
TOLERANCE = 160  # samples: 20 ms
START = 10_000_000_000


@pytest.fixture
def buffers() -> Iterator[RecordBuffers]:
    """Interpreted: `place` can be called from here. That the compiled engine does the same has its own test."""
    with rig("interpreted") as engine:
        made = engine.control.recordings
        made.prepare(0, Law.ULAW)
        made.begin(0, START)
        made.put(0, 0)
        yield made


class Line:
    """One phone that clicks, a network, and the writer's thread: what was recorded of it."""

    def __init__(self, buffers: RecordBuffers) -> None:
        self.buffers = buffers
        self.left = bytearray()
        self.dropped = 0
        self.ssrc = 7
        self.sequence = 65_000
        self.timestamp = 0xFFFF0000

    def send(self, said_at: float, *, delay: float = 0.0, click: bool = False, mine: int = 160) -> None:
        """A packet, said at `said_at` seconds of our clock; `mine`: samples by the phone's clock since the last one."""
        payload = bytes((CLICK if click else QUIET,)) + bytes((QUIET,)) * 159
        now = START + round((said_at + delay) * 1e9)
        packet = bytearray(12) + payload
        kept = self.buffers.place(0, packet, len(packet), self.sequence, self.timestamp, self.ssrc, int(Law.ULAW), now)
        self.dropped += not kept
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + mine) & 0xFFFFFFFF

    def drain(self, at: float) -> None:
        while (count := self.buffers.ripe(0, START + round(at * 1e9))) > 0:
            self.left += self.buffers.drain(0, count)[0]

    def clicks(self) -> list[int]:
        found: list[int] = []
        at = -1
        while (at := self.left.find(CLICK, at + 1)) >= 0:
            if not found or at - found[-1] > 80:
                found.append(at)
        return found


@pytest.mark.parametrize("parts_per_million", [-200, 100, 5000])
def test_a_phones_clock_may_run_off_for_an_hour(buffers: RecordBuffers, parts_per_million: int) -> None:
    """RFC 3550 §6.4.1 knows that clocks drift; crystals of phones are off by up to 100 parts in a million."""
    line, dice = Line(buffers), random.Random(parts_per_million)
    step = 0.02 * (1 + parts_per_million / 1e6)
    count = round(3600 / step) if abs(parts_per_million) < 1000 else 30_000
    said, arrived = [], 0.0
    for number in range(count):
        click = number % 500 == 250
        if click:
            said.append(round(number * step * 8000))
        arrived = max(arrived, number * step + dice.random() * 0.03)  # a network that does not reorder
        line.send(number * step, delay=arrived - number * step, click=click)
        if number % 10 == 9:
            line.drain(arrived)
    buffers.finish(0, START + round(count * step * 1e9))
    line.drain(count * step)
    clicks = line.clicks()
    assert line.dropped == 0
    assert len(clicks) == len(said)
    assert max(abs(at - true) for at, true in zip(clicks, said, strict=True)) <= TOLERANCE


def test_a_first_packet_that_came_late_misplaces_only_the_first_seconds(buffers: RecordBuffers) -> None:
    line = Line(buffers)
    for number in range(1000):
        line.send(number * 0.02, delay=max(0.0, 0.15 - number * 0.02), click=number in (900, 950))
        line.drain(number * 0.02)
    line.drain(30)
    clicks = line.clicks()
    assert len(clicks) == 2
    assert all(abs(at - number * 160) <= TOLERANCE for at, number in zip(clicks, (900, 950), strict=True))


@pytest.mark.parametrize("counts_on", [True, False])
def test_after_a_hold_sound_is_in_its_place_at_once(buffers: RecordBuffers, counts_on: bool) -> None:
    """A phone on hold sends nothing. Its timestamps go on meanwhile (RFC 3550 §5.1), or they do not."""
    line = Line(buffers)
    for number in range(100):
        line.send(number * 0.02, click=number == 99, mine=160 if number < 99 or not counts_on else 160 + 8000 * 10)
        line.drain(number * 0.02)
    line.drain(11.9)
    for number in range(600, 700):
        line.send(number * 0.02, click=number == 600)
        line.drain(number * 0.02)
    line.drain(20)
    assert line.dropped == 0
    assert [round(at / 160) for at in line.clicks()] == [99, 600]


def test_loss_and_reordering_leave_everything_else_in_its_place(buffers: RecordBuffers) -> None:
    line, dice = Line(buffers), random.Random(1)
    packets = []
    for number in range(3000):
        delay = dice.random() * 0.06  # packets overtake each other
        if dice.random() > 0.05:
            packets.append((number * 0.02 + delay, number))
    said = [number for _, number in packets if number % 50 == 0]
    for at, number in sorted(packets):
        line.sequence, line.timestamp = number & 0xFFFF, number * 160
        line.send(number * 0.02, delay=at - number * 0.02, click=number % 50 == 0)
        line.drain(at)
    line.drain(61)
    clicks = line.clicks()
    assert line.dropped == 0
    assert len(clicks) == len(said)
    assert all(abs(at - number * 160) <= TOLERANCE for at, number in zip(clicks, sorted(said), strict=True))


def test_a_pause_keeps_nothing_that_was_said_in_it_however_late_it_comes(buffers: RecordBuffers) -> None:
    line = Line(buffers)
    said = range(300)
    late = range(195, 202)  # on the way for 150 ms, while the recording goes on with packet 202
    for at, number in sorted((number * 0.02 + (0.15 if number in late else 0.0), number) for number in said):
        if number in (102, 202):
            buffers.pause(0, number == 102, START + round(at * 1e9))
        line.sequence, line.timestamp = number, number * 160
        line.send(number * 0.02, delay=at - number * 0.02, click=True)
        line.drain(at)
    line.drain(7)
    assert [round(at / 160) for at in line.clicks()] == [*range(102), *range(202, 300)]


def test_a_leg_takes_anothers_place_on_the_same_time_line(engine: Rig) -> None:
    alice, bob = recorded(engine)
    carol = engine.join(2)
    engine.talk([(alice, tone(440, 0.5)), (bob, tone(1000, 0.5))])
    engine.control.unrecord_leg(1)
    engine.advance(500, step=20)
    engine.control.record_leg(2, 0, 1)
    engine.advance()
    engine.talk([(alice, tone(440, 0.5)), (bob, tone(1000, 0.5)), (carol, tone(1600, 0.5))])
    left, right = finished(engine)
    assert len(right) == 12_000
    assert heard(right[:4000], 1000) > 7000
    assert right[4000:8000] == bytes((QUIET,)) * 4000
    assert heard(right[8000:], 1600) > 7000
    assert heard(right[8000:], 1000) < 100, "who has left is not recorded any more"
    assert heard(left[8000:], 440) > 7000


@pytest.mark.parametrize("law", [Law.ULAW, Law.ALAW])
def test_several_voices_on_one_channel_are_added_up(engine: Rig, law: Law) -> None:
    engine.join(0)
    phones = [engine.join(1), engine.join(2, codec="pcma"), engine.join(3)]
    engine.record(0, 0, 1, law)
    engine.control.record_leg(2, 0, 1)
    engine.control.record_leg(3, 0, 1)
    engine.advance()
    pitches = (600, 1000, 1600)
    laws = (Law.ULAW, Law.ALAW, Law.ULAW)
    talks = [
        (phone, tone(pitch, 1.0, law=its_law, amplitude=6000))
        for phone, pitch, its_law in zip(phones, pitches, laws, strict=True)
    ]
    engine.talk(talks)
    _, right = finished(engine)
    sound = decode(right, law)
    assert all(abs(level(sound[800:], pitch) - 6000) < 400 for pitch in pitches)


def test_a_doubled_packet_does_not_sound_twice_where_voices_are_added(engine: Rig) -> None:
    engine.join(0)
    bob, carol = engine.join(1), engine.join(2)
    engine.record(0, 0, 1, Law.ULAW)
    engine.control.record_leg(2, 0, 1)
    engine.advance()
    for piece in frames(tone(1000, 0.5, amplitude=4000)):
        packet = bob.packet(piece).serialise()
        bob.throw(packet)
        bob.throw(packet)
        bob.sequence = (bob.sequence + 1) & 0xFFFF
        bob.timestamp = (bob.timestamp + 160) & 0xFFFFFFFF
        carol.send(bytes((QUIET,)) * 160)
        engine.advance(20, step=5)
    _, right = finished(engine)
    assert abs(heard(right, 1000) - 4000) < 200


def test_a_leg_that_is_closed_leaves_its_channel_to_others(engine: Rig) -> None:
    _, bob = recorded(engine)
    engine.control.close_leg(1)
    carol = engine.join(2)
    engine.control.record_leg(2, 0, 1)
    engine.advance()
    engine.talk([(carol, tone(1600, 0.4)), (bob, tone(1000, 0.4))])
    _, right = finished(engine)
    assert heard(right, 1600) > 7000
    assert engine.control.engine.faults() == 0


def test_a_silent_channel_holds_the_other_up_for_less_than_a_quarter_of_a_second(engine: Rig) -> None:
    alice, _ = recorded(engine)
    engine.talk([(alice, tone(440, 2.0))])
    drained(engine)
    behind = (engine.now - START) // 125_000 - engine.control.recordings.position(0)
    assert behind <= 1600


def test_position_at_is_the_time_since_the_recording_began(engine: Rig) -> None:
    recorded(engine)
    buffers = engine.control.recordings
    begun = engine.now
    assert buffers.position_at(0, begun + 500 * MILLISECOND) == 4000
    assert buffers.position_at(1, begun) == 0, "not begun"
