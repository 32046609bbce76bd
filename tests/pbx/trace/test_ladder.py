"""The ladder of a trace: who sent what to whom, in which order, and nothing that a screen would obey."""

from __future__ import annotations

import asyncio

from pbx.trace.file import LegHead, Received, Sent, Trace, decode
from pbx.trace.ladder import Ladder, ladder, shown_text
from pbx.trace.tap import Bounds
from tests.pbx.peers import Caller
from tests.pbx.switch import Switch, a_request
from tests.pbx.trace.test_replay import both_sides, long, sent_again, traced
from tests.support.virtual_time import virtual_time


def drawn(shown: Ladder) -> list[str]:
    """The place of the other end, the way, the title."""
    return [f"{arrow.side} {'<' if arrow.inward else '>'} {arrow.title}" for arrow in shown.arrows]


@virtual_time
async def test_a_call_of_two_legs_is_drawn_in_order() -> None:
    shown = ladder(await traced(both_sides))
    assert [(side.name, side.outbound) for side in shown.sides] == [("1001", False), ("1002", True)]
    assert shown.sides[0].address == "udp:192.0.2.11:5062"
    assert drawn(shown) == [
        "0 < INVITE + SDP",
        "0 > 100 Trying (INVITE)",
        "1 > INVITE + SDP",
        "1 < 180 Ringing (INVITE)",
        "0 > 180 Ringing (INVITE)",
        "1 < 200 OK (INVITE) + SDP",
        "1 > ACK",
        "0 > 200 OK (INVITE) + SDP",
        "0 < ACK",
        "1 < BYE",
        "1 > 200 OK (BYE)",
        "0 > BYE",
        "0 < 200 OK (BYE)",
    ]


@virtual_time
async def test_what_is_sent_or_comes_again_is_marked() -> None:
    shown = ladder(await traced(sent_again))
    assert [arrow.title for arrow in shown.arrows if arrow.again] == [
        "INVITE + SDP", "INVITE + SDP", "200 OK (INVITE) + SDP", "ACK", "BYE", "BYE",
    ]  # fmt: skip


@virtual_time
async def test_a_message_that_could_not_be_sent_is_marked() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    switch.sender.broken = True
    caller.inbound.ring()
    await caller.leg.close()
    await asyncio.sleep(40)
    assert [arrow.failed for arrow in ladder(decode(switch.traces[0])).arrows[:3]] == [False, False, True]


@virtual_time
async def test_what_is_missing_is_told_where_it_is_missing() -> None:
    trace = await traced(long, Bounds(head_bytes=4096, tail_bytes=8192))
    (after,) = (arrow for arrow in ladder(trace).arrows if arrow.missing)
    assert after.missing == trace.left_out


def test_hostile_text_is_made_harmless() -> None:
    hostile = a_request("INVITE").replace("<sip:1001@", '"\x1b[2J\x07 \u202e" <sip:\x1b]0;x@').encode()
    text = shown_text(hostile + b"\x1b[31m\r\n\xff\xfe")
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert text.startswith("INVITE sip:1002@example.com SIP/2.0\nVia: ")


def test_a_trace_of_nonsense_is_drawn_all_the_same() -> None:
    trace = Trace(
        1, "x", 0.0, [LegHead("l", "c", False)], [], [Received(0.0, 0, 9, b"\x00"), Sent(0.0, 0, 0, b"SIP/2.0 nine", 0)]
    )
    shown = ladder(trace)
    assert [arrow.title for arrow in shown.arrows] == ["?", "?"]
    assert shown.sides[0].name == "?"
