"""The one door for commands from people and programs: who asks, and why it was refused.

The commands themselves are methods of `callflow.commands.Commands`; the panel sees only the shapes named here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """The signed-in person behind a command."""

    user_id: UUID
    extension: str | None
    supervisor: bool

    @property
    def self(self) -> Agent:
        return Agent(self.user_id, self.extension)


@dataclass(frozen=True, slots=True)
class Agent:
    """Whom a command is about. `extension` None: serves the hall only."""

    user_id: UUID
    extension: str | None


class Order(Enum):
    """About the recording of a call, and what is kept out of it."""

    START = auto()
    STOP = auto()
    PAUSE = auto()
    RESUME = auto()
    TOGGLE = auto()  # start or stop, for who has one key for both
    TOGGLE_PAUSE = auto()
    HIDE = auto()  # secure entry: the customer presses what nobody may know
    SHOW = auto()
    TOGGLE_HIDING = auto()


class ControlRefused(Exception):
    """The command cannot be carried out. `reason` is a key that the panel translates:
    no_phone, phone_offline, busy, no_route, forbidden, unknown_call, not_now (the call is in no state for it),
    same_number (a transfer or forward to oneself), orbit_taken, nobody_rings, no_dialog, out_of_range,
    no_prompt (there is no announcement by that name), unknown_line, not_at_work (no agent of the line, or not at
    work), unknown_callback, unknown_preview, failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
