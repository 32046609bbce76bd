"""Phones watch each other through the running product: lamps, status, message waiting, and text messages."""

from __future__ import annotations

import pytest

from tests.scenarios.company import Company, connect
from tests.support.phone import FakePhone
from tests.support.server import Server
from tests.support.watcher import Watch, publish, send_text


async def a_watch(phone: FakePhone, number: str, package: str) -> Watch:
    watch = Watch(phone, number, package)
    assert (await watch.subscribe()).status == 200
    await watch.shows("something", lambda watch: watch.notifies)
    return watch


async def over(*watches: Watch) -> None:
    for watch in watches:
        await watch.subscribe(0)
        await watch.shows("the end", lambda watch: watch.state == "terminated;reason=timeout")


@pytest.mark.req("R-PHONE-49")
async def test_a_lamp_follows_a_call(company: Company) -> None:
    anna, boris, vera = [await company.phone(number) for number in ("1001", "1002", "1003")]
    caller, callee = await a_watch(vera, "1001", "dialog"), await a_watch(vera, "1002", "dialog")
    await caller.lamp()
    call = await anna.dial("1002")
    incoming = await boris.rings()
    await callee.lamp("trying")
    incoming.ring()
    await callee.lamp("early")
    await caller.lamp("trying")
    await incoming.answer()
    await call.answered()
    await callee.lamp("confirmed")
    await caller.lamp("confirmed")
    await call.hang_up()
    await callee.lamp()
    await caller.lamp()
    await over(caller, callee)


@pytest.mark.req("R-PHONE-49", "R-PANEL-09")
async def test_a_status_follows_a_phone_and_its_calls(company: Company) -> None:
    vera = await company.phone("1003")
    watch = await a_watch(vera, "1001", "presence")
    await watch.note("Offline")
    anna, boris = await company.phone("1001"), await company.phone("1002")
    await watch.note("Online")
    call = await anna.dial("1002")
    incoming = await boris.rings()
    incoming.ring()
    await watch.note("Calling")
    await incoming.answer()
    await call.answered()
    await watch.note("On the phone")
    await call.hold()
    await watch.note("On hold")
    await call.resume()
    await watch.note("On the phone")
    await call.hang_up()
    await watch.note("Online")
    await anna.unregister()
    await watch.note("Offline")
    await over(watch)


async def test_what_a_phone_publishes_is_shown_until_it_takes_it_back(company: Company, server: Server) -> None:
    anna, vera = await company.phone("1001"), await company.phone("1003")
    watch = await a_watch(vera, "1001", "presence")
    async with server.sign_in("supervisor") as panel, panel.live() as live:
        said = await publish(anna, "<rpid:away/>")
        assert said.status == 200
        await watch.note("Away")
        await live.agent("1001", "away")
        said = await publish(anna, "<rpid:busy/>", tag=said.headers.get("SIP-ETag") or "")
        await watch.note("Do not disturb")
        await live.agent("1001", "dnd")
        said = await publish(anna, "", tag=said.headers.get("SIP-ETag") or "", expires=0)
        assert said.status == 200
        await watch.note("Online")
        await live.agent("1001", "free")
    await over(watch)


@pytest.mark.req("R-PANEL-08")
async def test_who_is_paused_is_away(company: Company, server: Server) -> None:
    anna, vera = await company.phone("1001"), await company.phone("1003")
    watch = await a_watch(vera, "1001", "presence")
    async with server.sign_in("agent1") as panel:
        await panel.ask("PUT", "/api/agents/me", {"will": "paused", "reason": "обід"})
        await watch.note("Away")
        await panel.ask("PUT", "/api/agents/me", {"will": "ready"})
        await watch.note("Online")
    assert anna.is_quiet
    await over(watch)


async def test_a_mailbox_is_told_at_once(company: Company) -> None:
    anna = await company.phone("1001")
    watch = await a_watch(anna, "1001", "message-summary")
    (notify,) = watch.notifies
    assert notify.content_type == "application/simple-message-summary"
    assert notify.body.startswith(b"Messages-Waiting: no\r\n")
    assert (await Watch(anna, "1002", "message-summary").subscribe()).status == 403
    await over(watch)


async def test_a_text_message_reaches_the_other_and_is_kept_nowhere(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    text = "Зустріч о 12, кабінет 7"
    assert (await send_text(anna, "1002", text)).status == 200
    (got,) = boris.log.received("MESSAGE")
    assert got.message.body.decode() == text
    assert got.message.from_.uri.user == "1001"
    assert (await send_text(anna, "1003", text)).status == 480
    assert (await send_text(anna, "5550000", text)).status == 404
    await server.settled()
    assert text not in server.log
    for file in server.data.rglob("*"):
        if file.is_file() and "postgres" not in file.parts:
            assert text.encode() not in file.read_bytes(), file


async def test_calls_go_on_while_hundreds_watch(company: Company) -> None:
    anna, boris, vera = [await company.phone(number) for number in ("1001", "1002", "1003")]
    watches = [await a_watch(vera, "1002", "dialog") for _ in range(120)]
    talk = await connect(anna, boris, "1002")
    for watch in watches:
        await watch.lamp("confirmed")
    await talk.caller.hang_up()
    for watch in watches:
        await watch.lamp()
    await over(*watches)
