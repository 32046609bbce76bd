"""Members of one room speak what they like, sealed or not, and a room may be wideband."""

from __future__ import annotations

import pytest

from pbx.media.messages import CodecName
from pbx.media.srtp_library import Suite
from pbx.rtp.g711 import Law, decode
from tests.pbx.media.linear import amplitude_of, tone
from tests.pbx.media.rig import Rig
from tests.pbx.media.secure_phone import AES_CM, GCM, join_secure, keys_of
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.test_transcoding import Talk, Talker, talker
from tests.pbx.media.tones import level
from tests.pbx.media.tones import tone as g711_tone

__all__ = ["talker"]  # the fixture

FREQUENCIES = (500, 800, 1300)


def all_speak(engine: Rig, members: list[Talker], *, rate: int, frequencies: tuple[int, ...]) -> None:
    """A second of a tone from each, at once."""
    tones = [tone(frequency, 1.0, rate) for frequency in frequencies]
    payloads = [member.payloads(sound, rate) for member, sound in zip(members, tones, strict=True)]
    for number in range(min(map(len, payloads))):
        for member, mine in zip(members, payloads, strict=True):
            member.send(mine[number])
        engine.advance(20, step=5)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("codecs", [("pcmu", "g722", "opus"), ("pcma", "gsm", "speex16")])
def test_each_hears_the_others_whatever_they_speak(
    engine: Rig, talker: Talk, codecs: tuple[CodecName, ...], rate: int
) -> None:
    members = [talker(codec, leg) for leg, codec in enumerate(codecs)]
    engine.control.open_room(0, rate=rate)
    for leg in range(3):
        engine.control.join(0, leg)
    all_speak(engine, members, rate=8000, frequencies=FREQUENCIES)
    for number, member in enumerate(members):
        sound = member.hear()[3200:7200]
        loud = [amplitude_of(sound, frequency, 8000) for frequency in FREQUENCIES]
        assert [each > 5000 for each in loud] == [other != number for other in range(3)], loud
        assert loud[number] < 700
    assert engine.control.engine.faults() == 0


def test_a_wideband_room_keeps_what_wideband_codecs_bring(engine: Rig, talker: Talk) -> None:
    members = [talker("g722", 0), talker("opus", 1), talker("g722", 2)]
    engine.control.open_room(0, rate=16000)
    for leg in range(3):
        engine.control.join(0, leg)
    all_speak(engine, members, rate=16000, frequencies=(500, 5000, 800))
    assert amplitude_of(members[0].hear(16000)[6400:12800], 5000, 16000) > 5000


def test_a_prompt_is_heard_in_a_wideband_room_at_its_own_pitch(engine: Rig, talker: Talk) -> None:
    member = talker("g722", 0)
    engine.control.open_room(0, rate=16000)
    engine.control.join(0, 0)
    sound = g711_tone(1000, 1.0, amplitude=8000)
    engine.control.store_prompt(0, sound)
    engine.control.play_to_room(0, 0, 7, [(0, len(sound))], loop=False, law=Law.ULAW)
    engine.advance(900, step=5)
    heard = member.hear(16000)[3200:12800]
    assert amplitude_of(heard, 1000, 16000) > 6500
    assert amplitude_of(heard, 2000, 16000) < 200


@pytest.mark.parametrize("suite", [GCM, AES_CM])
def test_a_secure_leg_shares_a_room_with_plain_ones(engine: Rig, suite: Suite) -> None:
    secure = join_secure(engine, 0, keys_of(suite))
    phones = [engine.join(1), engine.join(2)]
    engine.control.open_room(0)
    for leg in range(3):
        engine.control.join(0, leg)
    sounds = [g711_tone(frequency, 0.5, amplitude=4000) for frequency in FREQUENCIES]
    opened = []
    for at in range(0, len(sounds[0]), 160):
        secure.send(sounds[0][at : at + 160])
        for phone, sound in zip(phones, sounds[1:], strict=True):
            phone.send(sound[at : at + 160])
        engine.advance(20, step=5)
        opened += secure.listen()
    assert is_continuous(opened)
    heard = [decode(b"".join(packet.payload for packet in opened), Law.ULAW), *(phone.sound() for phone in phones)]
    for number, sound in enumerate(heard):
        there = [level(sound[2 * 160 * 8 :][: 2 * 160 * 10], frequency) > 3500 for frequency in FREQUENCIES]
        assert there == [other != number for other in range(3)]
    assert secure.refused == 0
