"""A trace is fed to the core again: the same comes out for each kind of call, and what was tampered with is found.

`tests/pbx/conftest.py` replays the calls of every other test of this room too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast
from uuid import UUID

import msgspec
import pytest

from pbx.sip.sdp import Direction
from pbx.trace.file import (
    DialogMark,
    Gap,
    LegTimer,
    Made,
    Received,
    Record,
    Sent,
    SessionMark,
    Step,
    Trace,
    decode,
)
from pbx.trace.replay import replay
from pbx.trace.tap import Bounds
from pbx.trace.verdict import Difference, Verdict
from tests.pbx.peers import CALLED, OLENA, Callee, Caller, reliable
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

LINGER = 40
HOLD = SDP + "a=sendonly\r\n"


async def plain(switch: Switch) -> None:
    caller = await Caller.calls(switch)
    caller.inbound.ring()
    caller.inbound.answer()
    caller.acknowledges()
    caller.asks("BYE")
    await caller.leg.close()


async def refused(switch: Switch) -> None:
    caller = await Caller.calls(switch)
    caller.inbound.refuse(486)
    caller.switch.hears(switch.heard.replace("INVITE sip", "ACK sip").replace("2 INVITE", "2 ACK"))
    await caller.leg.close()


async def cancelled(switch: Switch) -> None:
    caller = await Caller.calls(switch)
    caller.inbound.ring()
    caller.cancels()
    await caller.leg.close()


async def held_and_taken_back(switch: Switch) -> None:
    caller = await Caller.talks(switch)
    for body in (HOLD, SDP):
        caller.asks("INVITE", body=body)
        caller.acknowledges()
    caller.leg.hang_up()
    caller.answers(caller.heard("BYE")[0], 200)
    await caller.leg.close()


async def answered_late(switch: Switch) -> None:
    """The INVITE made no offer: ours is in the 200, its answer in the ACK."""
    caller = await Caller.calls(switch, body="")
    caller.inbound.answer()
    caller.acknowledges(body=SDP)
    caller.asks("BYE")
    await caller.leg.close()


async def rings_reliably(switch: Switch) -> None:
    callee = await Callee.is_called(switch)
    callee.says(183, headers=reliable(7), body=SDP)
    callee.answers(callee.heard("PRACK")[0], 200)
    callee.says(200)
    callee.asks("BYE")
    await callee.leg.close()


async def rung_reliably(switch: Switch) -> None:
    """Our 183 is sent again until its PRACK comes."""
    caller = await Caller.calls(switch, headers=["Supported: 100rel"])
    caller.inbound.ring(early_media=True)
    await asyncio.sleep(2)
    (rseq,) = {response.headers.get("RSeq") for response in caller.provisionals()}
    caller.asks("PRACK", headers=[f"RAck: {rseq} 2 INVITE"])
    caller.inbound.answer()
    caller.acknowledges()
    caller.asks("BYE")
    await caller.leg.close()


async def forked(switch: Switch) -> None:
    callee = await Callee.is_called(switch)
    callee.says(180, tag="one")
    callee.says(180, tag="two")
    callee.says(200, tag="two", body=SDP)
    callee.says(200, tag="one", body=SDP)
    await callee.leg.close()


async def everything_is_lost(switch: Switch) -> None:
    """The 200 gets no ACK, and neither that nor our BYE an answer, until every timer has fired."""
    caller = await Caller.calls(switch)
    switch.hears(switch.heard)
    caller.inbound.answer()
    await asyncio.sleep(70)
    await caller.leg.close()


async def sent_again(switch: Switch) -> None:
    """Our INVITE and our BYE are sent again, the 200 and the ACK come twice."""
    callee = await Callee.is_called(switch)
    await asyncio.sleep(2)
    for _ in range(2):
        callee.says(200, body=SDP)
    callee.leg.hang_up()
    await asyncio.sleep(3)
    callee.answers(callee.heard("BYE")[0], 200)
    await callee.leg.close()


async def given_up(switch: Switch) -> None:
    callee = await Callee.is_called(switch)
    callee.says(180)
    callee.leg.hang_up()
    callee.answers(callee.heard("CANCEL")[0], 200)
    callee.says(487)
    await callee.leg.close()


async def both_sides(switch: Switch) -> None:
    """One call of two legs, as everybody has it."""
    caller = await Caller.calls(switch)
    leg = switch.user_agent.leg_to(CALLED, call_id=caller.leg.call_id, caller=OLENA)
    await leg.open_media()
    leg.dial(caller.inbound.codecs())
    callee = Callee(switch=switch, leg=leg, user="1002", cseq=0)
    callee.says(180)
    caller.inbound.ring()
    callee.says(200, body=SDP)
    caller.inbound.answer()
    caller.acknowledges()
    callee.asks("BYE")
    caller.leg.hang_up()
    caller.answers(caller.heard("BYE")[0], 200)
    await caller.leg.close()
    await leg.close()


async def unreachable(switch: Switch) -> None:
    caller = await Caller.talks(switch)
    switch.sender.broken = True
    await caller.leg.close()


async def behind_a_proxy(switch: Switch) -> None:
    """Whose Record-Route is the way of everything that follows."""
    callee = await Callee.is_called(switch)
    callee.says(200, body=SDP, headers=[("Record-Route", "<sip:192.0.2.1;lr>"), ("Record-Route", "<sip:192.0.2.2;lr>")])
    callee.leg.hang_up()
    assert callee.heard("BYE")[0].headers.all("route") == ["<sip:192.0.2.2;lr>", "<sip:192.0.2.1;lr>"]
    callee.answers(callee.heard("BYE")[0], 200)
    await callee.leg.close()


async def held_by_us(switch: Switch) -> None:
    """Our hold narrows what we answer to the other side's re-INVITE, until we take it back."""
    callee = await Callee.talks(switch)
    for direction in (Direction.SENDONLY, Direction.SENDRECV):
        asking = asyncio.ensure_future(callee.leg.renegotiate(direction))
        await asyncio.sleep(0)
        callee.answers(callee.invite, 200, body=SDP)
        assert await asking
        callee.asks("INVITE", body=SDP)
        callee.acknowledges()
    callee.asks("BYE")
    await callee.leg.close()


