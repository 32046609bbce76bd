"""Users' devices and the lines they serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from crm_core.database import Connection


@dataclass(frozen=True, slots=True)
class Device:
    """An extension and the user whose phone it is."""

    number: str
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A waiting line and the extensions of its agents."""

    number: str
    name: str
    agents: Sequence[str]


DEVICES = "SELECT number, user_id FROM device ORDER BY number"


async def devices(conn: Connection) -> list[Device]:
    return [Device(row["number"], row["user_id"]) for row in await conn.fetch(DEVICES)]


LINES = """
    SELECT l.number, l.name,
           ARRAY(SELECT a.extension FROM line_agent a WHERE a.line_number = l.number ORDER BY a.extension) AS agents
      FROM line l
     ORDER BY l.number
"""


async def lines(conn: Connection) -> list[Line]:
    return [Line(number=row["number"], name=row["name"], agents=row["agents"]) for row in await conn.fetch(LINES)]
