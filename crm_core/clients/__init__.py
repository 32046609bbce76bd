"""Clients, their contact persons and numbers, and the parties behind calls."""

from __future__ import annotations

from crm_core.clients.card import History, KnownClient, history, mark, who
from crm_core.clients.choosing import choose
from crm_core.clients.phone_numbers import PhoneNumber, normalise
from crm_core.clients.register import NewClient, NewContact, create
from crm_core.clients.searching import FoundClient, FoundClients, search
from crm_core.clients.whose import Candidate, ClientMatch, UnknownCaller, candidates, unknown_callers

__all__ = [
    "Candidate",
    "ClientMatch",
    "FoundClient",
    "FoundClients",
    "History",
    "KnownClient",
    "NewClient",
    "NewContact",
    "PhoneNumber",
    "UnknownCaller",
    "candidates",
    "choose",
    "create",
    "history",
    "mark",
    "normalise",
    "search",
    "unknown_callers",
    "who",
]
