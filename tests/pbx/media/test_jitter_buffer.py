"""Sound before the mixer: packets come as the network likes, 20 ms are taken every 20 ms. In virtual time.

The compiled buffer cannot be called from Python; that it does the same, the tests of rooms and of equivalence show."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator

import pytest

from pbx.media.jitter_buffer import JitterBuffer
from pbx.rtp.g711 import ulaw_to_linear
from tests.pbx.media.rig import rig

RATE = 8000
LEG = 3
TICK = 20_000_000
ULAW_ZERO = 0xFF
ULAW_LOUD = 0x80  # 32124


class Stream:
    """A sender, a network of the test's making, and the taking end."""

    def __init__(self, buffer: JitterBuffer) -> None:
        self.buffer = buffer
        self.now = 1_000_000_000
        self.out = memoryview(array("h", bytes(2 * 160)))
        self.ssrc = 7
        self.base = 0xFFFFFF00  # the timestamps wrap soon

    def put(self, number: int, octet: int = ULAW_LOUD, octets: int = 160) -> int:
        """The packet of that number; each holds one value, which says where it came from."""
        packet = bytearray(12 + octets)
        packet[12:] = bytes((octet,)) * octets
        stamp = (self.base + 160 * number) & 0xFFFFFFFF
        return self.buffer.put(LEG, packet, len(packet), number & 0xFFFF, stamp, self.ssrc, self.now)

    def take(self) -> tuple[int, int]:
        """The next 20 ms: whether there was sound, and its last sample, where a concealed loss is faded out."""
        sounds = self.buffer.take(LEG, RATE, self.out, 0, self.now)
        self.now += TICK
        return sounds, self.out[159]

    def levels(self, count: int) -> list[int]:
        return [self.take()[1] for _ in range(count)]


def value(octet: int) -> int:
    return ulaw_to_linear(octet)


@pytest.fixture
def stream() -> Iterator[Stream]:
    with rig("interpreted") as made:
        yield Stream(made.control.engine.jitter)


def test_sound_begins_40_ms_after_the_first_packet_and_nothing_of_it_is_lost(stream: Stream) -> None:
    heard = []
    for number in range(6):
        assert stream.put(number, 0x80 + number) == 1
        heard.append(stream.take()[1])
    assert heard == [0, 0, *(value(0x80 + number) for number in range(4))]


def test_packets_that_change_places_are_put_in_order(stream: Stream) -> None:
    for number in (1, 0, 3, 2):
        stream.put(number, 0x80 + number)
    assert stream.levels(6)[2:] == [value(0x80 + number) for number in range(4)]


def test_a_packet_twice_is_played_once(stream: Stream) -> None:
    for number in (0, 0, 1, 1):
        stream.put(number, 0x80 + number)
    *heard, concealed = stream.levels(5)[2:]
    assert heard == [value(0x80), value(0x81)]
    assert 0 < concealed < value(0x81)


def test_a_lost_packet_is_concealed_for_its_own_length(stream: Stream) -> None:
    for number in (0, 2, 3):
        stream.put(number, 0x80 + number)
    before, concealed, *after = stream.levels(6)[2:]
    assert [before, *after] == [value(0x80), value(0x82), value(0x83)]
    assert 0 < concealed < before


def test_a_packet_that_comes_after_its_time_is_left_out(stream: Stream) -> None:
    for number in (0, 2):
        stream.put(number)
    stream.levels(4)
    assert stream.put(1) == 0


def test_when_all_packets_come_too_late_the_buffer_waits_longer_from_then_on(stream: Stream) -> None:
    for number in (0, 20):
        stream.put(number)
    stream.levels(15)
    taken = [stream.put(number) for number in range(2, 8)]
    assert taken == [0, 0, 0, 0, 1, 1]


def test_a_sender_that_pauses_goes_on_with_its_next_packet(stream: Stream) -> None:
    stream.put(0, 0x80)
    stream.put(1, 0x80)
    before, last, *fading, silent = stream.levels(8)[2:]
    assert before == last == value(0x80)
    assert last > fading[0] > fading[1] > fading[2] > silent == 0
    stream.put(8, 0x90)
    assert stream.take() == (1, value(0x90))


def test_after_a_long_pause_the_buffer_fills_anew(stream: Stream) -> None:
    stream.put(0)
    stream.levels(20)
    stream.put(500, 0x90)
    assert stream.levels(3) == [0, 0, value(0x90)]


