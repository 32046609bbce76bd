"""What other programs read: the ledger from a cursor on, and Asterisk's queue_log."""

from __future__ import annotations

from crm_core.sharing.facts import FactPage, SharedFact, SharedParty, read, settled
from crm_core.sharing.queue_log import queue_log

__all__ = ["FactPage", "SharedFact", "SharedParty", "queue_log", "read", "settled"]
