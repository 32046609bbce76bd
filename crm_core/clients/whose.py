"""Whose a number is: one client's, several clients' with a confidence, or nobody's, and then it has a stub.

Confidence: a client who has the number weighs 1, and each time that a person has chosen the client for it weighs 2
more; the share of the whole is the confidence. A number of one client is that client's with confidence 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMatch:
    """A client that has the number asked for. The contact person is the client's only one, or the only one with that
    number."""

    id: UUID
    name: str
    owner_id: UUID | None
    contact_id: UUID | None = None
    contact_name: str | None = None


# Client and contact person of each number that belongs to one client.
ONLY_MATCHES = """
    SELECT found.e164, c.id, c.name, c.owner_id, person.id AS contact_id, person.name AS contact_name
      FROM (SELECT m.e164, min(m.client_id::text)::uuid AS client_id
              FROM (SELECT p.e164, p.client_id FROM client_phone p WHERE p.e164 = ANY($1::text[])
                    UNION
                    SELECT p.e164, k.client_id
                      FROM contact_phone p JOIN contact_person k ON k.id = p.contact_id
                     WHERE p.e164 = ANY($1::text[])) m
             GROUP BY m.e164
            HAVING count(*) = 1) found
      JOIN client c ON c.id = found.client_id
      LEFT JOIN LATERAL (
            SELECT k.id, k.name, count(*) OVER () AS persons, of_number.has_it,
                   count(*) FILTER (WHERE of_number.has_it) OVER () AS persons_with_it
              FROM contact_person k,
                   LATERAL (SELECT EXISTS (SELECT 1 FROM contact_phone p
                                            WHERE p.contact_id = k.id AND p.e164 = found.e164) AS has_it) of_number
             WHERE k.client_id = c.id
           ) person ON person.persons = 1 OR (person.has_it AND person.persons_with_it = 1)
"""


async def only_matches(conn: Connection, numbers: Sequence[str]) -> Mapping[str, ClientMatch]:
    """For each number that belongs to exactly one client, that client and perhaps the contact person (R-CALL-16)."""
    if not numbers:
        return {}
    rows = await conn.fetch(ONLY_MATCHES, list(numbers))
    return {
        row["e164"]: ClientMatch(
            id=row["id"],
            name=row["name"],
            owner_id=row["owner_id"],
            contact_id=row["contact_id"],
            contact_name=row["contact_name"],
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    id: UUID
    name: str
    job_title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A client whose number it may be; `contacts`: the client's contact persons who have it."""

    id: UUID
    name: str
    owner_id: UUID | None
    confidence: float  # 0 to 1; all candidates together are 1
    contacts: Sequence[Contact]


MOST = 50  # candidates of a number: a switchboard may have many
# Each client who has the number $1, with what the choices of people weigh.
WEIGHED = """
    WITH weighed AS (
        SELECT m.client_id, 1 + 2 * coalesce(n.times, 0) AS weight
          FROM (SELECT p.client_id FROM client_phone p WHERE p.e164 = $1
                UNION
                SELECT k.client_id
                  FROM contact_phone p JOIN contact_person k ON k.id = p.contact_id
                 WHERE p.e164 = $1) m
          LEFT JOIN number_choice n ON n.e164 = $1 AND n.client_id = m.client_id
    )
"""
CANDIDATES = (
    WEIGHED
    + """
    SELECT c.id, c.name, c.owner_id,
           (w.weight::double precision / sum(w.weight) OVER ()) AS confidence,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'job_title', k.job_title)
                                      ORDER BY k.name, k.id), '[]')
              FROM contact_person k
             WHERE k.client_id = c.id
               AND EXISTS (SELECT 1 FROM contact_phone p WHERE p.contact_id = k.id AND p.e164 = $1)) AS contacts
      FROM weighed w JOIN client c ON c.id = w.client_id
     ORDER BY w.weight DESC, c.name, c.id
     LIMIT $2
"""
)


async def candidates(conn: Connection, user: User, e164: str) -> list[Candidate]:
    """Every client whose number it may be, the surest first, at most 50. Raises Forbidden."""
    require(user, Right.SEE_CLIENTS)
    return [
        Candidate(
            id=row["id"],
            name=row["name"],
            owner_id=row["owner_id"],
            confidence=row["confidence"],
            contacts=msgspec.json.decode(row["contacts"], type=list[Contact]),
        )
        for row in await conn.fetch(CANDIDATES, e164, MOST)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCaller:
    """The stub of somebody who is no client, or not yet."""

    e164: str
    name: str
    calls: int
    first_seen_at: datetime
    last_seen_at: datetime


SEEN = """
    INSERT INTO unknown_caller AS u (e164, name, calls, first_seen_at, last_seen_at)
    SELECT n.e164, coalesce((array_agg(n.name ORDER BY n.at DESC) FILTER (WHERE n.name <> ''))[1], ''),
           count(*), min(n.at), max(n.at)
      FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS n (e164, name, at)
     WHERE NOT EXISTS (SELECT 1 FROM client_phone p WHERE p.e164 = n.e164)
       AND NOT EXISTS (SELECT 1 FROM contact_phone p WHERE p.e164 = n.e164)
     GROUP BY n.e164
     ORDER BY n.e164
    ON CONFLICT (e164) DO UPDATE
       SET calls = u.calls + excluded.calls, last_seen_at = greatest(u.last_seen_at, excluded.last_seen_at),
           first_seen_at = least(u.first_seen_at, excluded.first_seen_at),
           name = coalesce(nullif(excluded.name, ''), u.name)
"""


async def seen(conn: Connection, strangers: Sequence[tuple[str, str, datetime]]) -> None:
    """Make or keep up the stubs of numbers (E.164, name as signalled, when) that are no client's."""
    if strangers:
        numbers, names, moments = zip(*strangers, strict=True)
        await conn.execute(SEEN, numbers, names, moments)


STUBS = """
    SELECT e164, name, calls, first_seen_at, last_seen_at FROM unknown_caller ORDER BY last_seen_at DESC, e164 LIMIT $1
"""
LONGEST_LIST = 200


async def unknown_callers(conn: Connection, user: User) -> list[UnknownCaller]:
    """The latest 200. Raises Forbidden."""
    require(user, Right.SEE_CLIENTS)
    return [UnknownCaller(**dict(row)) for row in await conn.fetch(STUBS, LONGEST_LIST)]
