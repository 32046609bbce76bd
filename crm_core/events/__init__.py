"""The event register and the event card; how telephony keeps its Events is in `telephony`."""

from __future__ import annotations

from crm_core.access import NotFound
from crm_core.events.card import EventCard, RecordingFile, RecordingLink, card, recording, write_content
from crm_core.events.register import EventFilter, EventRow, Page, View, register

__all__ = [
    "EventCard",
    "EventFilter",
    "EventRow",
    "NotFound",
    "Page",
    "RecordingFile",
    "RecordingLink",
    "View",
    "card",
    "recording",
    "register",
    "write_content",
]
