"""Every way to an outside number: a dialled call, a transfer, a forward, a click.

The trunks of a route are tried one after the other, never two at once: those that live first, within a tier by weight.
The next one is tried while nobody has rung, when a trunk has no channel left, cannot be reached, gives no sign of life
within its patience, or answers that it cannot carry the call (5xx, and what its plan names).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from callflow.agent_leg import Rung, first_answer, why
from callflow.call import Call
from callflow.facts import CallRouted
from callflow.facts import Target as RoutedTo
from callflow.numbers import translate
from callflow.permissions import Permit
from callflow.router import ToTrunk, TrunkPlan
from callflow.waiting import first_of
from pbx.leg import Identity, Leg, LegEnd
from pbx.leg.leg import MAX_FORWARDS
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.sip.location import Target
from pbx.sip.offer_answer import Codec
from pbx.trunks.health import IN_TROUBLE
from pbx.trunks.trunk import Trunk

log = structlog.get_logger("callflow.outside")

MAX_SERVERS = 4  # of one provider that are tried for one call

_draw = random.SystemRandom().random


@dataclass(frozen=True, slots=True, kw_only=True)
class Outward:
    """What a call to the outside shows and how it is heard. Times in seconds. `near`: the leg of who waits, if anybody.
    `extension`: whose number is shown; None: that of somebody from outside."""

    near: Leg | None
    shown: Identity
    extension: str | None
    codecs: Sequence[Codec]
    timeout: float  # of ringing, from the first trunk on
    on_ringing: Callable[[], None]
    on_early_media: Callable[[Leg], None]

    @property
    def max_forwards(self) -> int:
        return self.near.max_forwards if self.near is not None else MAX_FORWARDS


def in_order(
    tiers: Sequence[Sequence[TrunkPlan]], is_up: Callable[[str], bool], draw: Callable[[], float]
) -> Iterator[TrunkPlan]:
    """The trunks as they are tried. Within a tier each goes first in proportion to its weight; what is down goes last.
    `draw()`: from 0 to below 1. Pure."""
    chosen = [
        plan for tier in tiers for plan in sorted(tier, key=lambda plan: draw() ** (1 / plan.weight), reverse=True)
    ]
    yield from sorted(chosen, key=lambda plan: not is_up(plan.name))


async def ring_outside(call: Call, route: ToTrunk, outward: Outward) -> Rung | None:
    """Ring an outside number. None: no trunk could carry the call."""
    trunks = call.exchange.trunks
    deadline = asyncio.get_running_loop().time() + outward.timeout
    last = route.trunk.name
    for plan in in_order(route.tiers, lambda name: trunks[name].up, _draw):
        trunk = trunks[plan.name]
        if not trunk.has_room_out:
            log.info("trunk full", call_id=str(call.call_id), trunk=plan.name)
            continue
        if plan.name != last:
            call.tell(CallRouted, target=RoutedTo.TRUNK, number=plan.name)
            last = plan.name
        rung = await _through(call, route, trunk, plan, outward, deadline)
        if rung is not None:
            return rung
    return None


async def _through(
    call: Call, route: ToTrunk, trunk: Trunk, plan: TrunkPlan, outward: Outward, deadline: float
) -> Rung | None:
    """By one trunk, at one of its servers after the other. None: the next trunk."""
    targets = trunk.targets() or await trunk.locate()
    for target in targets[:MAX_SERVERS]:
        destination = await _destination(call, route, trunk, plan, target, outward)
        if destination is None:
            trunk.silent(target)
            continue
        try:
            return await _at(call, trunk, plan, target, destination, outward, deadline)
        except _NotCarried as failed:
            log.warning("trunk did not carry", call_id=str(call.call_id), trunk=plan.name, status=failed.status)
            if failed.status in plan.fail_over and failed.status not in IN_TROUBLE:
                return None  # an answer to who we are, not to where we asked
    return None


async def _destination(
    call: Call, route: ToTrunk, trunk: Trunk, plan: TrunkPlan, target: Target, outward: Outward
) -> Destination | None:
    """None when there is no way to that server."""
    exchange = call.exchange
    try:
        flow = await trunk.flow_to(target)
    except OSError as error:
        log.warning("trunk not reached", call_id=str(call.call_id), trunk=plan.name, error=str(error))
        return None
    shown = exchange.caller_ids.shown(
        plan,
        outward.shown,
        extension=outward.extension,
        line=call.for_line,
        withheld=route.withheld,
        of_list=call.shows,
    )
    return trunk.destination(target, flow, translate(plan.called_out, route.number), shown)


class _NotCarried(Exception):
    """The trunk could not carry the call; nobody was reached. `status`: what it answered, None for nothing."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


async def _at(
    call: Call,
    trunk: Trunk,
    plan: TrunkPlan,
    target: Target,
    destination: Destination,
    outward: Outward,
    deadline: float,
) -> Rung:
    """Ring there. Raises _NotCarried, NoMedia, Overloaded."""
    leg = call.exchange.user_agent.leg_to(
        destination, call_id=call.call_id, caller=outward.shown, max_forwards=outward.max_forwards
    )
    call.takes(leg, None)
    trunk.carries(leg, inward=False)
    leg.on_ringing = outward.on_ringing
    leg.on_early_media = lambda: outward.on_early_media(leg)
    winner: OutboundLeg | None = None
    try:
        await leg.open_media(outward.near)
        leg.dial(outward.codecs)
        await first_of(leg.heard, leg.ended, timeout=trunk.settings.patience)
        if not leg.heard.done():
            leg.forsake()  # never two trunks at once
        else:
            winner = await first_answer([leg], deadline - asyncio.get_running_loop().time())
    finally:
        # Nothing is awaited from here on, so that a winner cannot be lost to a cancellation.
        leg.on_ringing = leg.on_early_media = None
        if winner is None:
            call.lets_go(leg)
    status = leg.ended.result().status if leg.is_over else None
    _judge(trunk, target, leg, status)
    if winner is not None:
        return Rung(winner)
    if not leg.rang and _is_not_carried(leg, status, plan):
        raise _NotCarried(status)
    return why([leg])


def _judge(trunk: Trunk, target: Target, leg: OutboundLeg, status: int | None) -> None:
    if leg.heard.done() and status not in IN_TROUBLE:
        trunk.heard(target)
    else:
        trunk.silent(target)


def _is_not_carried(leg: OutboundLeg, status: int | None, plan: TrunkPlan) -> bool:
    end = leg.ended.result().reason
    if end in (LegEnd.TIMEOUT, LegEnd.UNREACHABLE) or not leg.heard.done():
        return True
    return end is LegEnd.REFUSED and status is not None and (500 <= status < 600 or status in plan.fail_over)


def charge(call: Call, leg: Leg, permit: Permit) -> None:
    """The payer's account is charged until the leg is over; and when it is spent, the leg is over."""
    clock, loop = call.exchange.clock, asyncio.get_running_loop()
    if permit.seconds_left is not None:
        spent = loop.call_later(permit.seconds_left, leg.hang_up)
        leg.on_released(lambda _: spent.cancel())
    leg.on_released(lambda _: permit.end(clock.now()))
