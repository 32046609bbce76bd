"""A registration over the life of a provider: challenged, renewed, refused, silent, signed off. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pbx.net.resolver import Answer, Resolver
from pbx.net.transport import Flow
from pbx.sip.digest import Algorithm
from pbx.sip.location import Question
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from pbx.trunks.registration import State
from pbx.trunks.settings import TrunkSettings
from pbx.trunks.trunk import Trunk
from pbx.trunks.trunks import Trunks
from tests.pbx.switch import Switch
from tests.pbx.trunks.provider import ACCOUNT, FLOW, PASSWORD, REALM, Provider, Told, a_trunk, nothing, registrar
from tests.support.virtual_time import virtual_time


@asynccontextmanager
async def running(*trunks: Trunk) -> AsyncIterator[Trunks]:
    all_of_them = Trunks(trunks)
    all_of_them.start()
    try:
        yield all_of_them
    finally:
        await all_of_them.close()


def state_of(trunk: Trunk) -> State:
    assert trunk.registration is not None
    return trunk.registration.status.state


@pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA_256])
@virtual_time
async def test_it_registers_with_our_password_and_signs_off_at_the_end(algorithm: Algorithm) -> None:
    switch, told = Switch(), Told()
    provider = Provider(switch, registrar(algorithm=algorithm))
    trunk = a_trunk(switch, told, register=True)
    async with running(trunk):
        await asyncio.sleep(1)
        assert state_of(trunk) is State.REGISTERED
        first, second = provider.got("REGISTER")
        assert (first.uri, first.to.uri.user, first.expires) == (f"sip:{REALM}", ACCOUNT, 300)
        assert first.contact is not None
        assert (first.contact.uri.user, first.contact.uri.host) == (ACCOUNT, "203.0.113.1")
        assert first.sip_call_id == second.sip_call_id
        assert first.via.branch != second.via.branch
    assert [request.expires for request in provider.got("REGISTER")][-1] == 0
    numbers = [request.cseq.number for request in provider.got("REGISTER")]
    assert numbers == sorted(set(numbers))
    assert state_of(trunk) is State.UNREGISTERED
    assert told.changes == [(True, "registered")]
    assert len(switch.timers) <= len(provider.heard)  # only lingering transactions


@virtual_time
async def test_it_is_renewed_in_time_for_days() -> None:
    switch = Switch()
    provider = Provider(switch, registrar(expires=120))
    trunk = a_trunk(switch, register=True)
    async with running(trunk):
        for _ in range(24 * 60):
            await asyncio.sleep(60)
            assert state_of(trunk) is State.REGISTERED
            assert trunk.registration is not None
            assert trunk.registration.status.until > switch.timers.now()
    rounds = len(provider.got("REGISTER")) / 2
    assert 86_400 / 120 / 0.8 - 5 <= rounds <= 86_400 / 120 / 0.6 + 5


@virtual_time
async def test_several_trunks_register_at_once_and_apart() -> None:
    switch = Switch()
    other = Flow("UDP", "198.51.100.6", 5060)
    Provider(switch, registrar())
    Provider(switch, lambda request: reply(request, 403), other)
    one, two = a_trunk(switch, register=True), a_trunk(switch, name="b", host=other.host, register=True)
    async with running(one, two):
        await asyncio.sleep(1)
        assert (state_of(one), state_of(two)) == (State.REGISTERED, State.REFUSED)


@virtual_time
async def test_too_brief_is_asked_for_longer_at_once() -> None:
    switch = Switch()

    def answer(request: Request) -> Response:
        if (request.expires or 0) < 1800:
            return reply(request, 423, headers=[("Min-Expires", "1800")])
        return reply(request, 200, headers=[("Expires", "1800")])

    provider = Provider(switch, answer)
    trunk = a_trunk(switch, register=True)
    async with running(trunk):
        await asyncio.sleep(1)
        assert [request.expires for request in provider.got("REGISTER")] == [300, 1800]
        assert state_of(trunk) is State.REGISTERED


@virtual_time
async def test_a_wrong_password_is_sent_once_and_not_hammered() -> None:
    switch, told = Switch(), Told()
    provider = Provider(switch, registrar())
    trunk = a_trunk(switch, told, register=True, password="wrong")
    async with running(trunk):
        await asyncio.sleep(3600)
        assert state_of(trunk) is State.REFUSED
        assert len(provider.got("REGISTER")) < 40
    assert told.changes == [(False, "refused")]


@virtual_time
async def test_another_realm_is_not_told_our_password() -> None:
    switch = Switch()
    provider = Provider(switch, registrar(realm="evil.example"))
    trunk = a_trunk(switch, register=True, realm=REALM)
    async with running(trunk):
        await asyncio.sleep(600)
        assert all(request.headers.get("Authorization") is None for request in provider.got("REGISTER"))
        assert state_of(trunk) is State.REFUSED
        assert trunk.status.withheld


@virtual_time
async def test_a_provider_that_comes_back_is_registered_with_again() -> None:
    switch, told = Switch(), Told()
    provider = Provider(switch, nothing)
    trunk = a_trunk(switch, told, register=True)
    async with running(trunk):
        await asyncio.sleep(300)
        assert state_of(trunk) is State.UNREACHABLE
        assert len(switch.transactions) <= 1  # silence piles up nothing
        provider.answer = registrar()
        await asyncio.sleep(130)
        assert told.changes == [(False, "unreachable"), (True, "registered")]


@virtual_time
async def test_a_stale_nonce_is_answered_with_the_new_one() -> None:
    switch = Switch()

    def answer(request: Request) -> Response:
        given = request.headers.get("Authorization") or ""
        if 'nonce="new"' in given:
            return reply(request, 200, headers=[("Expires", "120")])
        nonce = "new" if given else "old"
        stale = ", stale=true" if given else ""
        value = f'Digest realm="{REALM}", nonce="{nonce}", qop="auth", algorithm=MD5{stale}'
        return reply(request, 401, headers=[("WWW-Authenticate", value)])

    Provider(switch, answer)
    trunk = a_trunk(switch, register=True)
    async with running(trunk):
        await asyncio.sleep(1)
        assert state_of(trunk) is State.REGISTERED


@virtual_time
async def test_a_second_server_takes_over_when_the_first_is_silent() -> None:
    switch = Switch()
    second = Flow("UDP", "198.51.100.6", 5070)
    Provider(switch, nothing)
    Provider(switch, registrar(), second)

    async def dns(question: Question) -> Answer:
        zone: dict[str, tuple[str, ...]] = {"a.provider.example": (FLOW.host,), "b.provider.example": (second.host,)}
        from pbx.sip.location import Srv

        if question.name.startswith("_sip._udp"):
            return Answer((Srv(10, 0, 5060, "a.provider.example"), Srv(20, 0, 5070, "b.provider.example")), 60.0)
        return Answer(zone.get(question.name, ()), 60.0)

    settings = TrunkSettings(
        name="city", host="provider.example", username=ACCOUNT, password=PASSWORD, register=True, health=False
    )
    trunk = Trunk(settings, switch.endpoint, Resolver(dns))
    async with running(trunk) as trunks:
        await asyncio.sleep(6)
        assert state_of(trunk) is State.REGISTERED
        assert trunks.of(second) is trunk
        assert trunks.of(Flow("UDP", "198.51.100.66", 5060)) is None
    await trunk.resolver.close()


@virtual_time
async def test_an_end_does_not_wait_for_a_provider_that_is_gone() -> None:
    switch = Switch()
    provider = Provider(switch, registrar())
    trunks = Trunks([a_trunk(switch, register=True)])
    trunks.start()
    await asyncio.sleep(1)
    provider.answer = nothing
    before = switch.timers.now()
    await trunks.close(within=2.0)
    assert switch.timers.now() - before <= 2.0
