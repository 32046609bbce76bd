"""How a call sounded, and how its time was spent: kept of each leg, read for each call."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from callflow.facts import LegMeasured
from crm_core.database import Connection

STORE = """
    INSERT INTO leg_sound (
        leg, call_id, extension, codec, ended_at, received, lost, remote_lost, jitter_ms, round_trip_ms, mos,
        remote_mos, worst_mos, joined_seconds, talk_seconds, overtalk_seconds, silence_seconds
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT DO NOTHING
"""


async def store(conn: Connection, facts: Sequence[LegMeasured]) -> None:
    """Of calls that are known."""
    if not facts:
        return  # the data base is not asked for nothing
    await conn.executemany(
        STORE,
        [
            (
                each.leg, each.call_id, each.extension, each.codec, each.at, each.received, each.lost,
                each.remote_lost, each.jitter_ms, each.round_trip_ms, each.mos, each.remote_mos, each.worst_mos,
                each.joined_seconds, each.talk_seconds, each.overtalk_seconds, each.silence_seconds,
            )
            for each in facts
        ],
    )  # fmt: skip


class LegSound(msgspec.Struct, frozen=True, kw_only=True):
    """Of one leg; `extension` is None for the outside party. Scores are those of `pbx.rtp.quality`, 1 to 4.5."""

    extension: str | None
    codec: str
    received: int
    lost: int
    remote_lost: int
    jitter_ms: float
    round_trip_ms: float | None
    mos: float | None
    remote_mos: float | None
    worst_mos: float | None
    talk_seconds: float


class CallSound(msgspec.Struct, frozen=True, kw_only=True):
    """Of a whole call. `worst_mos` is that of its worst leg. Shares are parts of `talk_seconds`, 0 to 1: nobody spoke,
    both spoke, somebody was on hold; None when nobody talked with anybody."""

    talk_seconds: float
    held_seconds: float
    worst_mos: float | None
    silence_share: float | None
    overtalk_share: float | None
    hold_share: float | None
    legs: tuple[LegSound, ...]


READ_CALL = """
    SELECT call.talk_seconds, held_seconds,
           (SELECT min(least(mos, remote_mos, worst_mos)) FROM leg_sound WHERE call_id = call.id) AS worst_mos,
           longest.silence_seconds / longest.joined_seconds AS silence_share,
           longest.overtalk_seconds / longest.joined_seconds AS overtalk_share,
           CASE WHEN call.talk_seconds > 0 THEN least(1, held_seconds / call.talk_seconds) END AS hold_share
      FROM call
      -- Both legs of a pair count the same seconds; who was in it longest has seen most of the call.
      LEFT JOIN LATERAL (
           SELECT * FROM leg_sound WHERE call_id = call.id AND joined_seconds > 0
            ORDER BY joined_seconds DESC, leg LIMIT 1) longest ON true
     WHERE call.id = $1
"""
READ_LEGS = """
    SELECT extension, codec, received, lost, remote_lost, jitter_ms, round_trip_ms, mos, remote_mos, worst_mos,
           talk_seconds
      FROM leg_sound WHERE call_id = $1 ORDER BY ended_at, leg
"""


async def of_call(conn: Connection, call_id: UUID) -> CallSound | None:
    """None when there is no such call."""
    row = await conn.fetchrow(READ_CALL, call_id)
    if row is None:
        return None
    legs = [dict(leg) for leg in await conn.fetch(READ_LEGS, call_id)]
    return msgspec.convert({**dict(row), "legs": legs}, CallSound)
