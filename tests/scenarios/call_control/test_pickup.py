"""Somebody else takes a call that rings at a colleague's: by code, by a lamp's dialog (RFC 3891), from the panel."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

import pytest

from tests.scenarios.call_control.people import desk
from tests.scenarios.company import Company, hear_each_other
from tests.scenarios.test_watching import a_watch, over
from tests.support.phone import FakePhone
from tests.support.phone_call import Call
from tests.support.server import Server
from tests.support.watcher import INFO, Watch

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


async def ringing(caller: FakePhone, callee: FakePhone) -> tuple[Call, Call]:
    call = await caller.dial(callee.user)
    rung = await callee.rings()
    rung.ring()
    await call.ringing()
    return call, rung


async def talked(call: Call, taken: Call, rung: Call, phone: FakePhone) -> None:
    """The two hear each other, and the phone that rang knows that it missed nothing."""
    await rung.cancelled()
    (cancel,) = phone.log.received("CANCEL", rung.sip_call_id)
    assert cancel.message.headers.get("Reason") == ELSEWHERE
    await call.answered()
    await hear_each_other(call, taken)
    await call.hang_up()
    await taken.ended()


def replaces(watch: Watch, *, swapped: bool = False) -> str:
    """What a lamp of a phone says for its key to be pressed: the dialog as the watched phone sees it."""
    document = ElementTree.fromstring(watch.notifies[-1].body)
    (dialog,) = [each for each in document if each.findtext(f"{INFO}state") == "early"]
    local, remote = dialog.get("local-tag"), dialog.get("remote-tag")
    # RFC 3891 §3: to-tag is compared with the local tag of whom the INVITE reaches, which is us.
    to_tag, from_tag = (local, remote) if swapped else (remote, local)
    return f"{dialog.get('call-id')};to-tag={to_tag};from-tag={from_tag}"


@pytest.mark.parametrize("code", ["*8", "*81002"])
async def test_by_code(company: Company, code: str) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    call, rung = await ringing(anna, boris)
    taken = await carol.dial(code)
    await taken.answered()
    await talked(call, taken, rung, boris)


async def test_the_one_that_has_rung_longest_comes_first(company: Company) -> None:
    anna, boris, marko = [await company.phone(number) for number in ("1001", "1002", "1004")]
    first, rung = await ringing(marko, boris)
    carol = await company.phone("1003")
    second, other = await ringing(carol, anna)
    taken = await anna.dial("*8")
    await taken.answered()
    await talked(first, taken, rung, boris)
    await second.cancel()
    await other.cancelled()


async def test_nothing_rings(company: Company) -> None:
    carol = await company.phone("1003")
    assert await (await carol.dial("*8")).refused() == 480
    assert await (await carol.dial("*81002")).refused() == 480


async def test_only_within_the_group(company: Company) -> None:
    anna, boris, stranger = [await company.phone(number) for number in ("1001", "1002", "u00001")]
    call, rung = await ringing(anna, boris)
    for code in ("*8", "*81002"):
        assert await (await stranger.dial(code)).refused() == 480
    await call.cancel()
    await rung.cancelled()


async def test_nobody_picks_up_the_own_call(company: Company) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    call, rung = await ringing(anna, boris)
    assert await (await anna.dial("*81002")).refused() == 480
    await rung.answer()
    await call.answered()
    await call.hang_up()
    await rung.ended()


@pytest.mark.parametrize("swapped", [False, True])
async def test_by_the_key_beside_a_lamp(company: Company, swapped: bool) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    watch = await a_watch(carol, "1002", "dialog")
    call, rung = await ringing(anna, boris)
    await watch.lamp("early")
    taken = await carol.dial("1002", headers=[("Require", "replaces"), ("Replaces", replaces(watch, swapped=swapped))])
    await taken.answered()
    await talked(call, taken, rung, boris)
    await over(watch)


async def test_a_lamps_key_of_a_stranger_to_the_group_does_nothing(company: Company) -> None:
    anna, boris, stranger = [await company.phone(number) for number in ("1001", "1002", "u00001")]
    watch = await a_watch(stranger, "1002", "dialog")
    call, rung = await ringing(anna, boris)
    await watch.lamp("early")
    assert await (await stranger.dial("1002", headers=[("Replaces", replaces(watch))])).refused() == 403
    await rung.answer()
    await call.answered()
    await hear_each_other(call, rung)
    await call.hang_up()
    await rung.ended()
    await over(watch)


async def test_a_dialog_that_is_not_is_not_replaced(company: Company) -> None:
    carol = await company.phone("1003")
    call = await carol.dial("1002", headers=[("Replaces", "nobody@nowhere;to-tag=1;from-tag=2")])
    assert await call.refused() == 481


async def test_the_caller_gives_up_in_the_moment_of_the_pickup(company: Company) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    call, rung = await ringing(anna, boris)
    taken = await carol.dial("*81002")
    await asyncio.gather(call.cancel(), taken.released())
    await rung.cancelled()


async def test_from_the_panel(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    call, rung = await ringing(anna, boris)
    async with desk(server, "1003") as mine:
        await mine.panel.ask("POST", "/api/calls/pick-up", status=202)
        taken = await carol.rings()
        await taken.answer()
        await talked(call, taken, rung, boris)
        answer = await mine.panel.ask("POST", "/api/calls/pick-up", status=409)
        assert answer.json()["error"] == "nobody_rings"
