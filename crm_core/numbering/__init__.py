"""Auto-numbering: a series for each kind, project, prefix and, where it starts anew each day, local day."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from crm_core.database import Connection

NEXT = """
    INSERT INTO number_series (kind, project_id, prefix, day, last) VALUES ($1, $2, $3, $4, 1)
    ON CONFLICT (kind, coalesce(project_id, '00000000-0000-0000-0000-000000000000'), prefix, coalesce(day, '-infinity'))
    DO UPDATE SET last = number_series.last + 1
    RETURNING last
"""


async def next_number(
    conn: Connection, kind: str, *, project_id: UUID | None, prefix: str = "", day: date | None = None
) -> int:
    """The next number of the series. Others who want one wait until this transaction ends, so there are no gaps."""
    number: int = await conn.fetchval(NEXT, kind, project_id, prefix, day)
    return number
