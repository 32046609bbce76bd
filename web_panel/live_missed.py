"""Which calls the panel lists as missed, and what is still owed for them. Pure."""

from __future__ import annotations

from callflow.facts import Direction
from crm_core.calls.rules import NOBODY_CALLED
from web_panel.live_calls import LiveCall
from web_panel.live_entries import Missed
from web_panel.wire import FollowUpView


def is_missed(call: LiveCall) -> bool:
    """R-CALL-07, as `crm_core.calls.rules` decides it: a call to us that joined nobody with the caller. Who inside the
    company dialled what does not exist was missed by nobody."""
    nobodys = call.direction is Direction.INTERNAL and call.outcome in NOBODY_CALLED
    return call.direction is not Direction.OUTBOUND and call.answered_at is None and not nobodys


def still_open(earlier: Missed | None) -> FollowUpView | None:
    follow_up = earlier.follow_up if earlier else None
    return follow_up if follow_up and follow_up.state != "closed" else None
