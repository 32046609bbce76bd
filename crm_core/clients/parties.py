"""Parties: what the ledger only refers to. Erasing a person empties the party and leaves the ledger as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from callflow.facts import PartyIntroduced
from crm_core.clients.phone_numbers import PhoneNumber, normalise
from crm_core.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """The other side of a call. `number.withheld` for a caller without a number, and for one that was erased."""

    id: UUID
    number: PhoneNumber
    name: str
    extension: bool


INTRODUCE = """
    INSERT INTO party (id, number, e164, name, extension)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[])
    ON CONFLICT (id) DO UPDATE
       SET number = excluded.number, e164 = excluded.e164, name = excluded.name
     WHERE party.erased_at IS NULL
"""


async def introduce(conn: Connection, facts: Sequence[PartyIntroduced], *, region: str) -> None:
    """Store the people and numbers behind party references; a later introduction of the same party wins."""
    latest = {fact.party: fact for fact in facts}.values()
    if not latest:
        return
    numbers = [_number(fact.number, extension=fact.extension, region=region) for fact in latest]
    await conn.execute(
        INTRODUCE,
        [fact.party for fact in latest],
        [number.raw for number in numbers],
        [number.e164 for number in numbers],
        [fact.name for fact in latest],
        [fact.extension for fact in latest],
    )


LOAD = "SELECT id, number, e164, name, extension FROM party WHERE id = ANY($1::uuid[])"


async def load(conn: Connection, ids: Sequence[UUID]) -> Mapping[UUID, Party]:
    """The parties that are known, by id."""
    if not ids:
        return {}
    return {
        row["id"]: Party(
            id=row["id"],
            number=PhoneNumber(raw=row["number"], e164=row["e164"], withheld=not row["number"]),
            name=row["name"],
            extension=row["extension"],
        )
        for row in await conn.fetch(LOAD, list(ids))
    }


def _number(raw: str, *, extension: bool, region: str) -> PhoneNumber:
    if extension:  # the dial plan decides before E.164 does
        return PhoneNumber(raw=raw.strip(), e164=None, withheld=not raw.strip())
    number = normalise(raw, region=region)
    return PhoneNumber(raw="", e164=None, withheld=True) if number.withheld else number
