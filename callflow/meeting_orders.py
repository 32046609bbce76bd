"""What a member's call is told, by the member's keys or by a moderator. It obeys in its own task."""

from __future__ import annotations

from dataclasses import dataclass

from callflow.inbox import Command


@dataclass(slots=True, eq=False, kw_only=True)
class Mute(Command):
    """`on` None: the other way round. `by`: an extension; None: a supervisor."""

    on: bool | None = None
    by: str | None = None


class Remove(Command):
    """Out of the conference, and the call with it."""


class EndMeeting(Remove):
    """The same, for all of them."""
