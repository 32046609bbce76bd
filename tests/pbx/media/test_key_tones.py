"""Keys as tones in the sound: told from a voice by what that has not (Q.24), and made for trunks that want them."""

from __future__ import annotations

import math
import random
import wave
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import callflow
from pbx.media.messages import Digit
from pbx.media.tone_detector import ToneDetector
from pbx.rtp import dtmf
from pbx.rtp.g711 import SILENCE, Law, decode, encode
from tests.pbx.media.linear import amplitude_of
from tests.pbx.media.rig import Phone, Rig, rig
from tests.pbx.media.test_digits import presses
from tests.pbx.media.tones import heard, tone

LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
PROMPTS = Path(callflow.__file__).parent / "prompts"


def key(digit: str, milliseconds: int, low: float = 6000, high: float = 6000, *, off: float = 0) -> array[int]:
    """`off`: how far the frequencies are off, in percent."""
    row, column = divmod(KEYS.index(digit), 4)
    steps = [2 * math.pi * frequency * (1 + off / 100) / 8000 for frequency in (LOW[row], HIGH[column])]
    return array(
        "h",
        [round(low * math.sin(steps[0] * n) + high * math.sin(steps[1] * n)) for n in range(8 * milliseconds)],
    )


def pause(milliseconds: int) -> array[int]:
    return array("h", bytes(16 * milliseconds))


@pytest.fixture
def ears() -> Iterator[ToneDetector]:
    with rig("interpreted") as made:
        yield made.control.engine.overhearing.ears


def told(ears: ToneDetector, pieces: Iterable[array[int]]) -> str:
    sound = array("h")
    for piece in pieces:
        sound += piece
    found = ""
    ears.clear(0)
    for at in range(0, len(sound), 160):
        frame = sound[at : at + 160]
        if ears.hear(0, frame, len(frame)):
            found += dtmf.DIGITS[ears.ended]
    return found


def sequence(**shape: float) -> list[array[int]]:
    low, high, off = shape.get("low", 6000), shape.get("high", 6000), shape.get("off", 0)
    return [piece for digit in KEYS for piece in (key(digit, 50, low, high, off=off), pause(50))]


def test_every_key_is_told(ears: ToneDetector) -> None:
    assert told(ears, sequence()) == KEYS


@pytest.mark.parametrize("off", [-1.5, 1.5])
def test_frequencies_may_be_off_by_one_and_a_half_percent(ears: ToneDetector, off: float) -> None:
    """Q.24: the range that must be accepted."""
    assert told(ears, sequence(off=off)) == KEYS


@pytest.mark.parametrize("off", [-3.5, 3.5])
def test_frequencies_that_are_off_by_more_than_that_are_no_keys(ears: ToneDetector, off: float) -> None:
    assert told(ears, sequence(off=off)) == ""


@pytest.mark.parametrize("decibels", [-4, 0, 6])
def test_one_tone_may_be_louder_than_the_other(ears: ToneDetector, decibels: float) -> None:
    assert told(ears, sequence(low=4000, high=4000 * 10 ** (decibels / 20))) == KEYS


@pytest.mark.parametrize("decibels", [-10, 12])
def test_but_not_by_that_much(ears: ToneDetector, decibels: float) -> None:
    assert told(ears, sequence(low=4000, high=4000 * 10 ** (decibels / 20))) == ""


@pytest.mark.parametrize(("amplitude", "found"), [(300, ""), (1000, KEYS), (15000, KEYS)])
def test_what_is_quieter_than_30_db_below_the_reference_is_no_key(
    ears: ToneDetector, amplitude: float, found: str
) -> None:
    assert told(ears, sequence(low=amplitude, high=amplitude)) == found


@pytest.mark.parametrize("shift", range(0, 102, 17))
def test_40_ms_are_a_key_and_18_ms_are_none_wherever_they_begin(ears: ToneDetector, shift: int) -> None:
    """Q.24: 40 ms must be told, 20 ms need not."""
    before = array("h", bytes(2 * shift))
    assert told(ears, [before, key("5", 40), pause(60)]) == "5"
    assert told(ears, [before, key("5", 18), pause(60)]) == ""


