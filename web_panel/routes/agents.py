"""What people declare of themselves, and who one's colleagues are."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from callflow.control import Actor
from crm_core import organisation
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.organisation import Role
from queue_engine.facts import Will
from web_panel.auth import needs
from web_panel.ports import PanelServices


class Declaration(msgspec.Struct, kw_only=True):
    will: Will
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Colleague(msgspec.Struct, kw_only=True):
    id: UUID
    full_name: str
    extension: str | None


class AgentController(Controller):
    path = "/api"
    tags = ("agents",)

    @put("/agents/me", opt={"rule": needs(Right.SEE_LIVE_PANEL, Right.SERVE_TICKETS)}, status_code=204)
    async def declare(
        self,
        data: JSONBody[Declaration],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """R-PANEL-08: say ready or paused, and why. Busy cannot be declared: it is computed."""
        await services.control.declare(actor, data.will, data.reason)

    @delete("/agents/me/wrap-up", opt={"rule": needs(Right.SEE_LIVE_PANEL)}, status_code=204)
    async def end_wrap_up(self, actor: NamedDependency[Actor], services: NamedDependency[PanelServices]) -> None:
        """No more time is needed after the last call: the next one may come."""
        services.control.end_wrap_up(actor)

    @get("/people", opt={"rule": needs(Right.SEE_USERS)})
    async def people(self, conn: NamedDependency[Connection]) -> list[Colleague]:
        """Who can be given work."""
        return [
            Colleague(id=user.id, full_name=user.full_name, extension=user.extension)
            for user in await organisation.all_users(conn)
            if user.role is not Role.HALL
        ]
