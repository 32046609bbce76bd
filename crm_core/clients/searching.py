"""Clients as they are looked for: by a part of the name, or by the beginning of a number.

At most `MOST` are found, whatever is typed; who wants others types more. Names that begin with the text come first, in
their order, then those that hold it. Each list is read from an index and ends when it is full, so that a letter in
every name costs as little as a rare one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import phonenumbers

from crm_core import settings
from crm_core.access import Right, require
from crm_core.clients.phone_numbers import normalise
from crm_core.database import Connection
from crm_core.likeness import holding
from crm_core.organisation import User

MOST = 20
MOST_NUMBERS = 5  # shown of each client
LONGEST_TEXT = 200
FEWEST_LETTERS = 3  # of a part of a name: fewer have no trigrams
FEWEST_DIGITS = 3
LAST = "\U0010ffff"  # sorts behind every other character


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundClient:
    """`phones` of the client and its contact persons, as they were typed."""

    id: UUID
    name: str
    owner_name: str | None
    phones: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundClients:
    clients: Sequence[FoundClient]
    more: bool


BEGINS = """
    SELECT id FROM client
     WHERE lower(name) COLLATE "C" >= lower($1::text) AND lower(name) COLLATE "C" < lower($1::text) || $2
     ORDER BY lower(name) COLLATE "C", id LIMIT $3
"""
# MATERIALIZED: or the planner reads all names when it takes the text for a frequent one.
HOLDS = """
    WITH named AS MATERIALIZED (SELECT id FROM client WHERE name ILIKE $1 AND id <> ALL ($2::uuid[]))
    SELECT id FROM named LIMIT $3
"""
NUMBERED = """
    SELECT DISTINCT id FROM (
        (SELECT client_id AS id FROM client_phone
          WHERE e164 COLLATE "C" >= $1 AND e164 COLLATE "C" < $2 ORDER BY e164 COLLATE "C" LIMIT 10 * $3)
        UNION ALL
        (SELECT k.client_id FROM contact_phone p JOIN contact_person k ON k.id = p.contact_id
          WHERE p.e164 COLLATE "C" >= $1 AND p.e164 COLLATE "C" < $2 ORDER BY p.e164 COLLATE "C" LIMIT 10 * $3)) found
     LIMIT $3
"""
SHOWN = f"""
    SELECT c.id, c.name, u.full_name AS owner_name,
           ARRAY(SELECT p.raw FROM client_phone p WHERE p.client_id = c.id
                 UNION SELECT p.raw FROM contact_person k JOIN contact_phone p ON p.contact_id = k.id
                        WHERE k.client_id = c.id
                 ORDER BY 1 LIMIT {MOST_NUMBERS}) AS phones
      FROM unnest($1::uuid[]) WITH ORDINALITY AS found (id, place)
      JOIN client c ON c.id = found.id LEFT JOIN app_user u ON u.id = c.owner_id
     ORDER BY found.place
"""


async def search(conn: Connection, user: User, text: str) -> FoundClients:
    """A text without letters is a number, national or international, whole or its beginning. Raises Forbidden."""
    require(user, Right.SEE_CLIENTS)
    text = text.replace("\0", "").strip()[:LONGEST_TEXT]
    if not text:
        return FoundClients(clients=[], more=False)
    named = any(character.isalpha() for character in text)
    ids = await (_named(conn, text) if named else _numbered(conn, text))
    rows = await conn.fetch(SHOWN, ids[:MOST])
    return FoundClients(clients=[FoundClient(**dict(row)) for row in rows], more=len(ids) > MOST)


async def _named(conn: Connection, text: str) -> list[UUID]:
    ids = [row["id"] for row in await conn.fetch(BEGINS, text, LAST, MOST + 1)]
    if len(ids) <= MOST and len(text) >= FEWEST_LETTERS:
        ids += [row["id"] for row in await conn.fetch(HOLDS, holding(text), ids, MOST + 1 - len(ids))]
    return ids


async def _numbered(conn: Connection, text: str) -> list[UUID]:
    digits = "".join(character for character in text if character.isascii() and character.isdigit())
    if len(digits) < FEWEST_DIGITS:
        return []
    region = (await settings.load(conn)).region
    whole = normalise(text, region=region).e164
    country = phonenumbers.country_code_for_region(region)
    if whole is not None:
        begins = [whole]
    elif text.startswith("+"):
        begins = [f"+{digits}"]
    else:  # as people of the country write it, or with the country code but without the plus
        begins = [f"+{country}{digits.lstrip('0')}", f"+{digits}"]
    ids: list[UUID] = []
    for beginning in begins:
        if len(ids) <= MOST:
            rows = await conn.fetch(NUMBERED, beginning, beginning + LAST, MOST + 1)
            ids += [row["id"] for row in rows if row["id"] not in ids]
    return ids
