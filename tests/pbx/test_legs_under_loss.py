"""Two of our own switchboards on a bad wire, in virtual time: a whole call with reliable early media, re-INVITEs that
meet, and a BYE, while every fourth datagram is lost, some come twice and all come late and out of order."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from pbx.endpoint import CODECS
from pbx.inbound_leg import InboundLeg
from pbx.leg import LegEnd
from pbx.net.transport import Flow
from pbx.outbound_leg import OutboundLeg
from pbx.sip.offer_answer import Direction
from pbx.sip.reason import Cause
from pbx.sip.session_timer import Policy
from tests.pbx.peers import CALL, CALLED, OLENA
from tests.pbx.switch import PHONE, TRUNK, KeptSender, Switch
from tests.support.network import Weather
from tests.support.virtual_time import virtual_time

PATIENCE = 120  # seconds


class BadWire(KeptSender):
    """What `near` sends arrives at `far`, which sees it come from `flow`, if the weather lets it."""

    def __init__(self, near: Switch, far: Switch, flow: Flow, weather: Weather) -> None:
        super().__init__(near.sender.sent)
        self._far, self._flow, self._weather = far, flow, weather

    def send(self, data: bytes, flow: Flow) -> None:
        super().send(data, flow)
        for after in self._weather.fate():
            asyncio.get_running_loop().call_later(after, self._far.hears, data, self._flow)


def two_switches(seed: int) -> tuple[Switch, Switch]:
    """For the near one the far one is a phone; for the far one the near one is a trunk."""
    near, far = Switch(), Switch()
    for number, (here, there, flow) in enumerate(((near, far, TRUNK), (far, near, PHONE))):
        weather = Weather(seed=2 * seed + number, lost=0.25, doubled=0.15, jitter=0.4)
        here.transports.senders["UDP"] = BadWire(here, there, flow, weather)
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


@pytest.mark.parametrize("seed", range(10))
@virtual_time
async def test_a_refusal_arrives_with_its_status_and_reason(seed: int) -> None:
    near, far = two_switches(seed)
    caller = near.user_agent.leg_to(CALLED, call_id=CALL, caller=OLENA)
    await caller.open_media()
    caller.dial(CODECS)
    callee = await is_called(far)
    callee.refuse(486, cause=Cause("Q.850", 17))
    async with asyncio.timeout(PATIENCE):
        ended = await caller.ended
    assert (ended.reason, ended.status, ended.cause) == (LegEnd.REFUSED, 486, Cause("Q.850", 17))
    await caller.close()
    await callee.close()
    await is_left_clean(near, far)


@pytest.mark.parametrize("seed", range(10))
@virtual_time
async def test_a_session_is_refreshed_for_as_long_as_it_lasts(seed: int) -> None:
    near, far = two_switches(seed)
    for switch in (near, far):
        switch.endpoint.session_policy = Policy(interval=300)
    caller, callee = await a_talk(near, far)
    await asyncio.sleep(3600)
    assert not caller.is_over
    assert not callee.is_over
    refreshes = [request for request in (*near.requests, *far.requests) if request.method == "UPDATE"]
    assert len({request.cseq.number for request in refreshes}) >= 3600 // 150 - 1
    await caller.close()
    async with asyncio.timeout(PATIENCE):
        await callee.ended
    await callee.close()
    await is_left_clean(near, far)
