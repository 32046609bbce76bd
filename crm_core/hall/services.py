"""What the hall serves, for how long, and which local day it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from crm_core.database import Connection
from crm_core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of the hall; its project keeps the queue (R-QUEUE-04)."""

    id: UUID
    code: str
    name: Mapping[str, str]  # by language: uk, en, ru
    prefix: str
    slot_minutes: int
    project_id: UUID


SERVICES = """
    SELECT s.id, s.code, s.name, s.prefix, s.slot_minutes, s.project_id
      FROM service s JOIN project p ON p.id = s.project_id
     WHERE p.uses_queue
     ORDER BY s.code
"""


async def services(conn: Connection) -> list[Service]:
    """Every service whose project uses the electronic queue."""
    return [_service(row) for row in await conn.fetch(SERVICES)]


BY_CODE = """
    SELECT s.id, s.code, s.name, s.prefix, s.slot_minutes, s.project_id
      FROM service s JOIN project p ON p.id = s.project_id
     WHERE p.uses_queue AND s.code = $1
"""


async def by_code(conn: Connection, code: str) -> Service | None:
    row = await conn.fetchrow(BY_CODE, code.replace("\0", ""))
    return _service(row) if row else None


MINUTES = """
    SELECT minutes FROM service_duration
     WHERE service_id = $1 AND companies_from <= $2
     ORDER BY companies_from DESC LIMIT 1
"""


async def minutes_for(conn: Connection, service: Service, company_count: int) -> int:
    """How long a visit for so many companies takes (R-QUEUE-15, -17, -23): by the rule in the data base."""
    minutes: int | None = await conn.fetchval(MINUTES, service.id, company_count)
    return minutes or service.slot_minutes * company_count


# A branch that names no time zone has its parent's.
TIMEZONES = """
    WITH RECURSIVE unit AS (
        SELECT p.id AS project_id, o.parent_id, o.timezone, 1 AS step
          FROM project p JOIN org_unit o ON o.id = p.org_unit_id
         WHERE p.uses_queue
        UNION ALL
        SELECT unit.project_id, o.parent_id, o.timezone, unit.step + 1
          FROM unit JOIN org_unit o ON o.id = unit.parent_id
         WHERE unit.timezone IS NULL AND unit.step < 20
    )
    SELECT p.id,
           (SELECT u.timezone FROM unit u WHERE u.project_id = p.id AND u.timezone IS NOT NULL LIMIT 1) AS timezone
      FROM project p
     WHERE p.uses_queue
"""


async def local_days(conn: Connection, settings: Settings, at: datetime) -> Mapping[UUID, date]:
    """For each project with a queue, the day that `at` falls on where it is."""
    return {
        row["id"]: at.astimezone(ZoneInfo(row["timezone"] or settings.timezone)).date()
        for row in await conn.fetch(TIMEZONES)
    }


def _service(row: asyncpg.Record) -> Service:
    return Service(**{**dict(row), "name": msgspec.json.decode(row["name"], type=dict[str, str])})
