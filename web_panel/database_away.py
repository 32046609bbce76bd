"""The database cannot be reached or does not answer in time: one situation, whatever the driver calls it."""

from __future__ import annotations

from crm_core.ledger import TROUBLE as AWAY

__all__ = ["AWAY", "DatabaseAway"]


class DatabaseAway(Exception):
    """What was asked for needs the database. Calls and the live panel go on without it."""
