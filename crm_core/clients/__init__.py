"""Clients, their numbers, and the parties behind calls."""

from __future__ import annotations

from crm_core.clients.phone_numbers import PhoneNumber, normalise
from crm_core.clients.register import ClientMatch, NewClient, by_phone, create

__all__ = ["ClientMatch", "NewClient", "PhoneNumber", "by_phone", "create", "normalise"]
