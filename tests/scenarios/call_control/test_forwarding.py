"""Calls go on to another number: always, when busy, when nobody answers, or as the phone itself says."""

from __future__ import annotations

import pytest

from tests.scenarios.call_control.people import desk, forwarding, known_events, new_event, wishing
from tests.scenarios.company import LINE, Company, connect, hear_each_other
from tests.support.phone_call import Call
from tests.support.server import Server

OUTSIDE = "+380503337711"


def diverted(call: Call) -> str:
    """Why a call that 1002 sent on came here (RFC 5806)."""
    assert call.invite
    diversion = call.invite.headers.get("Diversion") or ""
    assert diversion.startswith('"Тарас Бондар" <sip:1002@')
    return diversion.rpartition("reason=")[2]


@pytest.mark.req("R-CALL-11")
async def test_always_and_the_register_keeps_both_numbers(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with server.sign_in("admin") as panel, forwarding(server, "1002", "always", "1003"):
        known = await known_events(panel)
        talk = await connect(anna, carol, "1002")
        assert (talk.callee.caller, diverted(talk.callee)) == ("1001", "unconditional")
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()
        event = await new_event(panel, known, lambda row: row["type"] == "call_forwarding")
        call = await new_event(panel, known, lambda row: row["type"] == "incoming_call" and row["ended_at"])
    assert boris.log.times_rung == 0
    assert (event["forwarded_from"], event["forwarded_to"], event["phone"]) == ("1002", "1003", "1001")
    assert event["owner_name"] == "Тарас Бондар"
    assert call["owner_name"] == "Ганна Їжакевич"


@pytest.mark.req("R-CALL-11")
async def test_when_busy(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with server.sign_in("admin") as panel, forwarding(server, "1002", "busy", "1003"):
        known = await known_events(panel)
        call = await anna.dial("1002")
        await (await boris.rings()).refuse(486)
        incoming = await carol.rings()
        assert diverted(incoming) == "user-busy"
        await incoming.answer()
        await call.answered()
        await hear_each_other(call, incoming)
        await call.hang_up()
        await incoming.ended()
        event = await new_event(panel, known, lambda row: row["type"] == "call_forwarding")
    assert (event["forwarded_from"], event["forwarded_to"]) == ("1002", "1003")


async def test_when_busy_as_the_file_says_with_all_lines_taken(company: Company) -> None:
    """1004 has one line, and its calls go on to 1003."""
    marko, anna, boris, carol = [await company.phone(number) for number in ("1004", "1001", "1002", "1003")]
    first = await connect(anna, marko, "1004")
    second = await connect(boris, carol, "1004")
    await hear_each_other(second.caller, second.callee, (600, 800))
    await hear_each_other(first.caller, first.callee)
    assert marko.log.times_rung == 1
    for talk in (first, second):
        await talk.caller.hang_up()
        await talk.callee.ended()


async def test_when_nobody_answers_after_the_persons_own_time(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with (
        forwarding(server, "1002", "no_answer", "1003"),
        wishing(server, "1002", ring_seconds=5),
    ):
        call = await anna.dial("1002")
        rung = await boris.rings()
        rung.ring()
        assert carol.is_quiet
        incoming = await carol.rings(15)
        await rung.cancelled()
        await incoming.answer()
        await call.answered()
        await hear_each_other(call, incoming)
        await call.hang_up()
        await incoming.ended()


async def test_when_nobody_is_registered(company: Company, server: Server) -> None:
    anna, carol = await company.phone("1001"), await company.phone("1003")
    async with forwarding(server, "1002", "no_answer", "1003"):
        talk = await connect(anna, carol, "1002")
        await talk.caller.hang_up()
        await talk.callee.ended()


async def test_to_a_line(company: Company, server: Server) -> None:
    anna, agent = await company.phone("1001"), await company.phone("1003")
    async with forwarding(server, "1002", "always", LINE):
        talk = await connect(anna, agent, "1002")
        await hear_each_other(talk.caller, talk.callee)
        await talk.callee.hang_up()
        await talk.caller.ended()


async def test_to_an_outside_number_at_the_forwarders_cost(company: Company, server: Server) -> None:
    """Two calls at once are what 1002 may have outside: the third is not forwarded, and 1001 still calls out."""
    callers = [await company.phone(number) for number in ("1001", "1003", "1004")]
    provider = await company.provider()
    async with forwarding(server, "1002", "always", OUTSIDE):
        talks = [await connect(caller, provider, "1002") for caller in callers[:2]]
        assert [talk.callee.invite.request_uri.user for talk in talks if talk.callee.invite] == [OUTSIDE, OUTSIDE]
        await hear_each_other(talks[0].caller, talks[0].callee)
        assert await (await callers[2].dial("1002")).refused() == 480
        await talks[0].caller.hang_up()
        await talks[0].callee.ended()
        own = await connect(callers[0], provider, OUTSIDE)
        for talk in (own, talks[1]):
            await talk.caller.hang_up()
            await talk.callee.ended()


@pytest.mark.parametrize(
    ("number", "reason", "status"),
    [
        ("+380900123456", "forbidden", 403),  # premium
        ("5559999", "no_route", 409),
        ("*701", "no_route", 409),
        ("1002", "same_number", 409),
    ],
)
async def test_a_number_that_one_may_not_dial_is_no_target(
    server: Server, number: str, reason: str, status: int
) -> None:
    async with desk(server, "1002") as mine:
        answer = await mine.panel.ask("PUT", "/api/phone/forwards/always", {"number": number}, status=status)
        assert answer.json()["error"] == reason
        assert (await mine.panel.ask("GET", "/api/phone")).json()["forwards"]["always"] == ""


async def test_a_loop_ends_and_rings_nobody(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with forwarding(server, "1002", "always", "1003"), forwarding(server, "1003", "always", "1002"):
        assert await (await anna.dial("1002")).refused() == 482
    assert boris.log.times_rung == carol.log.times_rung == 0


async def test_two_busy_people_who_forward_to_each_other_are_busy(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with forwarding(server, "1002", "busy", "1003"), forwarding(server, "1003", "busy", "1002"):
        call = await anna.dial("1002")
        await (await boris.rings()).refuse(486)
        await (await carol.rings()).refuse(486)
        assert await call.refused() == 486
    assert boris.log.times_rung == 1


async def test_a_phone_that_redirects_is_followed(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with server.sign_in("admin") as panel:
        known = await known_events(panel)
        call = await anna.dial("1002")
        await (await boris.rings()).redirect("1003")
        incoming = await carol.rings()
        await incoming.answer()
        await call.answered()
        await hear_each_other(call, incoming)
        await call.hang_up()
        await incoming.ended()
        event = await new_event(panel, known, lambda row: row["type"] == "call_forwarding")
    assert (event["forwarded_from"], event["forwarded_to"]) == ("1002", "1003")


async def test_a_redirect_to_where_the_phone_may_not_call_is_not_followed(company: Company) -> None:
    anna, boris, provider = await company.phone("1001"), await company.phone("1002"), await company.provider()
    call = await anna.dial("1002")
    await (await boris.rings()).redirect("+380900123456")
    assert await call.refused() == 480
    assert provider.is_quiet


@pytest.mark.req("R-PHONE-36", "R-CALL-11")
async def test_a_ringing_call_is_sent_on_from_the_panel(company: Company, server: Server) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    async with server.sign_in("admin") as panel, desk(server, "1002") as mine:
        known = await known_events(panel)
        call = await anna.dial("1002")
        rung = await boris.rings()
        rung.ring()
        await mine.tell(await mine.my_call("ringing"), "transfer", {"number": "1003"})
        await rung.cancelled()
        incoming = await carol.rings()
        assert diverted(incoming) == "deflection"
        await incoming.answer()
        await call.answered()
        await hear_each_other(call, incoming)
        await call.hang_up()
        await incoming.ended()
        event = await new_event(panel, known, lambda row: row["type"] == "call_forwarding")
    assert (event["forwarded_from"], event["forwarded_to"]) == ("1002", "1003")
