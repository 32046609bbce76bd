"""The closed lists of why: why an agent gets nothing, an offer ended, an item left."""

from __future__ import annotations

from enum import StrEnum


class AgentCondition(StrEnum):
    """Why an agent gets no offer now, the strongest first. Computed from will, facts and deadlines, never stored."""

    SIGNED_OUT = "signed_out"
    PAUSED = "paused"
    UNREACHABLE = "unreachable"
    OFFERED = "offered"  # a phone of theirs rings for an item
    SERVING = "serving"
    AT_WINDOW = "at_window"  # a hall ticket is open
    BUSY = "busy"  # in a call that came from no line
    WRAP_UP = "wrap_up"
    RESTING = "resting"  # did not take an offer a moment ago


class RefusalCause(StrEnum):
    """Why an offer was not taken."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"


class WithdrawReason(StrEnum):
    """Why the engine takes an offer back."""

    TAKEN_ELSEWHERE = "taken_elsewhere"  # somebody else of a ring-all has it
    MOVED = "moved"  # a supervisor moved or assigned the item
    EXPIRED = "expired"  # nobody told how the offer ended: the agent is not held for ever
    ITEM_LEFT = "item_left"


class LeaveReason(StrEnum):
    """How a wait ended: each item ends in exactly one of these."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    SHORT_ABANDONED = "short_abandoned"
    TIMEOUT = "timeout"
    EXIT_KEY = "exit_key"
    NO_AGENTS = "no_agents"  # nobody there at entry
    LEFT_EMPTY = "left_empty"  # nobody there any more
    FULL = "full"
    EXPECTED_WAIT = "expected_wait"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"  # by a supervisor
    OVERFLOWED = "overflowed"
    CALLBACK = "callback"
    TRANSFERRED = "transferred"
    TECHNICAL = "technical"


RESUMABLE = frozenset({LeaveReason.ABANDONED, LeaveReason.SHORT_ABANDONED, LeaveReason.TECHNICAL})
"""Who left like this may come back to the old place."""


class Why(StrEnum):
    """The keys of an explanation: what stands between an item and an agent, or what the agent does instead."""

    SIGNED_OUT = "signed_out"
    PAUSED = "paused"
    UNREACHABLE = "unreachable"
    OFFERED = "offered"
    SERVING = "serving"
    AT_WINDOW = "at_window"
    BUSY = "busy"
    WRAP_UP = "wrap_up"
    RESTING = "resting"
    FREE = "free"
    RINGING = "ringing"  # for this very item
    OTHERS_RING = "others_ring"
    NEXT = "next"  # nothing is in the way
    NOT_YET = "not_yet"
    KEPT = "kept"
    OTHER_LINE = "other_line"
    TIER_CLOSED = "tier_closed"
    SKILL = "skill"
    ON_DEMAND = "on_demand"