def test_a_key_pressed_twice_is_two_and_a_long_one_is_one(ears: ToneDetector) -> None:
    assert told(ears, [key("7", 60), pause(40), key("7", 60), pause(40), key("7", 2000), pause(40)]) == "777"


@pytest.mark.parametrize("law", [Law.ULAW, Law.ALAW])
def test_keys_are_told_out_of_g711_and_noise(ears: ToneDetector, law: Law) -> None:
    dice = random.Random(7)
    noisy = [
        array("h", [max(-32768, min(32767, sample + dice.randrange(-400, 400))) for sample in piece])
        for piece in sequence()
    ]
    assert told(ears, [array("h", decode(encode(piece.tobytes(), law), law)) for piece in noisy]) == KEYS


def test_two_tones_with_their_harmonics_are_no_key(ears: ToneDetector) -> None:
    """A voice or an instrument that has both frequencies has their doubles too."""
    sound = array("h")
    for digit in KEYS:
        row, column = divmod(KEYS.index(digit), 4)
        for n in range(400):
            turn = 2 * math.pi * n / 8000
            sample = sum(4000 * math.sin(f * turn) + 2600 * math.sin(2 * f * turn) for f in (LOW[row], HIGH[column]))
            sound.append(round(sample))
    assert told(ears, [sound]) == ""


def vowels(seconds: float, seed: int) -> array[int]:
    """Speech-like: a pitch that wanders from 80 to 300 Hz, its harmonics shaped by formants that wander too."""
    dice = random.Random(seed)
    sound = array("h")
    phase = 0.0
    while len(sound) < seconds * 8000:
        pitch, glide = dice.uniform(80, 300), dice.uniform(-0.4, 0.4)
        formants = [(dice.uniform(*span), dice.uniform(60, 140)) for span in ((250, 900), (800, 2300), (2200, 3200))]
        length = dice.randrange(400, 2400)
        gains = [
            sum(1 / (1 + ((number * pitch - centre) / width) ** 2) for centre, width in formants)
            for number in range(1, int(3400 / pitch) + 1)
        ]
        scale = 9000 / max(1.0, sum(gains))
        for n in range(length):
            phase += 2 * math.pi * pitch * (1 + glide * n / length) / 8000
            value = sum(gain * math.sin((number + 1) * phase) for number, gain in enumerate(gains))
            sound.append(round(scale * value * min(1.0, n / 80, (length - n) / 80)))
    return sound


def test_talk_off_speech_like_sound_makes_no_digits(ears: ToneDetector) -> None:
    assert told(ears, [vowels(40, seed=11)]) == ""


def test_talk_off_every_prompt_in_three_languages_makes_no_digits(ears: ToneDetector) -> None:
    files = [path for language in ("uk", "en", "ru") for path in sorted((PROMPTS / language).glob("*.wav"))]
    assert len(files) > 15
    for path in files:
        with wave.open(str(path)) as file:
            assert told(ears, [array("h", file.readframes(file.getnframes()))]) == "", path


# ---- in the engine -------------------------------------------------------------------------------------------------


def digits(engine: Rig) -> str:
    return "".join(event.digit for event in engine.events if isinstance(event, Digit))


def trunk(engine: Rig, leg: int) -> Phone:
    """A leg whose digits are tones."""
    phone = engine.join(leg, event_type=None)
    engine.update(leg, phone, event_type=None, inband=True)
    return phone


def dial(engine: Rig, phone: Phone, sound: Iterable[array[int]]) -> None:
    octets = b"".join(encode(piece.tobytes(), Law.ULAW) for piece in sound)
    engine.talk([(phone, octets + bytes((SILENCE[Law.ULAW],)) * (-len(octets) % 160))])


def test_tones_of_a_trunk_are_told_as_digits_with_their_length(engine: Rig) -> None:
    phone = trunk(engine, 0)
    dial(engine, phone, [piece for digit in "90*#" for piece in (key(digit, 100), pause(80))])
    assert digits(engine) == "90*#"
    lengths = [event.milliseconds for event in engine.events if isinstance(event, Digit)]
    assert all(75 <= length <= 115 for length in lengths)
    assert engine.control.figures(0).digits == 4


