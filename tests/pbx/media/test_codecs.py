"""What goes into a codec comes out of it: tones through our codecs, and between ours and FFmpeg's own.

Floors are well below what was measured (in brackets, decibels of a tone of 1 kHz over everything else): G.711 46,
G.722 47, Opus 37, GSM 36, Speex 36 and 38.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from pbx.media.codec_libraries import LIBRARIES, why_not
from pbx.media.engine_numbers import ALAW, G722, GSM, OPUS, SPEEX, SPEEX_WIDE, ULAW
from tests.pbx.media import foreign_codecs
from tests.pbx.media.linear import Coder, amplitude_of, noise_ratio, rms, tone
from tests.pbx.media.rig import rig

FLOORS = {ULAW: 30, ALAW: 30, G722: 30, OPUS: 25, GSM: 20, SPEEX: 15, SPEEX_WIDE: 15}
WIDE = (G722, OPUS, SPEEX_WIDE)
NAMES = {G722: "g722", OPUS: "opus", GSM: "gsm", SPEEX: "speex", SPEEX_WIDE: "speex"}
OWN_RATE = {G722: 16000, OPUS: 48000, GSM: 8000, SPEEX: 8000, SPEEX_WIDE: 16000}
OCTETS = {ULAW: 160, ALAW: 160, G722: 160, GSM: 33, SPEEX: 38, SPEEX_WIDE: 70}  # of 20 ms; Opus has no fixed size

New = Callable[[int], Coder]


@pytest.fixture
def coder() -> Iterator[New]:
    """Makes coders; those whose library is not here skip their test with the reason."""
    coders: list[Coder] = []
    with rig("interpreted") as made:

        def make(codec: int) -> Coder:
            if (reason := why_not(codec)) is not None:
                pytest.skip(reason)
            coders.append(Coder(made.control.engine.codecs, codec))
            return coders[-1]

        yield make
        for one in coders:
            one.close()


@pytest.mark.parametrize("codec", FLOORS)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_tone_comes_out_as_it_went_in(coder: New, codec: int, rate: int) -> None:
    one = coder(codec)
    payloads = one.encode(tone(1000, 1, rate), rate)
    heard = one.decode(payloads, rate)
    assert len(heard) == rate
    settled = heard[rate // 4 :]
    assert 7200 < amplitude_of(settled, 1000, rate) < 8800
    assert noise_ratio(settled, 1000, rate) > FLOORS[codec]
    if codec in OCTETS:
        assert {len(payload) for payload in payloads} == {OCTETS[codec]}


@pytest.mark.parametrize("codec", [G722, OPUS])  # Speex models its upper band as coloured noise
def test_wideband_carries_what_a_telephone_does_not(coder: New, codec: int) -> None:
    one = coder(codec)
    heard = one.decode(one.encode(tone(5000, 1, 16000), 16000), 16000)[4000:]
    assert amplitude_of(heard, 5000, 16000) > 5600


@pytest.mark.parametrize("codec", WIDE)
def test_for_a_narrow_listener_the_upper_band_is_taken_out_and_not_folded_down(coder: New, codec: int) -> None:
    one = coder(codec)
    heard = one.decode(one.encode(tone(5000, 1, 16000), 16000), 8000)[2000:]
    assert rms(heard) < 90  # 36 dB below the tone


@pytest.mark.parametrize("codec", NAMES)
def test_ffmpeg_understands_what_we_encode(coder: New, codec: int) -> None:
    payloads = coder(codec).encode(tone(1000, 1, 16000), 16000)
    heard = foreign_codecs.decode(NAMES[codec], payloads, OWN_RATE[codec], 16000)
    settled = heard[4000:15000]
    assert 7000 < amplitude_of(settled, 1000, 16000) < 9000
    assert noise_ratio(settled, 1000, 16000) > FLOORS[codec]


@pytest.mark.parametrize(("codec", "name", "rate"), [(G722, "g722", 16000), (OPUS, "libopus", 48000)])
def test_we_understand_what_ffmpeg_encodes(coder: New, codec: int, name: str, rate: int) -> None:
    heard = coder(codec).decode(foreign_codecs.encode(name, tone(1000, 1, rate), rate), 16000)
    settled = heard[4000:15000]
    assert 7000 < amplitude_of(settled, 1000, 16000) < 9000
    assert noise_ratio(settled, 1000, 16000) > FLOORS[codec]


@pytest.mark.parametrize("codec", [GSM, G722])
def test_a_payload_of_several_frames_is_all_of_them(coder: New, codec: int) -> None:
    one = coder(codec)
    payloads = one.encode(tone(700, 0.4, 8000), 8000)
    heard = one.decode([b"".join(pair) for pair in zip(payloads[::2], payloads[1::2], strict=True)], 8000)
    assert len(heard) == 3200
    assert noise_ratio(heard[800:], 700, 8000) > FLOORS[codec]


@pytest.mark.parametrize("codec", FLOORS)
def test_the_second_decoder_hears_the_same_and_disturbs_nobody(coder: New, codec: int) -> None:
    one = coder(codec)
    payloads = one.encode(tone(1000, 1, 8000), 8000)
    monitored = one.monitor(payloads)
    heard = one.decode(payloads, 8000)
    assert monitored == heard


@pytest.mark.parametrize("codec", FLOORS)
def test_one_lost_packet_in_ten_leaves_no_hole(coder: New, codec: int) -> None:
    one = coder(codec)
    payloads: list[bytes | None] = list(one.encode(tone(400, 2, 8000), 8000))
    for number in range(15, len(payloads), 10):
        payloads[number] = None
    heard = one.decode(payloads, 8000)
    loudness = [rms(heard[at : at + 160]) for at in range(2000, len(heard) - 160, 160)]
    assert min(loudness) > 8000 / 2**0.5 / 8  # no 20 ms are more than 18 dB below the tone
    steps = [abs(b - a) for a, b in pairwise(heard[2000:])]
    assert max(steps) < 16000  # nor is there a click of full scale


@pytest.mark.parametrize("codec", FLOORS)
def test_a_sender_that_falls_silent_is_not_droned_on_for(coder: New, codec: int) -> None:
    one = coder(codec)
    payloads: list[bytes | None] = list(one.encode(tone(400, 1, 8000), 8000))
    heard = one.decode([*payloads, *[None] * 25], 8000)
    assert rms(heard[-800:]) < 200


@pytest.mark.parametrize("codec", LIBRARIES)
def test_garbage_and_short_payloads_harm_nothing(coder: New, codec: int) -> None:
    one = coder(codec)
    dice = random.Random(codec)
    for size in (0, 1, 2, 32, 33, 34, 160, 500, 1276, 1280):
        for _ in range(10):
            heard = one.decode([dice.randbytes(size)] if size else [None], 8000)
            assert len(heard) <= 5760
    # A voice pauses; a tone alone could ring on in a predictor for ever.
    payloads = one.encode(array("h", bytes(3200)) + tone(1000, 2, 8000), 8000)
    settled = one.decode(payloads, 8000)[12000:]
    assert noise_ratio(settled, 1000, 8000) > FLOORS[codec]


def test_the_library_is_never_asked_about_what_is_no_speex(coder: New, capfd: pytest.CaptureFixture[str]) -> None:
    """It would write a line about each such packet on standard error."""
    dice = random.Random(5)
    for codec in (SPEEX, SPEEX_WIDE):
        one = coder(codec)
        good = one.encode(tone(500, 0.1, 16000), 16000)
        for _ in range(400):
            one.decode([dice.randbytes(dice.randrange(1, 200))], 8000)
            broken = bytearray(dice.choice(good))
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
            one.decode([bytes(broken)], 8000)
        assert len(one.decode(good, 8000)) == 800
    assert "corrupted" not in capfd.readouterr().err


def test_states_that_were_never_lent_decode_nothing(coder: New) -> None:
    codecs = coder(ULAW).codecs
    codecs.lend(0, 0, 0, 0)
    out = array("h", bytes(2 * 5760))
    for codec in LIBRARIES:
        codecs.choose(0, codec)
        assert codecs.decode(0, bytearray(160), 0, 160, out, 0, 8000) == 0
        assert codecs.encode(0, out, 0, 8000, bytearray(172)) == 12
