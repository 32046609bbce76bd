"""The stages of a call: between them its partners change, and it stays one call.

Each stage is a value that says who is in it; the function of that stage (in `seeking`, `talking`, `consulting`,
`conferring`, `merging`, `parking`) returns the next one, until it is a `Result`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING
from uuid import UUID

from callflow.facts import EndedBy, Outcome
from callflow.inbox import GiveAway
from callflow.router import ConferencePlan, Route
from callflow.side import Side
from pbx.leg import Diversion

if TYPE_CHECKING:
    from callflow.search import Search


@dataclass(frozen=True, slots=True)
class Result:
    """How the call ended."""

    outcome: Outcome
    by: EndedBy = EndedBy.SYSTEM
    status: int | None = None


ABANDONED = Result(Outcome.ABANDONED, EndedBy.CALLER, 487)
PROMISED = Result(Outcome.ANSWERED, EndedBy.CALLER)
"""Nobody was missed: the caller is called back, and it is known whether that was done."""


class Rescue(Enum):
    """What can still be done for somebody whom nobody takes."""

    HAND_BACK = auto()  # to the transferor, whose leg still lives
    RECALL = auto()  # ring the transferor again
    FALLBACK = auto()  # the number that the configuration names
    FAREWELL = auto()  # say that nobody is there, and hang up


@dataclass(slots=True, kw_only=True, eq=False)
class Transfer:
    """Somebody is being handed on. Whatever fails, that one is not lost: `rescues` are tried in turn."""

    id: UUID
    by: str  # the transferor's extension
    side: Side | None = None  # the transferor's end, while it is kept
    report: Callable[[int], None] | None = None  # the phone that asked hears of the progress
    rescues: deque[Rescue] = field(default_factory=lambda: deque(Rescue))
    other_call: UUID | None = None  # whose partner was taken over
    told: bool = False  # how it ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Seek:
    """`waiting` is taken where `route` leads, on the account of `payer` (an extension; None: a trusted peer, or nobody
    whom it costs anything). `search`: one that runs already, perhaps begun for somebody else."""

    waiting: Side
    route: Route
    payer: str | None = None
    transfer: Transfer | None = None
    timeout: float | None = None  # seconds of ringing, if not as usual
    forwards: bool = True  # follow the wishes of who is sought
    search: Search | None = None
    diverted_by: Diversion | None = None  # who sent the call on to `route`, as those who are rung are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Two people talk. `other` is who was found last."""

    one: Side
    other: Side
    after: Transfer | None = None  # that brought them together
    back: Seek | None = None  # how `one` waits on, should no bridge come to stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Consult:
    """`agent` speaks with the target of a transfer while `customer` hears music."""

    customer: Side
    agent: Side
    route: Route
    transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference:
    """More than two talk with each other, brought together by `by` (an extension); or two, while others are `asked`, or
    are to come out of another call by a `gift`."""

    sides: tuple[Side, ...]
    by: str
    asked: tuple[Search, ...] = ()
    gift: GiveAway | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """`customer` waits a moment for whom another call gives."""

    customer: Side
    gift: GiveAway
    transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    waiting: Side
    orbit: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meet:
    """`member` enters a conference, and stays until it ends for them."""

    member: Side
    conference: ConferencePlan
    admitted: bool = False  # has been in already: nobody asks for the PIN again


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """Nobody could be found for somebody who was promised a partner: say so, then hang up."""

    waiting: Side


Stage = Seek | Talk | Consult | Conference | Merge | Parked | Meet | Farewell | Result
