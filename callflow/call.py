"""A call: the customer's whole visit by phone, from the first INVITE to the last BYE.

It knows whose legs are in it, lets two of them talk, and tells the ledger what happened; what shall happen next is the
stages' business (`callflow.stages`). Each fact is in the spool before the act that it tells of leaves this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from callflow import facts
from callflow.call_recording import CallRecording
from callflow.control import Order
from callflow.exchange import Exchange
from callflow.facts import CallFact, Direction, EndedBy, Outcome, Target
from callflow.feature_codes import Together
from callflow.hearing import Hearing
from callflow.inbox import CallOrder, Confer, Inbox, RecordingOrder, StopSupervising, Supervise
from callflow.pressed_codes import PressedCodes
from callflow.referring import referred
from callflow.router import Refuse, Route, ToConference, ToExtension, ToFlow, ToLine, ToMenu, ToTrunk
from callflow.service import Service
from callflow.side import Side
from callflow.sounding import Sounding, tell_measured
from callflow.supervision import Supervision
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.leg import Identity, Leg, LegEnd
from pbx.media.client import NoMedia
from pbx.sip.reason import Cause
from queue_engine.work import WorkItem

log = structlog.get_logger("callflow.call")

FactKind = TypeVar("FactKind", bound=CallFact)
LEAVING = 1.0  # seconds in which a phone whose part is over may hang up by itself


class Call:
    def __init__(self, exchange: Exchange, call_id: UUID, direction: Direction) -> None:
        self.exchange = exchange
        self.call_id = call_id
        self.direction = direction
        self.was_answered = False  # somebody talked to somebody
        self.trunk: str | None = None  # that it came by
        self.party = ""  # the other side's number, as facts have it
        self.promised = False  # its caller is called back
        self.waits_since: float | None = None  # joined the first of its lines
        self.for_line: str | None = None  # that we place it for
        self.shows = ""  # the number that an outside party sees, before all others
        self.rings_outside: float | None = None  # seconds that an outside number is rung, if not as usual
        self.keeps: WorkItem | None = None  # the place in a line that its customer has from before
        self.placed_by: Leg | None = None
        self.inbox = Inbox()
        self.sounding = Sounding(self)
        self._legs: dict[Leg, str | None] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self.recording = CallRecording(self)
        self.hearing = Hearing(self)
        self.supervision = Supervision(self)
        self._segment: tuple[UUID, Side] | None = None
        self._service: Service | None = None  # what an agent has taken out of a line
        self._held_by: set[Side] = set()
        self._ended = False

    # ---- facts ---------------------------------------------------------------------------------------------------

    def tell(self, kind: type[FactKind], /, **values: object) -> None:
        self.exchange.ledger.append(
            kind(id=uuid7(), at=self.exchange.clock.now(), call_id=self.call_id, **values)  # type: ignore[arg-type]  # the kinds' own constructors check
        )

    def number_of(self, route: Route) -> str:
        match route:
            case ToExtension(number) | ToTrunk(number=number):
                return number
            case ToLine(line):
                return line.number
            case ToMenu(menu):
                return menu.number
            case ToFlow(number):
                return number
            case ToConference(conference):
                return conference.number
            case _:
                return ""

    def introduce(self, other: Identity, *, extension: bool = False) -> UUID:
        """A reference to that person, for facts to name."""
        party = uuid7()
        self.exchange.ledger.append(
            facts.PartyIntroduced(
                id=uuid7(),
                at=self.exchange.clock.now(),
                party=party,
                number=other.number,
                name=other.name,
                extension=extension,
            )
        )
        return party

    def goal(self, number: str, route: Route) -> dict[str, object]:
        """The fields `target` and `party` of a fact, for a number of ours or an outside one."""
        if isinstance(route, ToTrunk):
            return {"party": self.introduce(Identity(number))}
        return {"target": number}

    def started(
        self,
        other: Identity,
        *,
        extension: bool,
        caller: str | None,
        dialled: str | None,
        trunk: str | None,
        sip_call_id: str = "",
        follow_up: UUID | None = None,
    ) -> None:
        self.trunk, self.party = trunk, other.number
        self.tell(
            facts.CallStarted,
            direction=self.direction,
            party=self.introduce(other, extension=extension),
            caller=caller,
            dialled=dialled,
            trunk=trunk,
            sip_call_id=sip_call_id,
            follow_up=follow_up,
        )

    def routed(self, route: Route) -> None:
        match route:
            case ToExtension(number):
                self.tell(facts.CallRouted, target=Target.EXTENSION, number=number)
            case ToLine(line):
                self.tell(facts.CallRouted, target=Target.LINE, number=line.number)
            case ToMenu(menu):
                self.tell(facts.CallRouted, target=Target.MENU, number=menu.number)
            case ToFlow(number):
                self.tell(facts.CallRouted, target=Target.FLOW, number=number)
            case ToConference(conference):
                self.tell(facts.CallRouted, target=Target.CONFERENCE, number=conference.number)
            case ToTrunk(trunk):
                self.tell(facts.CallRouted, target=Target.TRUNK, number=trunk.name)
            case _:
                self.tell(facts.CallRouted, target=Target.NOBODY)
        if not isinstance(route, Refuse) and self.exchange.recording_rules.applies(self.direction, route, self.trunk):
            self.recording.automatic = True

    def _tell_end(self, outcome: Outcome, by: EndedBy, status: int | None) -> None:
        """The last fact of a call; told once."""
        if self._ended:
            return
        self._ended = True
        self.tell(facts.CallEnded, outcome=outcome, ended_by=by, sip_status=status)
        log.info("call ended", call_id=str(self.call_id), outcome=outcome.value, by=by.value)

    # ---- legs ------------------------------------------------------------------------------------------------------

    def takes(self, leg: Leg, extension: str | None) -> None:
        """That new leg is part of this call, and belongs to that extension (None: to an outside number)."""
        self._legs[leg] = extension
        leg.sound.on_measured = partial(tell_measured, self, leg.leg_id, extension)
        if extension is not None:
            leg.on_refer = partial(referred, self.exchange)
        self.exchange.presence.enters(extension, leg)

    def adopts(self, side: Side) -> None:
        """A leg that was another call's, or nobody's, is part of this call from now on."""
        side.leg.call_id = self.call_id
        self._legs[side.leg] = side.extension
        side.leg.sound.on_measured = partial(tell_measured, self, side.leg.leg_id, side.extension)
        if side.extension is not None:
            side.leg.on_refer = partial(referred, self.exchange)
        self.exchange.presence.enters(side.extension, side.leg)
        side.leg.remember()

    def gives(self, leg: Leg) -> None:
        """That leg is another call's from now on."""
        leg.on_hold = leg.on_digit = None
        self._legs.pop(leg, None)

    def holds_leg(self, leg: Leg) -> bool:
        return leg in self._legs

    def extension_of(self, leg: Leg) -> str | None:
        """Whose phone that leg of this call is."""
        return self._legs.get(leg)

    @property
    def agent(self) -> Side | None:
        """Of the segment that runs."""
        return self._segment[1] if self._segment is not None else None

    def any_leg(self) -> Leg | None:
        """One with sound, to open another near it."""
        return next((leg for leg in self._legs if leg.media is not None and not leg.is_over), None)

    def leg_of(self, extension: str) -> Leg | None:
        """At which that person takes part; None: not at all, or the phone only rings."""
        owned = (leg for leg, owner in self._legs.items() if owner == extension)
        return next((leg for leg in owned if leg.is_confirmed and not leg.is_over), None)

    def is_one_of_many(self, extension: str) -> bool:
        """Whether that person talks with more than one, who would go on talking."""
        talkers = self.hearing.talkers
        return len(talkers) > 2 and any(side.extension == extension for side in talkers)

    def people(self) -> set[str]:
        """Our own people who are in this call now."""
        return {extension for leg, extension in self._legs.items() if extension is not None and not leg.is_over}

    def declined(self, extension: str) -> None:
        """Its phones stop ringing: somebody there does not want the call."""
        for leg, owner in tuple(self._legs.items()):
            if owner == extension and not leg.is_confirmed:
                leg.hang_up(LegEnd.REFUSED)

    def hang_up(self) -> None:
        """End every leg; the stage notices and the call ends."""
        for leg in tuple(self._legs):
            leg.hang_up()

    def dismiss(self, side: Side) -> None:
        """Their part in this call is over: their phone may hang up by itself, else we do."""
        side.leg.on_hold = side.leg.on_digit = None
        if side.leg in self._legs:
            self.chore(self._see_off(side.leg))

    def lets_go(self, leg: Leg, cause: Cause | None = None) -> None:
        """End a leg at once; its media are given back in their own time. `cause`: why, for its phone."""
        leg.hang_up(cause=cause)
        self.chore(self._see_off(leg))

    async def _see_off(self, leg: Leg) -> None:
        await first_of(leg.ended, timeout=LEAVING)
        await leg.close()
        self._legs.pop(leg, None)

    def chore(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Work of this call beside its stages; the call does not end before it."""
        task = asyncio.get_running_loop().create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
        return task

    def obey(self, order: CallOrder) -> None:
        """What concerns the whole call, while people talk."""
        match order:
            case RecordingOrder():
                self.recording.obey(order)
            case Supervise() | StopSupervising():
                self.supervision.obey(order)
            case _:
                order.refuse("not_now")

    async def wind_up(self, outcome: Outcome, by: EndedBy, status: int | None) -> None:
        """Everybody goes, and the end is told. The one who stays must not wait until a file is closed."""
        self.inbox.close()
        self.supervision.end()
        self.end_segment()
        self.recording.end()
        for leg in tuple(self._legs):
            if not (isinstance(leg, InboundLeg) and not leg.is_answered):
                leg.hang_up()
        while self._chores:
            await asyncio.wait(self._chores)
        self.hearing.end()
        self._tell_end(outcome, by, status)
        for leg in tuple(self._legs):
            if isinstance(leg, InboundLeg):
                leg.refuse(status or 480)
        await asyncio.gather(*(leg.close() for leg in tuple(self._legs)))

    # ---- people --------------------------------------------------------------------------------------------------

    async def join(self, one: Side, other: Side) -> None:
        """Let two people talk. `other` is who was found last: the agent of the segment, when that is a phone of ours.

        Raises NoMedia, NotAcceptable.
        """
        for side, near in ((one, other), (other, one)):
            if side.leg.media is None:
                await side.leg.open_media(near.leg)
            assert side.leg.media is not None
            side.leg.media.stop_playing()
        if not one.leg.is_near(other.leg) and not await other.leg.move_near(one.leg):
            raise NoMedia("in two media workers")
        if one.is_over or other.is_over:
            return  # gone while their sound was put together
        agent, customer = (other, one) if other.extension is not None else (one, other)
        self._begin_segment(agent)
        for side, far in ((one, other.leg.negotiated), (other, one.leg.negotiated)):
            if isinstance(side.leg, InboundLeg):
                side.leg.answer(speaking=far.codec if far is not None else None)
        self.hearing.between(*((one, other) if not (one.on_hold or other.on_hold) else ()))
        self.bridged(agent)
        self.sounding.begin(one, other)
        self._listen_to_keys(one, other)
        self.recording.joined(customer, agent)
        for holder, held in ((one, other), (other, one)):
            holder.leg.on_hold = lambda _, holder=holder, held=held: self.hold_changed(holder, held)
            if holder.holds and holder in self._held_by:  # since before: out of a conference
                self.music(held.leg)
            self.hold_changed(holder, held)

    def _listen_to_keys(self, *sides: Side) -> None:
        """Our own people may press codes while they talk."""
        codes = self.exchange.plan.codes.pressed()
        for side in sides:
            if side.extension is not None:
                side.leg.on_digit = partial(self._pressed, side.extension, PressedCodes(codes))

    def _pressed(self, extension: str, codes: PressedCodes[Order | Together], key: str) -> None:
        order = codes.press(key, asyncio.get_running_loop().time())
        if isinstance(order, Order):
            self.inbox.put(RecordingOrder(what=order, by=extension))
        elif order is Together.CONFERENCE:
            self.inbox.put(Confer(by=extension))

    def gather(self, customer: Side, agent: Side, *others: Side) -> None:
        """Let more than two talk, after `hearing.prepare`. Who holds is apart, and nobody hears music for it."""
        sides = (customer, agent, *others)
        self._begin_segment(agent)
        for side in sides:
            if side.leg.media is not None:
                side.leg.media.stop_playing()
        self.hearing.between(*sides)
        self.sounding.begin(*sides)
        self._listen_to_keys(*sides)
        self.recording.joined(customer, agent)
        for side in sides:
            side.leg.on_hold = lambda _, side=side: self.hold_in_room(side)
            self.hold_in_room(side)

    def hold_in_room(self, side: Side) -> None:
        """One of more than two may have put the others on hold, or come back."""
        self._note_hold(side)
        self.hearing.changed()
        self.sounding.changed()

    def departs(self, side: Side) -> None:
        """One of several has gone."""
        side.on_hold = False
        self._release(side)
        self.dismiss(side)

    def unjoin(self, one: Side, other: Side) -> None:
        """They no longer hear each other; the segment goes on until `end_segment`."""
        self.recording.parted()
        self.sounding.end()
        for side in (one, other):
            side.leg.on_hold = side.leg.on_digit = None
            side.on_hold = False
            self._release(side)
        self.hearing.nobody()

    def _release(self, holder: Side) -> None:
        if holder in self._held_by:
            self._held_by.discard(holder)
            self.tell(facts.CallResumed, by=holder.extension)

    def _begin_segment(self, agent: Side) -> None:
        if self._segment is not None and self._segment[1] is agent:
            return
        self._tell_segment_ended()
        self.end_service(but=agent)
        self.was_answered = True
        self._segment = (uuid7(), agent)
        self.tell(
            facts.CallAnswered,
            segment=self._segment[0],
            leg=agent.offer or agent.leg.leg_id,
            extension=agent.extension or "",
        )
        self.exchange.live.on_answered(self)

    def serves(self, service: Service) -> None:
        """An agent has answered for a line; what one had taken before is over."""
        self.end_service()
        self._service = service

    def bridged(self, side: Side) -> None:
        """Somebody hears `side` now: whoever else rings out of a line for that is let go."""
        if self._service is not None:
            self._service.stands(side)

    @property
    def served_by(self) -> str | None:
        """The line out of which an agent has taken it."""
        return self._service.line if self._service is not None else None

    def end_service(self, but: Side | None = None) -> None:
        """Nobody serves this call for a line any more, unless `but` does."""
        if self._service is not None and self._service.side is not but:
            service, self._service = self._service, None
            service.over()

    def end_segment(self) -> None:
        self._tell_segment_ended()
        self.end_service()

    def _tell_segment_ended(self) -> None:
        if self._segment is not None:
            segment, agent = self._segment
            self._segment = None
            self.tell(facts.SegmentEnded, segment=segment, extension=agent.extension or "")

    def hold(self, holder: Side, other: Side, on: bool) -> None:
        """By command: the holder's phone goes on sending, so the two are taken apart here."""
        holder.on_hold = on
        if on:
            self.hearing.nobody()
        elif not other.on_hold:
            self.hearing.between(holder, other)
        self.hold_changed(holder, other)

    def hold_changed(self, holder: Side, other: Side) -> None:
        """`holder` may have put the other end on hold, or taken it back."""
        if not self._note_hold(holder):
            return
        if holder.holds:
            self.music(other.leg)
        elif other.leg.media is not None:
            other.leg.media.stop_playing()
        self.sounding.changed()

    def _note_hold(self, holder: Side) -> bool:
        """Whether it has changed."""
        if holder.holds == (holder in self._held_by):
            return False
        if holder.holds:
            self._held_by.add(holder)
            self.tell(facts.CallHeld, by=holder.extension)
        else:
            self._release(holder)
        return True

    # ---- sound ---------------------------------------------------------------------------------------------------

    def music(self, leg: Leg) -> None:
        self._loop_for(leg, "music/hold")

    def ringing_tone(self, side: Side) -> None:
        """Let that end hear that a phone rings."""
        if isinstance(side.leg, InboundLeg) and not side.leg.is_answered:
            side.leg.ring()
        else:
            self._loop_for(side.leg, "tones/ringing")

    def _loop_for(self, leg: Leg, name: str) -> None:
        sound = self.exchange.prompts.path(name)
        if sound is not None and leg.media is not None and not leg.is_over:
            leg.media.play([str(sound)], loop=True)