async def transferred(switch: Switch) -> None:
    """REFER is accepted, and its NOTIFYs are answered."""
    caller = await Caller.talks(switch)
    caller.leg.on_refer = lambda referral: referral.accept()
    caller.asks("REFER", headers=["Refer-To: <sip:1003@example.com>"])
    caller.answers(caller.heard("NOTIFY")[0], 200)
    caller.asks("BYE")
    await caller.leg.close()


CALLS = (
    plain, refused, cancelled, held_and_taken_back, answered_late, rings_reliably, rung_reliably, forked,
    everything_is_lost, sent_again, given_up, both_sides, unreachable, behind_a_proxy, held_by_us, transferred,
)  # fmt: skip


async def traced(call: Callable[[Switch], Awaitable[None]], bounds: Bounds | None = None) -> Trace:
    switch = Switch()
    if bounds is not None:
        switch.tap.bounds = bounds
    await call(switch)
    await asyncio.sleep(LINGER)
    (trace,) = switch.traces
    return decode(trace)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_the_same_comes_out_again(call: Callable[[Switch], Awaitable[None]]) -> None:
    @virtual_time
    async def run() -> None:
        trace = await traced(call)
        verdict = replay(trace)
        assert verdict == Verdict(checked=len(trace.records), unchecked=0, missing=0, difference=None)
        assert len(trace.records) > 8

    run()


def test_retransmissions_are_in_the_traces_that_are_replayed() -> None:
    @virtual_time
    async def run() -> None:
        for call in (everything_is_lost, sent_again):
            sent = [record.data for record in (await traced(call)).records if isinstance(record, Sent)]
            assert len(sent) - len(set(sent)) >= 3

    run()


# ---- what was tampered with ----------------------------------------------------------------------------------------


def changed(trace: Trace, place: int, **values: object) -> Trace:
    records = list(trace.records)
    records[place] = msgspec.structs.replace(records[place], **values)
    return msgspec.structs.replace(trace, records=records)


def without(trace: Trace, place: int) -> Trace:
    return msgspec.structs.replace(trace, records=[*trace.records[:place], *trace.records[place + 1 :]])


def the(trace: Trace, kind: type[Record], wanted: Callable[[Record], bool] = lambda _: True) -> int:
    return next(place for place, record in enumerate(trace.records) if isinstance(record, kind) and wanted(record))


def difference(trace: Trace) -> Difference:
    found = replay(trace).difference
    assert found is not None
    return found


