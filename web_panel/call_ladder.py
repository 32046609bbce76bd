"""What the panel shows of a call's signalling: who sent what to whom, and whether the core would do it again.

Names and messages come from SIP: hostile text, to be shown as text and nothing else.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class LadderSide(msgspec.Struct, frozen=True, kw_only=True):
    """One other end of the call. `outbound`: we called it."""

    leg_id: str
    name: str
    address: str
    outbound: bool


class LadderRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message. `at`: seconds since the trace began. `side`: place in `sides`. `again`: a retransmission. `failed`: it
    could not be sent. `missing`: notes that were left out just before this row, as the trace had grown too long."""

    at: float
    side: int
    inward: bool
    title: str
    text: str
    again: bool
    failed: bool
    missing: int


class LadderDifference(msgspec.Struct, frozen=True, kw_only=True):
    """`row`: the message at or before which it happened, None when there is none."""

    row: int | None
    what: str
    noted: str
    replayed: str


class LadderVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The trace was fed to the core again. `same`: whatever could be compared came out as it was noted."""

    same: bool
    checked: int
    unchecked: int
    missing: int
    difference: LadderDifference | None


class CallLadder(msgspec.Struct, frozen=True, kw_only=True):
    """`live`: the call has not ended, or its last transactions linger; more may come."""

    call_id: UUID
    started_at: datetime
    live: bool
    sides: tuple[LadderSide, ...]
    rows: tuple[LadderRow, ...]
    verdict: LadderVerdict
