"""How a talk turns into something else: a transfer, a consultation, a parked call, a call joined with another."""

from __future__ import annotations

from dataclasses import replace

from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.facts import Outcome, TransferKind, TransferStarted
from callflow.feature_codes import Feature, ToFeature
from callflow.inbox import ConsultWith, GiveAway, ParkAt, Refer, Substitute, TransferTo
from callflow.parking import free_orbit
from callflow.rescue import complete
from callflow.router import Refuse, Route, ToConference, ToExtension, ToFlow, ToLine, ToMenu
from callflow.side import Side
from callflow.stages import Consult, Parked, Result, Seek, Stage, Talk, Transfer


def begin_transfer(call: Call, command: TransferTo, mine: Side, theirs: Side) -> Stage | None:
    """Unannounced. Who asked by a command is free at once, and rung again if nobody takes it; a phone that asked stays
    until it has heard how it went, and gets the other one back where it can."""
    if isinstance(command.route, ToFeature) and command.route.feature is Feature.PARK:
        orbit = free_orbit(call, command.route.argument or None)
        if orbit is None:
            command.refuse("orbit_taken")
            return None
        command.done()
        if isinstance(command, Refer):
            command.referral.progress(200)
        return hand_to_orbit(call, mine, theirs, orbit)
    if (reason := why_not(command.route, mine, theirs)) is not None:
        command.refuse(reason)
        return None
    transfer = start(call, TransferKind.BLIND, mine, command.number, command.route)
    command.done()
    call.unjoin(mine, theirs)
    call.end_segment()
    if isinstance(command, Refer):
        transfer.side, transfer.report = mine, command.referral.progress
    else:
        call.lets_go(mine.leg)
    if isinstance(command.route, ToLine | ToMenu | ToFlow):
        # They take everybody at once; how long somebody waits there is not the transferor's business.
        complete(call, transfer)
    timeout = call.exchange.rules.transfer_timeout
    return Seek(waiting=theirs, route=command.route, payer=command.by, transfer=transfer, timeout=timeout)


def begin_consultation(call: Call, command: ConsultWith, mine: Side, theirs: Side) -> Stage | None:
    reason = why_not(command.route, mine, theirs)
    if isinstance(command.route, ToConference):
        reason = "no_route"  # there is nobody to ask: the other side can be handed on there at once
    if reason is not None:
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
    if command.along:
        call.gives(out.leg)
        command.came = out
    else:
        call.dismiss(out)
    command.given = partner
    command.done()
    return Result(Outcome.ANSWERED)


def substitute(call: Call, stage: Talk, command: Substitute) -> Stage | None:
    """Another phone of the same person takes the place of `out`: the segment goes on."""
    found = partner_of(stage, command)
    if found is None:
        command.refuse("forbidden")
        return None
    out, partner = found
    call.unjoin(out, partner)
    call.adopts(command.side)
    call.dismiss(replace(out))
    out.leg = command.side.leg
    command.done()
    return stage
