"""Settings / Parameters / Users: what is set for each user (R-SETTINGS-26..30)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

import asyncpg
import msgspec

from crm_core.access import NotFound, Right, require
from crm_core.database import Connection
from crm_core.organisation.users import User


class NoSuchPlace(Exception):
    """There is no such project or structural unit. `field` names which."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What can be set. Project and structural unit are those of the user's calls (R-CALL-21..23)."""

    job_title: str
    phone: str
    starts_phone: bool
    receives_mail: bool
    uses_statuses: bool
    sees_statuses: bool
    telephony_project_id: UUID | None
    telephony_org_unit_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCard:
    """User and full name come from the account; the SIP number is the user's device (O-11)."""

    id: UUID
    login: str
    full_name: str
    extension: str | None
    parameters: Parameters


COLUMNS = """
    job_title, phone, starts_phone, receives_mail, uses_statuses, sees_statuses, telephony_project_id,
    telephony_org_unit_id
"""
READ = (
    """
    SELECT u.id, u.login, u.full_name, (SELECT min(d.number) FROM device d WHERE d.user_id = u.id) AS extension,
"""
    + COLUMNS
    + " FROM app_user u WHERE u.id = $1 AND u.active"
)


async def user_card(conn: Connection, user: User, user_id: UUID) -> UserCard:
    """Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_USERS)
    row = await conn.fetchrow(READ, user_id)
    if row is None:
        raise NotFound(user_id)
    return UserCard(
        id=row["id"],
        login=row["login"],
        full_name=row["full_name"],
        extension=row["extension"],
        parameters=msgspec.convert(dict(row), Parameters),
    )


WRITE = """
    UPDATE app_user
       SET job_title = $2, phone = $3, starts_phone = $4, receives_mail = $5, uses_statuses = $6, sees_statuses = $7,
           telephony_project_id = $8, telephony_org_unit_id = $9
     WHERE id = $1 AND active
    RETURNING id
"""
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, object_id, detail) VALUES ($1, 'changed', 'user', $2, $3::jsonb)
"""


async def set_parameters(conn: Connection, user: User, user_id: UUID, given: Parameters) -> None:
    """Raises NoSuchPlace, NotFound, Forbidden."""
    require(user, Right.CHANGE_USERS)
    values = [each.replace("\0", "") if isinstance(each, str) else each for each in asdict(given).values()]
    async with conn.transaction():
        try:
            changed = await conn.fetchval(WRITE, user_id, *values)
        except asyncpg.ForeignKeyViolationError as error:
            project = "project" in (error.constraint_name or "")
            raise NoSuchPlace("telephony_project_id" if project else "telephony_org_unit_id") from None
        if changed is None:
            raise NotFound(user_id)
        await conn.execute(AUDIT, user.id, user_id, msgspec.json.encode(given).decode())
