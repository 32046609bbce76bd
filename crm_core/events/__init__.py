"""The event register and the event card; how telephony keeps its Events is in `telephony`."""

from __future__ import annotations

from crm_core.access import NotFound
from crm_core.events.by_hand import TakenCall, register_call
from crm_core.events.card import EventCard, RecordingFile, RecordingLink, card, recording, write_content
from crm_core.events.kinds import View
from crm_core.events.register import EventFilter, EventRow, Page, register

__all__ = [
    "EventCard",
    "EventFilter",
    "EventRow",
    "NotFound",
    "Page",
    "RecordingFile",
    "RecordingLink",
    "TakenCall",
    "View",
    "card",
    "recording",
    "register",
    "register_call",
    "write_content",
]
