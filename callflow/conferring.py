"""The stage in which more than two talk with each other, or shall as soon as somebody comes who was asked to.

Nobody is joined anew for it: who talks goes on talking while others come and go, and when two are left it is an
ordinary talk. Whoever brought them together may leave like everybody else.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.facts import OfferEnd, OfferEnded, Outcome
from callflow.inbox import (
    PATIENCE,
    CallOrder,
    Command,
    Confer,
    GiveAway,
    Hold,
    Invite,
    Leave,
    PersonalCommand,
    Resume,
    Substitute,
    TakeBack,
    TakeOver,
)
from callflow.referring import REMAINS
from callflow.rescue import who_ended
from callflow.room_facts import ConferenceEnded, ConferenceJoined, ConferenceLeft
from callflow.router import ToExtension, ToTrunk
from callflow.search import Search
from callflow.side import Side
from callflow.stages import Conference, Result, Stage, Talk
from callflow.transfer import why_not
from callflow.waiting import first_of
from pbx.media.client import NoMedia
from pbx.sip.offer_answer import NotAcceptable

log = structlog.get_logger("callflow.conferring")

MOST = 16  # people in one call's conference, those included who are being rung


def begin_invitation(call: Call, command: Invite, mine: Side, theirs: Side) -> Stage | None:
    """A third one is rung while the two talk on."""
    if mine.holds or theirs.holds:
        command.refuse("not_now")
        return None
    search = invite(call, command, (theirs, mine))
    return None if search is None else Conference(sides=(theirs, mine), by=command.by, asked=(search,))


def begin_union(call: Call, command: Confer, mine: Side, theirs: Side) -> Stage | None:
    """Of two calls of one person: the other one's partner comes into this call. Of the two ends at that person's phone
    the one that the phone does not hold remains."""
    other = call.exchange.live.other_of(command.by, call)
    if other is None:
        command.refuse("not_now")
    elif REMAINS.index(other.direction) < REMAINS.index(call.direction):
        other.inbox.put(command)  # the customer's visit remains
    else:
        gift = ask_for(other, command.by)
        if gift is not None:
            command.done()
            return Conference(sides=(theirs, mine), by=command.by, gift=gift)
        command.refuse("not_now")
    return None


def ask_for(other: Call, by: str) -> GiveAway | None:
    out = other.leg_of(by)
    if out is None:
        return None
    gift = GiveAway(out=out, by=by, along=True)
    other.inbox.put(gift)
    if not gift.obeyed.done():
        impatient = asyncio.get_running_loop().call_later(PATIENCE, gift.refuse, "failed")
        gift.obeyed.add_done_callback(lambda _: impatient.cancel())
    return gift


def invite(call: Call, command: Invite, present: tuple[Side, ...]) -> Search | None:
    mine = next(side for side in present if side.extension == command.by)
    taken = {side.extension for side in present}
    reason = why_not(command.route, mine, mine)
    if isinstance(command.route, ToExtension) and command.route.number in taken:
        reason = "same_number"
    elif not isinstance(command.route, ToExtension | ToTrunk):
        reason = reason or "no_route"  # nobody shall hear a line's music in the middle of a talk
    if reason is not None:
        command.refuse(reason)
        return None
    command.done()
    timeout = call.exchange.rules.transfer_timeout
    return Search(call, mine, command.route, payer=command.by, timeout=timeout, aside=True)


async def confer(call: Call, stage: Conference) -> Stage:
    conference = _Conference(call, stage)
    try:
        return await conference.run(stage.sides)
    finally:
        await conference.stop()


class _Conference:
    """`sides`: who is in. `members`: their names in the ledger, once there were more than two."""

    def __init__(self, call: Call, stage: Conference) -> None:
        self.call, self.by = call, stage.by
        self.sides: list[Side] = list(stage.sides[:2])
        self.members: dict[Side, UUID] = {}
        self.searches: list[Search] = list(stage.asked)
        self.gift = stage.gift
        self.gone: list[Side] = []

    async def run(self, sides: tuple[Side, ...]) -> Stage:
        for side in sides[2:]:
            await self._admit(side)
        while True:
            await self._part_with_gone()
            if (following := self._following()) is not None:
                return following
            await first_of(
                *(side.leg.ended for side in self.sides),
                *(search.found for search in self.searches),
                *([self.gift.obeyed] if self.gift is not None else []),
                self.call.inbox.ready,
            )
            await self._take_found()
            await self._take_gift()
            if (command := self.call.inbox.take()) is not None:
                await self._obey(command)

    async def stop(self) -> None:
        for search in self.searches:
            await search.stop()
        gift, self.gift = self.gift, None
        if gift is not None:
            gift.refuse("failed")
            for given in (gift.given, gift.came):
                if isinstance(given, Side):  # taken out of the other call in the same moment: it ends with this one
                    self.call.adopts(given)
                    self.call.lets_go(given.leg)

    def _following(self) -> Stage | None:
        if len(self.sides) < 2:
            return Result(Outcome.ANSWERED, who_ended(self.call, *self.gone))
        if len(self.sides) == 2 and not self.searches and self.gift is None:
            customer, agent = self._roles()
            return Talk(one=customer, other=agent)
        return None

    def _roles(self) -> tuple[Side, Side]:
        """The customer, and the agent of the segment. The segment goes on as long as its agent is in."""
        ours = [side for side in self.sides if side.extension is not None]
        agent = self.call.agent
        if agent not in self.sides:
            agent = ours[-1] if ours else self.sides[-1]
        others = [side for side in self.sides if side is not agent]
        customer = next((side for side in others if side.extension is None), others[0])
        return customer, agent

    # ---- who comes and goes ----------------------------------------------------------------------------------------

    async def _admit(self, side: Side) -> None:
        """Whoever cannot come in is let go; the others do not notice."""
        near = self.sides[0].leg
        if side.is_over:
            self.call.dismiss(side)
            return
        try:
            if side.leg.media is None:
                await side.leg.open_media(near)
            if not side.leg.is_near(near) and not await side.leg.move_near(near):
                raise NoMedia("in two media workers")
            await self.call.hearing.prepare(near)
        except (NoMedia, NotAcceptable) as error:
            log.warning("cannot join the conference", call_id=str(self.call.call_id), error=str(error))
            self.call.lets_go(side.leg)
            return
        self.sides.append(side)
        self._tell_who_is_in()
        await self._settle()

    def _tell_who_is_in(self) -> None:
        if len(self.sides) < 3:
            return
        for side in self.sides:
            if side not in self.members:
                self.members[side] = uuid7()
                party = None if side.extension is not None else self.call.introduce(side.shown)
                self.call.tell(
                    ConferenceJoined, member=self.members[side], by=self.by, extension=side.extension, party=party
                )

    async def _settle(self) -> None:
        """Let those who are in hear each other."""
        customer, agent = self._roles()
        others = [side for side in self.sides if side not in (customer, agent)]
        if others:
            self.call.gather(customer, agent, *others)
        elif not customer.is_over and not agent.is_over:
            await self.call.join(customer, agent)

    async def _part_with_gone(self) -> None:
        gone = [side for side in self.sides if side.is_over]
        for side in gone:
            self.sides.remove(side)
            self.gone.append(side)
            self.call.departs(side)
            if side in self.members:
                self.call.tell(ConferenceLeft, member=self.members.pop(side))
        if gone and self.members and len(self.sides) < 3:
            self.members.clear()
            self.call.tell(ConferenceEnded)
        if gone and len(self.sides) > 1:
            await self._settle()

    async def _take_found(self) -> None:
        for search in [each for each in self.searches if each.found.done()]:
            self.searches.remove(search)
            found = search.take()
            if isinstance(found, Side):
                if found.offer is not None and found.extension is not None:
                    self.call.tell(OfferEnded, leg=found.offer, extension=found.extension, reason=OfferEnd.ANSWERED)
                await self._admit(found)

    async def _take_gift(self) -> None:
        gift = self.gift
        if gift is None or not gift.obeyed.done():
            return
        self.gift = None
        mine = self._side_of(gift.by)
        for given in (gift.given, gift.came):
            if isinstance(given, Side):
                self.call.adopts(given)
        if gift.came is not None:
            if mine is not None and mine.leg.held and not gift.came.leg.held:
                self._exchange_leg(mine, gift.came)
            else:
                self.call.dismiss(gift.came)
        if isinstance(gift.given, Side):
            await self._admit(gift.given)

    def _side_of(self, extension: str) -> Side | None:
        return next((side for side in self.sides if side.extension == extension), None)

    def _exchange_leg(self, side: Side, by: Side) -> None:
        """That person goes on at another of their legs."""
        self.call.dismiss(replace(side))
        side.leg = by.leg
        side.on_hold = False

    # ---- commands --------------------------------------------------------------------------------------------------

    async def _obey(self, command: Command) -> None:
        match command:
            case CallOrder():
                self.call.obey(command)
            case TakeOver():
                await self._taken_over(command)
            case Substitute(out=out, side=side, by=by):
                mine = self._side_of(by)
                if mine is None or mine.leg is not out:
                    command.refuse("forbidden")
                    return
                self.call.adopts(side)
                self._exchange_leg(mine, side)
                command.done()
                await self._settle()
            case PersonalCommand() if (mine := self._side_of(command.by)) is not None:
                self._obey_person(command, mine)
            case _:
                command.refuse("not_now")

    def _obey_person(self, command: PersonalCommand, mine: Side) -> None:
        match command:
            case Invite() if len(self.sides) + len(self.searches) < MOST:
                if (search := invite(self.call, command, tuple(self.sides))) is not None:
                    self.searches.append(search)
            case Confer() if self.gift is None and (other := self.call.exchange.live.other_of(command.by, self.call)):
                self.gift = ask_for(other, command.by)
                command.done()
            case TakeBack() if any(search.waiting is mine for search in self.searches):
                for search in [each for each in self.searches if each.waiting is mine]:
                    self.searches.remove(search)
                    self.call.chore(search.stop())
                command.done()
            case Hold() | Resume():
                self._hold(mine, isinstance(command, Hold))
                command.done()
            case Leave():
                mine.leg.hang_up()
                command.done()
            case _:
                command.refuse("not_now")

    def _hold(self, mine: Side, on: bool) -> None:
        if len(self.sides) > 2:
            mine.on_hold = on
            self.call.hold_in_room(mine)
        else:
            self.call.hold(mine, next(side for side in self.sides if side is not mine), on)

    async def _taken_over(self, command: TakeOver) -> None:
        taken = self.call.supervision.take_over(command.by, self.sides)
        if taken is None:
            command.refuse("not_now")
            return
        supervisor, agent = taken
        command.done()
        agent.leg.hang_up()
        self.sides.append(supervisor)
        self._tell_who_is_in()
