"""What people are shown to be doing, and what a call is shown to be in.

Only the will is ever declared: ready, on demand, paused or signed out. All else is worked out from live
calls, registrations and open tickets each time it is asked for, so that nothing can stay stuck (R-PANEL-04, R-PANEL-09,
O-14, O-15).
"""

from __future__ import annotations

from collections.abc import Container
from enum import StrEnum

from queue_engine.facts import Will


class AgentStatus(StrEnum):
    """The status dictionary of R-PANEL-04, with the two states that the manuals fold into others named openly."""

    OFFLINE = "offline"  # no phone of this person is registered
    FREE = "free"
    CALLING = "calling"  # the person's own call rings at the other side
    OFFERED = "offered"  # the person's phone rings
    BUSY = "busy"  # in conversation, or with a visitor at the window
    WAITING = "waiting"  # on hold (O-15)
    WRAP_UP = "wrap_up"  # finishes the work after a call out of a line, and is offered nothing
    PAUSED = "paused"
    SIGNED_OUT = "signed_out"  # the working day is over, or has not begun
    AWAY = "away"  # so says the person's phone
    DND = "dnd"  # not to be disturbed: so says the person's phone, or the person


class CallState(StrEnum):
    RINGING = "ringing"
    MENU = "menu"  # in a menu, before anybody rings
    QUEUED = "queued"  # waits in a line and nobody rings
    TALKING = "talking"
    HELD = "held"
    PARKED = "parked"  # waits where any colleague may fetch it
    ENDED = "ended"  # told once, then the call leaves the panel


class CardState(StrEnum):
    """How much is known of who calls."""

    KNOWN = "known"
    SEVERAL = "several"
    UNKNOWN = "unknown"
    LATE = "late"  # not yet


class TicketState(StrEnum):
    WAITING = "waiting"
    CALLED = "called"
    SERVED = "served"


STRENGTH = (AgentStatus.BUSY, AgentStatus.CALLING, AgentStatus.WAITING, AgentStatus.OFFERED)
"""Of several calls the strongest is shown: somebody who talks is busy, whatever else rings or is held."""


def agent_status(
    in_calls: Container[AgentStatus],
    *,
    serving: bool,
    reachable: bool,
    will: Will,
    published: str = "",
    wrapping: bool = False,
) -> AgentStatus:
    """The one status of a person. `in_calls` is what the person's live calls say of the person; `published` what the
    person's phone says: "", "away" or "dnd"."""
    for status in STRENGTH:
        if status in in_calls:
            return status
    # R-QUEUE-38: an operator with an open ticket is not counted as free.
    if serving:
        return AgentStatus.BUSY
    if will is Will.SIGNED_OUT:
        return AgentStatus.SIGNED_OUT
    if not reachable:
        return AgentStatus.OFFLINE
    if published == AgentStatus.DND:
        return AgentStatus.DND
    if will is Will.PAUSED:
        return AgentStatus.PAUSED
    if wrapping:
        return AgentStatus.WRAP_UP
    return AgentStatus.AWAY if published == AgentStatus.AWAY else AgentStatus.FREE
