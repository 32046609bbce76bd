"""What became of callbacks: what was promised to callers who did not want to wait. The rules of `callflow.facts` hold
here: the number that is called back sits behind a party reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from callflow.facts import CallFact, Fact


class Tried(StrEnum):
    """What a try came to."""

    REACHED = "reached"  # the agent and the party hear each other
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    WRONG_NUMBER = "wrong_number"
    FAILED = "failed"  # no trunk could carry it, or a fault of ours
    UNSERVED = "unserved"  # called first, answered, and was gone before an agent was there
    AGENT_GONE = "agent_gone"  # the agent hung up while the party's phone rang
    FORBIDDEN = "forbidden"  # by what the payer may spend outside
    LEFT = "left"  # somebody took the item out of the line


class KeptBy(StrEnum):
    CALLBACK = "callback"  # we called
    OTHER_CALL = "other_call"  # they called again, or somebody called them, and two talked


class Broken(StrEnum):
    TRIES = "tries"  # as often as the line tries, and in vain
    WRONG_NUMBER = "wrong_number"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # by a supervisor
    NO_LINE = "no_line"  # the line is no more


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPromised(CallFact):
    """A caller has left the line, is called back and keeps the place. `joined_at`: since when they wait."""

    promise: UUID
    line: str
    party: UUID
    joined_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackBegun(CallFact):
    """This call is to keep that promise."""

    promise: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackTried(Fact):
    """In vain: it is tried again, or broken. `tries`: how many count so far; `call` None: there was none."""

    promise: UUID
    tried: Tried
    tries: int
    again_at: datetime
    call: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackKept(Fact):
    promise: UUID
    by: KeptBy
    call: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackBroken(Fact):
    promise: UUID
    reason: Broken
    user: UUID | None = None  # who withdrew it


KINDS: Mapping[str, type[Fact]] = MappingProxyType(
    {kind.__name__: kind for kind in (CallbackPromised, CallbackBegun, CallbackTried, CallbackKept, CallbackBroken)}
)
