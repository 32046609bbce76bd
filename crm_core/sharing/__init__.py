"""What other programs get: the ledger from a cursor on, webhooks, and Asterisk's queue_log."""

from __future__ import annotations

from crm_core.sharing.facts import FactPage, SharedFact, SharedParty, read, settled
from crm_core.sharing.queue_log import queue_log
from crm_core.sharing.webhooks import (
    TooManyWebhooks,
    Webhook,
    add_webhook,
    remove_webhook,
    resume_webhook,
    webhooks,
)

__all__ = [
    "FactPage",
    "SharedFact",
    "SharedParty",
    "TooManyWebhooks",
    "Webhook",
    "add_webhook",
    "queue_log",
    "read",
    "remove_webhook",
    "resume_webhook",
    "settled",
    "webhooks",
]
