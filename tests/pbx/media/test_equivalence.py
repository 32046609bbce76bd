"""One source, two engines: the compiled and the interpreted one send the same packets for the same input."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator

import pytest

from pbx.media.codec_libraries import why_not
from pbx.media.engine_control import CODEC_NUMBERS, EngineEvent
from pbx.media.loading import is_compiled
from pbx.media.messages import CodecName, DirectionName, OpusWishes
from pbx.rtp.dtmf import DIGITS, build
from pbx.rtp.g711 import Law
from tests.pbx.media.rig import KINDS, PAYLOAD_TYPES, Phone, Rig, rig

LEGS = 6
G711: tuple[CodecName, ...] = ("pcmu", "pcma")
EVERY = tuple(codec for codec, number in CODEC_NUMBERS.items() if why_not(number) is None)
DIRECTIONS: tuple[DirectionName, ...] = ("sendrecv", "sendrecv", "sendrecv", "sendonly", "recvonly", "inactive")


def command(dice: random.Random, engine: Rig, leg: int, phone: Phone, codecs: tuple[CodecName, ...]) -> None:
    """Something that a core might want."""
    control = engine.control
    match dice.randrange(11):
        case 6:
            room_command(dice, engine, leg)
        case 7 | 8:
            control.join(dice.randrange(2), leg, hears=dice.choice((0.5, 1.0, 1.0)), heard=dice.choice((0.0, 1.0, 1.0)))
        case 10:
            control.expect_loss(leg, dice.randrange(30))
        case 9:
            control.keep_secret(leg, on=dice.random() < 0.3)
        case 0:
            control.bridge(leg, (leg + dice.randrange(1, LEGS)) % LEGS)
        case 1:
            control.unbridge(leg)
        case 2:
            control.play(leg, dice.randrange(1, 99), [(0, 480), (480, 160)], loop=dice.random() < 0.5, law=Law.ALAW)
        case 3:
            control.stop_playing(leg)
        case 4:
            control.send_digit(leg, dice.choice(DIGITS), dice.randrange(40, 200))
        case _:
            codec = dice.choice(codecs)
            phone.payload_type = PAYLOAD_TYPES[codec]
            engine.update(
                leg,
                phone,
                codec=codec,
                event_type=dice.choice((101, 101, None)),
                direction=dice.choice(DIRECTIONS),
                event_clock_rate=dice.choice((8000, 8000, 48000)),
                inband=dice.random() < 0.2,
                noise_type=dice.choice((13, 13, None)),
                opus=OpusWishes(rate=dice.choice((8000, 48000)), repeats=True, pauses=dice.random() < 0.5),
            )


def room_command(dice: random.Random, engine: Rig, leg: int) -> None:
    control, room, other = engine.control, dice.randrange(2), dice.choice((None, *range(LEGS)))
    match dice.randrange(7):
        case 0:
            control.leave(room, leg)
        case 1 | 2:
            control.set_gain(room, other, dice.choice((None, leg)), dice.choice((0.0, 0.3, 1.0, 1.0, 7.0)))
        case 3:
            control.mute(room, leg, muted=dice.random() < 0.5)
        case 4:
            voice, loop = dice.randrange(2), dice.random() < 0.5
            segments = [(0, 480), (480, 160)]
            control.play_to_room(room, voice, 500, segments, loop=loop, law=Law.ULAW, gain=0.7, only=other, duck=0.4)
        case 5:
            control.stop_playing_to_room(room, dice.randrange(2))
        case _:
            control.close_room(room)
            control.open_room(room, passes_events=dice.random() < 0.5)


def speak(dice: random.Random, phone: Phone) -> None:
    """Something that a phone, or a bad network, might do."""
    match dice.randrange(14):
        case 0:
            for event in list(build(dice.choice(DIGITS), 60))[dice.randrange(2) :]:
                phone.throw(phone.packet(event.serialise(), payload_type=101).serialise())
        case 1:
            phone.throw(dice.randbytes(dice.choice((0, 5, 12, 13, 100, 172, 3000))))
        case 2:
            phone.sequence = (phone.sequence + dice.randrange(1, 5000)) & 0xFFFF
        case 3:
            phone.timestamp = dice.getrandbits(32)
        case 4:
            phone.ssrc = dice.getrandbits(32)
        case 5:
            phone.send(dice.randbytes(dice.randrange(3)), payload_type=13)
        case _:
            phone.send(dice.randbytes(dice.choice((80, 160, 160, 160, 240))))


def moves(dice: random.Random, engine: Rig, phones: list[Phone], codecs: tuple[CodecName, ...]) -> Iterator[None]:
    """A made-up afternoon: talk, losses, garbage, digits, bridges, rooms, playback, holds."""
    for _ in range(1500):
        leg = dice.randrange(LEGS)
        if dice.random() < 0.3:
            command(dice, engine, leg, phones[leg], codecs)
        else:
            speak(dice, phones[leg])
        engine.advance(dice.choice((0, 0, 1, 5, 20)), step=5)
        yield


def afternoon(
    kind: str, seed: int, codecs: tuple[CodecName, ...]
) -> tuple[list[list[bytes]], list[EngineEvent], list[object], list[bytes]]:
    """What each phone heard, what was told, what was counted, what was recorded."""
    dice = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch, rig(kind) as engine:
        # The only randomness of the engine's control: where a leg's numbers begin.
        patch.setattr(secrets, "randbits", dice.getrandbits)
        engine.control.store_prompt(0, dice.randbytes(640))
        for room in range(2):
            engine.control.open_room(room, passes_events=room == 0)
        phones = []
        for leg in range(LEGS):
            phones.append(engine.join(leg))
        engine.record(0, 0, 1, Law.ULAW)
        engine.record(1, 2, None, Law.ALAW)
        heard: list[list[bytes]] = [[] for _ in phones]
        sound: list[bytes] = []
        for _ in moves(dice, engine, phones, codecs):
            for number, phone in enumerate(phones):
                heard[number] += [packet.serialise() for packet in phone.listen()]
            for slot in range(2):
                if (count := engine.control.recordings.ripe(slot, engine.now)) > 0:
                    sound += engine.control.recordings.drain(slot, count)
        figures: list[object] = []
        for leg in range(LEGS):
            seen = engine.control.figures(leg)
            # Ports are the system's choice and differ from run to run.
            figures.append((seen.received, seen.expected, seen.jitter, seen.sent, seen.digits, seen.drops, seen.latch))
        assert engine.control.engine.faults() == 0
        return heard, engine.events, figures, sound


@pytest.mark.skipif(not is_compiled(), reason="the engine is not compiled here")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("codecs", [G711, EVERY], ids=["G.711", "every codec"])
def test_both_engines_do_the_same(seed: int, codecs: tuple[CodecName, ...]) -> None:
    interpreted, compiled = (afternoon(kind, seed, codecs) for kind in KINDS)
    for mine, theirs in zip(interpreted[0], compiled[0], strict=True):
        assert mine == theirs
    assert interpreted[1] == compiled[1]
    assert interpreted[2] == compiled[2]
    assert interpreted[3] == compiled[3]
    assert sum(map(len, interpreted[0])) > 500
    assert len(interpreted[1]) > 50
