"""Lines and agents' skills as people change them: one transaction with audit and outbox, the last revision named.

What nobody has changed is as the configuration says, and has revision 0. Whoever listens to the outbox (`LINE_CHANGED`)
reads `changed_lines` then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Final

import asyncpg
import msgspec
import structlog

from callflow.line_book import Kept, KeptSkills
from callflow.line_settings import LineSettings, Skills
from crm_core import outbox
from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User

log = structlog.get_logger("crm_core.lines")

LINE_CHANGED: Final = "line.changed"
SKILLS_CHANGED: Final = "skills.changed"
MOST_LINES = 500
MOST_AGENTS = 10_000  # whose skills were changed


class SettingsChanged(Exception):
    """Somebody else has changed them meanwhile."""


class LineNotConfigured(Exception):
    """The configuration has no such line: there is nothing to go back to."""


class TooManyLines(Exception):
    """There are 500 that people have changed or added already, or skills of 10,000 agents."""


ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('dzvin.lines'))"
LINES = "SELECT number, settings, revision FROM line_setting"
SKILLS = "SELECT extension, skills, revision FROM agent_skill"
LINE = "SELECT settings, revision FROM line_setting WHERE number = $1"
REVISION = "SELECT revision FROM agent_skill WHERE extension = $1"
COUNT_LINES = "SELECT count(*) FROM line_setting"
COUNT_AGENTS = "SELECT count(*) FROM agent_skill"
KEEP_LINE = """
    INSERT INTO line_setting (number, settings, revision, changed_at, changed_by) VALUES ($1, $2::jsonb, $3, $4, $5)
    ON CONFLICT (number) DO UPDATE
       SET settings = excluded.settings, revision = excluded.revision, changed_at = excluded.changed_at,
           changed_by = excluded.changed_by
"""
KEEP_SKILLS = """
    INSERT INTO agent_skill (extension, skills, revision, changed_at, changed_by) VALUES ($1, $2::jsonb, $3, $4, $5)
    ON CONFLICT (extension) DO UPDATE
       SET skills = excluded.skills, revision = excluded.revision, changed_at = excluded.changed_at,
           changed_by = excluded.changed_by
