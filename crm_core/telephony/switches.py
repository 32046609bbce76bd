"""Which lines supervisors have closed and what lines tell first: kept from the facts, read at the next start."""

from __future__ import annotations

from callflow.line_book import Switch
from callflow.line_orders import LineSwitched
from crm_core.database import Connection

# Facts come in order; replays are older, and change nothing.
SWITCH = """
    INSERT INTO line_switch AS kept (line, is_open, message, changed_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (line) DO UPDATE
       SET is_open = excluded.is_open, message = excluded.message, changed_at = excluded.changed_at
     WHERE kept.changed_at <= excluded.changed_at
"""


async def switch(conn: Connection, fact: LineSwitched) -> None:
    await conn.execute(SWITCH, fact.line, fact.is_open, fact.message, fact.at)


SWITCHES = "SELECT line, is_open, message FROM line_switch"


async def line_switches(conn: Connection) -> dict[str, Switch]:
    """Of every line that was ever switched."""
    return {row["line"]: Switch(is_open=row["is_open"], message=row["message"]) for row in await conn.fetch(SWITCHES)}
