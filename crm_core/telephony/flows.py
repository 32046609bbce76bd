"""Call flows: a draft of each, its versions, and the one that callers meet.

Publishing is one transaction: a new version, and the pointer to it. It is refused while the check or the simulator
finds something that hinders; a version that is gone back to is tried again, for what it names may be gone. Whoever
listens to the outbox (`FLOW_PUBLISHED`) reads `published` then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from callflow.flows import model
from callflow.flows.book import Published
from callflow.flows.checking import Surroundings, check
from callflow.flows.findings import Finding, found
from callflow.flows.model import BadFlow, Flow, Webhook
from callflow.flows.simulating import simulate
from crm_core import outbox
from crm_core.access import NotFound, Right, require
from crm_core.database import Connection
from crm_core.organisation import User

log = structlog.get_logger("crm_core.flows")

FLOW_PUBLISHED: Final = "flow.published"
MOST_FLOWS = 500
MOST_VERSIONS = 100  # of one flow; the oldest that nobody meets goes first


class FlowChanged(Exception):
    """Somebody else has saved the draft meanwhile."""


class NotPublishable(Exception):
    """`findings` say why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(", ".join(finding.key for finding in findings))
        self.findings = findings


class TooManyFlows(Exception):
    """There are 500 already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`version`: that callers meet; None: none."""

    number: str
    flow: Flow
    revision: int
    changed_at: datetime
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVersion:
    version: int
    published_at: datetime
    published_by: str | None  # login
    current: bool


ALL = "SELECT number, draft, revision, changed_at, version FROM flow ORDER BY number"
DRAFT = "SELECT number, draft, revision, changed_at, version FROM flow WHERE number = $1"
FOR_UPDATE = DRAFT + " FOR UPDATE"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('dzvin.flows'))"
COUNT = "SELECT count(*) FROM flow"
ADD = "INSERT INTO flow (number, draft, revision, changed_at, changed_by) VALUES ($1, $2, 1, $3, $4)"
SAVE = """
    UPDATE flow SET draft = $2, revision = revision + 1, changed_at = $3, changed_by = $4 WHERE number = $1
    RETURNING revision
"""
NEXT_VERSION = "SELECT coalesce(max(version), 0) + 1 FROM flow_version WHERE number = $1"
ADD_VERSION = """
    INSERT INTO flow_version (number, version, flow, published_at, published_by) VALUES ($1, $2, $3, $4, $5)
"""
POINT = "UPDATE flow SET version = $2 WHERE number = $1"
FORGET = """
    DELETE FROM flow_version v USING flow f
     WHERE v.number = $1 AND f.number = v.number AND v.version <> f.version AND v.version <= $2
"""
VERSIONS = """
    SELECT v.version, v.published_at, u.login AS published_by, v.version IS NOT DISTINCT FROM f.version AS current
      FROM flow_version v JOIN flow f ON f.number = v.number LEFT JOIN app_user u ON u.id = v.published_by
     WHERE v.number = $1 ORDER BY v.version DESC
"""
VERSION = "SELECT flow FROM flow_version WHERE number = $1 AND version = $2"
PUBLISHED = "SELECT f.number, f.version, v.flow FROM flow f JOIN flow_version v USING (number, version)"
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, detail)
    VALUES ($1, $2, 'flow', jsonb_build_object('number', $3::text, 'version', $4::integer))
"""


async def flows(conn: Connection, user: User) -> list[Draft]:
    """Raises Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    return [_draft(dict(row)) for row in await conn.fetch(ALL)]


async def draft(conn: Connection, user: User, number: str) -> Draft:
    """Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    return await _one(conn, DRAFT, number)


async def save_draft(conn: Connection, user: User, number: str, flow: Flow, *, revision: int, now: datetime) -> int:
    """The new revision. `revision`: of the draft that was changed; 0: there is none yet. Raises FlowChanged,
    TooManyFlows, Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    text = model.write(flow).decode()
    async with conn.transaction():
        await conn.execute(ONE_AT_A_TIME)
        row = await conn.fetchrow(FOR_UPDATE, number)
        if (row["revision"] if row else 0) != revision:
            raise FlowChanged(number)
        if row is not None:
            saved: int = await conn.fetchval(SAVE, number, text, now, user.id)
            return saved
        if await conn.fetchval(COUNT) >= MOST_FLOWS:
            raise TooManyFlows
        await conn.execute(ADD, number, text, now, user.id)
        return 1


