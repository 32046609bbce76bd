"""What telephony keeps in the data base: users' devices, lines, phones' bindings, what agents declared, how people want
to be reached."""

from __future__ import annotations

from crm_core.telephony.bindings import PostgresBindings, StoredBinding
from crm_core.telephony.devices import Device, Line, devices, lines
from crm_core.telephony.prompts import note_prompt
from crm_core.telephony.regulars import agent_of
from crm_core.telephony.switches import line_switches
from crm_core.telephony.wills import AgentWill, Declaration, history, last_wills, wills_of_phones
from crm_core.telephony.wishes import KeptWishes, kept_wishes
from crm_core.telephony.wrap_ups import running_wrap_ups

__all__ = [
    "AgentWill",
    "Declaration",
    "Device",
    "KeptWishes",
    "Line",
    "PostgresBindings",
    "StoredBinding",
    "agent_of",
    "devices",
    "history",
    "kept_wishes",
    "last_wills",
    "line_switches",
    "lines",
    "note_prompt",
    "running_wrap_ups",
    "wills_of_phones",
]