"""
NAME = "INSERT INTO line (number, name) VALUES ($1, $2) ON CONFLICT (number) DO UPDATE SET name = excluded.name"
TAKE_OFF = "DELETE FROM line_agent WHERE line_number = $1 AND extension <> ALL($2::text[])"
PUT_ON = "INSERT INTO line_agent (line_number, extension) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING"
FORGET = "DELETE FROM line_setting WHERE number = $1"
AUDIT = "INSERT INTO audit (user_id, action, object_kind, detail) VALUES ($1, $2, $3, $4::jsonb)"


async def changed_lines(conn: Connection) -> tuple[Mapping[str, Kept], Mapping[str, KeptSkills]]:
    """Every line and every agent that people have changed."""
    kept = {}
    for row in await conn.fetch(LINES):
        try:
            settings = msgspec.json.decode(row["settings"], type=LineSettings)
        except msgspec.ValidationError as wrong:
            log.error("a line cannot be read", line=row["number"], error=str(wrong))
            continue
        kept[row["number"]] = Kept(settings=settings, revision=row["revision"])
    skills = {
        row["extension"]: KeptSkills(
            skills=msgspec.json.decode(row["skills"], type=dict[str, int]), revision=row["revision"]
        )
        for row in await conn.fetch(SKILLS)
    }
    return kept, skills


async def change_line(
    conn: Connection, user: User, number: str, settings: LineSettings, *, revision: int, now: datetime
) -> int:
    """The new revision. `revision`: of the settings that were changed; 0: nobody has changed that line yet, or there is
    none. Raises SettingsChanged, TooManyLines, Forbidden."""
    require(user, Right.CHANGE_LINES)
    async with conn.transaction():
        row = await _seen(conn, number, revision)
        if row is None and await conn.fetchval(COUNT_LINES) >= MOST_LINES:
            raise TooManyLines
        await _keep(conn, user, number, Kept(settings=settings, revision=revision + 1), now)
    return revision + 1


async def restore_line(
    conn: Connection, user: User, number: str, configured: LineSettings | None, *, revision: int
) -> None:
    """From now on it follows the configuration again, which has it so. Raises SettingsChanged, LineNotConfigured,
    Forbidden."""
    require(user, Right.CHANGE_LINES)
    if configured is None:
        raise LineNotConfigured(number)
    async with conn.transaction():
        if await _seen(conn, number, revision) is None:
            return  # it follows it already
        await conn.execute(FORGET, number)
        await set_line(conn, number, configured.name, configured.agents)
        await _audit(conn, user, "restored", "line", {"number": number})
        await _announce(conn, number, configured)


async def _seen(conn: Connection, number: str, revision: int) -> asyncpg.Record | None:
    """What is kept of it, one at a time. Raises SettingsChanged."""
    await conn.execute(ONE_AT_A_TIME)
    row = await conn.fetchrow(LINE, number)
    if (row["revision"] if row else 0) != revision:
        raise SettingsChanged(number)
    return row


async def change_agent(
    conn: Connection,
    user: User,
    extension: str,
    skills: Skills,
    *,
    lines: Set[str] | None,
    own: Mapping[str, LineSettings],
    revision: int,
    now: datetime,
) -> int:
    """What an agent can do, and which lines they serve (None: as before); the new revision. `own`: all lines as they
    are where nobody has changed them. In a line that is new to them they come last. Raises SettingsChanged,
    TooManyLines, Forbidden."""
    require(user, Right.CHANGE_LINES)
    async with conn.transaction():
        await conn.execute(ONE_AT_A_TIME)
        if (await conn.fetchval(REVISION, extension) or 0) != revision:
            raise SettingsChanged(extension)
        if revision == 0 and await conn.fetchval(COUNT_AGENTS) >= MOST_AGENTS:
            raise TooManyLines
        given = msgspec.json.encode(skills).decode()
        await conn.execute(KEEP_SKILLS, extension, given, revision + 1, now, user.id)
        await _audit(conn, user, "changed", "skills", {"extension": extension, "skills": skills})
        await outbox.append(conn, SKILLS_CHANGED, {"extension": extension, "revision": revision + 1})
        if lines is not None:
            kept, _ = await changed_lines(conn)
            for number, line in {**{number: Kept(settings=each) for number, each in own.items()}, **kept}.items():
                if (number in lines) != (extension in line.settings.agents):
                    settings = _served(line.settings, extension, serves=number in lines)
                    await _keep(conn, user, number, Kept(settings=settings, revision=line.revision + 1), now)
    return revision + 1


def _served(line: LineSettings, extension: str, *, serves: bool) -> LineSettings:
    """The line with the agent, or without them wherever they are named."""
    if serves:
        return msgspec.structs.replace(line, agents=(*line.agents, extension))
    tiers = tuple(
        msgspec.structs.replace(tier, agents=tuple(each for each in tier.agents if each != extension))
        for tier in line.tiers
    )
    return msgspec.structs.replace(
        line,
        agents=tuple(each for each in line.agents if each != extension),
        tiers=tuple(tier for tier in tiers if tier.agents),
        penalties={each: penalty for each, penalty in line.penalties.items() if each != extension},
    )


async def _keep(conn: Connection, user: User, number: str, kept: Kept, now: datetime) -> None:
    settings = kept.settings
    text = msgspec.json.encode(settings).decode()
    await conn.execute(KEEP_LINE, number, text, kept.revision, now, user.id)
    await set_line(conn, number, settings.name, settings.agents)
    await _audit(conn, user, "changed", "line", {"number": number, "revision": kept.revision, "settings": settings})
    await _announce(conn, number, settings)


async def _announce(conn: Connection, number: str, line: LineSettings) -> None:
    await outbox.append(conn, LINE_CHANGED, {"line": number, "name": line.name, "agents": list(line.agents)})


async def set_line(conn: Connection, number: str, name: str, agents: Sequence[str]) -> None:
    """What rights and reports read of a line."""
    await conn.execute(NAME, number, name)
    await conn.execute(TAKE_OFF, number, list(agents))
    await conn.execute(PUT_ON, number, list(agents))


async def _audit(conn: Connection, user: User, action: str, kind: str, detail: Mapping[str, object]) -> None:
    await conn.execute(AUDIT, user.id, action, kind, msgspec.json.encode(detail).decode())
