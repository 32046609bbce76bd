"""Who spoke, who spoke at the same time, and when nobody did."""

from __future__ import annotations

import random
from array import array

import pytest

from pbx.media.messages import CodecName, MediaQuiet
from pbx.rtp.g711 import Law, encode
from tests.pbx.media.linear import tone as tone_of
from tests.pbx.media.rig import Phone, Rig
from tests.pbx.media.test_transcoding import Talk, Talker, talker
from tests.pbx.media.tones import tone

__all__ = ["talker"]

SILENCE = {Law.ULAW: b"\xff" * 160, Law.ALAW: b"\xd5" * 160}
WHISPER = encode(b"\x40\x00\xc0\xff" * 80, Law.ULAW)  # -54 dBov: the noise of a quiet room


def two(engine: Rig) -> tuple[Phone, Phone]:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.advance(100)
    return alice, bob


def shares(engine: Rig, leg: int) -> tuple[float, float, float, float]:
    figures = engine.control.figures(leg)
    return figures.joined_ms, figures.talk_ms, figures.overtalk_ms, figures.silence_ms


def talk(engine: Rig, alice: Phone, bob: Phone, *, seconds: float, who: str) -> None:
    quiet = SILENCE[Law.ULAW] * round(seconds * 50)
    engine.talk([
        (alice, tone(440, seconds) if "a" in who else quiet),
        (bob, tone(1000, seconds) if "b" in who else quiet),
    ])  # fmt: skip


def test_talk_overtalk_and_silence_are_told_apart(engine: Rig) -> None:
    """4 s alice, 2 s both, 3 s bob, 3 s nobody; speech goes on for 0.2 s after its last loud frame."""
    alice, bob = two(engine)
    for who, seconds in (("a", 4.0), ("ab", 2.0), ("b", 3.0), ("", 3.0)):
        talk(engine, alice, bob, seconds=seconds, who=who)
    joined, talked, over, silent = shares(engine, 0)
    assert joined == pytest.approx(12_000, abs=250)
    assert talked == pytest.approx(6_200, abs=150)
    assert over == pytest.approx(2_200, abs=150)
    assert silent == pytest.approx(2_900, abs=150)
    assert shares(engine, 1)[1] == pytest.approx(5_200, abs=150)
    assert shares(engine, 1)[2:] == pytest.approx((over, silent), abs=150)


def test_a_listening_supervisor_changes_nothing_of_it(engine: Rig) -> None:
    """The call is mixed now, and the supervisor a third member that hears both."""
    phones = [engine.join(leg) for leg in range(3)]
    engine.control.open_room(0)
    for leg in (2, 0, 1):
        engine.control.join(0, leg, heard=0.0 if leg == 2 else 1.0)
    engine.advance(100)
    talk(engine, phones[0], phones[1], seconds=2.0, who="a")
    talk(engine, phones[0], phones[1], seconds=1.0, who="ab")
    joined, talked, over, _ = shares(engine, 0)
    assert joined == pytest.approx(3_000, abs=250)
    assert talked == pytest.approx(3_000, abs=150)
    assert over == pytest.approx(1_000, abs=150)
    assert shares(engine, 1)[1] == pytest.approx(1_000, abs=150)
    engine.control.set_gain(0, None, None, 0.0)
    talk(engine, phones[0], phones[1], seconds=1.0, who="ab")
    assert shares(engine, 0)[0] == pytest.approx(joined, abs=150), "nobody hears anybody: nobody talks with anybody"


def test_a_phone_that_sends_nothing_while_it_is_silent_is_counted_as_silent(engine: Rig) -> None:
    two(engine)
    engine.advance(3_000, step=10)
    assert shares(engine, 0)[3] == pytest.approx(3_000, abs=150)


def test_the_noise_of_a_room_is_no_speech(engine: Rig) -> None:
    alice, bob = two(engine)
    engine.talk([(alice, WHISPER * 50), (bob, WHISPER * 50)])
    assert shares(engine, 0)[1] == 0


def test_a_leg_alone_counts_nothing(engine: Rig) -> None:
    alice = engine.join(0)
    engine.talk([(alice, tone(440, 1.0))])
    assert shares(engine, 0) == (0, 0, 0, 0)


def test_both_laws_are_measured(engine: Rig) -> None:
    alice, bob = engine.join(0, codec="pcma"), engine.join(1)
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(440, 1.0, Law.ALAW)), (bob, SILENCE[Law.ULAW] * 50)])
    engine.talk([(alice, SILENCE[Law.ALAW] * 50), (bob, SILENCE[Law.ULAW] * 50)])
    assert shares(engine, 0)[1] == pytest.approx(1_200, abs=150)


