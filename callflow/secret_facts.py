"""What is kept from agents and recordings. By the rules of `callflow.facts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from callflow.facts import CallFact, Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEntry(CallFact):
    """From now on what the customer presses and says is heard by nobody and kept nowhere, or is again. `by`: an
    extension; None: a supervisor, or by itself."""

    on: bool
    by: str | None = None


KINDS: Mapping[str, type[Fact]] = MappingProxyType({SecretEntry.__name__: SecretEntry})
"""Fact kinds by name, beside those of `callflow.facts`."""
