"""Changes of ours before the answer: only by UPDATE, and only once the session is agreed upon (RFC 3311 §5.1)."""

from __future__ import annotations

import asyncio

from pbx.sip.offer_answer import Direction
from tests.pbx.peers import Callee, Caller, Peer, reliable
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

ABLE = ["Supported: 100rel", "Allow: INVITE, PRACK, UPDATE"]


async def asks_to_hold(peer: Peer) -> asyncio.Task[bool]:
    task = asyncio.get_running_loop().create_task(peer.leg.renegotiate(Direction.SENDONLY))
    await asyncio.sleep(0)
    return task


def acknowledges_ringing(caller: Caller, *, body: str = "") -> None:
    ringing = caller.provisionals()[-1]
    rack = f"RAck: {ringing.headers.get('RSeq')} {ringing.cseq.number} INVITE"
    assert caller.asks("PRACK", headers=[rack], body=body).status == 200


@virtual_time
async def test_a_caller_that_hears_us_already_is_asked_by_update() -> None:
    caller = await Caller.calls(Switch(), headers=ABLE)
    caller.inbound.ring(early_media=True)
    acknowledges_ringing(caller)
    task = await asks_to_hold(caller)
    (update,) = caller.heard("UPDATE")
    assert b"a=sendonly" in update.body
    caller.answers(update, 200, body=SDP)
    assert await task
    assert caller.told("direction") == "sendonly"


@virtual_time
async def test_a_callee_that_we_hear_already_is_asked_by_update() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(183, headers=[*reliable(1), ("Allow", "INVITE, UPDATE")], body=SDP)
    task = await asks_to_hold(callee)
    (update,) = callee.heard("UPDATE")
    callee.answers(update, 200, body=SDP)
    assert await task
    callee.says(200)
    assert callee.outbound.answered.done()


@virtual_time
async def test_a_caller_that_takes_no_update_is_not_asked() -> None:
    caller = await Caller.calls(Switch(), headers=["Supported: 100rel"])
    caller.inbound.ring(early_media=True)
    acknowledges_ringing(caller)
    assert not await caller.leg.renegotiate(Direction.SENDONLY)
    assert caller.heard("UPDATE") == []


@virtual_time
async def test_a_caller_whose_offer_is_not_answered_yet_is_not_asked() -> None:
    caller = await Caller.calls(Switch(), headers=ABLE)
    caller.inbound.ring()
    assert not await caller.leg.renegotiate(Direction.SENDONLY)
    assert caller.heard("UPDATE") == []


@virtual_time
async def test_a_caller_that_may_not_have_our_answer_yet_is_not_asked() -> None:
    caller = await Caller.calls(Switch(), headers=["Allow: INVITE, UPDATE"])
    caller.inbound.ring(early_media=True)
    assert not await caller.leg.renegotiate(Direction.SENDONLY)
    assert caller.heard("UPDATE") == []


@virtual_time
async def test_a_caller_that_owes_us_an_answer_is_not_asked_before_its_prack() -> None:
    caller = await Caller.calls(Switch(), headers=ABLE, body="")
    caller.inbound.ring(early_media=True)
    assert not await caller.leg.renegotiate(Direction.SENDONLY)
    acknowledges_ringing(caller, body=SDP)
    await asks_to_hold(caller)
    assert len(caller.heard("UPDATE")) == 1


@virtual_time
async def test_an_update_that_is_refused_before_the_answer_is_not_sent_as_a_reinvite() -> None:
    caller = await Caller.calls(Switch(), headers=ABLE)
    caller.inbound.ring(early_media=True)
    acknowledges_ringing(caller)
    task = await asks_to_hold(caller)
    caller.answers(caller.heard("UPDATE")[0], 405)
    assert not await task
    assert caller.heard("INVITE") == []


@virtual_time
async def test_whoever_watches_hears_once_that_it_rings() -> None:
    caller = await Caller.calls(Switch())
    changes: list[object] = []
    caller.leg.on_changed(changes.append)
    caller.inbound.ring()
    caller.inbound.ring(early_media=True)
    assert changes == [caller.leg]
