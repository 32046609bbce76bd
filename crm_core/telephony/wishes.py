"""How people want to be reached, as they changed it: kept from the facts, read at the next start.

What nobody changed is not here: there the configuration's seed holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from callflow.facts import ForwardingChanged, ForwardKind, PhoneSettingsChanged
from crm_core.database import Connection


@dataclass(slots=True, kw_only=True)
class KeptWishes:
    """Of one extension. None: never changed. A forwarding to "" was ended."""

    do_not_disturb: bool | None = None
    lines: int | None = None
    ring_seconds: int | None = None
    auto_answer: bool | None = None
    forwards: dict[ForwardKind, str] = field(default_factory=dict)

    def settings(self) -> Mapping[str, int | bool]:
        """Those that were changed, by name."""
        told = {
            "do_not_disturb": self.do_not_disturb,
            "lines": self.lines,
            "ring_seconds": self.ring_seconds,
            "auto_answer": self.auto_answer,
        }
        return {name: value for name, value in told.items() if value is not None}


# Facts come in order; replays are older, and change nothing.
CHANGE = """
    INSERT INTO phone_setting AS kept (extension, do_not_disturb, lines, ring_seconds, auto_answer, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (extension) DO UPDATE
       SET do_not_disturb = coalesce(excluded.do_not_disturb, kept.do_not_disturb),
           lines = coalesce(excluded.lines, kept.lines),
           ring_seconds = coalesce(excluded.ring_seconds, kept.ring_seconds),
           auto_answer = coalesce(excluded.auto_answer, kept.auto_answer),
           changed_at = excluded.changed_at
     WHERE kept.changed_at <= excluded.changed_at
"""
FORWARD = """
    INSERT INTO phone_forward AS kept (extension, kind, target, party_id, changed_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (extension, kind) DO UPDATE
       SET target = excluded.target, party_id = excluded.party_id, changed_at = excluded.changed_at
     WHERE kept.changed_at <= excluded.changed_at
"""


async def change(conn: Connection, fact: PhoneSettingsChanged) -> None:
    await conn.execute(
        CHANGE, fact.extension, fact.do_not_disturb, fact.lines, fact.ring_seconds, fact.auto_answer, fact.at
    )


async def forward(conn: Connection, fact: ForwardingChanged) -> None:
    await conn.execute(FORWARD, fact.extension, fact.kind, fact.target, fact.party, fact.at)


SETTINGS = "SELECT extension, do_not_disturb, lines, ring_seconds, auto_answer FROM phone_setting"
FORWARDS = """
    SELECT f.extension, f.kind, coalesce(f.target, p.number, '') AS number
      FROM phone_forward f LEFT JOIN party p ON p.id = f.party_id
"""


async def kept_wishes(conn: Connection) -> dict[str, KeptWishes]:
    """Of every extension whose person changed something."""
    found = {
        row["extension"]: KeptWishes(
            do_not_disturb=row["do_not_disturb"],
            lines=row["lines"],
            ring_seconds=row["ring_seconds"],
            auto_answer=row["auto_answer"],
        )
        for row in await conn.fetch(SETTINGS)
    }
    for row in await conn.fetch(FORWARDS):
        kept = found.setdefault(row["extension"], KeptWishes())
        kept.forwards[ForwardKind(row["kind"])] = row["number"]
    return found