@virtual_time
async def test_another_state_is_found_where_it_is() -> None:
    trace = await traced(plain)
    place = the(trace, Step, lambda step: cast(Step, step).given == "respond 200")
    found = difference(changed(trace, place, state="COMPLETED"))
    assert (found.record, found.what) == (place, "transaction 1, respond 200: state")
    assert (found.noted, found.replayed) == ("COMPLETED", "ACCEPTED")


@virtual_time
async def test_other_effects_are_found() -> None:
    trace = await traced(plain)
    place = the(trace, Step, lambda step: "+L" in cast(Step, step).effects)
    found = difference(changed(trace, place, effects="send +L31.0"))
    assert (found.record, found.noted, found.replayed) == (place, "send +L31.0", "send +L32.0")


@virtual_time
async def test_a_timer_that_fires_before_its_time_is_found() -> None:
    trace = await traced(sent_again)
    place = the(trace, Step, lambda step: cast(Step, step).given == "A")
    found = difference(changed(trace, place, at=0.3))
    assert (found.record, found.noted, found.replayed) == (place, "timer A at 0.300", "due at 0.500")


@virtual_time
async def test_a_timer_that_nobody_started_is_found() -> None:
    trace = await traced(plain)
    place = the(trace, Step, lambda step: cast(Step, step).given == "L")
    found = difference(changed(trace, place, given="G"))
    assert (found.record, found.noted, found.replayed) == (place, "timer G fired", "it does not run")


@virtual_time
async def test_a_retransmission_that_says_something_else_is_found() -> None:
    trace = await traced(sent_again)
    invites = [place for place, record in enumerate(trace.records) if isinstance(record, Sent)][:2]
    again = cast(Sent, trace.records[invites[1]])
    found = difference(changed(trace, invites[1], data=again.data.replace(b"Olena", b"Elena")))
    assert (found.record, found.what) == (invites[1], "transaction 1: message")


@virtual_time
async def test_a_2xx_that_is_sent_again_after_its_ack_is_found() -> None:
    trace = await traced(everything_is_lost)
    timer = the(trace, LegTimer)
    ack = Received(
        at=trace.records[timer].at,
        leg=0,
        flow=0,
        data=acknowledging(cast(Sent, trace.records[the(trace, Sent, answers_200)]).data),
    )
    records = [*trace.records[:timer], ack, *trace.records[timer:]]
    found = difference(msgspec.structs.replace(trace, records=records))
    assert (found.record, found.noted, found.replayed) == (timer + 1, "sent again", "its ACK has come")


@virtual_time
async def test_a_reliable_response_that_is_sent_again_otherwise_or_too_early_is_found() -> None:
    trace = await traced(rung_reliably)
    timer = the(trace, LegTimer)
    found = difference(changed(trace, timer, at=0.4))
    assert (found.record, found.noted, found.replayed) == (timer, "sent again at 0.400", "due at 0.500")
    again = cast(Sent, trace.records[timer + 1])
    found = difference(changed(trace, timer + 1, data=again.data.replace(b"RSeq: ", b"RSeq: 1")))
    assert (found.record, found.what) == (timer + 1, "reliable provisional response")


@virtual_time
async def test_a_prack_for_another_response_is_found() -> None:
    trace = await traced(rung_reliably)
    place = the(trace, Received, lambda record: cast(Received, record).data.startswith(b"PRACK"))
    prack = cast(Received, trace.records[place])
    found = difference(changed(trace, place, data=prack.data.replace(b"RAck: ", b"RAck: 9")))
    assert (found.what, found.noted) == ("reliable provisional response", "its PRACK was taken")


def answers_200(record: Record) -> bool:
    return isinstance(record, Sent) and record.data.startswith(b"SIP/2.0 200")


def acknowledging(success: bytes) -> bytes:
    head = success.partition(b"\r\n")[2].partition(b"Contact:")[0].replace(b"2 INVITE", b"2 ACK")
    return b"ACK sip:dzvin@203.0.113.1 SIP/2.0\r\n" + head + b"Content-Length: 0\r\n\r\n"


@virtual_time
async def test_a_message_that_was_never_sent_is_found() -> None:
    trace = await traced(given_up)
    place = the(trace, Sent, lambda sent: cast(Sent, sent).data.startswith(b"ACK"))
    found = difference(without(trace, place))
    assert found.what == "transaction 1"
    assert found.replayed.startswith("ACK sip:1002@192.0.2.11:5062")


