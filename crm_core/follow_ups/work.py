"""What people do with follow-ups. Every statement takes the person: nobody works on what they may not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from crm_core import settings
from crm_core.access import VISIBLE_FOLLOW_UP, Forbidden, NotFound, Right, require, sees_all
from crm_core.database import Connection
from crm_core.follow_ups.reading import COLUMNS, FROM, FollowUp, FollowUpState, from_row, publish
from crm_core.organisation import User

LIST_LIMIT = 1000
FARTHEST = timedelta(days=366)  # that something is put off: what is owed is not to be forgotten


class AlreadyClaimed(Exception):
    """A colleague has taken this follow-up."""


class AlreadyClosed(AlreadyClaimed):
    """It is done: nobody can take it any more."""


OPEN_LIST = (
    "SELECT"
    + COLUMNS
    + FROM
    + "WHERE t.kind = 'follow_up' AND t.closed_at IS NULL AND "
    + VISIBLE_FOLLOW_UP
    + """
     ORDER BY t.due_at, t.id LIMIT $3
"""
)


async def open_list(conn: Connection, user: User) -> list[FollowUp]:
    """Open and claimed ones that `user` may see, the most urgent first, at most 1000. Raises Forbidden."""
    require(user, Right.SEE_FOLLOW_UPS)
    return [from_row(row) for row in await conn.fetch(OPEN_LIST, sees_all(user), user.id, LIST_LIMIT)]


CLAIM = (
    """
    UPDATE task t
       SET assignee_id = $2,
           claimed_at = CASE WHEN t.assignee_id = $2 THEN coalesce(t.claimed_at, now()) ELSE now() END,
           leased_until = now() + make_interval(mins => nullif($4::integer, 0))
     WHERE t.id = $3 AND t.kind = 'follow_up' AND t.closed_at IS NULL
       AND (t.claimed_at IS NULL OR t.assignee_id = $2 OR t.leased_until <= now()) AND """
    + VISIBLE_FOLLOW_UP
    + " RETURNING t.id"
)


async def claim(conn: Connection, user: User, follow_up_id: UUID) -> None:
    """Make it mine, for as long as a lease lasts. The UPDATE is the lock: of two agents, one gets it. Claiming one's
    own again renews the lease.

    Raises AlreadyClaimed, AlreadyClosed, NotFound, Forbidden.
    """
    require(user, Right.WORK_FOLLOW_UPS)
    lease = (await settings.load(conn)).follow_up_lease_minutes
    async with conn.transaction():
        if not await conn.fetchval(CLAIM, sees_all(user), user.id, follow_up_id, lease):
            found = await _one(conn, user, follow_up_id)
            raise AlreadyClosed if found.state is FollowUpState.CLOSED else AlreadyClaimed(found.owner_name)
        await _audit(conn, user, "claimed", follow_up_id)
        await publish(conn, "follow_up.changed", [follow_up_id])


HAND_OVER = "UPDATE task SET assignee_id = $2, claimed_at = NULL, leased_until = NULL WHERE id = $1"
CAN_WORK = "SELECT 1 FROM app_user WHERE id = $1 AND active AND role <> 'hall'"


async def hand_over(conn: Connection, user: User, follow_up_id: UUID, to: UUID) -> None:
    """Give it to another: by its owner or by who sees all. The new owner may claim it.

    Raises AlreadyClosed, NotFound (the follow-up, or nobody who could work on it by that id), Forbidden.
    """
    require(user, Right.WORK_FOLLOW_UPS)
    async with conn.transaction():
        await _lock_own(conn, user, follow_up_id)
        if not await conn.fetchval(CAN_WORK, to):
            raise NotFound(to)
        await conn.execute(HAND_OVER, follow_up_id, to)
        await _audit(conn, user, "handed_over", follow_up_id)
        await publish(conn, "follow_up.changed", [follow_up_id])


# Who postpones has planned it: it stays theirs until then.
POSTPONE = """
    UPDATE task
       SET due_at = $2, postponed = postponed + 1, reminded_at = NULL, escalate_at = NULL, status = 'assigned',
           claimed_at = coalesce(claimed_at, now()),
           leased_until = CASE WHEN claimed_at IS NULL OR leased_until IS NOT NULL THEN greatest(leased_until, $2) END
     WHERE id = $1
