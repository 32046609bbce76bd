"""The stage in which somebody is in a conference: from the number that they dialled until they leave.

Each visit is a call of its own; the others in the conference are other calls, which know nothing of this one.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog
from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.facts import CallHeld, CallResumed, EndedBy, Outcome
from callflow.inbox import Command, GiveAway, Hold, Resume, Substitute
from callflow.meeting import Meeting, Member, NotAdmitted
from callflow.meeting_facts import MeetingJoined, MeetingLeave, MeetingLeft, MeetingMuted
from callflow.meeting_orders import EndMeeting, Mute, Remove
from callflow.meeting_pin import knows_pin
from callflow.pressed_codes import PressedCodes
from callflow.rescue import come_back, complete, left, who_ended
from callflow.router import ConferencePlan, ToConference
from callflow.side import Side
from callflow.stages import Farewell, Meet, Result, Stage, Transfer
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.leg import LegEnd
from pbx.media.client import NoMedia

log = structlog.get_logger("callflow.meeting_visit")

NO_ROOM = Result(Outcome.BUSY, status=486)
MUTED, UNMUTED = "conference_muted", "conference_unmuted"


def knock(call: Call, waiting: Side, conference: ConferencePlan, transfer: Transfer | None) -> Stage:
    """Whoever was led to that number may enter; who was handed on to one that takes nobody is not lost."""
    meeting = call.exchange.meetings.of(conference.number)
    if meeting is not None and meeting.is_closed_to_more:
        return NO_ROOM if transfer is None else come_back(call, waiting, transfer, NO_ROOM)
    if transfer is not None:
        complete(call, transfer)
    return Meet(member=waiting, conference=conference)


async def meet(call: Call, stage: Meet) -> Stage:
    side, meetings = stage.member, call.exchange.meetings
    if side.is_over:
        return left(call, side)
    meeting, leg = meetings.at(call.exchange, stage.conference), side.leg
    try:
        await meeting.host(leg)
        return await _admit(call, stage, meeting)
    except NotAdmitted:
        return left(call, side) if stage.member.is_over else NO_ROOM
    except NoMedia:
        if not side.is_answered:
            raise
        return Farewell(waiting=side)
    finally:
        meetings.leaves(meeting, leg)
        filing = meeting.recording.end() if meeting.is_deserted else None
        if filing is not None:
            call.chore(filing)


async def _admit(call: Call, stage: Meet, meeting: Meeting) -> Stage:
    side, plan = stage.member, stage.conference
    if isinstance(side.leg, InboundLeg):
        side.leg.answer()
    if side.leg.media is not None:
        side.leg.media.stop_playing()
    asked = plan.pin and not stage.admitted and not meeting.is_led_by(side.extension)
    if asked and not await knows_pin(side.leg, plan.pin, call.exchange.prompts):
        log.warning("no entry without the PIN", call_id=str(call.call_id), conference=plan.number)
        return Result(Outcome.ANSWERED, who_ended(call, side))  # the conference took the call: nobody was missed
    member = await meeting.enter(side, uuid7(), again=stage.admitted)
    number, visit = plan.number, member.visit
    call.tell(MeetingJoined, conference=number, visit=visit, extension=side.extension, moderator=member.moderator)
    following: Stage | MeetingLeave = MeetingLeave.GONE
    try:
        following = await _Visit(call, meeting, member).run()
    finally:
        side.leg.on_digit = side.leg.on_hold = None
        meeting.leave(member)
        reason = following if isinstance(following, MeetingLeave) else MeetingLeave.GONE
        call.tell(MeetingLeft, conference=number, visit=visit, reason=reason)
    if not isinstance(following, MeetingLeave):
        return following
    by = who_ended(call, side) if following is MeetingLeave.GONE else EndedBy.SYSTEM
    return Result(Outcome.ANSWERED, by)


class _Visit:
    def __init__(self, call: Call, meeting: Meeting, member: Member) -> None:
        self.call, self.meeting, self.member = call, meeting, member
        self.side = member.side
        self._held = False  # by the member's own phone

    async def run(self) -> Stage | MeetingLeave:
        """Until they leave: where to, or why."""
        code = self.call.exchange.plan.codes.mute
        keys = PressedCodes({code: Mute} if code else {})
        leg = self.side.leg
        leg.on_digit = lambda key: self._pressed(keys.press(key, asyncio.get_running_loop().time()))
        leg.on_hold = self._hold_changed
        self._hold_changed(leg.held)
        while True:
            await first_of(leg.ended, self.call.inbox.ready)
            command = self.call.inbox.take()
            if command is not None and (following := self._obey(command)) is not None:
                return following
            if self.side.is_over:
                lost = leg.ended.result().reason is LegEnd.MEDIA_LOST and self.meeting.is_lost
                return MeetingLeave.LOST if lost else MeetingLeave.GONE

    def _pressed(self, order: type[Mute] | None) -> None:
        if order is not None:
            self.call.inbox.put(order(by=self.side.extension))

    def _hold_changed(self, held: bool) -> None:
        """The member's own phone has put us on hold, or taken us back: others do not hear its music."""
        if held != self._held:
            self._held = held
            self.call.tell(CallHeld if held else CallResumed, by=self.side.extension)
            self.meeting.hear(self.member)

    def _obey(self, command: Command) -> Stage | MeetingLeave | None:
        side = self.side
        match command:
            case Mute():
                self._mute(command)
            case Hold(by=by) | Resume(by=by) if by == side.extension:
                self._hold(on=isinstance(command, Hold))
            case Substitute(out=out, by=by) if out is side.leg and by == side.extension:
                return self._go_on_at(command)
            case GiveAway(out=out, by=by, along=False) if out is side.leg and by == side.extension:
                # An attended transfer into the conference: the other call's partner enters in place of this member.
                command.given = ToConference(self.meeting.plan)
                command.done()
                return Result(Outcome.ANSWERED)
            case Remove():
                command.done()
                side.leg.hang_up()
                return MeetingLeave.ENDED if isinstance(command, EndMeeting) else MeetingLeave.REMOVED
            case _:
                command.refuse("not_now")
                return None
        command.done()
        return None

    def _mute(self, order: Mute) -> None:
        on = not self.member.muted if order.on is None else order.on
        if on == self.member.muted:
            return
        self.member.muted = on
        self.meeting.hear(self.member)
        self.meeting.announce(MUTED if on else UNMUTED, only=self.member)
        self.call.tell(MeetingMuted, conference=self.meeting.plan.number, on=on, by=order.by)

    def _hold(self, *, on: bool) -> None:
        if on == self.side.on_hold:
            return
        self.meeting.hold(self.member, on=on)
        self.call.tell(CallHeld if on else CallResumed, by=self.side.extension)

    def _go_on_at(self, command: Substitute) -> Stage:
        """Another phone of the same person takes the place of this one."""
        self.call.adopts(command.side)
        self.call.dismiss(replace(self.side))
        command.done()
        return Meet(member=command.side, conference=self.meeting.plan, admitted=True)