async def publish(
    conn: Connection, user: User, number: str, around: Surroundings, *, revision: int, now: datetime
) -> int:
    """Let callers meet the draft from now on; its version. Raises NotFound, FlowChanged, NotPublishable, Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    async with conn.transaction():
        found_draft = await _one(conn, FOR_UPDATE, number)
        if found_draft.revision != revision:
            raise FlowChanged(number)
        await _examine(conn, user, found_draft, found_draft.flow, around)
        version: int = await conn.fetchval(NEXT_VERSION, number)
        text = model.write(found_draft.flow).decode()
        await conn.execute(ADD_VERSION, number, version, text, now, user.id)
        await _point(conn, user, "published", number, version)
        await conn.execute(FORGET, number, version - MOST_VERSIONS)
    return version


async def roll_back(conn: Connection, user: User, number: str, version: int, around: Surroundings) -> None:
    """Let callers meet that version again. Raises NotFound, NotPublishable, Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    async with conn.transaction():
        found_draft = await _one(conn, FOR_UPDATE, number)
        flow = await _version(conn, number, version)
        await _examine(conn, user, found_draft, flow, around)
        await _point(conn, user, "rolled_back", number, version)


async def withdraw(conn: Connection, user: User, number: str) -> None:
    """Callers meet it no more; draft and versions stay. Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    async with conn.transaction():
        await _one(conn, FOR_UPDATE, number)
        await _point(conn, user, "withdrawn", number, None)


async def versions(conn: Connection, user: User, number: str) -> list[FlowVersion]:
    """The newest first. Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    await _one(conn, DRAFT, number)
    return [FlowVersion(**dict(row)) for row in await conn.fetch(VERSIONS, number)]


async def version_of(conn: Connection, user: User, number: str, version: int) -> Flow:
    """Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    return await _version(conn, number, version)


async def published(conn: Connection) -> Mapping[str, Published]:
    """What callers meet, by number. One that this program cannot read is left out, and logged."""
    readable = {}
    for row in await conn.fetch(PUBLISHED):
        try:
            readable[row["number"]] = Published(flow=model.read(row["flow"]), version=row["version"])
        except BadFlow:
            log.exception("a flow cannot be read", flow=row["number"], version=row["version"])
    return readable


def examine(number: str, flow: Flow, around: Surroundings) -> list[Finding]:
    """Everything that the check finds; and when nothing of it hinders, what the simulator finds."""
    findings = check(flow, around)
    if around.is_taken(number):
        findings.append(found("number_taken", number=number))
    if not any(finding.hinders for finding in findings):
        findings += simulate(flow, around).findings
    return findings


async def _examine(conn: Connection, user: User, kept: Draft, flow: Flow, around: Surroundings) -> None:
    """A new address to which the server sends is for administrators alone. Raises NotPublishable, Forbidden."""
    met = await _version(conn, kept.number, kept.version) if kept.version is not None else None
    if not _addresses(flow) <= (_addresses(met) if met is not None else set()):
        require(user, Right.CHANGE_SETTINGS)
    findings = await asyncio.to_thread(examine, kept.number, flow, around)  # calls go on meanwhile
    hindering = [finding for finding in findings if finding.hinders]
    if hindering:
        raise NotPublishable(hindering)


def _addresses(flow: Flow) -> set[str]:
    return {node.url for node in flow.nodes.values() if isinstance(node, Webhook)}


async def _point(conn: Connection, user: User, action: str, number: str, version: int | None) -> None:
    await conn.execute(POINT, number, version)
    await conn.execute(AUDIT, user.id, action, number, version)
    await outbox.append(conn, FLOW_PUBLISHED, {"number": number, "version": version})


async def _one(conn: Connection, query: str, number: str) -> Draft:
    row = await conn.fetchrow(query, number)
    if row is None:
        raise NotFound(number)
    return _draft(dict(row))


def _draft(row: Mapping[str, Any]) -> Draft:
    return Draft(
        number=row["number"],
        flow=model.read(row["draft"]),
        revision=row["revision"],
        changed_at=row["changed_at"],
        version=row["version"],
    )


async def _version(conn: Connection, number: str, version: int) -> Flow:
    text = await conn.fetchval(VERSION, number, version)
    if text is None:
        raise NotFound(f"{number} {version}")
    return model.read(text)
