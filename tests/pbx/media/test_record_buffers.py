"""Sound on its way to a recording: two parties on one time line, by RTP timestamp."""

from __future__ import annotations

from array import array

import pytest

from pbx.media.engine_numbers import RING, UNRECORDED
from pbx.rtp.g711 import SILENCE, Law, decode
from tests.pbx.media.rig import MILLISECOND, Phone, Rig
from tests.pbx.media.tones import frames, heard, level, tone

QUIET = bytes((SILENCE[Law.ULAW],))


def recorded(engine: Rig, law: Law = Law.ULAW) -> tuple[Phone, Phone]:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.record(0, 0, 1, law)
    engine.advance()
    return alice, bob


def drained(engine: Rig) -> tuple[bytes, bytes]:
    """All that is ripe now."""
    left = right = b""
    buffers = engine.control.recordings
    while (count := buffers.ripe(0, engine.now)) > 0:
        more = buffers.drain(0, count)
        left, right = left + more[0], right + more[1]
    return left, right


def finished(engine: Rig) -> tuple[bytes, bytes]:
    engine.control.stop_record(0)
    engine.advance()
    return drained(engine)


def test_each_party_has_its_channel(engine: Rig) -> None:
    alice, bob = recorded(engine)
    engine.talk([(alice, tone(440, 0.5)), (bob, tone(1000, 0.5))])
    left, right = finished(engine)
    assert len(left) == len(right) == 4000
    assert heard(left, 440) > 7000
    assert heard(left, 1000) < 100
    assert heard(right, 1000) > 7000
    assert heard(right, 440) < 100


def test_the_octets_are_kept_as_they_came(engine: Rig) -> None:
    alice, _ = recorded(engine)
    sound = tone(440, 0.4)
    engine.talk([(alice, sound)])
    left, right = finished(engine)
    assert left == sound
    assert right == QUIET * 3200


def test_both_channels_have_one_start_time(engine: Rig) -> None:
    alice, bob = recorded(engine)
    engine.talk([(alice, tone(440, 0.2))])
    engine.talk([(bob, tone(1000, 0.2))])
    left, right = finished(engine)
    assert heard(left[:1600], 440) > 7000
    assert left[1600:] == QUIET * 1600
    assert right[:1600] == QUIET * 1600
    assert heard(right[1600:], 1000) > 7000


def test_a_lost_packet_is_a_gap_of_silence_in_its_place(engine: Rig) -> None:
    alice, _ = recorded(engine)
    pieces = frames(tone(440, 0.2))
    for number, piece in enumerate(pieces):
        if number == 4:
            alice.sequence += 1
            alice.timestamp = (alice.timestamp + 160) & 0xFFFFFFFF
        else:
            alice.send(piece)
        engine.advance(20)
    left, _ = finished(engine)
    assert left == b"".join(pieces[:4]) + QUIET * 160 + b"".join(pieces[5:])


def test_packets_in_the_wrong_order_and_bursts_find_their_places(engine: Rig) -> None:
    alice, _ = recorded(engine)
    pieces = frames(tone(440, 0.2))
    packets = []
    for piece in pieces:
        packets.append(alice.packet(piece).serialise())
        alice.sequence = (alice.sequence + 1) & 0xFFFF
        alice.timestamp = (alice.timestamp + 160) & 0xFFFFFFFF
    alice.throw(packets[0])
    engine.advance(100)
    for number in (2, 1, 4, 3, 6, 5, 8, 7, 9):
        alice.throw(packets[number])
        engine.advance()
    engine.advance(100)
    left, _ = finished(engine)
    assert left == b"".join(pieces)


def test_a_packet_that_comes_too_late_is_left_out_and_counted(engine: Rig) -> None:
    alice, bob = recorded(engine)
    late = alice.packet(tone(2000, 0.02)).serialise()
    alice.sequence += 1
    alice.timestamp = (alice.timestamp + 160) & 0xFFFFFFFF
    engine.advance(20)
    engine.talk([(alice, tone(440, 0.6)), (bob, tone(1000, 0.6))])
    drained(engine)
    alice.throw(late)
    engine.advance()
    assert engine.control.figures(0).drops[UNRECORDED] == 1


def test_a_sender_whose_time_line_jumps_is_placed_by_arrival(engine: Rig) -> None:
    alice, _ = recorded(engine)
    engine.talk([(alice, tone(440, 0.2))])
    alice.timestamp = (alice.timestamp + 1_000_000) & 0xFFFFFFFF
    engine.talk([(alice, tone(440, 0.4))])
    left, _ = finished(engine)
    assert left[:1600] == tone(440, 0.2)
    assert left[1600 : 1600 + 640] == QUIET * 640, "four packets until the jump is believed"
    assert heard(left[1600 + 640 :], 440) > 7000


