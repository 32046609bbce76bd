"""Follow-ups: every missed caller is called back, once, by one owner.

A follow-up is a task of a system kind (O-41). Telephony opens and closes them (`opening`), people claim, hand over and
close them (`work`); a partial unique key on `party_key` sees to it that one party owes one.
"""

from __future__ import annotations

from crm_core.follow_ups.asking import ask
from crm_core.follow_ups.care import FollowUpCare
from crm_core.follow_ups.missed import MISSED_ELSEWHERE, MissedCall, missed_today, tell_missed
from crm_core.follow_ups.reading import FollowUp, FollowUpState
from crm_core.follow_ups.work import (
    FARTHEST,
    AlreadyClaimed,
    AlreadyClosed,
    FollowUpCard,
    card,
    claim,
    close,
    hand_over,
    open_list,
    postpone,
)

__all__ = [
    "FARTHEST",
    "MISSED_ELSEWHERE",
    "AlreadyClaimed",
    "AlreadyClosed",
    "FollowUp",
    "FollowUpCard",
    "FollowUpCare",
    "FollowUpState",
    "MissedCall",
    "ask",
    "card",
    "claim",
    "close",
    "hand_over",
    "missed_today",
    "open_list",
    "postpone",
    "tell_missed",
]
