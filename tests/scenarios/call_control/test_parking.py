"""Callers who wait at a number from which any colleague may fetch them."""

from __future__ import annotations

import asyncio

from tests.scenarios.call_control.people import Desk, desk, hears_music
from tests.scenarios.company import Company, Talk, connect, hear_each_other
from tests.support import tones
from tests.support.phone import FakePhone
from tests.support.server import Server

ORBIT = "*701"


async def parked(anna: FakePhone, boris: FakePhone, mine: Desk) -> Talk:
    """Boris has parked Anna from his panel, and is free."""
    talk = await connect(anna, boris, "1002")
    await hear_each_other(talk.caller, talk.callee, (440, tones.NOT_IN_MUSIC))
    await mine.tell(await mine.my_call(), "park", {"orbit": ORBIT})
    await talk.callee.ended()
    return talk


async def test_parked_and_fetched_by_code(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with desk(server, "1002") as mine:
        talk = await parked(anna, boris, mine)
        await hears_music(talk.caller)
        fetched = await carol.dial(ORBIT)
        await fetched.answered()
        await hear_each_other(talk.caller, fetched)
        await talk.caller.hang_up()
        await fetched.ended()


async def test_parked_and_retrieved_from_the_panel_that_shows_it(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with desk(server, "1002") as mine, desk(server, "1003") as hers, hers.panel.live() as live:
        talk = await connect(anna, boris, "1002")
        call_id = await mine.my_call()
        await mine.tell(call_id, "park", {})
        shown = await live.call("parked")
        assert (shown["call_id"], shown["orbit"]) == (call_id, ORBIT)
        await talk.callee.ended()
        placed = (await hers.panel.ask("POST", "/api/calls/retrieve", {"orbit": ORBIT}, status=202)).json()
        assert placed["call_id"] == call_id
        incoming = await carol.rings()
        assert incoming.caller == "1001"
        await incoming.answer()
        await hear_each_other(talk.caller, incoming)
        await live.call("talking", call_id=call_id)
        await incoming.hang_up()
        await talk.caller.ended()


async def test_whom_nobody_fetches_comes_back_to_who_parked(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    async with desk(server, "1002") as mine:
        talk = await parked(anna, boris, mine)
        again = await boris.rings(15)
        assert again.caller == "1001"
        again.ring()
        await again.answer()
        await hear_each_other(talk.caller, again)
        await talk.caller.hang_up()
        await again.ended()


async def test_whom_nobody_takes_back_is_told_so_and_owed_a_call(company: Company, server: Server) -> None:
    """Park, no retrieval, and the parker's phone is gone: the caller hears a word, and the call ends."""
    anna, boris = await company.phone("1001"), await company.phone("1002")
    async with desk(server, "1002") as mine:
        talk = await parked(anna, boris, mine)
        await boris.unregister()
        await talk.caller.ended(30)


async def test_the_parked_caller_hangs_up(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with desk(server, "1002") as mine:
        talk = await parked(anna, boris, mine)
        await talk.caller.hang_up()
        assert await (await carol.dial(ORBIT)).refused() == 480
        assert boris.log.times_rung == 1
        again = await parked(anna, boris, mine)  # the orbit is free
        await again.caller.hang_up()


async def test_of_two_who_fetch_one_has_the_caller(company: Company, server: Server) -> None:
    anna, boris, carol, marko = [await company.phone(number) for number in ("1001", "1002", "1003", "1004")]
    async with desk(server, "1002") as mine:
        talk = await parked(anna, boris, mine)
        tries = [await carol.dial(ORBIT), await marko.dial(ORBIT)]
        statuses = await asyncio.gather(*(call.final() for call in tries))
        assert sorted(statuses) == [200, 480]
        (fetched,) = [call for call, status in zip(tries, statuses, strict=True) if status == 200]
        await hear_each_other(talk.caller, fetched)
        await talk.caller.hang_up()
        await fetched.ended()


async def test_an_orbit_holds_one(company: Company, server: Server) -> None:
    anna, boris, carol, marko = [await company.phone(number) for number in ("1001", "1002", "1003", "1004")]
    async with desk(server, "1002") as mine, desk(server, "1003") as hers:
        second = await connect(marko, carol, "1003")
        call_id = await hers.my_call()
        first = await parked(anna, boris, mine)
        answer = await hers.panel.ask("POST", f"/api/calls/{call_id}/park", {"orbit": ORBIT}, status=409)
        assert answer.json()["error"] == "orbit_taken"
        await hear_each_other(second.caller, second.callee, (600, 800))
        await hers.tell(call_id, "park", {})
        await second.callee.ended()
        fetched = await carol.dial("*702")
        await fetched.answered()
        await hear_each_other(second.caller, fetched)
        for call in (first.caller, second.caller):
            await call.hang_up()
        await fetched.ended()


async def test_an_empty_orbit_has_nobody(company: Company, server: Server) -> None:
    carol = await company.phone("1003")
    assert await (await carol.dial("*705")).refused() == 480
    async with desk(server, "1003") as hers:
        answer = await hers.panel.ask("POST", "/api/calls/retrieve", {"orbit": "*705"}, status=409)
        assert answer.json()["error"] == "nobody_rings"
