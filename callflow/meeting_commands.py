"""What people tell conferences to do: checked here, carried out by the calls in it, kept for the audit.

Who moderates is a supervisor, or an extension that the conference names; everybody mutes and hangs up themselves.
"""

from __future__ import annotations

from uuid import UUID

from callflow.control import Actor, ControlRefused
from callflow.exchange import Exchange
from callflow.facts import CommandGiven
from callflow.inbox import Command
from callflow.meeting import Meeting, Member
from callflow.meeting_facts import MeetingLocked
from callflow.meeting_orders import EndMeeting, Mute, Remove

ANNOUNCEMENTS = "announcements"
"""The folder of prompts that moderators may have played."""


class MeetingCommands:
    """Implements `web_panel.ports.MeetingControl`. A member is named by its call. Every method raises ControlRefused:
    `unknown_call` where nobody meets or that call is not in it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def mute(self, actor: Actor, conference: str, call_id: UUID, *, on: bool) -> None:
        """Nobody hears that member, or all do again."""
        meeting = self._meeting(conference)
        member = self._member(meeting, call_id)
        if member.side.extension is None or member.side.extension != actor.extension:
            self._lead(actor, meeting)
        await self._obeyed(actor, call_id, "mute" if on else "unmute", Mute(on=on, by=actor.extension))

    async def remove(self, actor: Actor, conference: str, call_id: UUID) -> None:
        """End that member's visit."""
        meeting = self._led(actor, conference)
        self._member(meeting, call_id)
        await self._obeyed(actor, call_id, "remove", Remove())

    def lock(self, actor: Actor, conference: str, *, on: bool) -> None:
        """Nobody more comes in, moderators neither, until it is unlocked or all have gone."""
        meeting = self._led(actor, conference)
        if meeting.is_locked != on:
            meeting.is_locked = on
            self._exchange.tell(MeetingLocked, conference=conference, on=on, by=actor.user_id)

    def announce(self, actor: Actor, conference: str, prompt: str, call_id: UUID | None = None) -> None:
        """Play a prompt of the folder `announcements` to all, or to one member alone."""
        meeting = self._led(actor, conference)
        only = None if call_id is None else self._member(meeting, call_id)
        if not meeting.announce(f"{ANNOUNCEMENTS}/{prompt}", only):
            raise ControlRefused("no_prompt")
        for member in meeting.members if only is None else (only,):
            self._note(actor, member.side.leg.call_id, "announce")

    async def end(self, actor: Actor, conference: str) -> None:
        """For all who are in it."""
        meeting = self._led(actor, conference)
        meeting.is_locked = True  # who comes in this moment is not to be left over
        for member in tuple(meeting.members):
            call = self._exchange.live.of(member.side.leg.call_id)
            if call is not None:
                call.inbox.put(EndMeeting())
                self._note(actor, call.call_id, "end conference")

    # ---- checks ------------------------------------------------------------------------------------------------------

    def _meeting(self, conference: str) -> Meeting:
        meeting = self._exchange.meetings.of(conference)
        if meeting is None:
            raise ControlRefused("unknown_call")
        return meeting

    def _led(self, actor: Actor, conference: str) -> Meeting:
        meeting = self._meeting(conference)
        self._lead(actor, meeting)
        return meeting

    def _lead(self, actor: Actor, meeting: Meeting) -> None:
        if not actor.supervisor and not meeting.is_led_by(actor.extension):
            raise ControlRefused("forbidden")

    def _member(self, meeting: Meeting, call_id: UUID) -> Member:
        member = next((each for each in meeting.members if each.side.leg.call_id == call_id), None)
        if member is None:
            raise ControlRefused("unknown_call")
        return member

    async def _obeyed(self, actor: Actor, call_id: UUID, name: str, command: Command) -> None:
        call = self._exchange.live.of(call_id)
        if call is None:
            raise ControlRefused("unknown_call")
        await call.inbox.ask(command)
        self._note(actor, call_id, name)

    def _note(self, actor: Actor, call_id: UUID, command: str) -> None:
        self._exchange.tell(CommandGiven, call_id=call_id, user=actor.user_id, command=command)
