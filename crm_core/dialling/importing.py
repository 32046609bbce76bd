"""Numbers come into a list: each row is taken, or is named with the reason why not."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from uuid_utils.compat import uuid7

from crm_core.access import Right, require
from crm_core.clients.phone_numbers import normalise
from crm_core.clients.whose import only_matches
from crm_core.database import Connection
from crm_core.dialling import do_not_call
from crm_core.dialling.lists import AUDIT, BadList, list_of
from crm_core.dialling.rules import is_zone, opens, zones_of
from crm_core.organisation import User

MOST_ROWS = 2_000  # of one import; a list takes any number of them
LONGEST_NAME = 200


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """`zone`: where the party is, if it is known better than its number says."""

    number: str
    name: str = ""
    zone: str = ""


class Left(StrEnum):
    """Why a row was left out."""

    BAD_NUMBER = "bad_number"
    BAD_ZONE = "bad_zone"
    BAD_NAME = "bad_name"
    NO_COMMON_HOURS = "no_common_hours"  # no hour of the list suits all places where the number may be
    TWICE = "twice"  # another row of this import has the number
    IN_LIST = "in_list"
    DO_NOT_CALL = "do_not_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """`row` counts from 1."""

    row: int
    number: str
    reason: Left


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    added: int
    left_out: Sequence[LeftOut]


def rows_of_csv(text: str) -> list[Row]:
    """Columns `number`, `name` and `zone` by their heading, in any order, with commas or semicolons; others are passed
    over. Raises BadList when there is no column `number`, or what is no CSV."""
    text = text.removeprefix("\ufeff")
    heading = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if heading.count(";") > heading.count(",") else ",")
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        found = [dict(zip(columns, row, strict=False)) for row in reader if row]
    except csv.Error:
        raise BadList("csv") from None
    if "number" not in columns:
        raise BadList("number")
    return [Row(number=each.get("number", ""), name=each.get("name", ""), zone=each.get("zone", "")) for each in found]


ADD = """
    INSERT INTO dial_entry (id, list_id, e164, name, zones, client_id, next_at)
    SELECT new.id, $1, new.e164, new.name, string_to_array(new.zones, ' '), new.client_id, new.next_at
      FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[])
           AS new (id, e164, name, zones, client_id, next_at)
    ON CONFLICT (list_id, e164) DO NOTHING
    RETURNING e164
"""


async def import_rows(
    conn: Connection, user: User, list_id: UUID, rows: Sequence[Row], *, region: str, zone: ZoneInfo, now: datetime
) -> Imported:
    """All in one transaction. The same again adds nothing. `region`: of numbers without a country; `zone`: of numbers
    whose plan says none. Raises BadList (more than 2,000 rows), NotFound, Forbidden."""
    require(user, Right.CHANGE_LINES)
    if len(rows) > MOST_ROWS:
        raise BadList("rows")
    async with conn.transaction():
        hours = (await list_of(conn, list_id)).hours
        read = _Reading(hours, region, zone.key, now)
        read.read(rows)
        barred = await do_not_call.among(conn, list(read.new), now)
        new = {number: entry for number, entry in read.new.items() if number not in barred}
        matches = await only_matches(conn, list(new))
        clients = [matches[number].id if number in matches else None for number in new]
        zones, opening = [" ".join(each.zones) for each in new.values()], [each.next_at for each in new.values()]
        names = [each.name for each in new.values()]
        added = {
            row["e164"]
            for row in await conn.fetch(
                ADD, list_id, [uuid7() for _ in new], list(new), names, zones, clients, opening
            )
        }  # fmt: skip
        await conn.execute(AUDIT, user.id, "imported", list_id, None, len(added))
    for number, entry in read.new.items():
        if number not in added:
            read.leave(entry.row, number, Left.DO_NOT_CALL if number in barred else Left.IN_LIST)
    return Imported(added=len(added), left_out=sorted(read.left_out, key=lambda each: each.row))


@dataclass(frozen=True, slots=True)
class _Entry:
    row: int
    name: str
    zones: tuple[str, ...]
    next_at: datetime


@dataclass(slots=True)
class _Reading:
    hours: str
    region: str
    zone: str
    now: datetime
    new: dict[str, _Entry] = field(default_factory=dict)  # by number
    left_out: list[LeftOut] = field(default_factory=list)
    _opening: dict[tuple[str, ...], datetime | None] = field(default_factory=dict)

    def read(self, rows: Sequence[Row]) -> None:
        for number, row in enumerate(rows, 1):
            self._read(number, row)

    def leave(self, row: int, number: str, reason: Left) -> None:
        self.left_out.append(LeftOut(row=row, number=number[:40], reason=reason))

    def _read(self, number: int, row: Row) -> None:
        e164 = normalise(row.number, region=self.region).e164
        if e164 is None:
            self.leave(number, row.number, Left.BAD_NUMBER)
        elif row.zone and not is_zone(row.zone):
            self.leave(number, row.number, Left.BAD_ZONE)
        elif "\0" in row.name or len(row.name) > LONGEST_NAME:
            self.leave(number, row.number, Left.BAD_NAME)
        elif e164 in self.new:
            self.leave(number, row.number, Left.TWICE)
        else:
            zones = (row.zone,) if row.zone else zones_of(e164, self.zone)
            next_at = self._opens(zones)
            if next_at is None:
                self.leave(number, row.number, Left.NO_COMMON_HOURS)
            else:
                self.new[e164] = _Entry(number, row.name.strip(), zones, next_at)

    def _opens(self, zones: tuple[str, ...]) -> datetime | None:
        """Many rows are in the same places."""
        if zones not in self._opening:
            self._opening[zones] = opens(self.hours, zones, self.now)
        return self._opening[zones]
