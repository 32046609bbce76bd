"""Calls: the projection of telephony's facts into calls, CRM Events and follow-ups."""

from __future__ import annotations

from crm_core.calls.unfinished import UnfinishedCall, unfinished

__all__ = ["UnfinishedCall", "unfinished"]