@pytest.mark.parametrize("octets", [80, 160, 240, 480])
def test_the_length_of_a_senders_packets_is_its_own_affair(stream: Stream, octets: int) -> None:
    for first in range(0, 960, octets):
        packet = bytearray(12) + bytes(0x80 + at // 160 for at in range(first, first + octets))
        stamp = (stream.base + first) & 0xFFFFFFFF
        assert stream.buffer.put(LEG, packet, len(packet), first // octets, stamp, stream.ssrc, stream.now)
    assert stream.levels(8)[2:] == [value(0x80 + number) for number in range(6)]


def test_a_fast_sender_does_not_make_the_sound_ever_later(stream: Stream) -> None:
    stream.put(0)
    stream.levels(2)
    number = 1
    for _ in range(300):
        stream.put(number, 0x80 + number % 8)
        number += 1
        stream.take()
        if number % 10 == 0:  # a tenth too fast
            stream.put(number, 0x80 + number % 8)
            number += 1
    waiting = (stream.base + 160 * number - stream.buffer.position[LEG]) & 0xFFFFFFFF
    assert waiting <= 9 * 160


def test_a_new_source_begins_anew(stream: Stream) -> None:
    for number in range(3):
        stream.put(number, 0x80)
    stream.ssrc = 9
    stream.put(70, 0x90)
    assert stream.levels(3) == [0, 0, value(0x90)]


def test_a_packet_longer_than_any_codecs_is_refused(stream: Stream) -> None:
    assert stream.put(0, octets=1280) == 1
    assert stream.put(8, octets=1281) == 0
    assert stream.put(8, octets=0) == 0


def test_when_too_many_wait_the_oldest_is_left_out(stream: Stream) -> None:
    for number in range(17):
        assert stream.put(number) == 1
    assert stream.buffer.waiting[LEG] == 16


def test_what_still_waits_can_be_had_as_it_came(stream: Stream) -> None:
    for number in range(4):
        stream.put(number, 0x80 + number)
    stream.levels(4)
    buf = bytearray(2048)
    ends, octets, numbers = [], [], []
    while end := stream.buffer.release(LEG, buf):
        ends.append(end)
        octets.append(buf[12])
        numbers.append((stream.buffer.released_sequence, stream.buffer.released_stamp))
    assert ends == [172, 172]
    assert octets == [0x82, 0x83]
    assert numbers == [(number, (stream.base + 160 * number) & 0xFFFFFFFF) for number in (2, 3)]


# ---- the delay follows the network ---------------------------------------------------------------------------------


def waiting(stream: Stream) -> int:
    return stream.buffer.frames_waiting(LEG)


def evenly(stream: Stream, first: int, count: int, octet: int) -> list[int]:
    """One packet for each take."""
    heard = []
    for number in range(first, first + count):
        assert stream.put(number, octet)
        heard.append(stream.take()[1])
    return heard


def after_a_spike(stream: Stream) -> int:
    """The network stood still for 100 ms, and then gave everything at once. The number of the next packet."""
    evenly(stream, 0, 20, ULAW_LOUD)
    stream.levels(5)
    for number in range(20, 25):
        assert stream.put(number, ULAW_LOUD) == 1
    return 25


def test_what_a_spike_made_late_is_heard_late_and_nothing_is_cut_out_of_speech(stream: Stream) -> None:
    number = after_a_spike(stream)
    before = waiting(stream)
    heard = evenly(stream, number, 250, ULAW_LOUD)
    assert set(heard[2:]) == {value(ULAW_LOUD)}
    assert waiting(stream) == before == 5


def test_in_a_pause_between_words_the_delay_shrinks_back(stream: Stream) -> None:
    number = after_a_spike(stream)
    evenly(stream, number, 150, ULAW_LOUD)
    evenly(stream, number + 150, 30, ULAW_ZERO)
    assert waiting(stream) == 2
    assert set(evenly(stream, number + 180, 20, ULAW_LOUD)[3:]) == {value(ULAW_LOUD)}


def test_packets_that_are_overtaken_by_60_ms_are_waited_for_from_the_first_on(stream: Stream) -> None:
    """Every tenth packet takes a longer way."""
    late: list[int] = []
    for number in range(400):
        if number % 10 != 5:
            stream.put(number, ULAW_LOUD if number % 50 > 10 else ULAW_ZERO)
        if number > 5 and (number - 3) % 10 == 5:
            late.append(stream.put(number - 3, ULAW_LOUD))
        stream.take()
    assert late[0] == 0
    assert late[-30:] == [1] * 30


def test_a_leg_that_was_heard_unevenly_begins_with_more_after_a_silence(stream: Stream) -> None:
    number = 0
    for _ in range(30):  # three at a time
        for _ in range(3):
            stream.put(number, ULAW_LOUD)
            number += 1
        stream.levels(3)
    stream.levels(20)
    assert not stream.buffer.playing[LEG]
    stream.put(number, 0x90)
    silent = 0
    while not stream.take()[1]:
        silent += 1
        stream.put(number + silent, 0x90)
    assert silent >= 3
    assert stream.buffer.fill[LEG] == silent


@pytest.mark.parametrize(("jitter", "most"), [(10, 0.01), (40, 0.02), (80, 0.04)])
def test_a_jittery_minute_loses_little_and_is_not_heard_ever_later(stream: Stream, jitter: int, most: float) -> None:
    """`jitter`: milliseconds that a packet may take longer than the fastest; words and pauses of half a second."""
    dice = random.Random(jitter)
    count = 3000
    arrivals = sorted((20 * number + dice.uniform(0, jitter) ** 2 / max(jitter, 1), number) for number in range(count))
    refused, depths, at = 0, [], 0
    for tick in range(count):
        while at < count and arrivals[at][0] <= 20 * tick:
            number = arrivals[at][1]
            refused += not stream.put(number, ULAW_LOUD if number // 25 % 2 else ULAW_ZERO)
            at += 1
        stream.take()
        depths.append(waiting(stream))
    assert refused < most * count
    assert sum(depths[500:]) / len(depths[500:]) * 20 < jitter + 70  # milliseconds of delay on average
