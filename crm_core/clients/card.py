"""The card of who calls: whose the number is, and what this person's reader may know of them.

Two reads. `who` begins with the call, when nobody knows yet who will look; `history` is one viewer's own, by that
viewer's rights. Both are bounded: a number with a thousand calls costs as much as one with fifty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from crm_core.access import VISIBLE_EVENT, VISIBLE_FOLLOW_UP, NotFound, Right, allowed, require, sees_all
from crm_core.clients.whose import WEIGHED
from crm_core.database import Connection
from crm_core.organisation import User

Language = Literal["uk", "en", "ru"]

SHOWN = 5  # of each list


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownClient:
    """A client whose number it may be. The contact person is the client's only one, or the only one with the number."""

    id: UUID
    name: str
    owner_name: str | None
    language: Language | None
    black_listed: bool
    confidence: float  # 0 to 1
    contact_id: UUID | None
    contact_name: str | None
    job_title: str | None


WHO = (
    WEIGHED
    + """
    SELECT c.id, c.name, u.full_name AS owner_name, c.language, c.black_listed,
           (w.weight::double precision / sum(w.weight) OVER ()) AS confidence,
           person.id AS contact_id, person.name AS contact_name, person.job_title
      FROM weighed w
      JOIN client c ON c.id = w.client_id
      LEFT JOIN app_user u ON u.id = c.owner_id
      LEFT JOIN LATERAL (
            SELECT k.id, k.name, k.job_title, count(*) OVER () AS persons, of_number.has_it,
                   count(*) FILTER (WHERE of_number.has_it) OVER () AS persons_with_it
              FROM contact_person k,
                   LATERAL (SELECT EXISTS (SELECT 1 FROM contact_phone p
                                            WHERE p.contact_id = k.id AND p.e164 = $1) AS has_it) of_number
             WHERE k.client_id = c.id
           ) person ON person.persons = 1 OR (person.has_it AND person.persons_with_it = 1)
     ORDER BY w.weight DESC, c.name, c.id
     LIMIT $2
"""
)