def test_a_new_ssrc_is_placed_by_arrival_at_once(engine: Rig) -> None:
    alice, _ = recorded(engine)
    engine.talk([(alice, tone(440, 0.2))])
    alice.ssrc ^= 1
    alice.timestamp = 5
    engine.advance(100)
    engine.talk([(alice, tone(440, 0.2))])
    left, _ = finished(engine)
    assert heard(left[:1600], 440) > 7000
    assert left[1600:2400] == QUIET * 800
    assert heard(left[2400:], 440) > 7000


def test_the_other_law_is_translated_into_the_recordings(engine: Rig) -> None:
    alice = engine.join(0, codec="pcmu")
    bob = engine.join(1, codec="pcma")
    engine.record(0, 0, 1, Law.ALAW)
    engine.advance()
    engine.talk([(alice, tone(440, 0.3)), (bob, tone(1000, 0.3, Law.ALAW))])
    left, right = finished(engine)
    assert heard(left, 440, Law.ALAW) > 7000
    assert right == tone(1000, 0.3, Law.ALAW)


def test_a_change_of_codec_in_the_call_is_followed(engine: Rig) -> None:
    alice, _ = recorded(engine)
    engine.talk([(alice, tone(440, 0.2))])
    engine.update(0, alice, codec="pcma")
    engine.talk([(alice, tone(440, 0.2, Law.ALAW))])
    left, _ = finished(engine)
    assert heard(left, 440) > 7000


@pytest.mark.parametrize("parties", [1, 2])
def test_what_is_ripe_is_never_older_than_200_ms(engine: Rig, parties: int) -> None:
    """The writer looks again before 440 ms have gathered: less than 500 ms are lost when the worker is killed."""
    alice, bob = recorded(engine)
    buffers = engine.control.recordings
    for number in range(100):
        alice.send(tone(440, 0.02))
        if parties == 2:
            bob.send(tone(1000, 0.02))
        engine.advance(20, step=20)
        if number % 16 == 15:
            drained(engine)
            behind = (engine.now - 10_000_000_000) // 125000 - buffers.position(0)
            assert behind <= (80 if parties == 2 else 200) * 8


def test_a_writer_that_stands_still_loses_nothing_for_four_seconds(engine: Rig) -> None:
    alice, _ = recorded(engine)
    engine.talk([(alice, tone(440, 4.0))])
    left, _ = finished(engine)
    assert len(left) == 32000
    assert left == tone(440, 4.0)


def test_what_finds_no_room_is_lost_and_counted_and_the_rest_is_in_its_place(engine: Rig) -> None:
    alice, _ = recorded(engine)
    engine.talk([(alice, tone(440, 5.0))])
    buffers = engine.control.recordings
    assert buffers.overruns(0) > 0
    first, _ = drained(engine)
    assert len(first) == 40000 - 1200 or len(first) >= RING
    start = buffers.position(0)
    engine.talk([(alice, tone(600, 0.4))])
    rest, _ = finished(engine)
    at = 40000 - start
    assert heard(rest[at : at + 3200], 600) > 7000


def test_a_long_call_wraps_the_rings(engine: Rig) -> None:
    alice, _ = recorded(engine)
    left = b""
    sound = tone(440, 0.5)
    for _ in range(24):
        engine.talk([(alice, sound)])
        left += drained(engine)[0]
    left += finished(engine)[0]
    assert left == sound * 24


def test_a_used_slot_begins_clean(engine: Rig) -> None:
    alice, _ = recorded(engine)
    engine.talk([(alice, tone(440, 0.4))])
    finished(engine)
    engine.advance(10_000, step=100)
    engine.control.recordings.prepare(0, Law.ULAW)
    assert engine.control.recordings.ripe(0, engine.now + 5000 * MILLISECOND) == 0
    engine.record(0, 1, None, Law.ULAW)
    engine.advance(200)
    left, right = finished(engine)
    assert left == right == QUIET * len(left)


def test_nothing_of_a_stranger_is_recorded(engine: Rig) -> None:
    alice, _ = recorded(engine)
    stranger = engine.phone()
    stranger.target = alice.target
    engine.talk([(alice, tone(440, 0.3)), (stranger, tone(2000, 0.3))])
    left, _ = finished(engine)
    assert left == tone(440, 0.3)


def test_a_slow_sender_stays_aligned(engine: Rig) -> None:
    """A phone whose clock runs 1 % slow for a minute: its sound is never more than half a second off."""
    alice, _ = recorded(engine)
    left = b""
    pulse = tone(1000, 0.02, amplitude=16000)
    for number in range(3000):
        alice.send(pulse if number % 50 == 0 else QUIET * 160)
        engine.advance(20.2, step=20.2)
        if number % 16 == 0:
            left += drained(engine)[0]
    left += finished(engine)[0]
    samples = array("h", decode(left, Law.ULAW))
    loud = [at for at, sample in enumerate(samples) if abs(sample) > 8000]
    pulses = [at for at, before in zip(loud, [-(10**6), *loud], strict=False) if at - before > 4000]
    assert len(pulses) >= 58
    for at in pulses:
        assert min(abs(at - round(8 * 20.2 * number)) for number in range(0, 3000, 50)) < 4000
    assert level(decode(left, Law.ULAW), 1000) > 100
