"""What is noted of a call while it lives, when it is handed over, and what is not noted."""

from __future__ import annotations

import asyncio

from pbx.outbound_leg import Destination
from pbx.sip.message import parse
from pbx.trace.file import DialogMark, Gap, LegTimer, Made, Received, Sent, SessionMark, Step, Trace, decode
from pbx.trace.replay import replay
from pbx.trace.tap import Bounds, Traces
from tests.pbx.peers import Callee, Caller
from tests.pbx.switch import PHONE, SDP, TRUNK, Switch, a_request
from tests.pbx.test_legs import ack, an_arrived_call, in_dialog
from tests.support.virtual_time import virtual_time

LINGER = 33  # seconds: timers H, J, L and M are 32


def only(switch: Switch) -> Trace:
    (trace,) = switch.traces
    return decode(trace)


def start_lines(trace: Trace) -> list[str]:
    """`<` and `>` with what the message is."""
    lines = []
    for record in trace.records:
        if isinstance(record, Received | Sent):
            arrow = "<" if isinstance(record, Received) else ">"
            first = record.data.split(b"\r\n", 1)[0].decode()
            lines.append(f"{arrow} {first.removeprefix('SIP/2.0 ').split(' ')[0]}")
    return lines


async def an_answered_call(switch: Switch) -> None:
    leg = await an_arrived_call(switch)
    leg.ring()
    leg.answer()
    ack(switch, leg)
    switch.hears(in_dialog(leg, "BYE", 3))
    await leg.close()


@virtual_time
async def test_a_call_is_handed_over_when_its_last_transaction_has_ended() -> None:
    switch = Switch()
    await an_answered_call(switch)
    assert switch.traces == []
    await asyncio.sleep(LINGER)
    trace = only(switch)
    assert start_lines(trace) == ["< INVITE", "> 100", "> 180", "> 200", "< ACK", "< BYE", "> 200"]
    assert [leg.outbound for leg in trace.legs] == [False]
    assert trace.flows == [str(PHONE)]
    assert len(switch.tap) == switch.tap.bytes == 0


@virtual_time
async def test_each_step_of_each_machine_is_noted() -> None:
    switch = Switch()
    await an_answered_call(switch)
    await asyncio.sleep(LINGER)
    trace = only(switch)
    assert [record.kind for record in trace.records if isinstance(record, Made)] == ["IS", "NS"]
    assert [(step.given, step.state, step.effects) for step in trace.records if isinstance(step, Step)] == [
        ("respond 100", "PROCEEDING", "send"),
        ("respond 180", "PROCEEDING", "send"),
        ("respond 200", "ACCEPTED", "send +L32.0"),
        ("respond 200", "COMPLETED", "send +J32.0"),
        ("L", "TERMINATED", "end:done"),
        ("J", "TERMINATED", "end:done"),
    ]


@virtual_time
async def test_what_dialog_and_session_became_is_noted() -> None:
    switch = Switch()
    await an_answered_call(switch)
    await asyncio.sleep(LINGER)
    trace = only(switch)
    dialogs = [(mark.state, mark.remote_cseq) for mark in trace.records if isinstance(mark, DialogMark)]
    assert dialogs == [("confirmed", 2), ("terminated", 3)]
    (session,) = (mark.words for mark in trace.records if isinstance(mark, SessionMark))
    assert session == ["PCMU/0", "digits 101", "to 192.0.2.11:30000", "sendrecv"]


@virtual_time
async def test_the_timer_that_sends_a_200_again_is_noted() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.answer()
    await asyncio.sleep(0.6)
    ack(switch, leg)
    await leg.close()
    await asyncio.sleep(LINGER)
    # Nobody answers our BYE: it is sent until timer F.
    trace = only(switch)
    assert [record.name for record in trace.records if isinstance(record, LegTimer)] == ["2xx"]
    answers = [record.data for record in trace.records if isinstance(record, Sent) and b" 200 " in record.data[:12]]
    assert answers[0] == answers[1]


