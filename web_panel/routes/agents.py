"""What people declare of themselves, supervisors of them, and who one's colleagues are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from callflow.control import Actor, Agent
from crm_core import organisation, telephony
from crm_core.access import Forbidden, NotFound, Right
from crm_core.database import Connection
from crm_core.dictionaries.user_statuses import chosen
from crm_core.organisation import Role
from queue_engine.facts import Will
from web_panel.auth import needs
from web_panel.errors import Invalid
from web_panel.ports import PanelServices
from web_panel.routes.dependencies import ACQUIRE_WITHIN


class Declaration(msgspec.Struct, kw_only=True):
    """Either a will, with the reason of a pause, or the key of a user status, which says both."""

    will: Will | None = None
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""
    status: Annotated[str, msgspec.Meta(max_length=40)] = ""


class Prolonged(msgspec.Struct, kw_only=True):
    seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)]


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
        """R-PANEL-08: say what I am willing to do, and why I pause; or choose a user status (R-PANEL-17): 409 while
        these are not in use for me. Being in a call cannot be declared: it is computed."""
        await _declare(services, actor, actor.self, data)

    @put("/agents/me/hand", opt={"rule": needs(Right.SEE_LIVE_PANEL)}, status_code=204)
    async def raise_hand(self, actor: NamedDependency[Actor], services: NamedDependency[PanelServices]) -> None:
        """I ask for a supervisor."""
        services.agents.raise_hand(actor)

    @delete("/agents/me/hand", opt={"rule": needs(Right.SEE_LIVE_PANEL)}, status_code=204)
    async def lower_my_hand(self, actor: NamedDependency[Actor], services: NamedDependency[PanelServices]) -> None:
        services.agents.lower_hand(actor, actor.self)

    @put("/agents/{user_id:uuid}", opt={"rule": needs(Right.SUPERVISE)}, status_code=204)
    async def force(
        self,
        user_id: FromPath[UUID],
        data: JSONBody[Declaration],
        actor: NamedDependency[Actor],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """A supervisor's word for an agent; the history says whose it was."""
        await _declare(services, actor, await _agent(conn, user_id), data)

    @delete("/agents/{user_id:uuid}/wrap-up", opt={"rule": needs(Right.SUPERVISE)}, status_code=204)
    async def cut_wrap_up(
        self,
        user_id: FromPath[UUID],
        actor: NamedDependency[Actor],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """409 for somebody without a phone."""
        services.agents.cut_wrap_up(actor, await _agent(conn, user_id))

    @delete("/agents/{user_id:uuid}/hand", opt={"rule": needs(Right.SUPERVISE)}, status_code=204)
    async def lower_hand(
        self,
        user_id: FromPath[UUID],
        actor: NamedDependency[Actor],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        services.agents.lower_hand(actor, await _agent(conn, user_id))

    @get("/agents/{user_id:uuid}/statuses", opt={"rule": needs(Right.SEE_LIVE_PANEL)})
    async def statuses(
        self,
        user_id: FromPath[UUID],
        since: Annotated[datetime, QueryParameter(name="from")],
        until: Annotated[datetime, QueryParameter(name="to")],
        actor: NamedDependency[Actor],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> list[telephony.Declaration]:
        """What was declared of an agent between the two times, with the seconds of each interval in between. One's
        own, or anybody's for a supervisor."""
        if not actor.supervisor and actor.user_id != user_id:
            raise Forbidden("statuses of others")
        await _agent(conn, user_id)
        return await telephony.history(conn, user_id, _aware(since), _aware(until), services.clock())

    @put("/agents/me/wrap-up", opt={"rule": needs(Right.SEE_LIVE_PANEL)}, status_code=204)
    async def prolong_wrap_up(
        self,
        data: JSONBody[Prolonged],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """My wrap-up lasts so many seconds from now on. 409 while I am in none."""
        services.agents.prolong_wrap_up(actor, data.seconds)

    @delete("/agents/me/wrap-up", opt={"rule": needs(Right.SEE_LIVE_PANEL)}, status_code=204)
    async def end_wrap_up(self, actor: NamedDependency[Actor], services: NamedDependency[PanelServices]) -> None:
        """No more time is needed after the last call: the next one may come."""
        services.agents.cut_wrap_up(actor, actor.self)

    @get("/people", opt={"rule": needs(Right.SEE_USERS)})
    async def people(self, conn: NamedDependency[Connection]) -> list[Colleague]:
        """Who can be given work."""
        return [
            Colleague(id=user.id, full_name=user.full_name, extension=user.extension)
            for user in await organisation.all_users(conn)
            if user.role is not Role.HALL
        ]


async def _declare(services: PanelServices, actor: Actor, agent: Agent, said: Declaration) -> None:
    """A will alone needs no data base. Raises Invalid when neither or both are said, StatusesNotUsed, NotFound,
    ControlRefused."""
    if bool(said.status) == bool(said.will):
        raise Invalid("will")
    if said.will:
        services.agents.declare(actor, agent, said.will, said.reason)
        return
    async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
        status = await chosen(conn, said.status, of=agent.user_id)
    assert status.will is not None, "what can be chosen means something"
    services.agents.declare(actor, agent, status.will, status=status.reason)


async def _agent(conn: Connection, user_id: UUID) -> Agent:
    """Raises NotFound."""
    user = next((user for user in await organisation.all_users(conn) if user.id == user_id), None)
    if user is None:
        raise NotFound(user_id)
    return Agent(user.id, user.extension)


def _aware(moment: datetime) -> datetime:
    """A time without a zone is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
