"""What a running call is told to do: by its phones (REFER), by people (the panel), by other calls.

A call obeys only in its own task; whoever commands waits for `Command.obeyed`. Every command ends either way: what a
call cannot do in its present state is refused at once, and what is left when the call ends is refused then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from callflow.control import ControlRefused, Order
from callflow.room_facts import SupervisionMode
from callflow.router import Route
from callflow.side import Side
from pbx.leg import Leg, Referral

if TYPE_CHECKING:
    from callflow.call import Call

MOST = 16  # commands that may wait for one call
PATIENCE = 3.0  # seconds that a command waits for its call
REFERRED: Mapping[str, int] = MappingProxyType({"forbidden": 403})
"""Statuses that refuse a REFER, by reason; else 603. RFC 5057 §5.1: a 404, 480, 481 or 482 inside a dialog may end that
dialog, and the customer with it, so no REFER that merely cannot be done is refused with one of them."""


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
class Refer(TransferTo):
    """The same by a REFER of that person's phone, which stays until it has heard how it went."""

    referral: Referral

    @property
    def end(self) -> Leg:
        return self.referral.leg

    def done(self) -> None:
        TransferTo.done(self)
        self.referral.accept()

    def refuse(self, reason: str) -> None:
        _refuse_referral(self, self.referral, reason)
        TransferTo.refuse(self, reason)


@dataclass(slots=True, eq=False, kw_only=True)
class MergeWith(PersonalCommand):
    """Join the other side with the partner of `other`, that same person's leg in `other_call`, and leave both: a REFER
    with Replaces. `end`: the person's leg in the call that is told."""

    end: Leg
    other: Leg
    other_call: Call
    referral: Referral

    def done(self) -> None:
        PersonalCommand.done(self)
        self.referral.accept()

    def refuse(self, reason: str) -> None:
        _refuse_referral(self, self.referral, reason)
        PersonalCommand.refuse(self, reason)


def _refuse_referral(command: Command, referral: Referral, reason: str) -> None:
    if not command.obeyed.done():
        referral.refuse(REFERRED.get(reason, 603))


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


class Confer(PersonalCommand):
    """All together: with whom that person consults, or with whom they speak in another call."""


@dataclass(slots=True, eq=False, kw_only=True)
class Invite(PersonalCommand):
    """Ring the target; who answers joins the talk."""

    number: str
    route: Route


class Leave(PersonalCommand):
    """Out of a conference, which goes on."""


class CallOrder(Command):
    """About the whole call, in whatever stage people talk."""


@dataclass(slots=True, eq=False, kw_only=True)
class Supervise(CallOrder):
    """Ring the phone of `by`, or take `side`, to sit beside `agent` (None: the one who has the call); who is there
    already changes the mode."""

    by: str
    mode: SupervisionMode
    agent: str | None = None
    side: Side | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class StopSupervising(CallOrder):
    by: str


@dataclass(slots=True, eq=False, kw_only=True)
class TakeOver(Command):
    """The supervisor `by` goes on in place of the agent, who is dropped."""

    by: str


@dataclass(slots=True, eq=False, kw_only=True)
class RecordingOrder(CallOrder):
    """By somebody in the call (`by`: extension) or by a supervisor, about the recording of the whole call."""

    what: Order
    by: str | None = None
    supervisor: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class Take(Command):
    """This side takes the one who rings somewhere or is parked."""

    side: Side


@dataclass(slots=True, eq=False, kw_only=True)
class Substitute(Command):
    """This side, another phone of `by`, takes the place of the leg `out` (RFC 3891)."""

    out: Leg
    side: Side
    by: str


@dataclass(slots=True, eq=False, kw_only=True)
class GiveAway(Command):
    """Hand over the partner of `out`, which belongs to `by`; the call is over with that. While the partner still rings:
    where the call leads. `along`: give `out` itself, too, and nobody who still rings."""

    out: Leg
    by: str
    along: bool = False
    given: Side | Route | None = None
    came: Side | None = None


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