@virtual_time
async def test_a_call_that_comes_back_under_its_call_id_is_told_apart_from_a_difference() -> None:
    """A proxy of the provider leads our call back to us, to another number."""
    switch = Switch()
    callee = await Callee.is_called(switch, Destination("sip:1003@198.51.100.5", TRUNK, "1003"))
    callee.says(180)
    switch.hears(a_request("INVITE", sip_call_id=callee.sip_call_id, body=SDP), TRUNK)
    (back,) = switch.calls
    callee.leg.hang_up()
    callee.answers(callee.heard("CANCEL")[0], 200)
    callee.says(487)
    for leg in (back, callee.leg):
        await leg.close()
    await asyncio.sleep(LINGER)
    verdict = replay(only(switch))
    assert (verdict.difference, verdict.missing, switch.tap.left_out) == (None, 1, 1)
    assert verdict.unchecked > 0
    assert len(switch.tap) == switch.tap.bytes == 0


@virtual_time
async def test_a_stranger_leaves_no_trace() -> None:
    switch = Switch()
    switch.hears(a_request("INVITE", body=SDP))
    switch.hears(a_request("OPTIONS"))
    assert len(switch.tap) == 0
    await asyncio.sleep(LINGER)
    assert switch.traces == []


@virtual_time
async def test_a_send_that_fails_is_noted_as_such() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    switch.sender.broken = True
    leg.ring()
    await leg.close()
    await asyncio.sleep(LINGER)
    failed = [record for record in only(switch).records if isinstance(record, Sent) and record.failed]
    assert parse(failed[0].data).headers.get("CSeq") == "2 INVITE"


@virtual_time
async def test_beyond_its_bound_a_call_keeps_its_beginning_and_its_end() -> None:
    switch = Switch()
    switch.tap.bounds = Bounds(head_bytes=2048, tail_bytes=1024)
    await an_answered_call(switch)
    await asyncio.sleep(LINGER)
    trace = only(switch)
    (gap,) = (record for record in trace.records if isinstance(record, Gap))
    assert start_lines(trace) == ["< INVITE", "> 100", "> 200"]
    assert gap.count == trace.left_out > 4
    assert [record.given for record in trace.records[-2:] if isinstance(record, Step)] == ["L", "J"]


@virtual_time
async def test_what_a_call_holds_is_bounded_by_bytes() -> None:
    switch = Switch()
    switch.tap.bounds = Bounds(head_bytes=4096, tail_bytes=2048)
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    caller.acknowledges()
    for _ in range(50):
        caller.asks("OPTIONS")
    assert 4096 < switch.tap.bytes <= 4096 + 2048
    assert decode(switch.tap.live(caller.leg.call_id) or b"").left_out > 100
    await caller.leg.close()


@virtual_time
async def test_when_all_memory_is_taken_only_the_end_of_running_calls_is_lost() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    switch.tap.bounds = Bounds(all_bytes=switch.tap.bytes)
    leg.ring()
    await leg.close()
    await asyncio.sleep(LINGER)
    trace = only(switch)
    assert start_lines(trace)[0] == "< INVITE"
    assert trace.left_out > 0
    assert switch.tap.bytes == 0


@virtual_time
async def test_beyond_its_bounds_no_further_call_is_noted() -> None:
    for bounds in (Bounds(calls=0), Bounds(all_bytes=0)):
        switch = Switch()
        switch.tap.bounds = bounds
        await an_answered_call(switch)
        await asyncio.sleep(LINGER)
        assert (switch.traces, switch.tap.left_out) == ([], 1)


@virtual_time
async def test_a_live_call_can_be_looked_at_and_what_is_left_at_the_end_is_handed_over() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    live = switch.tap.live(leg.call_id)
    assert live is not None
    assert start_lines(decode(live)) == ["< INVITE", "> 100"]
    switch.tap.close()
    assert start_lines(only(switch)) == ["< INVITE", "> 100"]
    await leg.close()
    await asyncio.sleep(LINGER)
    assert len(switch.traces) == 1


@virtual_time
async def test_without_somebody_who_keeps_it_nothing_is_noted() -> None:
    tap = Traces(asyncio.get_running_loop().time)
    switch = Switch()
    switch.transactions.traces = tap
    await an_answered_call(switch)
    assert len(tap) == 0