@virtual_time
async def test_a_request_that_the_dialog_would_have_made_otherwise_is_found() -> None:
    trace = await traced(held_and_taken_back)
    for before, after in ((b"CSeq: 1 BYE", b"CSeq: 7 BYE"), (b"BYE sip:1001@192.0.2.11", b"BYE sip:1001@192.0.2.99")):
        records = [
            msgspec.structs.replace(record, data=record.data.replace(before, after))
            if isinstance(record, Sent)
            else record
            for record in trace.records
        ]
        found = difference(msgspec.structs.replace(trace, records=records))
        assert found.what == "request inside the dialog"


@virtual_time
async def test_another_dialog_and_another_session_are_found() -> None:
    trace = await traced(held_and_taken_back)
    place = the(trace, DialogMark)
    found = difference(changed(trace, place, remote_cseq=9))
    assert (found.record, found.what) == (place, "dialog")
    place = the(trace, SessionMark)
    found = difference(changed(trace, place, words=["PCMA/8", "digits -", "to 192.0.2.11:30000", "sendrecv"]))
    assert (found.record, found.what) == (place, "session")


@virtual_time
async def test_the_first_difference_is_told() -> None:
    trace = await traced(plain)
    steps = [place for place, record in enumerate(trace.records) if isinstance(record, Step)]
    for place in steps[1:3]:
        trace = changed(trace, place, state="CONFIRMED")
    assert difference(trace).record == steps[1]


@pytest.mark.parametrize(
    "record",
    [
        Received(0.0, 7, 0, b"x"),
        Received(0.0, 0, 9, b"x"),
        Received(0.0, 0, 0, b"nonsense"),
        Sent(0.0, 0, 0, b"nonsense", 0),
        Sent(0.0, 0, 0, b"nonsense", 5),
        Made(0.0, 0, 1, "XX", False),
        Made(0.0, 0, 1, "IC", False),
        Step(0.0, 0, 1, "start", "CALLING", ""),
        Step(0.0, 0, 99, "respond x", "CALLING", "send"),
        DialogMark(0.0, 0, "early", 1, 1, "sip:a@b", "tag"),
        SessionMark(0.0, 0, []),
        LegTimer(0.0, 0, "2xx"),
    ],
    ids=lambda record: type(record).__name__,
)
def test_nonsense_is_a_difference_and_never_an_exception(record: Record) -> None:
    @virtual_time
    async def run() -> None:
        trace = await traced(both_sides)
        for place in range(0, len(trace.records), 3):
            records = [*trace.records[:place], record, *trace.records[place:]]
            replay(msgspec.structs.replace(trace, records=records))
            replay(msgspec.structs.replace(trace, records=[record, *trace.records[place:]]))

    run()


# ---- what is missing -----------------------------------------------------------------------------------------------


async def long(switch: Switch) -> None:
    caller = await Caller.talks(switch)
    for _ in range(30):
        caller.asks("OPTIONS")
        await asyncio.sleep(1)
    caller.asks("BYE")
    await caller.leg.close()


@virtual_time
async def test_of_what_hangs_on_a_gap_it_says_that_it_was_not_compared() -> None:
    trace = await traced(long, Bounds(head_bytes=4096, tail_bytes=8192))
    verdict = replay(trace)
    assert verdict.difference is None
    assert verdict.missing == trace.left_out > 0
    assert verdict.unchecked > 0
    assert verdict.checked + verdict.unchecked == len(trace.records) - 1  # the gap itself


@virtual_time
async def test_a_difference_after_a_gap_is_found_where_it_can_be() -> None:
    trace = await traced(long, Bounds(head_bytes=4096, tail_bytes=8192))
    bye = the(trace, Received, lambda received: cast(Received, received).data.startswith(b"BYE"))
    place = next(place for place in range(bye, len(trace.records)) if isinstance(trace.records[place], Step))
    assert bye > the(trace, Gap)
    found = difference(changed(trace, place, state="PROCEEDING"))
    assert (found.record, found.noted) == (place, "PROCEEDING")


def test_an_empty_trace_replays() -> None:
    assert replay(Trace(1, str(UUID(int=1)), 0.0, [], [], [])).is_same
