"""Colleagues call each other: what both ends hear and see, what is kept of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.scenarios.company import HEARD, UNHEARD, Company, Talk, connect, hear_each_other, heard
from tests.support import session, tones
from tests.support.deadlines import eventually
from tests.support.phone import FakePhone
from tests.support.phone_call import Call
from tests.support.server import Server
from tests.support.tones import Law


async def two_phones(company: Company) -> tuple[FakePhone, FakePhone]:
    return await company.phone("1001"), await company.phone("1002")


async def over(talk: Talk) -> None:
    await talk.caller.hang_up()
    await talk.callee.ended()


@pytest.mark.req("R-PHONE-02", "R-PHONE-09", "R-PHONE-30", "R-PHONE-33")
async def test_each_hears_the_other_and_either_may_hang_up(company: Company) -> None:
    anna, boris = await two_phones(company)
    talk = await connect(anna, boris, "1002")
    assert talk.callee.caller == "1001"
    assert talk.callee.caller_name == "Олена Коваль"
    await hear_each_other(talk.caller, talk.callee)
    await talk.caller.hang_up()
    await talk.callee.ended()
    again = await connect(boris, anna, "1001")
    await hear_each_other(again.caller, again.callee)
    await again.callee.hang_up()
    await again.caller.ended()
    for call in (talk.caller, talk.callee, again.caller, again.callee):
        assert (call.audio.statistics.lost, call.audio.statistics.foreign) == (0, 0)


@pytest.mark.parametrize(
    ("laws", "row"),
    [
        pytest.param((Law.ALAW,), "A-law", marks=pytest.mark.req("R-PHONE-12")),
        pytest.param((Law.ULAW,), "µ-law", marks=pytest.mark.req("R-PHONE-13")),
    ],
)
async def test_either_law_is_spoken_end_to_end(company: Company, laws: tuple[Law, ...], row: str) -> None:
    anna, boris = await two_phones(company)
    anna.laws = laws
    talk = await connect(anna, boris, "1002")
    await hear_each_other(talk.caller, talk.callee)
    assert talk.caller.audio.laws_heard == talk.callee.audio.laws_heard == set(laws), row
    await over(talk)


@pytest.mark.req("R-CALL-03", "R-CALL-04", "R-CALL-05", "R-CALL-14", "R-CALL-15", "R-CALL-19", "R-CALL-24")
@pytest.mark.req("R-PHONE-43", "R-PHONE-44")
async def test_a_call_becomes_an_event_with_its_recording(company: Company, server: Server) -> None:
    """Two channels: the caller left, the one who answered right; each holds its own tone only."""
    anna, boris = await two_phones(company)
    async with server.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}
        talk = await connect(anna, boris, "1002")
        await hear_each_other(talk.caller, talk.callee)
        await over(talk)
        event = await panel.event(
            lambda row: row["id"] not in known and row["type"] == "incoming_call" and row["recording_id"]
        )
        left, right = await panel.recording(str(event["recording_id"]))
        card = (await panel.ask("GET", f"/api/events/{event['id']}")).json()
    assert (event["phone"], event["internal"], event["owner_name"]) == ("1001", True, "Тарас Бондар")
    assert event["started_at"] < event["answered_at"] < event["ended_at"]  # type: ignore[operator]  # ISO texts
    assert 1.5 < float(str(event["talk_seconds"])) < 20
    assert [link["id"] for link in card["attachments"]] == [event["recording_id"]]
    assert len(left) == len(right)
    assert abs(len(left) / 16000 - float(str(event["talk_seconds"]))) < 1.0
    assert tones.level(left, 440) > HEARD
    assert tones.level(right, 1000) > HEARD
    assert max(tones.level(left, 1000), tones.level(right, 440)) < UNHEARD


@pytest.mark.parametrize(("answer", "status"), [(486, 486), (603, 603), (480, 480)])
@pytest.mark.req("R-CALL-07")
async def test_a_refusal_comes_through(company: Company, server: Server, answer: int, status: int) -> None:
    anna, boris = await two_phones(company)
    async with server.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}
        call = await anna.dial("1002")
        incoming = await boris.rings()
        incoming.ring()
        await incoming.refuse(answer)
        assert await call.refused() == status
        await panel.event(lambda row: row["id"] not in known and row["type"] == "missed_incoming_call")


async def test_nobody_registered_is_told_at_once(company: Company) -> None:
    anna = await company.phone("1001")
    call = await anna.dial("1002")
    assert await call.refused() == 480


async def test_an_unknown_number_is_told_at_once(company: Company) -> None:
    anna = await company.phone("1001")
    assert await (await anna.dial("5559999")).refused() == 404


@pytest.mark.req("R-CALL-07")
async def test_a_caller_who_gives_up_silences_the_phone(company: Company, server: Server) -> None:
    anna, boris = await two_phones(company)
    async with server.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}
        call = await anna.dial("1002")
        incoming = await boris.rings()
        incoming.ring()
        await call.ringing()
        await call.cancel()
        await incoming.cancelled()
        event = await panel.event(lambda row: row["id"] not in known and row["type"] == "missed_incoming_call")
    assert event["answered_at"] is None


async def test_a_caller_may_give_up_before_the_phone_rings(company: Company) -> None:
    """CANCEL before any 180: the phone's INVITE is under way."""
    anna, boris = await two_phones(company)
    call = await anna.dial("1002")
    incoming = await boris.rings()
    await call.cancel()
    incoming.ring()
    await incoming.cancelled()


