"""Foreign phones that speak different codecs hear each other's tone, and those of one codec do not need us to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pbx.media.codec_libraries import why_not
from pbx.media.engine_numbers import G722, GSM, OPUS, SPEEX, SPEEX_WIDE
from tests.interop.foreign_phone import Setting
from tests.interop.phones.pjsua import PjsuaPhone
from tests.interop.test_pjsua import TALK, UNHEARD, loud, talk
from tests.support import tones
from tests.support.server import Server

pytestmark = pytest.mark.interop

HEARD = -6.0  # dB of the whole sound: codecs that are made for voices colour a tone
CODECS = {"G722": G722, "GSM": GSM, "speex/8000": SPEEX, "speex/16000": SPEEX_WIDE}


@pytest.mark.skipif(PjsuaPhone.why_absent() is not None, reason=str(PjsuaPhone.why_absent()))
@pytest.mark.parametrize(
    ("annas", "boriss"),
    [("G722", "PCMA"), ("PCMU", "GSM"), ("speex/16000", "PCMA"), ("G722", "speex/16000"), ("GSM", "GSM")],
)
async def test_phones_of_two_codecs_hear_each_other(dzvin: Server, tmp_path: Path, annas: str, boriss: str) -> None:
    for codec in (annas, boriss):
        if codec in CODECS and (reason := why_not(CODECS[codec])) is not None:
            pytest.skip(reason)
    setting = Setting(folder=tmp_path, server=dzvin.sip, user="1001", password="pw1")
    other = Setting(folder=tmp_path, server=dzvin.sip, user="1002", password="pw2")
    async with (
        PjsuaPhone.running(setting, frequency=440, codec=annas) as anna,
        PjsuaPhone.running(other, frequency=1000, codec=boriss) as boris,
    ):
        await talk(anna, boris, "1002")
        await asyncio.gather(anna.quit(), boris.quit())
        at_anna, at_boris = loud(anna.heard()), loud(boris.heard())
        for sound, heard, unheard in ((at_anna, 1000, 440), (at_boris, 440, 1000)):
            assert len(sound) > TALK * 14000
            assert best_second(sound, heard) > HEARD
            assert tones.level(sound, unheard) < UNHEARD


def best_second(sound: bytes, frequency: float) -> float:
    """Where a phone's own clock stood still on a busy machine the tone jumps, which is the phone's doing; one second
    without that shows what the codecs make of it."""
    return max(tones.level(sound[at : at + 16000], frequency) for at in range(0, len(sound) - 15999, 1600))


@pytest.mark.parametrize("codec", ["opus/48000/2", "g722/16000/1"])
async def test_a_wideband_phone_and_one_with_g711_hear_each_other(dzvin: Server, codec: str) -> None:
    """baresip with its own libopus, and its own G.722, against another baresip."""
    pytest.importorskip("baresip", reason="baresip is not installed (pip install baresip-python)")
    from tests.interop.phones.baresip_stack import running_baresip

    if (reason := why_not(OPUS if codec.startswith("opus") else G722)) is not None:
        pytest.skip(reason)
    async with running_baresip() as stack:
        anna = await stack.phone("1001", "pw1", dzvin.sip, codecs=(codec,))
        boris = await stack.phone("1002", "pw2", dzvin.sip, codecs=("pcma",))
        await anna.register()
        await boris.register()
        call = await anna.dial("1002")
        incoming = await boris.rings()
        await incoming.answer()
        await call.established()
        call.frequency, incoming.frequency = 440, 1000
        await asyncio.gather(call.listen(0.6), incoming.listen(0.6))  # the beginning is not judged
        at_anna, at_boris = await asyncio.gather(call.listen(2), incoming.listen(2))
        assert tones.level(at_anna, 1000) > HEARD
        assert tones.level(at_boris, 440) > HEARD
        assert max(tones.level(at_anna, 440), tones.level(at_boris, 1000)) < UNHEARD
