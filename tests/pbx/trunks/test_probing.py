"""Whether a trunk lives, seen by OPTIONS in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from pbx.net.resolver import Answer, Resolver
from pbx.sip.location import Question
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from pbx.trunks.settings import TrunkSettings
from pbx.trunks.trunk import Trunk
from tests.pbx.switch import Switch
from tests.pbx.trunks.provider import Provider, Told, a_trunk, nothing
from tests.pbx.trunks.test_registering import running
from tests.support.virtual_time import virtual_time


@pytest.mark.parametrize("status", [200, 404, 405, 401, 501])
@virtual_time
async def test_any_answer_is_a_sign_of_life(status: int) -> None:
    switch, told = Switch(), Told()
    provider = Provider(switch, lambda request: reply(request, status))
    async with running(a_trunk(switch, told, health=True)):
        await asyncio.sleep(300)
    assert told.changes == [(True, "answers")]
    assert 10 <= len(provider.got("OPTIONS")) <= 14


@virtual_time
async def test_a_trunk_goes_down_after_some_silence_and_comes_back_after_some_answers() -> None:
    switch, told = Switch(), Told()
    alive = True

    def answer(request: Request) -> Response | None:
        return reply(request, 200) if alive else None

    Provider(switch, answer)
    trunk = a_trunk(switch, told, health=True)
    async with running(trunk):
        await asyncio.sleep(60)
        alive = False
        await asyncio.sleep(60)
        assert len(switch.transactions) <= 2
        alive = True
        await asyncio.sleep(20)
    assert told.changes == [(True, "answers"), (False, "silent"), (True, "answers")]


@virtual_time
async def test_a_flapping_line_changes_no_verdict() -> None:
    switch, told = Switch(), Told()
    count = 0

    def answer(request: Request) -> Response | None:
        nonlocal count
        count += 1
        return None if count % 5 == 0 else reply(request, 200)

    Provider(switch, answer)
    async with running(a_trunk(switch, told, health=True)):
        await asyncio.sleep(3600)
    assert told.changes == [(True, "answers")]


@virtual_time
async def test_a_server_that_says_it_cannot_is_as_good_as_silent() -> None:
    switch, told = Switch(), Told()
    Provider(switch, lambda request: reply(request, 503))
    async with running(a_trunk(switch, told, health=True)):
        await asyncio.sleep(60)
    assert told.changes == [(False, "silent")]


@virtual_time
async def test_a_trunk_that_is_not_probed_hears_nothing_of_us() -> None:
    switch = Switch()
    provider = Provider(switch, nothing)
    async with running(a_trunk(switch)):
        await asyncio.sleep(3600)
    assert provider.heard == []


@virtual_time
async def test_calls_are_signs_too() -> None:
    switch, told = Switch(), Told()
    trunk = a_trunk(switch, told)
    (target,) = trunk.targets()
    verdicts = []
    for _ in range(3):
        trunk.silent(target)
        verdicts.append(trunk.up)
    await asyncio.sleep(31)
    verdicts.append(trunk.up)  # somebody may try
    assert verdicts == [True, True, False, True]
    trunk.heard(target)
    trunk.heard(target)
    assert told.changes == [(False, "silent"), (True, "answers")]


@virtual_time
async def test_a_name_that_leads_nowhere_is_a_trunk_that_is_down() -> None:
    switch, told = Switch(), Told()

    async def dns(_: Question) -> Answer:
        return Answer((), 60.0)

    trunk = Trunk(TrunkSettings(name="city", host="nowhere.example"), switch.endpoint, Resolver(dns), on_change=told)
    async with running(trunk):
        await asyncio.sleep(60)
    assert told.changes == [(False, "name not found")]