async def test_a_retransmitted_invite_rings_once(company: Company) -> None:
    anna, boris = await two_phones(company)
    call = await anna.dial("1002")
    incoming = await boris.rings()
    assert call.invite is not None
    for _ in range(3):
        anna.send(call.invite)
    incoming.ring()
    await call.ringing()
    anna.send(call.invite)
    await incoming.answer()
    await call.answered()
    await hear_each_other(call, incoming)
    assert boris.log.times_rung == 1
    await call.hang_up()
    await incoming.ended()


async def test_a_lost_ack_brings_the_answer_again(company: Company) -> None:
    """The callee's 200 is repeated until the server's ACK; the server's until the caller's."""
    anna, boris = await two_phones(company)
    talk = await connect(anna, boris, "1002")
    talk.callee.take()

    async def acknowledged() -> int:
        return len(boris.log.received("ACK"))

    await eventually("another ACK", acknowledged, lambda times: times > 1)
    await over(talk)


@pytest.mark.req("R-PHONE-26", "R-PHONE-27", "R-PANEL-09")
async def test_hold_and_resume(company: Company, server: Server) -> None:
    anna, boris = await two_phones(company)
    async with server.sign_in("supervisor") as panel, panel.live() as live:
        talk = await connect(anna, boris, "1002")
        await hear_each_other(talk.caller, talk.callee, (tones.NOT_IN_MUSIC, 1000))
        await live.call("talking")
        assert await talk.caller.hold() in ("recvonly", "inactive")
        await live.call("held")
        start = talk.caller.audio.samples_heard
        on_hold = await heard(talk.callee)
        assert tones.level(on_hold, tones.NOT_IN_MUSIC) < UNHEARD, "the holder is heard on hold"
        assert tones.loudness(on_hold) > 100, "no music on hold"
        assert talk.caller.audio.samples_heard - start < tones.RATE / 2, "the holder is sent sound"
        assert await talk.caller.resume() == "sendrecv"
        await live.call("talking")
        await hear_each_other(talk.caller, talk.callee)
        assert talk.callee.reinvites == []
        await over(talk)


async def test_hold_by_the_called(company: Company) -> None:
    anna, boris = await two_phones(company)
    talk = await connect(anna, boris, "1002")
    assert await talk.callee.hold() in ("recvonly", "inactive")
    assert await talk.callee.resume() == "sendrecv"
    await hear_each_other(talk.caller, talk.callee)
    await over(talk)


