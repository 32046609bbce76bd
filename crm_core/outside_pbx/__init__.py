"""Loading from an outside telephony server: its calls become ours, each once (R-CALL-25..30, O-39).

sources    reads rows: a table of a PostgreSQL server, or a CSV file
asterisk   PURE: rows of an Asterisk call-detail record to calls
contract   PURE: rows of the documented view to calls
folding    PURE: a page of rows to the calls that are over
calls      PURE: a call to the facts that our own switchboard would have told
loading    puts those facts through the ledger, unless the call is known
state      how it goes, and what was set aside
"""

from __future__ import annotations

from crm_core.outside_pbx.calls import Flaw
from crm_core.outside_pbx.loading import OutsideCalls
from crm_core.outside_pbx.sources import Failure
from crm_core.outside_pbx.state import SetAside, SourceState, states

__all__ = ["Failure", "Flaw", "OutsideCalls", "SetAside", "SourceState", "states"]
