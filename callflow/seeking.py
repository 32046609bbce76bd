"""The stage in which somebody waits while somebody else is sought."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from callflow.call import Call
from callflow.facts import CallForwarded, CallPickedUp, ForwardKind, OfferEnd, Outcome, TransferEnd
from callflow.feature_codes import ToFeature
from callflow.inbox import Command, Decline, GiveAway, Substitute, Summon, Take, TakeBack, TransferTo
from callflow.meeting_visit import knock
from callflow.parking import came, summons
from callflow.rescue import come_back, left, tell_end
from callflow.router import Refuse, ToFlow, ToLine
from callflow.search import DIVERSIONS, Search
from callflow.side import Side
from callflow.stages import ABANDONED, Result, Seek, Stage, Talk
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.leg import Diversion, Ended


async def seek(call: Call, stage: Seek) -> Stage:
    """Until somebody is found, nobody can be, or the one who waits has gone."""
    if stage.transfer is not None:
        call.music(stage.waiting.leg)  # until a phone rings
    search = stage.search or Search(
        call,
        stage.waiting,
        stage.route,
        payer=stage.payer,
        forwards=stage.forwards,
        timeout=stage.timeout,
        on_ringing=_ringing(stage),
        diverted_by=stage.diverted_by,
    )
    search.waiting = stage.waiting
    summoned: list[Search] = []
    try:
        return await _await(call, stage, search, summoned)
    finally:
        for each in (search, *summoned):
            await each.stop()


async def _await(call: Call, stage: Seek, search: Search, summoned: list[Search]) -> Stage:
    waiting = stage.waiting
    while True:
        found = (search.found, *(each.found for each in summoned))
        await first_of(*found, waiting.leg.ended, *_transferors_end(stage), call.inbox.ready)
        _let_transferor_go(call, stage)
        if waiting.is_over:
            return _given_up(call, stage)
        if search.found.done():
            return _outcome(call, stage, search)
        if (side := came(summoned)) is not None:
            return await _taken(call, stage, search, side)
        command = call.inbox.take()
        if command is not None and (following := await _obey(call, stage, search, summoned, command)) is not None:
            return following


def _transferors_end(stage: Seek) -> list[asyncio.Future[Ended]]:
    side = stage.transfer.side if stage.transfer is not None else None
    return [side.leg.ended] if side is not None else []


def _let_transferor_go(call: Call, stage: Seek) -> None:
    """A transferor who has hung up is not busy with this call any more."""
    transfer = stage.transfer
    if transfer is not None and transfer.side is not None and transfer.side.is_over:
        call.dismiss(transfer.side)
        transfer.side = None


def _ringing(stage: Seek) -> Callable[[], None]:
    report = stage.transfer.report if stage.transfer is not None else None
    return (lambda: report(180)) if report is not None else (lambda: None)


def _given_up(call: Call, stage: Seek) -> Stage:
    """The one who waited has gone."""
    if stage.transfer is not None:
        tell_end(call, stage.transfer, TransferEnd.GONE, 487)
    return left(call, stage.waiting)


def _outcome(call: Call, stage: Seek, search: Search) -> Stage:
    found = search.take()
    if search.conference is not None:
        return knock(call, stage.waiting, search.conference, stage.transfer)
    if isinstance(found, Side):
        back = replace(stage, search=search) if search.is_undecided else None
        return Talk(one=stage.waiting, other=found, after=stage.transfer, back=back)
    return found if stage.transfer is None else come_back(call, stage.waiting, stage.transfer, found)


async def _obey(call: Call, stage: Seek, search: Search, summoned: list[Search], command: Command) -> Stage | None:
    match command:
        case Take(side=side):
            following = await _taken(call, stage, search, side)
            call.adopts(side)
            command.done()
            return following
        case Summon(by=by):
            summoned.append(summons(call, stage.waiting, by))
            command.done()
            return None
        case Decline(by=by) if by in call.exchange.presence.rung_for(call.call_id):
            call.declined(by)
            command.done()
            return None
        case TakeBack(by=by) if stage.transfer is not None and stage.transfer.by == by and not stage.transfer.told:
            await search.stop()
            command.done()
            tell_end(call, stage.transfer, TransferEnd.CANCELLED, 487)
            return come_back(call, stage.waiting, stage.transfer, ABANDONED)
        case TransferTo(by=by) if by in call.exchange.presence.rung_for(call.call_id):
            return await _deflect(call, stage, search, command)
        case Substitute(out=out, by=by) if out is stage.waiting.leg and by == stage.waiting.extension:
            return _substitute(call, stage, search, command)
        case GiveAway(out=out, by=by, along=False) if out is stage.waiting.leg and by == stage.waiting.extension:
            command.given = stage.route
            command.done()
            return Result(Outcome.ANSWERED)  # not missed: the target is rung for another call now
        case _:
            command.refuse("not_now")
            return None


def _substitute(call: Call, stage: Seek, search: Search, command: Substitute) -> Stage:
    """Another phone of the same person waits from now on."""
    side = command.side
    call.adopts(side)
    call.dismiss(stage.waiting)
    command.done()
    if isinstance(side.leg, InboundLeg):
        side.leg.answer()
    if isinstance(stage.route, ToLine | ToFlow):
        call.music(side.leg)
    else:
        call.ringing_tone(side)
    return replace(stage, waiting=side, search=search.keep())


async def _taken(call: Call, stage: Seek, search: Search, side: Side) -> Stage:
    """Somebody else than the one who is rung takes the call."""
    rung = next(iter(call.exchange.presence.rung_for(call.call_id) - {side.extension}), None)
    await search.stop(OfferEnd.ANSWERED_ELSEWHERE)
    if side.is_over:  # gone in the same moment: ring again
        return stage
    call.tell(CallPickedUp, by=side.extension or "", rung=rung)
    return Talk(one=stage.waiting, other=side, after=stage.transfer)


async def _deflect(call: Call, stage: Seek, search: Search, command: TransferTo) -> Stage | None:
    """R-PHONE-36: whoever is rung sends the call on to another number."""
    if isinstance(command.route, Refuse | ToFeature):
        command.refuse("no_route")
        return None
    await search.stop(OfferEnd.REJECTED)
    goal = call.goal(command.number, command.route)
    call.tell(CallForwarded, kind=ForwardKind.DEFLECTED, by=command.by, original=command.by, **goal)
    call.routed(command.route)
    command.done()
    by = Diversion(call.exchange.identity(command.by), DIVERSIONS[ForwardKind.DEFLECTED])
    return Seek(
        waiting=stage.waiting, route=command.route, payer=command.by, transfer=stage.transfer, diverted_by=by
    )  # fmt: skip
