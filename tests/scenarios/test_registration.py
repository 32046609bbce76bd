"""Phones sign on and off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from pbx.sip.digest import Algorithm
from tests.scenarios.company import Company, connect
from tests.support.deadlines import eventually
from tests.support.network import BadRelay, Weather
from tests.support.phone import FakePhone, Refused
from tests.support.server import Server, running_dzvin


@pytest.fixture(scope="module")
def lapsing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Grants registrations for a second, so that a lapse can be waited for."""
    overrides = {"DZVIN_SIP__MIN_EXPIRES": "1"}
    with running_dzvin(tmp_path_factory.mktemp("lapsing") / "data", overrides=overrides) as server:
        yield server


@pytest.mark.req("R-PHONE-05", "R-CALL-12", "R-CALL-13")
async def test_phones_that_come_and_go_are_events_of_their_users(company: Company, server: Server) -> None:
    async with server.sign_in("admin") as panel:
        before = {row["id"] for row in await panel.events()}
        phone = await company.phone("1001")
        on = await panel.event(lambda row: row["type"] == "phone_on" and row["id"] not in before)
        await phone.unregister()
        off = await panel.event(lambda row: row["type"] == "phone_off" and row["id"] not in before)
    assert on["owner_name"] == off["owner_name"] == "Олена Коваль"


@pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA_256])
@pytest.mark.req("R-PHONE-05")
async def test_either_digest_will_do(company: Company, server: Server, algorithm: Algorithm) -> None:
    async with FakePhone("1002", server=server.sip, password="pw2", algorithms=[algorithm]) as phone:
        assert 60 <= await phone.register(300) <= 300
        assert len(phone.log.sent("REGISTER")) == 2


@pytest.mark.req("R-PHONE-53")
@pytest.mark.parametrize(("user", "password"), [("1001", "wrong"), ("1001", ""), ("stranger", "pw1"), ("7000", "pw1")])
async def test_a_wrong_password_is_refused_like_an_unknown_user(
    company: Company, server: Server, user: str, password: str
) -> None:
    async with FakePhone(user, server=server.sip, password=password) as phone:
        with pytest.raises(Refused, match="401"):
            await phone.register()


@pytest.mark.req("R-PHONE-52")
async def test_nobody_is_called_who_has_no_account(company: Company) -> None:
    caller = await company.phone("1001")
    call = await caller.dial("1999")
    assert await call.refused() == 404


@pytest.mark.req("R-PHONE-74", "R-PANEL-09")
async def test_a_registration_that_is_not_renewed_lapses(lapsing_server: Server) -> None:
    """With the shortest term that this installation grants, one second."""
    async with (
        lapsing_server.sign_in("supervisor") as panel,
        panel.live() as live,
        FakePhone("1003", server=lapsing_server.sip, password="pw3") as phone,
    ):
        assert await phone.register(1) == 1
        await live.agent("1003", "free")
        phone.vanish()
        await live.agent("1003", "offline")
        await panel.event(lambda row: row["type"] == "phone_off")
        caller = await phone_of(lapsing_server, "1001", "pw1")
        async with caller:
            assert await (await caller.dial("1003")).refused() == 480


async def test_a_registration_that_is_renewed_stays(lapsing_server: Server) -> None:
    async with FakePhone("1002", server=lapsing_server.sip, password="pw2") as phone:
        await phone.register(1, refresh=True)

        async def renewed() -> int:
            return len(phone.log.received("200 REGISTER"))

        await eventually("three renewals", renewed, lambda times: times > 3)
        assert (await lapsing_server.metrics())["dzvin_registered"] == 1
        assert len({entry.message.sip_call_id for entry in phone.log.sent("REGISTER")}) == 1


async def phone_of(server: Server, user: str, password: str) -> FakePhone:
    phone = FakePhone(user, server=server.sip, password=password)
    await phone.register(1)
    return phone


async def test_a_phone_behind_nat_is_reached_where_it_registered_from(company: Company, server: Server) -> None:
    """Contact, Via and SDP name an address that leads nowhere."""
    async with FakePhone("1002", server=server.sip, password="pw2", advertised="10.255.255.1") as hidden:
        await hidden.register()
        caller = await company.phone("1001")
        talk = await connect(caller, hidden, "1002")
        talk.callee.audio.play(700)
        await talk.caller.audio.listen(0.5)
        await talk.caller.hang_up()
        await talk.callee.ended()


async def test_registrations_survive_lost_packets(company: Company, server: Server) -> None:
    relay = BadRelay(server.sip, Weather(seed=11, lost=0.3, doubled=0.2, jitter=0.03))
    try:
        async with FakePhone("1003", server=relay.address, password="pw3") as phone:
            async with asyncio.timeout(60):
                assert await phone.register(300) == 300
            await phone.unregister()
    finally:
        relay.close()
