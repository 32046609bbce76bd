"""Two of our own switchboards on a bad wire, in virtual time: a whole call with reliable early media, re-INVITEs that
meet, and a BYE, while every fourth datagram is lost, some come twice and all come late and out of order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from pbx.inbound_leg import InboundLeg
from pbx.leg import CODECS, LegEnd
from pbx.net.transport import Flow
from pbx.outbound_leg import OutboundLeg
from pbx.sip.offer_answer import Direction
from tests.pbx.peers import CALL, CALLED, OLENA
from tests.pbx.switch import PHONE, TRUNK, KeptSender, Switch
from tests.support.network import Weather
from tests.support.virtual_time import virtual_time

PATIENCE = 120  # seconds


class BadWire(KeptSender):
    """What is sent arrives at `far`, if the weather lets it."""

    def __init__(self, far: Callable[[bytes], None], weather: Weather) -> None:
        super().__init__()
        self._far, self._weather = far, weather

    def send(self, data: bytes, flow: Flow) -> None:
        super().send(data, flow)
        for after in self._weather.fate():
            asyncio.get_running_loop().call_later(after, self._far, data)


def two_switches(seed: int) -> tuple[Switch, Switch]:
    """For the near one the far one is a phone; for the far one the near one is a trunk."""
    near, far = Switch(), Switch()
    for number, (here, there, seen_as) in enumerate(((near, far, TRUNK), (far, near, PHONE))):
        weather = Weather(seed=2 * seed + number, lost=0.25, doubled=0.15, jitter=0.4)
        wire = BadWire(lambda data, there=there, seen_as=seen_as: there.hears(data, seen_as), weather)  # type: ignore[misc]
        here.transports.senders["UDP"] = wire
        here.endpoint.chance = Random(seed + number).random
    return near, far


async def is_called(far: Switch) -> InboundLeg:
    async with asyncio.timeout(PATIENCE):
        while not far.calls:
            await asyncio.sleep(0.1)
    return far.calls[0]


async def a_talk(near: Switch, far: Switch) -> tuple[OutboundLeg, InboundLeg]:
    caller = near.user_agent.leg_to(CALLED, call_id=CALL, caller=OLENA)
    await caller.open_media()
    caller.dial(CODECS)
    callee = await is_called(far)
    await callee.open_media()
    callee.ring(early_media=True)
    await asyncio.sleep(1)
    callee.answer()
    async with asyncio.timeout(PATIENCE):
        await caller.answered
    return caller, callee


async def is_left_clean(*switches: Switch) -> None:
    await asyncio.sleep(150)
    for switch in switches:
        assert (len(switch.transactions), len(switch.timers), switch.user_agent.legs) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(40))
@virtual_time
async def test_a_call_comes_up_once_changes_on_both_sides_and_ends_once(seed: int) -> None:
    near, far = two_switches(seed)
    caller, callee = await a_talk(near, far)
    async with asyncio.timeout(PATIENCE):
        changed = await asyncio.gather(
            caller.renegotiate(Direction.SENDONLY), callee.renegotiate(Direction.SENDRECV), callee.renegotiate()
        )
    assert all(changed)
    assert callee.held
    assert not caller.is_over
    await caller.close()
    async with asyncio.timeout(PATIENCE):
        assert (await callee.ended).reason is LegEnd.BYE
    await callee.close()
    await is_left_clean(near, far)
    assert far.calls == [callee]


@pytest.mark.parametrize("seed", range(20))
@virtual_time
async def test_a_call_that_is_given_up_as_it_is_answered_ends_on_both_sides(seed: int) -> None:
    near, far = two_switches(seed)
    caller = near.user_agent.leg_to(CALLED, call_id=CALL, caller=OLENA)
    await caller.open_media()
    caller.dial(CODECS)
    callee = await is_called(far)
    await callee.open_media()
    callee.ring()
    await asyncio.sleep(seed / 20)
    callee.answer()
    caller.hang_up()
    await caller.close()
    async with asyncio.timeout(PATIENCE):
        assert (await callee.ended).reason in (LegEnd.BYE, LegEnd.CANCEL)
    await callee.close()
    await is_left_clean(near, far)
    assert far.calls == [callee]


@pytest.mark.parametrize("seed", range(20))
@virtual_time
async def test_both_hang_up_at_once(seed: int) -> None:
    near, far = two_switches(seed)
    caller, callee = await a_talk(near, far)
    await asyncio.gather(caller.close(), callee.close())
    assert {(await leg.ended).reason for leg in (caller, callee)} == {LegEnd.HUNG_UP}
    await is_left_clean(near, far)
