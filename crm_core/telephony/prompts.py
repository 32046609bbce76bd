"""Who may change what callers hear, and who did. The sounds themselves are files of the installation."""

from __future__ import annotations

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User

AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, detail)
    VALUES ($1, $2, 'prompt', jsonb_build_object('name', $3::text, 'language', $4::text))
"""


async def note_prompt(conn: Connection, user: User, action: str, name: str, language: str) -> None:
    """`action`: "prompt.put" or "prompt.removed". Raises Forbidden."""
    require(user, Right.CHANGE_FLOWS)
    await conn.execute(AUDIT, user.id, action, name, language)
