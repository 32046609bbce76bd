"""Ring one extension, on all its phones, until somebody answers or there is a reason to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING
from uuid import UUID

from uuid_utils.compat import uuid7

from callflow import facts
from callflow.facts import OfferEnd
from callflow.side import Side
from callflow.waiting import first_of
from pbx.leg import Diversion, Identity, Leg, LegEnd
from pbx.leg.leg import MAX_FORWARDS
from pbx.media.client import NoMedia
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.sip.offer_answer import Codec
from pbx.sip.reason import ANSWERED_ELSEWHERE
from pbx.transactions import Overloaded

if TYPE_CHECKING:
    from callflow.call import Call

DECLINED = 603  # the panel's word for a phone that still rang


@dataclass(frozen=True, slots=True)
class Rung:
    """`leg` answered, or None and the reason why nobody did. `redirected`: numbers that a phone named instead."""

    leg: OutboundLeg | None
    reason: OfferEnd | None = None
    status: int | None = None
    redirected: tuple[str, ...] = ()
    offer: UUID | None = None

    def side(self, extension: str | None, shown: Identity) -> Side:
        assert self.leg is not None
        return Side(self.leg, extension, shown, self.offer)


async def ring_extension(
    call: Call,
    extension: str,
    *,
    caller: Identity,
    codecs: Sequence[Codec],
    near: Leg | None,
    timeout: float,
    on_ringing: Callable[[], None] = lambda: None,
    withdrawn: Callable[[], OfferEnd] = lambda: OfferEnd.CANCELLED,
    auto_answer: bool = False,
    diverted_by: Diversion | None = None,
) -> Rung:
    """Offer the call to an agent. `near`: the leg of who waits. `withdrawn` says why, should this be cancelled.
    `auto_answer` asks the phones to take it by themselves. `diverted_by`: who sent the call on to this agent."""
    phones = call.exchange.user_agent.phones_of(extension)
    if not phones:
        return Rung(None, OfferEnd.UNREACHABLE, 480)
    offer = uuid7()
    call.tell(facts.CallOffered, leg=offer, extension=extension)
    rings = telling(lambda: call.tell(facts.CallRinging, leg=offer, extension=extension), on_ringing)
    try:
        with call.exchange.presence.rings(extension, call.call_id):
            rung = await ring(
                call, phones, caller=caller, codecs=codecs, near=near, timeout=timeout, on_ringing=rings,
                agent=extension, withdrawn=withdrawn, auto_answer=auto_answer, diverted_by=diverted_by,
            )  # fmt: skip
    except asyncio.CancelledError:
        call.tell(facts.OfferEnded, leg=offer, extension=extension, reason=withdrawn(), sip_status=487)
        raise
    if rung.reason is not None:
        call.tell(facts.OfferEnded, leg=offer, extension=extension, reason=rung.reason, sip_status=rung.status)
    return replace(rung, offer=offer)


def telling(first: Callable[[], None], then: Callable[[], None]) -> Callable[[], None]:
    """What is called whenever something rings: `first` only the first time."""
    told = False

    def rings() -> None:
        nonlocal told
        if not told:
            told = True
            first()
        then()

    return rings


async def ring(
    call: Call,
    destinations: Sequence[Destination],
    *,
    caller: Identity,
    codecs: Sequence[Codec],
    near: Leg | None,
    timeout: float,
    on_ringing: Callable[[], None],
    agent: str | None,
    withdrawn: Callable[[], OfferEnd] = lambda: OfferEnd.CANCELLED,
    auto_answer: bool = False,
    diverted_by: Diversion | None = None,
) -> Rung:
    """All destinations at once; the first to answer wins, the others are cancelled."""
    legs: list[OutboundLeg] = []
    winner: OutboundLeg | None = None
    try:
        for destination in destinations:
            leg = call.exchange.user_agent.leg_to(
                destination, call_id=call.call_id, caller=caller, auto_answer=auto_answer, diverted_by=diverted_by,
                max_forwards=near.max_forwards if near is not None else MAX_FORWARDS,
            )  # fmt: skip
            legs.append(leg)
            call.takes(leg, agent)
            leg.on_ringing = on_ringing
            await leg.open_media(near)
            leg.dial(codecs)
        winner = await first_answer(legs, timeout, call.exchange.rules.phone_patience)
    except (NoMedia, Overloaded):
        return Rung(None, OfferEnd.FAILED, 503)
    finally:
        # Nothing is awaited from here on, so that a winner cannot be lost to a cancellation. RFC 3326 §3.1: a phone
        # that is told that another one took the call does not count it as missed.
        elsewhere = winner is not None or withdrawn() is OfferEnd.ANSWERED_ELSEWHERE
        for leg in legs:
            leg.on_ringing = None
            if leg is not winner:
                call.lets_go(leg, ANSWERED_ELSEWHERE if elsewhere else None)
    return Rung(winner) if winner is not None else why(legs)


async def first_answer(legs: Sequence[OutboundLeg], timeout: float, patience: float = inf) -> OutboundLeg | None:
    """The first leg that is answered; None when all are over, or after `timeout` seconds. Legs that have given no sign
    of life after `patience` seconds are ended: a phone that is gone must not cost the caller the whole ring time."""
    begun = asyncio.get_running_loop().time()
    deadline = begun + min(timeout, patience)
    while True:
        for leg in legs:
            if leg.answered.done() and not leg.is_over:
                return leg
        if any(leg.is_over and _decides(leg) for leg in legs):
            return None
        alive = [leg for leg in legs if not leg.is_over]
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0 and deadline < begun + timeout:
            deadline = begun + timeout
            for leg in alive:
                if not leg.heard.done():
                    leg.forsake()
            continue
        if not alive or left <= 0:
            return None
        await first_of(*(leg.answered for leg in alive), *(leg.ended for leg in alive), timeout=left)


def _decides(leg: OutboundLeg) -> bool:
    """A person has decided at that phone, for all phones of theirs: sent the call on, declined it, or does not want it
    anywhere (RFC 3261 §16.7 step 5: on a 6xx "it cancels any outstanding client transactions")."""
    end = leg.ended.result()
    return bool(leg.redirected) or (end.reason is LegEnd.REFUSED and (end.status or DECLINED) >= 600)


def why(legs: Sequence[OutboundLeg]) -> Rung:
    """Nobody answered: the one reason that is told."""
    if redirected := _redirected(legs):
        return Rung(None, OfferEnd.REJECTED, 480, redirected)
    ends = [leg.ended.result() for leg in legs]
    decided = any(end.reason is LegEnd.REFUSED and (end.status or DECLINED) >= 600 for end in ends)
    # By us: the time to ring was over.
    if not decided and any(leg.heard.done() and leg.ended.result().reason is LegEnd.HUNG_UP for leg in legs):
        return Rung(None, OfferEnd.NO_ANSWER, 480)
    refusals = [end.status or DECLINED for end in ends if end.reason is LegEnd.REFUSED]
    if any(end.reason is LegEnd.BYE for end in ends):  # answered, and gone in the same moment
        return Rung(None, OfferEnd.REJECTED, 480)
    if not refusals:
        return Rung(None, OfferEnd.UNREACHABLE, 480)
    # A person's "no" outranks a device that was merely busy or absent.
    status = max(refusals, key=lambda status: (status >= 600, status in (486, 480, 487), -status))
    if status in (486, 600):
        return Rung(None, OfferEnd.BUSY, status)
    if status in (480, 487, 603, 403):
        return Rung(None, OfferEnd.REJECTED, status)
    return Rung(None, OfferEnd.FAILED, status)


def _redirected(legs: Sequence[OutboundLeg]) -> tuple[str, ...]:
    """Where the first phone that named another number (3xx) wants the call to go."""
    return next((leg.redirected for leg in legs if leg.redirected), ())
