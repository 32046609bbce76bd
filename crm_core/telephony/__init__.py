"""What telephony keeps in the data base: users' devices, lines, phones' bindings, what agents declared."""

from __future__ import annotations

from crm_core.telephony.bindings import PostgresBindings, StoredBinding
from crm_core.telephony.devices import Device, Line, devices, lines
from crm_core.telephony.wills import AgentWill, last_wills

__all__ = [
    "AgentWill",
    "Device",
    "Line",
    "PostgresBindings",
    "StoredBinding",
    "devices",
    "last_wills",
    "lines",
]
