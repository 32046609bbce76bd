"""The stage in which two people talk, until one of them leaves it or hands the other on."""

from __future__ import annotations

import asyncio

from callflow.call import Call
from callflow.conferring import begin_invitation, begin_union
from callflow.facts import Outcome, TransferEnd
from callflow.inbox import (
    CallOrder,
    Command,
    Confer,
    ConsultWith,
    GiveAway,
    Hold,
    Invite,
    MergeWith,
    ParkAt,
    PersonalCommand,
    Refer,
    Resume,
    Substitute,
    TakeOver,
    TransferTo,
)
from callflow.merging import begin_merge
from callflow.rescue import come_back, complete, left, tell_end, who_ended
from callflow.side import Side
from callflow.stages import Result, Stage, Talk
from callflow.transfer import begin_consultation, begin_parking, begin_transfer, give_away, substitute
from callflow.waiting import first_of
from pbx.media.client import NoMedia
from pbx.sip.offer_answer import NotAcceptable

SETTLED = 1.0  # seconds after which a transfer has succeeded, even if its target hangs up then


async def talk(call: Call, stage: Talk) -> Stage:
    if (instead := await _bridge(call, stage)) is not None:
        return instead
    if stage.after is not None:
        complete(call, stage.after)
        stage.one.leg.align(stage.other.leg)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        await first_of(stage.one.leg.ended, stage.other.leg.ended, call.inbox.ready)
        # Commands first: a phone may ask for a transfer and hang up in one breath.
        command = call.inbox.take()
        if command is not None and (following := _obey(call, stage, command)) is not None:
            return following
        if _gone(stage):
            return _over(call, stage, just_begun=loop.time() - begun < SETTLED)


async def _bridge(call: Call, stage: Talk) -> Stage | None:
    """None: they hear each other. Else who was found last has gone, or is sent away, and this comes instead.

    Raises NoMedia, NotAcceptable when there is nothing to be done for the other one.
    """
    back = stage.back
    try:
        if not _gone(stage):
            await call.join(stage.one, stage.other)
    except (NoMedia, NotAcceptable):
        # Once the segment has begun it is the sound of who waits that fails: nobody else could do better.
        if back is None or call.agent is stage.other:
            await _nobody_else(call, stage)
            if stage.after is None:
                raise
            back = None
        stage.other.leg.hang_up()
    except BaseException:
        await _nobody_else(call, stage)
        raise
    if not _gone(stage):
        return None
    if back is None:
        return _over(call, stage, just_begun=True)
    call.end_service()
    call.lets_go(stage.other.leg)
    return back


async def _nobody_else(call: Call, stage: Talk) -> None:
    """Who waits in a line waits no more."""
    if stage.back is not None and stage.back.search is not None:
        call.end_service()
        await stage.back.search.stop()


def _gone(stage: Talk) -> bool:
    return stage.one.is_over or stage.other.is_over


def _over(call: Call, stage: Talk, *, just_begun: bool) -> Stage:
    """One of them has gone. The target of a transfer that goes at once has not taken it: the other end is not lost."""
    if stage.after is not None and just_begun and not stage.one.is_over:
        call.unjoin(stage.one, stage.other)
        call.end_segment()
        call.dismiss(stage.other)
        return come_back(call, stage.one, stage.after, Result(Outcome.REJECTED, status=480))
    if stage.after is not None:
        tell_end(call, stage.after, TransferEnd.GONE, 487)
    if not call.was_answered:
        return left(call, stage.one)
    return Result(Outcome.ANSWERED, who_ended(call, stage.one, stage.other))


def _obey(call: Call, stage: Talk, command: Command) -> Stage | None:
    if isinstance(command, PersonalCommand):
        ends = _ends(stage, command)
        if ends is None:
            command.refuse("not_now")
            return None
        return _obey_person(call, command, *ends)
    match command:
        case Substitute():
            return substitute(call, stage, command)
        case GiveAway():
            return give_away(call, stage, command)
        case TakeOver():
            return _taken_over(call, stage, command)
        case CallOrder():
            call.obey(command)
            return None
        case _:
            command.refuse("not_now")
            return None


def _taken_over(call: Call, stage: Talk, command: TakeOver) -> Stage | None:
    """A supervisor goes on in place of the agent: a new segment."""
    taken = call.supervision.take_over(command.by, (stage.one, stage.other))
    if taken is None:
        command.refuse("not_now")
        return None
    supervisor, agent = taken
    command.done()
    call.unjoin(stage.one, stage.other)
    call.end_segment()
    call.lets_go(agent.leg)
    return Talk(one=stage.other if agent is stage.one else stage.one, other=supervisor)


def _ends(stage: Talk, command: PersonalCommand) -> tuple[Side, Side] | None:
    """The end of the talk that belongs to who commands, and the other one."""
    for mine, theirs in ((stage.other, stage.one), (stage.one, stage.other)):
        if mine.leg is command.end if isinstance(command, Refer | MergeWith) else mine.extension == command.by:
            return mine, theirs
    return None


def _obey_person(call: Call, command: PersonalCommand, mine: Side, theirs: Side) -> Stage | None:
    match command:
        case MergeWith():
            return begin_merge(call, command, mine, theirs)
        case TransferTo():
            return begin_transfer(call, command, mine, theirs)
        case ConsultWith():
            return begin_consultation(call, command, mine, theirs)
        case Confer():
            return begin_union(call, command, mine, theirs)
        case Invite():
            return begin_invitation(call, command, mine, theirs)
        case ParkAt():
            return begin_parking(call, command, mine, theirs)
        case Hold() | Resume():
            call.hold(mine, theirs, isinstance(command, Hold))
            command.done()
            return None
        case _:
            command.refuse("not_now")
            return None
