"""Loading from an outside telephony server: its calls become ours, each once (R-CALL-25..30, O-39).

sources    reads rows: a table of a PostgreSQL server, or a CSV file
asterisk   PURE: rows of an Asterisk call-detail record to calls
contract   PURE: rows of the documented view to calls
calls      PURE: a call to the facts that our own switchboard would have told
loading    puts those facts through the ledger, unless the call is known
"""

from __future__ import annotations

from crm_core.outside_pbx.loading import OutsideCalls, SourceState, states

__all__ = ["OutsideCalls", "SourceState", "states"]
