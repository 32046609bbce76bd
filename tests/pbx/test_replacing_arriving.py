"""An INVITE with Replaces at the door: which leg it means, and what is no leg that can be replaced (RFC 3891 §3)."""

from __future__ import annotations

from itertools import count

import pytest

from pbx.sip.reply import reply
from tests.pbx.peers import Callee, Caller, Peer, local_tag
from tests.pbx.switch import SDP, Switch, a_request
from tests.support.virtual_time import virtual_time

NUMBERS = count()
SIDES = pytest.mark.parametrize("side", [Caller, Callee])


def arrives(switch: Switch, replaces: str) -> int | None:
    """The status that the INVITE gets at once; None: it is taken, and waits."""
    number = next(NUMBERS)
    text = a_request(
        "INVITE",
        "sip:1009@example.com",
        sip_call_id=f"another-{number}",
        branch=f"z9hG4bKanother{number}",
        headers=f"Replaces: {replaces}\r\n",
        body=SDP,
    )
    switch.hears_authenticated(text)
    status = switch.statuses[-1]
    return None if status == 100 else status


def dialog(peer: Peer, *, swapped: bool = False, flags: str = "") -> str:
    ours, theirs = local_tag(peer.leg), peer.tag
    if swapped:
        ours, theirs = theirs, ours
    return f"{peer.sip_call_id};to-tag={ours};from-tag={theirs}{flags}"


@pytest.mark.parametrize("swapped", [False, True])
@SIDES
@virtual_time
async def test_an_answered_leg_is_found_by_both_orders_of_the_tags(side: type[Caller | Callee], swapped: bool) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    assert arrives(switch, dialog(peer, swapped=swapped)) is None
    assert switch.calls[-1].arrival.replaces is peer.leg


@virtual_time
async def test_of_two_dialogs_the_named_one_is_meant() -> None:
    switch = Switch()
    first, second = await Callee.talks(switch), await Callee.talks(switch)
    assert arrives(switch, dialog(second)) is None
    assert switch.calls[-1].arrival.replaces is second.leg
    assert not first.leg.is_over


@virtual_time
async def test_a_leg_that_we_ring_may_be_replaced() -> None:
    """A pickup: "early-only" and without."""
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.says(180)
    for flags in ("", ";early-only"):
        assert arrives(switch, dialog(callee, flags=flags)) is None
        assert switch.calls[-1].arrival.replaces is callee.leg
        switch.calls[-1].refuse(603)
    callee.says(486)


@virtual_time
async def test_a_leg_that_rings_for_its_caller_may_not() -> None:
    """§3: "If the Replaces header field matches an early dialog that was not initiated by this UA, it returns a
    481"."""
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.ring()
    assert arrives(switch, dialog(caller)) == 481
    assert not caller.leg.is_over


@SIDES
@virtual_time
async def test_early_only_spares_who_has_answered(side: type[Caller | Callee]) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    assert arrives(switch, dialog(peer, flags=";early-only")) == 486
    assert not peer.leg.is_over


@virtual_time
async def test_a_call_that_is_over_but_still_known_is_603() -> None:
    """Between our BYE and its answer."""
    switch = Switch()
    peer = await Callee.talks(switch)
    peer.leg.hang_up()
    assert arrives(switch, dialog(peer)) == 603
    switch.hears(reply(peer.heard("BYE")[0], 200), peer.flow)


@pytest.mark.parametrize(
    "wrong",
    [
        "nobody;to-tag={ours};from-tag={theirs}",
        "{call};to-tag={ours};from-tag=wrong",
        "{call};to-tag=wrong;from-tag={theirs}",
        "{call};to-tag=0;from-tag={theirs}",
    ],
)
@virtual_time
async def test_all_three_parts_must_fit(wrong: str) -> None:
    switch = Switch()
    peer = await Callee.talks(switch)
    named = wrong.format(call=peer.sip_call_id, ours=local_tag(peer.leg), theirs=peer.tag)
    assert arrives(switch, named) == 481
