"""Who is busy: lines, call waiting, do-not-disturb (R-PHONE-60 to R-PHONE-62)."""

from __future__ import annotations

import time

import pytest

from tests.scenarios.call_control.people import desk, follow_up_of, known_events, new_event, wishing
from tests.scenarios.company import LINE, Company, connect, hear_each_other
from tests.scenarios.test_watching import a_watch, over
from tests.support.deadlines import eventually
from tests.support.server import Server


@pytest.mark.req("R-PHONE-60", "R-PHONE-62")
async def test_a_call_beyond_the_lines_is_busy_and_missed(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with server.sign_in("admin") as panel, wishing(server, "1002", lines=1):
        known = await known_events(panel)
        talk = await connect(anna, boris, "1002")
        assert await (await carol.dial("1002")).refused() == 486
        event = await new_event(panel, known, lambda row: row["type"] == "missed_incoming_call")
        assert (event["phone"], event["owner_name"]) == ("1003", "Тарас Бондар")
        assert (await follow_up_of(panel, "1003"))["event_id"] == event["id"]
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()
        again = await connect(carol, boris, "1002")
        await again.caller.hang_up()
        await again.callee.ended()
    assert boris.log.times_rung == 2


@pytest.mark.req("R-PHONE-60")
async def test_a_second_call_waits_on_the_second_line(company: Company, server: Server) -> None:
    """Call waiting: the first one is held meanwhile, and spoken with again."""
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with wishing(server, "1002", lines=2):
        first = await connect(anna, boris, "1002")
        call = await carol.dial("1002")
        second = await boris.rings()
        second.ring()
        await call.ringing()
        await first.callee.hold()
        await second.answer()
        await call.answered()
        await hear_each_other(call, second)
        assert await (await (await company.phone("1004")).dial("1002")).refused() == 486
        await second.hang_up()
        await call.ended()
        await first.callee.resume()
        await hear_each_other(first.caller, first.callee)
        await first.caller.hang_up()
        await first.callee.ended()


@pytest.mark.req("R-PHONE-61")
async def test_five_lines_are_the_most(server: Server) -> None:
    async with desk(server, "1002") as mine, wishing(server, "1002", lines=5):
        answer = await mine.panel.ask("PATCH", "/api/phone", {"lines": 6}, status=400)
        assert answer.json()["error"] == "out_of_range"
        await mine.panel.ask("PATCH", "/api/phone", {"lines": 0}, status=400)
        assert (await mine.panel.ask("GET", "/api/phone")).json()["lines"] == 5


async def test_do_not_disturb_is_busy_and_missed(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    async with server.sign_in("admin") as panel, wishing(server, "1002", do_not_disturb=True):
        known = await known_events(panel)
        assert await (await anna.dial("1002")).refused() == 486
        event = await new_event(panel, known, lambda row: row["type"] == "missed_incoming_call")
        follow_up = await follow_up_of(panel, "1001")
    assert (event["phone"], event["owner_name"]) == ("1001", "Тарас Бондар")
    assert follow_up["event_id"] == event["id"]
    assert boris.log.times_rung == 0


async def test_do_not_disturb_is_seen_by_watchers_and_on_the_panel(company: Company, server: Server) -> None:
    await company.phone("1002")
    anna = await company.phone("1001")
    watch = await a_watch(anna, "1002", "presence")
    async with server.sign_in("supervisor") as panel, panel.live() as live:
        async with wishing(server, "1002", do_not_disturb=True):
            await watch.note("Do not disturb")
            await live.agent("1002", "dnd")
        await watch.note("Online")
        await live.agent("1002", "free")
    await over(watch)


async def test_a_line_waits_for_an_agent_who_may_be_disturbed(company: Company, server: Server) -> None:
    caller, agent = await company.phone("1001"), await company.phone("1003")
    async with wishing(server, "1003", do_not_disturb=True):
        call = await caller.dial(LINE)
        await call.ringing()
        await eventually("the caller waits", server.metrics, lambda metrics: metrics["dzvin_waiting"] == 1)
        disturbed_at = time.time()
    incoming = await agent.rings()
    assert agent.log.received("INVITE")[0].at > disturbed_at
    await incoming.answer()
    await call.answered()
    await call.hang_up()
    await incoming.ended()


async def test_do_not_disturb_by_the_file_until_the_person_changes_it(company: Company, server: Server) -> None:
    anna, lesia = await company.phone("1001"), await company.phone("1005")
    assert await (await anna.dial("1005")).refused() == 486
    async with wishing(server, "1005", do_not_disturb=False):
        talk = await connect(anna, lesia, "1005")
        await talk.caller.hang_up()
        await talk.callee.ended()


async def test_a_ringing_call_is_declined_from_the_panel(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    async with desk(server, "1002") as mine:
        call = await anna.dial("1002")
        rung = await boris.rings()
        rung.ring()
        await mine.panel.ask("DELETE", f"/api/calls/{await mine.my_call('ringing')}", status=204)
        await rung.cancelled()
        assert await call.refused() == 603


async def test_an_agent_who_declines_leaves_the_caller_in_the_line(company: Company, server: Server) -> None:
    caller, agent = await company.phone("1001"), await company.phone("1003")
    async with desk(server, "1003") as mine:
        call = await caller.dial(LINE)
        rung = await agent.rings()
        rung.ring()
        await mine.panel.ask("DELETE", f"/api/calls/{await mine.my_call('ringing')}", status=204)
        await rung.cancelled()
        again = await agent.rings(30)
        await again.answer()
        await call.answered()
        await hear_each_other(call, again)
        await call.hang_up()
        await again.ended()
