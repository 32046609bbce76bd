"""Legs of different codecs: what one says, the other hears in its own codec. Alike ones are only relayed."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from pbx.media.codec_libraries import why_not
from pbx.media.engine_control import CLOCKS, CODEC_NUMBERS
from pbx.media.messages import CodecName, Digit
from pbx.rtp.g711 import Law
from pbx.rtp.packet import Packet
from tests.pbx.media.linear import Coder, amplitude_of, noise_ratio, tone
from tests.pbx.media.rig import Phone, Rig, rig
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import heard as heard_in
from tests.pbx.media.tones import tone as g711_tone

OTHERS: tuple[CodecName, ...] = ("g722", "opus", "gsm", "speex", "speex16")
NOISE = {"pcmu": 25, "pcma": 25, "g722": 25, "opus": 20, "gsm": 15, "speex": 12, "speex16": 12}  # dB of a tone

Talk = Callable[[CodecName, int], "Talker"]


class Talker:
    """A phone with a codec of its own: that of another, interpreted engine."""

    def __init__(self, engine: Rig, coder: Coder, codec: CodecName, leg: int) -> None:
        self.engine = engine
        self.coder = coder
        self.codec = codec
        self.phone: Phone = engine.join(leg, codec=codec)
        self.ticks = CLOCKS.get(codec, 8) * 20

    def payloads(self, sound: array[int], rate: int = 8000) -> list[bytes]:
        return self.coder.encode(sound, rate)

    def send(self, payload: bytes) -> None:
        self.phone.throw(self.phone.packet(payload).serialise())
        self.phone.sequence = (self.phone.sequence + 1) & 0xFFFF
        self.phone.timestamp = (self.phone.timestamp + self.ticks) & 0xFFFFFFFF

    def say(self, sound: array[int], rate: int = 8000) -> None:
        for payload in self.payloads(sound, rate):
            self.send(payload)
            self.engine.advance(20, step=5)

    def hear(self, rate: int = 8000) -> array[int]:
        self.phone.listen()
        sound = [packet.payload for packet in self.phone.heard if packet.payload_type == self.phone.payload_type]
        return self.coder.decode(sound, rate)


@pytest.fixture
def talker(engine: Rig) -> Iterator[Talk]:
    coders: list[Coder] = []
    with rig("interpreted") as phones:

        def make(codec: CodecName, leg: int) -> Talker:
            if (reason := why_not(CODEC_NUMBERS[codec])) is not None:
                pytest.skip(reason)
            coders.append(Coder(phones.control.engine.codecs, CODEC_NUMBERS[codec], 2 * leg))
            return Talker(engine, coders[-1], codec, leg)

        yield make
        for coder in coders:
            coder.close()


@pytest.mark.parametrize("codec", OTHERS)
def test_a_tone_goes_through_in_both_directions(engine: Rig, talker: Talk, codec: CodecName) -> None:
    alice, bob = talker(codec, 0), talker("pcma", 1)
    engine.control.bridge(0, 1)
    here, there = alice.payloads(tone(1000, 1.2, 8000)), bob.payloads(tone(700, 1.2, 8000))
    for mine, theirs in zip(here, there, strict=True):
        alice.send(mine)
        bob.send(theirs)
        engine.advance(20, step=5)
    for listener, frequency, other in ((bob, 1000, 700), (alice, 700, 1000)):
        sound = listener.hear()[3000:8000]
        assert 6500 < amplitude_of(sound, frequency, 8000) < 9000
        assert noise_ratio(sound, frequency, 8000) > NOISE[codec]
        assert amplitude_of(sound, other, 8000) < 80  # 40 dB below
    assert engine.control.engine.faults() == 0


@pytest.mark.parametrize("codec", OTHERS)
def test_the_listener_sees_one_stream_of_20_ms_at_its_own_clock(engine: Rig, talker: Talk, codec: CodecName) -> None:
    alice, bob = talker("pcmu", 0), talker(codec, 1)
    engine.control.bridge(0, 1)
    alice.say(tone(400, 0.6, 8000))
    packets = bob.phone.listen()
    assert len(packets) > 25
    assert is_continuous(packets)
    assert {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(packets)} == {bob.ticks}
    assert [packet.marker for packet in packets].count(True) == 1


def test_wideband_stays_wideband_between_two_wide_codecs(engine: Rig, talker: Talk) -> None:
    alice, bob = talker("g722", 0), talker("opus", 1)
    engine.control.bridge(0, 1)
    alice.say(tone(5000, 1, 16000), 16000)
    assert amplitude_of(bob.hear(16000)[6000:12000], 5000, 16000) > 5000


@pytest.mark.parametrize("codec", OTHERS)
def test_two_of_one_codec_are_relayed_untouched(engine: Rig, talker: Talk, codec: CodecName) -> None:
    alice, bob = talker(codec, 0), talker(codec, 1)
    engine.control.bridge(0, 1)
    payloads = alice.payloads(tone(1000, 0.2, 8000))
    for payload in payloads:
        alice.send(payload)
        engine.advance(0)
        assert bob.phone.listen()[-1].payload == payload  # at once, not on the clock


def test_a_leg_that_changes_its_codec_in_the_middle_is_heard_on(engine: Rig, talker: Talk) -> None:
    alice, bob = talker("g722", 0), talker("pcma", 1)
    engine.control.bridge(0, 1)
    alice.say(tone(1000, 0.5, 8000))
    alice.phone.payload_type = 8
    engine.update(0, alice.phone, codec="pcma")
    for at in range(0, 4000, 160):
        alice.phone.send(g711_tone(1000, 0.5, Law.ALAW)[at : at + 160])
        engine.advance(20, step=5)
    packets = bob.phone.listen()
    assert is_continuous(packets)
    assert heard_in(b"".join(packet.payload for packet in packets[-15:]), 1000, Law.ALAW) > 6500


def test_whoever_sends_nothing_is_not_heard_as_silence(engine: Rig, talker: Talk) -> None:
    talker("opus", 0)
    bob = talker("pcma", 1)
    engine.control.bridge(0, 1)
    engine.advance(500)
    assert bob.phone.listen() == []


def test_one_lost_packet_is_concealed_and_the_numbers_have_no_gap(engine: Rig, talker: Talk) -> None:
    alice, bob = talker("g722", 0), talker("pcma", 1)
    engine.control.bridge(0, 1)
    for number, payload in enumerate(alice.payloads(tone(100, 1, 8000))):
        if number % 10 == 7:
            alice.phone.sequence += 1
            alice.phone.timestamp += alice.ticks
        else:
            alice.send(payload)
        engine.advance(20, step=5)
    packets = bob.phone.listen()
    assert is_continuous(packets)
    assert len(packets) >= 45
    for packet in packets[5:40]:
        assert heard_in(packet.payload, 100, Law.ALAW) > 4000


@pytest.mark.parametrize("codec", OTHERS)
def test_a_prompt_is_heard_in_the_codec_of_the_leg(engine: Rig, talker: Talk, codec: CodecName) -> None:
    phone = talker(codec, 0)
    engine.control.store_prompt(0, g711_tone(440, 1, Law.ALAW))
    engine.control.play(0, 1, [(0, 8000)], loop=False, law=Law.ALAW)
    engine.advance(1100)
    sound = phone.hear()
    assert len(sound) == 8000
    assert 6500 < amplitude_of(sound[2000:6000], 440, 8000) < 9000


@pytest.mark.parametrize("codec", OTHERS)
def test_a_relayed_leg_is_recorded_whatever_it_speaks(engine: Rig, talker: Talk, codec: CodecName) -> None:
    alice, _ = talker(codec, 0), talker(codec, 1)
    engine.control.bridge(0, 1)
    engine.control.record(0, Law.ULAW)
    engine.control.record_leg(0, 0, 0)
    alice.phone.timestamp = 0xFFFFFFFF - 20 * alice.ticks  # the clock wraps in the middle
    alice.say(tone(1000, 1, 8000))
    engine.control.stop_record(0)
    engine.advance(20)
    left, _ = engine.control.recordings.drain(0, engine.control.recordings.ripe(0, engine.now))
    assert 6500 < heard_in(left[2000:4000], 1000) < 9000
    assert 6500 < heard_in(left[5000:7000], 1000) < 9000
    assert engine.control.figures(0).drops[6] == 0  # unrecorded


def all_say(engine: Rig, talks: list[tuple[Talker, int]], seconds: float = 1) -> None:
    """Each its own tone, all at once."""
    said = [(one, one.payloads(tone(frequency, seconds, 8000, 5000))) for one, frequency in talks]
    for number in range(round(seconds * 50)):
        for one, payloads in said:
            one.send(payloads[number])
        engine.advance(20, step=5)


def test_in_a_room_everybody_hears_everybody_in_their_own_codec(engine: Rig, talker: Talk) -> None:
    members = [talker("g722", 0), talker("opus", 1), talker("pcma", 2), talker("gsm", 3)]
    engine.control.open_room(0)
    for leg in range(4):
        engine.control.join(0, leg)
    tones = [500, 800, 1100, 1400]
    all_say(engine, list(zip(members, tones, strict=True)))
    for own, member in enumerate(members):
        sound = member.hear()[3000:7000]
        levels = [amplitude_of(sound, frequency, 8000) for frequency in tones]
        assert all(level > 2500 for number, level in enumerate(levels) if number != own), (member.codec, levels)
        assert levels[own] < 500
    assert engine.control.engine.faults() == 0


def test_from_a_bridge_into_a_room_and_back_the_stream_goes_on(engine: Rig, talker: Talk) -> None:
    alice, bob, carol = talker("opus", 0), talker("pcma", 1), talker("g722", 2)
    engine.control.bridge(0, 1)
    all_say(engine, [(alice, 500), (bob, 800)])
    engine.control.open_room(0)
    for leg in range(3):
        engine.control.join(0, leg)
    all_say(engine, [(alice, 500), (bob, 800), (carol, 1100)])
    engine.control.bridge(0, 2)
    all_say(engine, [(alice, 500), (carol, 1100)])
    sound = alice.hear()
    parts = [sound[at : at + 3000] for at in (3000, 11000, len(sound) - 4000)]
    found = [{f for f in (800, 1100) if amplitude_of(part, f, 8000) > 2500} for part in parts]
    assert found == [{800}, {800, 1100}, {1100}]
    for member in (alice, bob, carol):
        member.phone.listen()
        assert is_continuous(member.phone.heard)
    assert engine.control.engine.faults() == 0


def test_a_transcoded_bridge_leaves_nothing_on_the_clock_when_it_ends(engine: Rig, talker: Talk, kind: str) -> None:
    alice, bob = talker("opus", 0), talker("pcma", 1)
    engine.control.bridge(0, 1)
    alice.say(tone(500, 0.2, 8000))
    engine.control.unbridge(0)
    engine.advance(100)
    bob.phone.listen()
    alice.say(tone(500, 0.2, 8000))
    assert bob.phone.listen() == []
    if kind == "interpreted":  # the compiled engine does not say
        assert engine.control.engine.slot_clock.size == 0


def events(packets: list[Packet], payload_type: int) -> list[Packet]:
    return [packet for packet in packets if packet.payload_type == payload_type]


def test_digits_cross_from_one_clock_to_another(engine: Rig, talker: Talk) -> None:
    alice, bob = talker("opus", 0), talker("pcma", 1)
    engine.update(0, alice.phone, codec="opus", event_clock_rate=48000)
    engine.control.bridge(0, 1)
    alice.say(tone(400, 0.2, 8000))
    alice.phone.press("7", 100, clock=48)
    engine.advance(40)
    assert [(event.digit, event.milliseconds) for event in engine.events if isinstance(event, Digit)] == [("7", 100)]
    durations = [int.from_bytes(packet.payload[2:4], "big") for packet in events(bob.phone.listen(), 101)]
    assert durations[-1] == 800
    assert len(durations) == 7


def test_a_digit_is_sent_at_the_clock_that_was_agreed(engine: Rig, talker: Talk) -> None:
    alice = talker("opus", 0)
    engine.update(0, alice.phone, codec="opus", event_clock_rate=48000)
    engine.control.send_digit(0, "5", 100)
    engine.advance(300)
    durations = [int.from_bytes(packet.payload[2:4], "big") for packet in events(alice.phone.listen(), 101)]
    assert durations == [960, 1920, 2880, 3840, 4800, 4800, 4800]


def test_jitter_is_counted_in_the_clock_of_the_codec(engine: Rig, talker: Talk) -> None:
    alice = talker("opus", 0)
    alice.say(tone(400, 1, 8000))
    assert engine.control.figures(0).jitter_ms < 1


def test_a_recorded_leg_that_changes_its_codec_goes_on_in_its_place(engine: Rig, talker: Talk) -> None:
    """Its timestamps run by another clock then, and stand for something else."""
    alice, _ = talker("opus", 0), talker("pcma", 1)
    engine.control.bridge(0, 1)
    engine.record(0, 0, 1, Law.ULAW)
    alice.say(tone(1000, 0.6, 8000))
    alice.phone.payload_type = 8
    engine.update(0, alice.phone, codec="pcma")
    engine.talk([(alice.phone, g711_tone(1000, 0.6, Law.ALAW))])
    engine.control.stop_record(0)
    engine.advance(20)
    left, _ = engine.control.recordings.drain(0, engine.control.recordings.ripe(0, engine.now))
    silent = [at for at in range(400, 9200, 80) if heard_in(left[at : at + 80], 1000) < 3000]
    assert len(silent) <= 2  # 20 ms
    assert engine.control.figures(0).drops[6] == 0  # unrecorded