def test_tones_are_listened_for_only_where_it_was_asked(engine: Rig) -> None:
    phone = engine.join(0)
    dial(engine, phone, sequence())
    assert digits(engine) == ""


def test_the_far_side_and_the_recording_hear_the_voice_but_not_the_tone(engine: Rig) -> None:
    alice, bob = trunk(engine, 0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.record(0, 0, None, Law.ULAW)
    engine.talk([(alice, tone(400, 0.4))])
    bob.listen()
    bob.heard.clear()
    dial(engine, alice, [key("5", 200), pause(100)])
    passed = array("h", bob.sound())
    assert amplitude_of(passed[400:1600], 770, 8000) < 60  # 40 dB below
    assert amplitude_of(passed[:400], 770, 8000) < 4000  # it took 26 to 40 ms to be sure
    engine.control.stop_record(0)
    engine.advance(20)
    left, _ = engine.control.recordings.drain(0, engine.control.recordings.ripe(0, engine.now))
    assert heard(left[800:2400], 400) > 7000
    assert heard(left[3600:4800], 770) < 60


def test_a_digit_is_sent_as_a_tone_where_the_leg_knows_nothing_else(engine: Rig, ears: ToneDetector) -> None:
    phone = trunk(engine, 0)
    for digit in dtmf.DIGITS:
        engine.control.send_digit(0, digit, 100)
    engine.advance(16 * 300, step=5)
    packets = phone.listen()
    assert {packet.payload_type for packet in packets} == {0}
    assert told(ears, [array("h", phone.sound())]) == dtmf.DIGITS
    levels = [amplitude_of(array("h", decode(packets[2].payload, Law.ULAW)), f, 8000) for f in (941, 1336)]
    assert levels == pytest.approx([8100, 10200], rel=0.1)


def test_events_of_one_leg_become_tones_for_the_other_by_command_only(engine: Rig) -> None:
    """The engine relays no event to a leg that takes none; the core sends the digit, and it sounds."""
    alice, bob = engine.join(0), trunk(engine, 1)
    engine.control.bridge(0, 1)
    alice.press("3", 100)
    engine.advance(40)
    assert digits(engine) == "3"
    assert bob.listen() == []


# ---- secret entry ----------------------------------------------------------------------------------------------------


def test_while_an_entry_is_secret_nobody_gets_its_digits_but_the_core(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.control.keep_secret(0, on=True)
    alice.press("4", 100)
    engine.advance(200, step=10)
    assert digits(engine) == "4"
    assert presses(bob.listen()) == []
    engine.control.keep_secret(0, on=False)
    alice.press("5", 100)
    engine.advance(200, step=10)
    assert [press.digit for press in presses(bob.listen())] == ["5"]


def test_while_an_entry_is_secret_nothing_of_that_leg_is_recorded_and_the_other_is(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.record(0, 0, 1, Law.ULAW)
    engine.talk([(alice, tone(400, 0.2)), (bob, tone(700, 0.2))])
    engine.control.keep_secret(0, on=True)
    said = tone(400, 0.1) + encode(key("5", 100).tobytes(), Law.ULAW)
    engine.talk([(alice, said), (bob, tone(700, 0.2))])
    assert amplitude_of(array("h", bob.sound())[-400:], 770, 8000) < 60  # nor does the agent hear the tone
    engine.control.keep_secret(0, on=False)
    engine.talk([(alice, tone(400, 0.2)), (bob, tone(700, 0.2))])
    engine.control.stop_record(0)
    engine.advance(20)
    left, right = engine.control.recordings.drain(0, engine.control.recordings.ripe(0, engine.now))
    assert heard(left[:1500], 400) > 7000
    assert set(left[1640:3100]) == {SILENCE[Law.ULAW]}
    assert heard(left[3400:4700], 400) > 7000
    assert heard(right[:4700], 700) > 7000


def test_a_new_call_on_the_same_leg_has_no_secrets(engine: Rig) -> None:
    alice = engine.join(0)
    engine.control.keep_secret(0, on=True)
    engine.control.close_leg(0)
    engine.advance(10)
    engine.sockets.pop(0).close()
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    alice.press("4", 100)
    engine.advance(200, step=10)
    assert [press.digit for press in presses(bob.listen())] == ["4"]
