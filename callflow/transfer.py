"""How a talk turns into something else: a transfer, a consultation, a parked call, a call joined with another."""

from __future__ import annotations

from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.facts import Outcome, TransferKind, TransferStarted
from callflow.feature_codes import Feature, ToFeature
from callflow.inbox import ConsultWith, GiveAway, ParkAt, Substitute, TransferTo
from callflow.parking import free_orbit
from callflow.router import Refuse, Route, ToExtension
from callflow.side import Side
from callflow.stages import Consult, Parked, Result, Seek, Stage, Talk, Transfer


def begin_transfer(call: Call, command: TransferTo, mine: Side, theirs: Side) -> Stage | None:
    """Unannounced, by a person's command: the transferor is free at once, and rung again if nobody takes it."""
    if isinstance(command.route, ToFeature) and command.route.feature is Feature.PARK:
        orbit = free_orbit(call, command.route.argument or None)
        if orbit is None:
            command.refuse("orbit_taken")
            return None
        command.done()
        return hand_to_orbit(call, mine, theirs, orbit)
    if (reason := why_not(command.route, mine, theirs)) is not None:
        command.refuse(reason)
        return None
    transfer = start(call, TransferKind.BLIND, mine, command.number, command.route)
    command.done()
    call.unjoin(mine, theirs)
    call.end_segment()
    call.lets_go(mine.leg)
    timeout = call.exchange.rules.transfer_timeout
    return Seek(waiting=theirs, route=command.route, payer=command.by, transfer=transfer, timeout=timeout)


def begin_consultation(call: Call, command: ConsultWith, mine: Side, theirs: Side) -> Stage | None:
    if (reason := why_not(command.route, mine, theirs)) is not None:
        command.refuse(reason)
        return None
    transfer = start(call, TransferKind.ATTENDED, mine, command.number, command.route)
    command.done()
    return Consult(customer=theirs, agent=mine, route=command.route, transfer=transfer)


def begin_parking(call: Call, command: ParkAt, mine: Side, theirs: Side) -> Stage | None:
    orbit = free_orbit(call, command.orbit)
    if orbit is None:
        command.refuse("orbit_taken")
        return None
    command.done()
    return hand_to_orbit(call, mine, theirs, orbit)


def hand_to_orbit(call: Call, mine: Side, theirs: Side, orbit: str) -> Stage:
    call.unjoin(mine, theirs)
    call.end_segment()
    call.dismiss(mine)
    return Parked(waiting=theirs, orbit=orbit, by=mine.extension or "")


def why_not(route: Route, mine: Side, theirs: Side) -> str | None:
    """Why nobody can be handed on there, as a key of `ControlRefused`; None: it can be tried."""
    match route:
        case Refuse(outcome=Outcome.FORBIDDEN):
            return "forbidden"
        case Refuse() | ToFeature():
            return "no_route"
        case ToExtension(number) if number in (mine.extension, theirs.extension):
            return "same_number"  # to oneself, or to the one who is being handed on
        case _:
            return None


def start(call: Call, kind: TransferKind, by: Side, number: str, route: Route) -> Transfer:
    transfer = Transfer(id=uuid7(), by=by.extension or "")
    call.tell(TransferStarted, transfer=transfer.id, kind=kind, by=transfer.by, **call.goal(number, route))
    if kind is TransferKind.BLIND:
        call.routed(route)
    return transfer


# ---- two calls become one ------------------------------------------------------------------------------------------


def partner_of(stage: Talk, command: GiveAway | Substitute) -> tuple[Side, Side] | None:
    """The side that owns `out`, and who talks with it; None when that leg is not here, or not that person's."""
    for out, partner in ((stage.one, stage.other), (stage.other, stage.one)):
        if out.leg is command.out and out.extension == command.by:
            return out, partner
    return None


def give_away(call: Call, stage: Talk, command: GiveAway) -> Stage | None:
    """Another call takes over who talks here with `out`."""
    found = partner_of(stage, command)
    if found is None:
        command.refuse("forbidden")
        return None
    out, partner = found
    call.unjoin(out, partner)
    call.end_segment()
    call.gives(partner.leg)
    call.dismiss(out)
    command.given = partner
    command.done()
    return Result(Outcome.ANSWERED)


def substitute(call: Call, stage: Talk, command: Substitute) -> Stage | None:
    """Another leg takes the place of `out`."""
    found = partner_of(stage, command)
    if found is None:
        command.refuse("forbidden")
        return None
    out, partner = found
    call.unjoin(out, partner)
    call.adopts(command.side)
    command.done()
    transfer = None
    if command.side.extension != out.extension:
        target = partner.shown.number if partner.extension is None else partner.extension
        transfer = Transfer(id=uuid7(), by=out.extension or "", other_call=command.other_call, side=out)
        goal = {"target": target} if partner.extension else {"party": call.introduce(partner.shown)}
        call.tell(TransferStarted, transfer=transfer.id, kind=TransferKind.ATTENDED, by=transfer.by, **goal)
    else:
        call.dismiss(out)
    return Talk(one=command.side, other=partner, after=transfer)
