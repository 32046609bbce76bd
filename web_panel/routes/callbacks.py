"""Callbacks that were promised in lines: what a supervisor sees of them, and takes back. Why one waits still says
`/api/waiting/{id}/why`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Controller, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from callflow.control import Actor
from crm_core import callbacks
from crm_core.access import NotFound, Right
from crm_core.callbacks import CallbackRow
from crm_core.database import Connection
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.ports import PanelServices

RULE = {"rule": needs(Right.SUPERVISE)}


class CallbackView(msgspec.Struct, kw_only=True):
    """`position`: 1 is next of its line; None while an agent is asked, or until `again_at`. `call_id`: in which it was
    promised. `last_try`: what the last try came to."""

    id: UUID
    line: str
    phone: str
    name: str
    call_id: UUID
    position: int | None
    joined_at: datetime
    promised_at: datetime
    expires_at: datetime
    tries: int
    last_try: str | None
    again_at: datetime | None


class CallbackController(Controller):
    path = "/api/callbacks"
    tags = ("waiting",)

    @get(opt=RULE)
    async def waiting(
        self,
        conn: NamedDependency[Connection],
        user: NamedDependency[User],
        services: NamedDependency[PanelServices],
    ) -> list[CallbackView]:
        """Those that are owed, in the order of their places, at most 1000."""
        return [_view(row, services) for row in await callbacks.waiting(conn, user)]

    @delete("/{promise_id:uuid}", opt=RULE, status_code=204)
    async def withdraw(
        self, promise_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """Call back no more; no follow-up takes its place. 404 when it is owed no more."""
        if services.callbacks is None:
            raise NotFound(promise_id)
        services.callbacks.withdraw(actor, promise_id)


def _view(row: CallbackRow, services: PanelServices) -> CallbackView:
    story = services.waiting.why_item(row.id) if services.waiting is not None else None
    return CallbackView(
        id=row.id,
        line=row.line,
        phone=row.phone,
        name=row.name,
        call_id=row.call_id,
        position=story.position if story is not None else None,
        joined_at=row.joined_at,
        promised_at=row.promised_at,
        expires_at=row.expires_at,
        tries=row.tries,
        last_try=row.last_try,
        again_at=row.again_at,
    )
