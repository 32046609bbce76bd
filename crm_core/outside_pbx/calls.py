"""A call of an outside telephony server, and the facts that tell it in our language. Pure.

Their ids are made from the source and its key: whatever is loaded twice is one fact for the ledger (R-CALL-30).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID, uuid5

from callflow.facts import (
    CallAnswered,
    CallEnded,
    CallQueued,
    CallRouted,
    CallStarted,
    Direction,
    Fact,
    Outcome,
    PartyIntroduced,
    SegmentEnded,
    Target,
)

NAMESPACE = UUID("019a0000-0000-7000-8000-0d7a1f000001")


class Flaw(StrEnum):
    """Why no call can be made of a row."""

    NO_KEY = "no_key"
    NO_DIRECTION = "no_direction"
    NO_TIME = "no_time"
    NO_SECONDS = "no_seconds"
    BACKWARDS = "backwards"  # it ended before it began
    REFUSED = "refused"  # by our own data base


class BadRecord(Exception):
    """A row from which no call can be made; `detail`: what stands there instead."""

    def __init__(self, flaw: Flaw, detail: str) -> None:
        super().__init__(flaw, detail)
        self.flaw, self.detail = flaw, detail[:80]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideCall:
    """`number`: the other side's, "" when withheld. `extension`: who took or placed it, or else whom it rang."""

    key: str  # unique in its source
    direction: Direction
    number: str
    extension: str
    line: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    outcome: Outcome


class _Stamp(TypedDict):
    id: UUID
    at: datetime
    call_id: UUID


def call_id(source: str, call: OutsideCall) -> UUID:
    return uuid5(NAMESPACE, f"{source}\n{call.key}")


def facts_of(source: str, call: OutsideCall) -> Sequence[Fact]:
    """In the order in which they happened. `source` is the trunk through which the call is said to have come."""
    own = call_id(source, call)

    def stamp(name: str, at: datetime) -> _Stamp:
        return {"id": uuid5(own, name), "at": at, "call_id": own}

    party, inbound = uuid5(own, "party"), call.direction is Direction.INBOUND
    facts: list[Fact] = [
        PartyIntroduced(id=uuid5(own, "introduced"), at=call.started_at, party=party, number=call.number),
        CallStarted(
            **stamp("started", call.started_at),
            direction=call.direction,
            party=party,
            caller=None if inbound else call.extension or None,
            trunk=source,
            sip_call_id=call.key,
        ),
    ]
    if inbound and call.line:
        facts.append(CallRouted(**stamp("routed", call.started_at), target=Target.LINE, number=call.line))
        facts.append(CallQueued(**stamp("queued", call.started_at), line=call.line))
    elif inbound and call.extension:
        facts.append(CallRouted(**stamp("routed", call.started_at), target=Target.EXTENSION, number=call.extension))
    if call.answered_at is not None:
        segment, leg = uuid5(own, "segment"), uuid5(own, "leg")
        facts.append(
            CallAnswered(**stamp("answered", call.answered_at), segment=segment, leg=leg, extension=call.extension)
        )
        facts.append(SegmentEnded(**stamp("segment ended", call.ended_at), segment=segment, extension=call.extension))
    facts.append(CallEnded(**stamp("ended", call.ended_at), outcome=call.outcome))
    return facts