def test_a_long_silence_is_told_once_and_its_end_too(engine: Rig) -> None:
    alice, bob = two(engine)
    talk(engine, alice, bob, seconds=25, who="a")
    told = [event for event in engine.events if isinstance(event, MediaQuiet)]
    assert [(event.leg, event.over) for event in told] == [(1, False)]
    assert 20.0 <= told[0].seconds < 20.3
    talk(engine, alice, bob, seconds=1, who="b")
    told = [event for event in engine.events if isinstance(event, MediaQuiet)]
    assert [(event.leg, event.over) for event in told] == [(1, False), (1, True)]


def test_the_silence_of_a_leg_counts_from_when_it_has_somebody_to_talk_with(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1)
    engine.talk([(alice, SILENCE[Law.ULAW] * 1000), (bob, tone(1000, 20))])
    engine.control.bridge(0, 1)
    talk(engine, alice, bob, seconds=10, who="b")
    assert not any(isinstance(event, MediaQuiet) for event in engine.events)


def test_a_hold_ends_a_long_silence(engine: Rig) -> None:
    alice, bob = two(engine)
    talk(engine, alice, bob, seconds=22, who="a")
    engine.control.unbridge(0)
    engine.advance(200)
    assert [event.over for event in engine.events if isinstance(event, MediaQuiet)] == [False, True]


def both_in(talker: Talk, codec: CodecName, other: CodecName) -> tuple[Talker, Talker]:
    return talker(codec, 0), talker(other, 1)


def one_then_nobody(engine: Rig, alice: Talker, bob: Talker) -> None:
    """2 s of alice, 2 s of nobody; both send all the time."""
    chance = random.Random(3)
    faint = array("h", [chance.randrange(-30, 30) for _ in range(4 * 8000)])
    voice = array(
        "h", [sum(parts) for parts in zip(*(tone_of(180 * n, 2, 8000, 8000 / n) for n in range(1, 8)), strict=True)]
    )
    for mine, theirs in zip(alice.payloads(voice + faint[:16000]), bob.payloads(faint), strict=True):
        alice.send(mine)
        bob.send(theirs)
        engine.advance(20, step=5)


def test_nothing_is_counted_where_one_side_speaks_what_is_not_decoded(engine: Rig, talker: Talk) -> None:
    """Half of a talk says nothing of its silences."""
    alice, bob = both_in(talker, "g722", "g722")
    engine.control.bridge(0, 1)
    one_then_nobody(engine, alice, bob)
    assert shares(engine, 0) == shares(engine, 1) == (0, 0, 0, 0)
    assert not any(isinstance(event, MediaQuiet) for event in engine.events)


@pytest.mark.parametrize("codec", ["g722", "gsm", "speex", "opus"])
def test_a_codec_that_is_decoded_for_the_other_side_is_measured(engine: Rig, talker: Talk, codec: CodecName) -> None:
    alice, bob = both_in(talker, codec, "pcma")
    engine.control.bridge(0, 1)
    one_then_nobody(engine, alice, bob)
    joined, talked, _, silent = shares(engine, 0)
    assert joined == pytest.approx(4_000, abs=250)
    assert talked == pytest.approx(2_200, abs=250)
    assert silent == pytest.approx(1_800, abs=300)


@pytest.mark.parametrize("codec", ["g722", "gsm", "speex16"])
def test_a_codec_that_is_decoded_for_a_recording_is_measured(engine: Rig, talker: Talk, codec: CodecName) -> None:
    alice, bob = both_in(talker, codec, codec)
    engine.control.bridge(0, 1)
    engine.record(0, 0, 1, Law.ALAW)
    one_then_nobody(engine, alice, bob)
    joined, talked, _, silent = shares(engine, 0)
    assert joined == pytest.approx(4_000, abs=250)
    assert talked == pytest.approx(2_200, abs=250)
    assert silent == pytest.approx(1_800, abs=300)


def test_opus_that_is_only_relayed_says_itself_who_speaks(engine: Rig, talker: Talk) -> None:
    """Its encoder takes longer to be sure of a silence."""
    alice, bob = both_in(talker, "opus", "opus")
    engine.control.bridge(0, 1)
    one_then_nobody(engine, alice, bob)
    joined, talked, _, silent = shares(engine, 0)
    assert joined == pytest.approx(4_000, abs=250)
    assert talked == pytest.approx(2_300, abs=500)
    assert silent == pytest.approx(1_700, abs=600)


def test_opus_in_its_music_mode_says_nothing(engine: Rig) -> None:
    """RFC 6716 §3.1: CELT has no voice activity flags."""
    alice, bob = engine.join(0, codec="opus"), engine.join(1, codec="opus")
    engine.control.bridge(0, 1)
    for _ in range(100):
        for phone in (alice, bob):
            phone.send(bytes((0xF8, 0xFF)) + bytes(40))
        engine.advance(20, step=5)
    assert shares(engine, 0) == (0, 0, 0, 0)
