"""baresip's phones: registered with digest, calling each other through the server, heard by their tones."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("baresip", reason="baresip is not installed (pip install baresip-python)")

import baresip

from tests.interop.conftest import LONG_CALL
from tests.interop.meeting import HEARD, UNHEARD, hears_music, sounds_right, wrong_with
from tests.interop.phones.baresip_stack import Baresip, BaresipCall, BaresipPhone, running_baresip
from tests.support import tones
from tests.support.deadlines import eventually
from tests.support.server import Server

pytestmark = pytest.mark.interop

REFUSED = 0.01  # of the packets
SETTLING = 8000  # bytes of sound that are not judged


async def two_phones(stack: Baresip, server: Server) -> tuple[BaresipPhone, BaresipPhone]:
    anna = await stack.phone("1001", "pw1", server.sip)
    boris = await stack.phone("1002", "pw2", server.sip)
    await anna.register()
    await boris.register()
    return anna, boris


async def connect(caller: BaresipPhone, callee: BaresipPhone, number: str) -> tuple[BaresipCall, BaresipCall]:
    call = await caller.dial(number)
    incoming = await callee.rings()
    await incoming.answer()
    await call.established()
    return call, incoming


async def hear_each_other(one: BaresipCall, other: BaresipCall, frequency: int = 440) -> None:
    one.frequency, other.frequency = frequency, 1000

    async def listen() -> str:
        at_one, at_other = await asyncio.gather(one.listen(1.5), other.listen(1.5))
        return wrong_with((at_one[SETTLING:], 1000, frequency), (at_other[SETTLING:], frequency, 1000))

    await sounds_right(listen)


def lost_nothing(*calls: BaresipCall) -> None:
    for call in calls:
        statistics = call.statistics
        assert statistics.rx_packets > 0
        assert (statistics.rx_lost, statistics.tx_lost) == (0, 0)
        # What its own jitter buffer refuses: doubles, and what a busy machine lets it read too late.
        assert statistics.rx_errors <= REFUSED * statistics.rx_packets


@pytest.mark.req("R-PHONE-02", "R-PHONE-05", "R-PHONE-33")
async def test_they_call_each_other_both_ways(dzvin: Server) -> None:
    async with running_baresip() as stack:
        anna, boris = await two_phones(stack, dzvin)
        call, incoming = await connect(anna, boris, "1002")
        assert incoming.caller == "1001"
        await hear_each_other(call, incoming)
        await call.hang_up()
        await incoming.ended()
        lost_nothing(call, incoming)
        back, taken = await connect(boris, anna, "1001")
        await hear_each_other(back, taken)
        await taken.hang_up()
        await back.ended()
        lost_nothing(back, taken)


async def test_a_wrong_password_is_told(dzvin: Server) -> None:
    async with running_baresip() as stack:
        stranger = await stack.phone("1001", "wrong", dzvin.sip)
        with pytest.raises(baresip.RegistrationError, match="401"):
            await stranger.register()


@pytest.mark.req("R-PHONE-26", "R-PHONE-27")
async def test_hold_and_resume(dzvin: Server) -> None:
    async with running_baresip() as stack:
        anna, boris = await two_phones(stack, dzvin)
        call, incoming = await connect(anna, boris, "1002")
        await hear_each_other(call, incoming, tones.NOT_IN_MUSIC)
        await call.native.hold()
        await hears_music(lambda: incoming.listen(1.5), tones.NOT_IN_MUSIC)
        await call.native.resume()
        await hear_each_other(call, incoming, tones.NOT_IN_MUSIC)
        await call.hang_up()
        await incoming.ended()


@pytest.mark.req("R-PHONE-16", "R-PHONE-18")
async def test_a_digit_chooses_from_the_menu(dzvin: Server) -> None:
    async with running_baresip() as stack:
        anna, boris = await two_phones(stack, dzvin)
        call = await anna.dial("8000")
        await call.established()
        assert tones.loudness(await call.listen(1.0)) > 100, "no prompt"
        await call.native.send_dtmf("1")
        incoming = await boris.rings()
        await incoming.answer()
        await hear_each_other(call, incoming)
        await call.native.send_dtmf("5")

        async def digits() -> list[str]:
            return incoming.digits

        await eventually("the digit went on to the other phone", digits, lambda digits: digits == ["5"])
        await call.hang_up()
        await incoming.ended()


async def test_refusals_are_understood(dzvin: Server) -> None:
    async with running_baresip() as stack:
        anna, boris = await two_phones(stack, dzvin)
        call = await anna.dial("1002")
        await (await boris.rings()).native.reject()
        with pytest.raises(baresip.CallBusy):
            await call.established()
        nobody = await anna.dial("5559999")
        with pytest.raises(baresip.CallFailed, match="404"):
            await nobody.established()


async def test_a_caller_may_give_up(dzvin: Server) -> None:
    async with running_baresip() as stack:
        anna, boris = await two_phones(stack, dzvin)
        call = await anna.dial("1002")
        incoming = await boris.rings()
        await call.hang_up()
        await incoming.ended()


@pytest.mark.slow
@pytest.mark.req("R-PHONE-02", "R-PHONE-43", "R-CALL-24")
async def test_a_long_call_loses_nothing_and_its_recording_holds_both(dzvin: Server) -> None:
    """60 s (DZVIN_TEST_CALL_SECONDS): tones at both ends to the end, 0 packets lost, event and recording right."""
    async with running_baresip() as stack, dzvin.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}
        anna, boris = await two_phones(stack, dzvin)
        call, incoming = await connect(anna, boris, "1002")
        answered_at = asyncio.get_running_loop().time()
        call.frequency, incoming.frequency = 440, 1000
        at_anna, at_boris = await asyncio.gather(call.listen(LONG_CALL), incoming.listen(LONG_CALL))
        talked = asyncio.get_running_loop().time() - answered_at  # seconds; more than they heard, on a busy machine
        await call.hang_up()
        await incoming.ended()
        lost_nothing(call, incoming)
        assert tones.level(at_anna[SETTLING:], 1000) > HEARD
        assert tones.level(at_boris[SETTLING:], 440) > HEARD
        event = await panel.event(lambda row: row["id"] not in known and bool(row["recording_id"]))
        left, right = await panel.recording(str(event["recording_id"]))
    assert talked > LONG_CALL - 1.0
    assert abs(float(str(event["talk_seconds"])) - talked) < 2.0
    assert abs(len(left) / 16000 - talked) < 2.0
    assert tones.level(left, 440) > HEARD
    assert tones.level(right, 1000) > HEARD
    assert max(tones.level(left, 1000), tones.level(right, 440)) < UNHEARD
