"""Phones come online, lapse, move and survive a restart."""

from __future__ import annotations

import asyncio

import pytest

from pbx.net.transport import Flow
from tests.pbx.switch import PHONE, Switch, a_request
from tests.support.virtual_time import virtual_time


def a_register(expires: int = 120, contact: str = "<sip:1001@192.0.2.11:5062>") -> str:
    return (
        a_request("REGISTER", "sip:example.com", headers=f"Expires: {expires}\r\n")
        .replace("To: <sip:example.com>", "To: <sip:1001@example.com>")
        .replace("<sip:1001@192.0.2.11:5062>", contact)
    )


@virtual_time
async def test_a_phone_that_registers_comes_online_once_however_often_it_refreshes() -> None:
    switch = Switch()
    switch.hears_authenticated(a_register())
    refresh = a_register().replace("z9hG4bKone", "z9hG4bKtwo").replace("Call-ID: ", "Call-ID: again-")
    switch.hears_authenticated(refresh)
    assert switch.last_response().status == 200
    assert switch.online == [("1001", "online")]
    assert switch.user_agent.phones_of("1001")[0].uri == "sip:1001@192.0.2.11:5062"


@pytest.mark.req("R-PHONE-74")
@virtual_time
async def test_a_registration_that_is_not_renewed_lapses_and_the_user_shows_as_offline() -> None:
    switch = Switch()
    switch.hears_authenticated(a_register(120))
    await asyncio.sleep(119.9)
    assert switch.user_agent.phones_of("1001")
    await asyncio.sleep(0.2)
    assert switch.user_agent.phones_of("1001") == ()
    assert switch.online == [("1001", "online"), ("1001", "expired")]
    assert switch.kept["1001"] == ()


@virtual_time
async def test_expires_0_takes_the_phone_offline_at_once() -> None:
    switch = Switch()
    switch.hears_authenticated(a_register())
    gone = a_register(0).replace("z9hG4bKone", "z9hG4bKtwo").replace("Call-ID: ", "Call-ID: again-")
    switch.hears_authenticated(gone)
    assert switch.online == [("1001", "online"), ("1001", "removed")]


@virtual_time
async def test_a_phone_is_called_on_the_flow_it_registered_on_whatever_its_contact_says() -> None:
    switch = Switch()
    behind_nat = Flow("UDP", "203.0.113.77", 41000)
    switch.hears_authenticated(a_register(contact="<sip:1001@10.0.0.5:5060>"), flow=behind_nat)
    (phone,) = switch.user_agent.phones_of("1001")
    assert phone.flow == behind_nat
    assert phone.uri == "sip:1001@10.0.0.5:5060"


@virtual_time
async def test_registrations_outlive_a_restart_and_nobody_is_told_that_they_came() -> None:
    before = Switch()
    before.hears_authenticated(a_register(120))
    after = Switch()
    after.registrations.load(before.kept)
    assert [phone.flow for phone in after.user_agent.phones_of("1001")] == [PHONE]
    assert after.online == []
    await asyncio.sleep(121)
    assert after.online == [("1001", "expired")]


@virtual_time
async def test_what_lapsed_while_nobody_was_there_is_told_as_gone() -> None:
    before = Switch()
    before.hears_authenticated(a_register(120))
    as_kept = dict(before.kept)
    await asyncio.sleep(121)
    after = Switch()
    after.registrations.load(as_kept)
    assert after.online == [("1001", "expired")]
    assert after.user_agent.phones_of("1001") == ()


@virtual_time
async def test_too_short_an_interval_is_answered_with_the_shortest_that_we_take() -> None:
    switch = Switch()
    switch.hears_authenticated(a_register(5))
    assert switch.last_response().status == 423
    assert switch.last_response().headers.get("Min-Expires") == "60"


@virtual_time
async def test_a_connection_that_ended_with_an_earlier_core_is_followed_to_the_next() -> None:
    instance = '<sip:1001@x.invalid;transport=ws>;+sip.instance="<urn:uuid:1>";reg-id=1'
    first, second = Flow("WS", "192.0.2.11", 40000, 7), Flow("WS", "192.0.2.11", 40001, 8)
    before = Switch()
    before.hears_authenticated(a_register(120, contact=instance), flow=first)
    after = Switch()
    after.registrations.load(before.kept)
    assert after.online == [("1001", "flow_lost")]
    assert after.registrations.follow(first) == first
    after.hears_authenticated(a_register(120, contact=instance), flow=second)
    assert after.registrations.follow(first) == second
