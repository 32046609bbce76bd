"""Whoever is handed on is never lost: back to who handed them on, on to the fallback, at last a word and the end."""

from __future__ import annotations

from callflow.call import Call
from callflow.facts import EndedBy, Outcome, TransferEnd, TransferEnded
from callflow.router import Refuse, ToExtension
from callflow.side import Side
from callflow.stages import ABANDONED, PROMISED, Farewell, Rescue, Result, Seek, Stage, Talk, Transfer
from callflow.waiting import first_of
from pbx.leg import LegEnd

FAREWELL_SECONDS = 15.0
ENDS = {
    Outcome.NO_ANSWER: TransferEnd.NO_ANSWER,
    Outcome.REJECTED: TransferEnd.REJECTED,
    Outcome.BUSY: TransferEnd.BUSY,
    Outcome.UNREACHABLE: TransferEnd.UNREACHABLE,
    Outcome.FORBIDDEN: TransferEnd.FORBIDDEN,
    Outcome.ABANDONED: TransferEnd.GONE,
}


def tell_end(call: Call, transfer: Transfer, end: TransferEnd, status: int) -> None:
    """How the transfer ended: to the ledger, and to the phone that asked for it. Once."""
    if transfer.told:
        return
    transfer.told = True
    call.tell(TransferEnded, transfer=transfer.id, end=end, call=transfer.other_call)
    if transfer.report is not None:
        transfer.report(status)


def complete(call: Call, transfer: Transfer) -> None:
    """The two are joined: the transferor may go."""
    tell_end(call, transfer, TransferEnd.COMPLETED, 200)
    if transfer.side is not None:
        call.dismiss(transfer.side)
        transfer.side = None


def come_back(call: Call, waiting: Side, transfer: Transfer, result: Result) -> Stage:
    """Nobody took the one who was handed on: the next thing that can be done."""
    tell_end(call, transfer, ENDS.get(result.outcome, TransferEnd.FAILED), result.status or 480)
    if waiting.is_over:
        return left(call, waiting)
    rules = call.exchange.rules
    while transfer.rescues:
        match transfer.rescues.popleft():
            case Rescue.HAND_BACK if transfer.side is not None and not transfer.side.is_over:
                side, transfer.side = transfer.side, None
                return Talk(one=waiting, other=side, after=transfer)  # who may be hanging up in this moment
            case Rescue.RECALL if rules.transfer_returns:
                return Seek(
                    waiting=waiting,
                    route=ToExtension(transfer.by),
                    transfer=transfer,
                    timeout=rules.recall_timeout,
                    forwards=False,
                )
            case Rescue.FALLBACK if rules.fallback:
                route = call.exchange.plan.inside(rules.fallback)
                if not isinstance(route, Refuse):
                    call.routed(route)
                    return Seek(waiting=waiting, route=route, transfer=transfer)
            case _:
                pass
    return Farewell(waiting=waiting)


async def farewell(call: Call, stage: Farewell) -> Stage:
    leg, prompt = stage.waiting.leg, call.exchange.prompts.path("nobody")
    if prompt is not None and leg.media is not None and not leg.is_over:
        playback = leg.media.play([str(prompt)])
        await first_of(playback.ended, leg.ended, timeout=FAREWELL_SECONDS)
    return left(call, stage.waiting)


def left(call: Call, side: Side) -> Result:
    """That end is over, or is about to be ended by us, and nobody else is there to talk to it."""
    if not call.was_answered:
        return PROMISED if call.promised else ABANDONED
    return Result(Outcome.ANSWERED, who_ended(call, side))


def who_ended(call: Call, *sides: Side) -> EndedBy:
    for side in sides:
        if side.is_over and side.leg.ended.result().reason is LegEnd.BYE:
            return EndedBy.CALLER if side.leg is call.placed_by else EndedBy.CALLEE
    return EndedBy.SYSTEM
