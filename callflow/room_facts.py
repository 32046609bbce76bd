"""What happened in talks of more than two: conferences, and supervisors beside a call.

The rules of `callflow.facts` hold here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from callflow.facts import CallFact, Fact


class SupervisionMode(StrEnum):
    """What a supervisor does beside a talk."""

    LISTEN = "listen"  # hears all, and nobody hears them
    WHISPER = "whisper"  # only the agent hears them
    BARGE = "barge"  # everybody hears them


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceJoined(CallFact):
    """Somebody takes part in a talk of more than two, whom all others hear. `member` is this membership's own id; an
    outside number stands behind a party reference. `by`: the extension that brought them all together."""

    member: UUID
    by: str
    extension: str | None = None
    party: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceLeft(CallFact):
    """That one has gone. When only two are left it is an ordinary talk again: `ConferenceEnded` follows."""

    member: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceEnded(CallFact):
    """Two talk, or nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionStarted(CallFact):
    """The supervisor `by` (an extension) is on the call from now on, beside `agent`. For the audit."""

    supervision: UUID
    by: str
    agent: str
    mode: SupervisionMode


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionChanged(CallFact):
    supervision: UUID
    by: str
    mode: SupervisionMode


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionEnded(CallFact):
    """`took_over`: the supervisor is the agent now."""

    supervision: UUID
    by: str
    took_over: bool = False


KINDS: Mapping[str, type[Fact]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            ConferenceJoined, ConferenceLeft, ConferenceEnded, SupervisionStarted, SupervisionChanged, SupervisionEnded,
        )
    }
)  # fmt: skip
"""Fact kinds by name, beside those of `callflow.facts`."""
