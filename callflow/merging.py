"""The stage in which a customer is joined with somebody whom the transferor has spoken to in a call of their own.

From its beginning on the customer's call does not need the transferor any more, whose phones may hang up as they like.
"""

from __future__ import annotations

from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.facts import Outcome, TransferKind, TransferStarted
from callflow.inbox import PATIENCE, GiveAway, MergeWith
from callflow.rescue import come_back
from callflow.router import Route
from callflow.side import Side
from callflow.stages import Merge, Result, Seek, Stage, Talk, Transfer
from callflow.waiting import first_of


def begin_merge(call: Call, command: MergeWith, mine: Side, theirs: Side) -> Stage:
    gift = GiveAway(out=command.other, by=command.by)
    command.other_call.inbox.put(gift)
    command.done()
    call.unjoin(mine, theirs)
    transfer = Transfer(
        id=uuid7(),
        by=command.by,
        side=mine,
        report=command.referral.progress,
        other_call=command.other_call.call_id,
    )
    return Merge(customer=theirs, gift=gift, transfer=transfer)


async def merge(call: Call, stage: Merge) -> Stage:
    """Until the other call has given its partner away, or cannot."""
    customer, gift, transfer = stage.customer, stage.gift, stage.transfer
    call.music(customer.leg)
    await first_of(gift.obeyed, customer.leg.ended, timeout=PATIENCE)
    gift.refuse("failed")
    given = gift.given
    if given is None:
        transfer.told = True  # nothing was begun that a fact could end
        assert transfer.report is not None
        transfer.report(603)
        return come_back(call, customer, transfer, Result(Outcome.FAILED))
    _tell_start(call, transfer, given)
    if not isinstance(given, Side):
        call.end_segment()
        call.routed(given)
        timeout = call.exchange.rules.transfer_timeout
        return Seek(waiting=customer, route=given, payer=transfer.by, transfer=transfer, timeout=timeout)
    call.adopts(given)
    return Talk(one=customer, other=given, after=transfer)


def _tell_start(call: Call, transfer: Transfer, given: Side | Route) -> None:
    if not isinstance(given, Side):
        goal = call.goal(call.number_of(given), given)
    elif given.extension is not None:
        goal = {"target": given.extension}
    else:
        goal = {"party": call.introduce(given.shown)}
    call.tell(TransferStarted, transfer=transfer.id, kind=TransferKind.ATTENDED, by=transfer.by, **goal)
