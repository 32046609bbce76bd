"""How the loading goes: how far it is, what it loaded, why it cannot, and the rows that it set aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.outside_pbx import sources
from crm_core.outside_pbx.calls import BadRecord, Flaw
from crm_core.outside_pbx.sources import Failure, SourceFailed
from crm_core.settings import Settings

SHOWN = 20  # sources, and the latest rows of each that were set aside
FORGOTTEN = timedelta(days=30)  # after the last look that met the row


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A row from which no call could be made: its key and its time as they stand there, and what is wrong."""

    row: str
    flaw: Flaw
    detail: str
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """`source` without a password; `failure` and `error`: why the last look failed, None and "" when it did not;
    `loaded`: calls that became ours, ever; `set_aside`: the latest of such rows."""

    source: str
    loaded_through: datetime | None
    looked_at: datetime
    loaded: int
    failure: Failure | None
    error: str
    set_aside: Sequence[SetAside] = ()


# Of another table, or read in another way, nothing is known.
THROUGH = "SELECT loaded_through FROM outside_source WHERE source = $1 AND form = $2"
LOOKED = """
    INSERT INTO outside_source (source, form, loaded_through, looked_at, loaded) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (source) DO UPDATE
       SET loaded_through = CASE WHEN outside_source.form = excluded.form
                                 THEN greatest(outside_source.loaded_through, excluded.loaded_through)
                                 ELSE excluded.loaded_through END,
           form = excluded.form, loaded = outside_source.loaded + excluded.loaded,
           looked_at = excluded.looked_at, error = '', failure = ''
"""
FAILED = """
    INSERT INTO outside_source (source, looked_at, error, failure) VALUES ($1, $2, $3, $4)
    ON CONFLICT (source) DO UPDATE
       SET looked_at = excluded.looked_at, error = excluded.error, failure = excluded.failure
"""
ASIDE = """
    INSERT INTO outside_set_aside (source, row_name, flaw, detail, seen_at)
    SELECT $1, row_name, flaw, detail, $5 FROM unnest($2::text[], $3::text[], $4::text[]) AS n (row_name, flaw, detail)
    ON CONFLICT (source, row_name) DO UPDATE
       SET flaw = excluded.flaw, detail = excluded.detail, seen_at = excluded.seen_at
"""
FORGET = "DELETE FROM outside_set_aside WHERE seen_at < $1"
STATES = f"""
    SELECT source, loaded_through, looked_at, loaded, failure, error
      FROM outside_source ORDER BY looked_at DESC LIMIT {SHOWN}
"""
SET_ASIDE = f"""
    SELECT row_name AS row, flaw, detail, seen_at FROM outside_set_aside
     WHERE source = $1 ORDER BY seen_at DESC, row_name DESC LIMIT {SHOWN}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """`source`, and how it is read."""

    source: str
    form: str

    @classmethod
    def of(cls, given: Settings) -> Place:
        form = f"{given.telephony_kind} {given.telephony_table} {given.telephony_internal_digits} {given.timezone}"
        return cls(sources.label(given.telephony_source), form)


async def loaded_through(conn: Connection, place: Place) -> datetime | None:
    """The newest start of a call that was read."""
    through: datetime | None = await conn.fetchval(THROUGH, place.source, place.form)
    return through


async def note_looked(conn: Connection, place: Place, through: datetime | None, now: datetime, loaded: int) -> None:
    await conn.execute(LOOKED, place.source, place.form, through, now, loaded)


async def note_failed(conn: Connection, source: str, error: SourceFailed, now: datetime) -> None:
    await conn.execute(FAILED, source, now, str(error), error.failure)


async def note_aside(conn: Connection, source: str, bad: Iterable[tuple[str, BadRecord]], now: datetime) -> None:
    """Rows by their names. The last of one name counts."""
    by_name = dict(bad)
    flaws, details = [each.flaw for each in by_name.values()], [each.detail for each in by_name.values()]
    await conn.execute(ASIDE, source, list(by_name), flaws, details, now)
    await conn.execute(FORGET, now - FORGOTTEN)


async def states(conn: Connection, user: User) -> Sequence[SourceState]:
    """How the loading goes, the latest source first. Raises Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    found = []
    for row in await conn.fetch(STATES):
        values = {**row, "failure": Failure(row["failure"]) if row["failure"] else None}
        aside = await conn.fetch(SET_ASIDE, row["source"])
        rows = [SetAside(**{**each, "flaw": Flaw(each["flaw"])}) for each in aside]
        found.append(SourceState(**values, set_aside=rows))
    return found