"""


async def postpone(conn: Connection, user: User, follow_up_id: UUID, *, until: datetime) -> None:
    """To be done at `until`: by its owner or by who sees all. Raises AlreadyClosed, NotFound, Forbidden."""
    require(user, Right.WORK_FOLLOW_UPS)
    async with conn.transaction():
        await _lock_own(conn, user, follow_up_id)
        await conn.execute(POSTPONE, follow_up_id, until)
        await _audit(conn, user, "postponed", follow_up_id)
        await publish(conn, "follow_up.changed", [follow_up_id])


CLOSE = "UPDATE task SET closed_at = now(), status = 'done', result = $3, closed_by = $2 WHERE id = $1"


async def close(conn: Connection, user: User, follow_up_id: UUID, result: str) -> None:
    """Done without a call: by its owner or by who sees all. Raises AlreadyClosed, NotFound, Forbidden."""
    require(user, Right.WORK_FOLLOW_UPS)
    async with conn.transaction():
        await _lock_own(conn, user, follow_up_id)
        await conn.execute(CLOSE, follow_up_id, user.id, result.replace("\0", "")[:4000])
        await _audit(conn, user, "closed", follow_up_id)
        await publish(conn, "follow_up.closed", [follow_up_id])


HISTORY = """
    SELECT a.at, u.full_name AS by, a.action
      FROM audit a LEFT JOIN app_user u ON u.id = a.user_id
     WHERE a.object_kind = 'follow_up' AND a.object_id = $1
     ORDER BY a.id LIMIT 1000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody did with it: asked, claimed, handed_over, postponed or closed."""

    at: datetime
    by: str | None
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpCard:
    follow_up: FollowUp
    history: Sequence[Deed]


async def card(conn: Connection, user: User, follow_up_id: UUID) -> FollowUpCard:
    """One, open or closed, with what people did about it. Raises NotFound, Forbidden."""
    require(user, Right.SEE_FOLLOW_UPS)
    found = await _one(conn, user, follow_up_id)
    rows = await conn.fetch(HISTORY, follow_up_id)
    return FollowUpCard(follow_up=found, history=[Deed(**dict(row)) for row in rows])


ONE = "SELECT" + COLUMNS + FROM + "WHERE t.id = $3 AND t.kind = 'follow_up' AND " + VISIBLE_FOLLOW_UP
LOCK = "SELECT 1 FROM task WHERE id = $1 AND kind = 'follow_up' FOR UPDATE"
AUDIT = "INSERT INTO audit (user_id, action, object_kind, object_id) VALUES ($1, $2, 'follow_up', $3)"


async def _one(conn: Connection, user: User, follow_up_id: UUID) -> FollowUp:
    row: asyncpg.Record | None = await conn.fetchrow(ONE, sees_all(user), user.id, follow_up_id)
    if row is None:
        raise NotFound(follow_up_id)
    return from_row(row)


async def _lock_own(conn: Connection, user: User, follow_up_id: UUID) -> None:
    await conn.fetchval(LOCK, follow_up_id)
    found = await _one(conn, user, follow_up_id)
    if found.state is FollowUpState.CLOSED:
        raise AlreadyClosed(follow_up_id)
    if found.owner_id != user.id and not sees_all(user):
        raise Forbidden(f"{user.login}: not the owner")


async def _audit(conn: Connection, user: User, action: str, follow_up_id: UUID) -> None:
    await conn.execute(AUDIT, user.id, action, follow_up_id)