async def test_an_offer_may_come_with_the_ack(company: Company) -> None:
    anna, boris = await two_phones(company)
    call = await anna.dial("1002", late_offer=True)
    incoming = await boris.rings()
    await incoming.answer()
    answer = await call.answered()
    assert session.read(answer.body).laws, "the 200 to an INVITE without an offer makes one"
    await hear_each_other(call, incoming)
    await call.hang_up()
    await incoming.ended()


@pytest.mark.req("R-PHONE-16", "R-PHONE-18")
async def test_digits_reach_the_other_side(company: Company) -> None:
    anna, boris = await two_phones(company)
    talk = await connect(anna, boris, "1002")
    await hear_each_other(talk.caller, talk.callee)
    await talk.caller.audio.press("15#")
    await talk.callee.audio.press("*0")

    async def arrived() -> tuple[str, str]:
        return "".join(talk.callee.audio.digits), "".join(talk.caller.audio.digits)

    await eventually("the digits arrived", arrived, lambda digits: digits == ("15#", "*0"))
    await over(talk)


@pytest.mark.req("R-PHONE-16", "R-PHONE-17")
async def test_digits_by_info_reach_the_other_side_as_telephone_events(company: Company) -> None:
    anna, boris = await two_phones(company)
    talk = await connect(anna, boris, "1002")
    await hear_each_other(talk.caller, talk.callee)
    for digit in "7*":
        await talk.caller.press_by_info(digit)
    await talk.callee.press_by_info("0")

    async def arrived() -> tuple[str, str]:
        return "".join(talk.callee.audio.digits), "".join(talk.caller.audio.digits)

    await eventually("the digits arrived", arrived, lambda digits: digits == ("7*", "0"))
    await over(talk)


async def test_each_call_through_us_has_one_hop_less(company: Company) -> None:
    """RFC 7332: so that a call which goes round in circles ends."""
    anna, boris = await two_phones(company)
    talk = await connect(anna, boris, "1002")
    assert talk.caller.invite is not None
    assert talk.callee.invite is not None
    assert (talk.caller.invite.max_forwards, talk.callee.invite.max_forwards) == (70, 69)
    await over(talk)


async def test_ten_calls_at_once_keep_apart(company: Company) -> None:
    """Each pair hears its own two tones."""
    pairs = [(f"u{100 + 2 * n:05d}", f"u{101 + 2 * n:05d}") for n in range(10)]

    async def a_pair(number: int, caller: str, callee: str) -> tuple[float, float]:
        one, other = await company.phone(caller), await company.phone(callee)
        talk = await connect(one, other, callee)
        levels = await hear_each_other(talk.caller, talk.callee, (300 + 50 * number, 1000 + 50 * number))
        await over(talk)
        return levels

    levels = await asyncio.gather(*(a_pair(number, *pair) for number, pair in enumerate(pairs)))
    assert min(map(min, levels)) > HEARD


async def test_a_busy_colleague_still_rings(company: Company) -> None:
    anna, boris = await two_phones(company)
    carol = await company.phone("1003")
    talk = await connect(anna, boris, "1002")
    second = await connect(carol, boris, "1002")
    await hear_each_other(talk.caller, talk.callee)
    await hear_each_other(second.caller, second.callee, (600, 800))
    await over(second)
    await over(talk)


async def test_both_hang_up_at_the_same_moment(company: Company) -> None:
    anna, boris = await two_phones(company)
    talk = await connect(anna, boris, "1002")

    async def ends(call: Call) -> None:
        """A BYE that crosses the server's own is answered 200 or 481: either way the call is over."""
        bye = call.in_dialog("BYE")
        call._finish("hung up")
        assert (await call.phone.ask(bye)).status in (200, 481)

    await asyncio.gather(ends(talk.caller), ends(talk.callee))
