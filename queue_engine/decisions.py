"""What the engine says shall be done. The caller carries out every decision, in order, before the next input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from queue_engine.reasons import LeaveReason, RefusalCause, WithdrawReason


@dataclass(frozen=True, slots=True)
class Offer:
    """Ring this agent for this item, until `expires_at`."""

    item_id: UUID
    line: str
    extension: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Stop ringing this agent for this item; the engine has let the agent go already."""

    item_id: UUID
    extension: str
    reason: WithdrawReason


@dataclass(frozen=True, slots=True)
class Leave:
    """The engine ends this item's wait by a rule of the line. No `ItemLeft` is needed."""

    item_id: UUID
    line: str
    reason: LeaveReason


@dataclass(frozen=True, slots=True)
class AutoPause:
    """The agent did not take `misses` offers in a row: paused, until they say ready."""

    extension: str
    cause: RefusalCause
    misses: int


@dataclass(frozen=True, slots=True)
class WrapUp:
    """The agent is offered nothing before `until`; `until` may lie in the past, when wrap-up was cut. `item_id`: after
    which service it begins; None: a new deadline of one that runs."""

    extension: str
    item_id: UUID | None
    until: float


@dataclass(frozen=True, slots=True)
class StrategyFailed:
    """A strategy of one's own raised, or named nobody who may be asked: the longest idle was asked instead."""

    line: str
    strategy: str
    error: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Give `TimePassed` at that time, unless another input comes before; it replaces the wake of the last input."""

    at: float


Decision: TypeAlias = Offer | Withdraw | Leave | AutoPause | WrapUp | StrategyFailed | WakeAt