async def who(conn: Connection, e164: str) -> list[KnownClient]:
    """Every client whose number it may be, the surest first, at most five. For the program, which shows it to those
    with the right to see clients only."""
    return [KnownClient(**dict(row)) for row in await conn.fetch(WHO, e164, SHOWN)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFollowUp:
    id: UUID
    state: str
    owner_id: UUID
    owner_name: str
    due_at: datetime
    missed_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCall:
    event_id: UUID
    type: str
    started_at: datetime
    talk_seconds: float
    owner_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTask:
    id: UUID
    status: str
    title: str  # of the event that it was made from
    due_at: datetime | None
    owner_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    id: UUID
    number: str
    starts_at: datetime
    state: str
    window: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    follow_up: OpenFollowUp | None = None
    calls: Sequence[LastCall] = ()  # the latest first, without the one that runs
    tasks: Sequence[OpenTask] = ()
    tickets: Sequence[OpenTicket] = ()


FOLLOW_UP = (
    """
    SELECT t.id, CASE WHEN t.claimed_at IS NULL THEN 'open' ELSE 'claimed' END AS state,
           t.assignee_id AS owner_id, u.full_name AS owner_name, t.due_at, t.missed_count
      FROM task t JOIN app_user u ON u.id = t.assignee_id
     WHERE $5::boolean AND t.kind = 'follow_up' AND t.closed_at IS NULL
       AND t.party_key IN ($4::text, 'client:' || $3::uuid) AND """
    + VISIBLE_FOLLOW_UP
    + " ORDER BY t.due_at LIMIT 1"
)
# The latest fifty of the party are looked at, and of these the first five that the viewer may see.
LATEST = 50
CALLS = (
    f"""
    SELECT e.id AS event_id, e.type, e.started_at, e.talk_seconds, u.full_name AS owner_name
      FROM (SELECT * FROM ((SELECT * FROM event WHERE client_id = $3 AND archived_at IS NULL
                             ORDER BY started_at DESC LIMIT {LATEST})
                           UNION
                           (SELECT * FROM event WHERE coalesce(e164, phone) = $4 AND archived_at IS NULL
                             ORDER BY started_at DESC, id DESC LIMIT {LATEST})) both_ways
             WHERE $6::boolean AND call_id IS DISTINCT FROM $8
               AND type IN ('incoming_call', 'outgoing_call', 'missed_incoming_call', 'missed_outgoing_call',
                            'missed_call_answer', 'callback')
             ORDER BY started_at DESC LIMIT {LATEST}) e
      LEFT JOIN app_user u ON u.id = e.owner_id
     WHERE """
    + VISIBLE_EVENT
    + f" ORDER BY e.started_at DESC, e.id DESC LIMIT {SHOWN}"
)
TASKS = f"""
    SELECT t.id, t.status, coalesce(left(e.content, 200), '') AS title, t.due_at, u.full_name AS owner_name
      FROM task t LEFT JOIN app_user u ON u.id = t.assignee_id LEFT JOIN event e ON e.id = t.event_id
     WHERE $6::boolean AND t.kind = 'task' AND t.closed_at IS NULL AND (t.client_id = $3 OR t.e164 = $4)
       AND ($1::boolean OR t.assignee_id = $2)
     ORDER BY t.due_at NULLS LAST, t.id LIMIT {SHOWN}
"""
TICKETS = f"""
    SELECT k.id, k.number, k.starts_at, k.state, k.service_window AS window
      FROM event e JOIN ticket k ON k.event_id = e.id
     WHERE $7::boolean AND (e.client_id = $3 OR e.e164 = $4) AND k.state <> 'served'
       AND k.ends_at > now() - interval '1 day'
     ORDER BY k.starts_at, k.id LIMIT {SHOWN}
"""
# One statement: five answers cost one way to the server and back.
HISTORY = f"""
    SELECT jsonb_build_object(
        'follow_up', (SELECT to_jsonb(f) FROM ({FOLLOW_UP}) f),
        'calls', (SELECT coalesce(jsonb_agg(l), '[]') FROM ({CALLS}) l),
        'tasks', (SELECT coalesce(jsonb_agg(o), '[]') FROM ({TASKS}) o),
        'tickets', (SELECT coalesce(jsonb_agg(q), '[]') FROM ({TICKETS}) q))
"""


async def history(conn: Connection, user: User, e164: str, client_id: UUID | None, call_id: UUID) -> History:
    """What was and what is open between us and who has that number, as far as `user` may see it."""
    rights = [allowed(user, right) for right in (Right.SEE_FOLLOW_UPS, Right.SEE_EVENTS, Right.SEE_HALL)]
    found = await conn.fetchval(HISTORY, sees_all(user), user.id, client_id, e164, *rights, call_id)
    return msgspec.json.decode(found, type=History)


MARK = """
    UPDATE client SET language = CASE WHEN $2 THEN $3 ELSE language END, black_listed = coalesce($4, black_listed)
     WHERE id = $1 RETURNING id
"""
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, object_id, detail)
    VALUES ($1, 'marked client', 'client', $2, jsonb_strip_nulls(jsonb_build_object('language', $3::text,
            'black_listed', $4::boolean)))
"""


async def mark(
    conn: Connection,
    user: User,
    client_id: UUID,
    *,
    language: Language | Literal[""] | None = None,
    black_listed: bool | None = None,
) -> None:
    """Set what the card says of a client; None leaves it as it is, an empty language forgets it. Raises NotFound,
    Forbidden."""
    require(user, Right.WRITE_CLIENTS)
    async with conn.transaction():
        if not await conn.fetchval(MARK, client_id, language is not None, language or None, black_listed):
            raise NotFound(client_id)
        await conn.execute(AUDIT, user.id, client_id, language, black_listed)
