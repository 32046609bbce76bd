"""Auto-numbering: a series for each kind, project, prefix and, where it starts anew each day, local day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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


NEXT_OF_SEVERAL = """
    INSERT INTO number_series (kind, project_id, prefix, day, last)
    SELECT $1, wanted.project_id, '', NULL, wanted.count
      FROM unnest($2::uuid[], $3::integer[]) AS wanted (project_id, count)
     ORDER BY wanted.project_id
    ON CONFLICT (kind, coalesce(project_id, '00000000-0000-0000-0000-000000000000'), prefix, coalesce(day, '-infinity'))
    DO UPDATE SET last = number_series.last + excluded.last
    RETURNING project_id, last
"""


async def next_numbers(conn: Connection, kind: str, projects: Sequence[UUID | None]) -> list[int]:
    """A number for each of `projects`, in their order. The series are taken in one order: nobody waits in a circle."""
    wanted = Counter(projects)
    rows = await conn.fetch(NEXT_OF_SEVERAL, kind, list(wanted), list(wanted.values())) if wanted else []
    last = {row["project_id"]: row["last"] - wanted[row["project_id"]] for row in rows}
    numbers: list[int] = []
    for project in projects:
        last[project] += 1
        numbers.append(last[project])
    return numbers
