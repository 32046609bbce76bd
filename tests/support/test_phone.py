"""The test bench is tested too: a fake phone against another instance of itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from pbx.sip.digest import Algorithm, Credentials, challenge, ha1, verify
from pbx.sip.message import Request, parse
from pbx.sip.reply import reply
from tests.support import session, tones
from tests.support.deadlines import NotInTime
from tests.support.network import CLEAR, BadRelay, UdpPort, Weather
from tests.support.phone import FakePhone, Refused
from tests.support.tones import Law

NOWHERE = ("127.0.0.1", 9)


@dataclass
class Pair:
    anna: FakePhone
    boris: FakePhone


async def a_pair(audio_weather: Weather = CLEAR) -> Pair:
    anna = FakePhone("anna", server=NOWHERE, audio_weather=audio_weather)
    boris = FakePhone("boris", server=NOWHERE, audio_weather=audio_weather)
    anna.server, boris.server = ("127.0.0.1", boris.port), ("127.0.0.1", anna.port)
    return Pair(anna, boris)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    phones = await a_pair()
    async with phones.anna, phones.boris:
        yield phones


async def test_both_ends_hear_the_other_ones_tone(pair: Pair) -> None:
    call = await pair.anna.dial("boris", name="Анна", caller="+380501112233")
    incoming = await pair.boris.rings()
    assert (incoming.caller, incoming.caller_name) == ("+380501112233", "Анна")
    incoming.ring()
    await call.ringing()
    await incoming.answer()
    await call.answered()
    call.audio.play(440)
    incoming.audio.play(1000)
    at_anna, at_boris = await call.audio.listen(0.6), await incoming.audio.listen(0.6)
    assert tones.level(at_anna[1600:], 1000) > -1
    assert tones.level(at_boris[1600:], 440) > -1
    assert tones.level(at_boris[1600:], 1000) < -30
    await call.hang_up()
    await incoming.ended()
    assert incoming.audio.statistics.lost == 0
    assert call.audio.statistics.foreign == 0


async def test_the_caller_may_give_up(pair: Pair) -> None:
    call = await pair.anna.dial("boris")
    incoming = await pair.boris.rings()
    incoming.ring()
    await call.cancel()
    await incoming.cancelled()


async def test_the_called_may_refuse(pair: Pair) -> None:
    call = await pair.anna.dial("boris")
    incoming = await pair.boris.rings()
    await incoming.refuse(603)
    assert await call.refused() == 603
    with pytest.raises(Refused, match="603"):
        await call.answered()


async def test_an_offer_may_come_late(pair: Pair) -> None:
    call = await pair.anna.dial("boris", late_offer=True)
    incoming = await pair.boris.rings()
    await incoming.answer()
    await call.answered()
    assert call.audio.remote == ("127.0.0.1", incoming.audio.port)
    assert incoming.audio.remote == ("127.0.0.1", call.audio.port)
    incoming.audio.play(700)
    assert tones.level((await call.audio.listen(0.5))[1600:], 700) > -1
    await incoming.hang_up()
    await call.ended()


async def test_hold_stops_the_holders_sound_and_the_others(pair: Pair) -> None:
    call = await pair.anna.dial("boris")
    incoming = await pair.boris.rings()
    await incoming.answer()
    await call.answered()
    assert await call.hold() == "recvonly"
    directions = [incoming.audio.sends]
    assert await call.resume() == "sendrecv"
    directions.append(incoming.audio.sends)
    assert directions == [False, True]
    assert [session.read(request.body).direction for request in incoming.reinvites] == ["sendonly", "sendrecv"]
    assert pair.boris.log.times_rung == 1


async def test_digits_arrive_once_each(pair: Pair) -> None:
    call = await pair.anna.dial("boris")
    incoming = await pair.boris.rings()
    await incoming.answer()
    await call.answered()
    await call.audio.press("15#")
    assert incoming.audio.digits == ["1", "5", "#"]


async def test_a_bad_network_delays_a_call_and_does_not_stop_it() -> None:
    phones = await a_pair()
    weather = Weather(seed=7, lost=0.3, doubled=0.1, jitter=0.02)
    relay = BadRelay(("127.0.0.1", phones.boris.port), weather)
    async with phones.anna, phones.boris:
        phones.anna.server = relay.address
        phones.boris.server = relay._outer.address
        call = await phones.anna.dial("boris")
        incoming = await phones.boris.rings(40)
        incoming.take()
        await call.answered(40)
        await call.hang_up()
        await incoming.ended(40)
        assert phones.boris.log.times_rung == 1
    relay.close()
    assert weather.dropped


async def test_lost_audio_is_counted_and_leaves_silence() -> None:
    phones = await a_pair(audio_weather=Weather(seed=3, lost=0.2))
    async with phones.anna, phones.boris:
        call = await phones.anna.dial("boris")
        incoming = await phones.boris.rings()
        await incoming.answer()
        await call.answered()
        call.audio.play(500)
        heard = await incoming.audio.listen(1.0)
        statistics = incoming.audio.statistics
        assert 0 < statistics.lost < statistics.expected / 2
        assert tones.level(heard, 500) > -10


@pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA_256])
async def test_a_phone_proves_its_password(algorithm: Algorithm) -> None:
    seen: list[Request] = []

    def registrar(data: bytes, source: tuple[str, int]) -> None:
        request = parse(data)
        assert isinstance(request, Request)
        seen.append(request)
        proof = request.headers.get("Authorization")
        secret = ha1("anna", "dzvin", "secret", algorithm)
        if proof and verify(Credentials.parse(proof), "REGISTER", secret):
            response = reply(request, 200, headers=[("Contact", f"{request.headers.get('Contact')};expires=60")])
        else:
            response = reply(request, 401, headers=[("WWW-Authenticate", challenge("dzvin", "n0", algorithm))])
        port.send(response.serialise(), source)

    port = UdpPort(registrar)
    async with FakePhone("anna", server=port.address, password="secret") as anna:
        assert await anna.register(300) == 60
        await anna.unregister()
    async with FakePhone("anna", server=port.address, password="wrong") as anna:
        with pytest.raises(Refused, match="401"):
            await anna.register()
    port.close()
    assert len({request.sip_call_id for request in seen}) == 2


async def test_silence_is_told_with_the_ladder(pair: Pair) -> None:
    call = await pair.anna.dial("boris")
    await pair.boris.rings()
    with pytest.raises(NotInTime, match=r"-> INVITE"):
        await call.answered(0.2)


@pytest.mark.parametrize("law", list(Law))
def test_a_law_keeps_a_tone(law: Law) -> None:
    pcm = tones.decode(tones.encode(tones.tone(440), law), law)
    assert tones.level(pcm, 440) > -0.1
    assert tones.level(pcm, 880) < -40
    assert tones.level(b"\0\0" * 8000, 440) == tones.SILENCE
