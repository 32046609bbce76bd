"""What a running call is told to do: by its phones (REFER), by people (the panel), by other calls.

A call obeys only in its own task; whoever commands waits for `Command.obeyed`. Every command ends either way: what a
call cannot do in its present state is refused at once, and what is left when the call ends is refused then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from callflow.control import ControlRefused
from callflow.router import Route
from callflow.side import Side
from pbx.leg import Leg

MOST = 16  # commands that may wait for one call
PATIENCE = 3.0  # seconds that a command waits for its call


@dataclass(slots=True, eq=False, kw_only=True)
class Command:
    obeyed: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def done(self) -> None:
        if not self.obeyed.done():
            self.obeyed.set_result(None)

    def refuse(self, reason: str) -> None:
        """`reason` is a key as in `ControlRefused`."""
        if not self.obeyed.done():
            self.obeyed.set_exception(ControlRefused(reason))
            self.obeyed.exception()  # who commanded may be gone


@dataclass(slots=True, eq=False, kw_only=True)
class PersonalCommand(Command):
    """One that a person gives: about that person's own end of the call."""

    by: str  # extension


@dataclass(slots=True, eq=False, kw_only=True)
class TransferTo(PersonalCommand):
    """Hand the other side on, unannounced. A call that still rings is sent on (R-PHONE-36)."""

    number: str
    route: Route


@dataclass(slots=True, eq=False, kw_only=True)
class ConsultWith(PersonalCommand):
    """Hold the other side and speak with the target first."""

    number: str
    route: Route


class Complete(PersonalCommand):
    """Join the one on hold with the one consulted, and leave."""


class TakeBack(PersonalCommand):
    """End the consultation or the transfer; back to the one on hold."""


class Swap(PersonalCommand):
    """Speak with the other one of the two."""


class Decline(PersonalCommand):
    """Ring that person no longer."""


class Hold(PersonalCommand):
    pass


class Resume(PersonalCommand):
    pass


@dataclass(slots=True, eq=False, kw_only=True)
class ParkAt(PersonalCommand):
    orbit: str | None = None  # None: the first that is free


@dataclass(slots=True, eq=False, kw_only=True)
class Summon(PersonalCommand):
    """Ring the phone of `by` for the one who rings somewhere or is parked."""


@dataclass(slots=True, eq=False, kw_only=True)
class Take(Command):
    """This side takes the one who rings somewhere or is parked."""

    side: Side


@dataclass(slots=True, eq=False, kw_only=True)
class Substitute(Command):
    """This side takes the place of the leg `out`, which belongs to `by` (RFC 3891)."""

    out: Leg
    side: Side
    by: str
    other_call: UUID | None = None  # whose end this side was


@dataclass(slots=True, eq=False, kw_only=True)
class GiveAway(Command):
    """Hand over the partner of `out`, which belongs to `by`; the call is over with that. While the partner still rings:
    where the call leads."""

    out: Leg
    by: str
    given: Side | Route | None = None


class Inbox:
    def __init__(self) -> None:
        self._waiting: deque[Command] = deque()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False

    @property
    def ready(self) -> asyncio.Future[None]:
        """Done when there is a command."""
        return self._ready

    def put(self, command: Command) -> None:
        if self._closed:
            command.refuse("unknown_call")
        elif len(self._waiting) >= MOST:
            command.refuse("busy")
        else:
            self._waiting.append(command)
            if not self._ready.done():
                self._ready.set_result(None)

    async def ask(self, command: Command) -> None:
        """Returns when the call has obeyed. Raises ControlRefused."""
        self.put(command)
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(command.obeyed)
        except TimeoutError:
            command.refuse("failed")
            raise ControlRefused("failed") from None

    def take(self) -> Command | None:
        """The next command whose commander still waits."""
        while self._waiting:
            command = self._waiting.popleft()
            if not self._waiting:
                self._ready = asyncio.get_running_loop().create_future()
            if not command.obeyed.done():
                return command
        return None

    def close(self) -> None:
        self._closed = True
        while command := self.take():
            command.refuse("unknown_call")
