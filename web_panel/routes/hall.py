"""The hall from inside: the waiting list, the operator's window, tickets for walk-ins."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core import hall
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.hall import Service, Ticket, WaitingTicket, WalkIn
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.ports import PanelServices


class IssueTicket(msgspec.Struct, kw_only=True):
    service_code: Annotated[str, msgspec.Meta(max_length=200)]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    phone: Annotated[str, msgspec.Meta(max_length=200)] = ""
    company_count: int = 1


class HallController(Controller):
    path = "/api/hall"
    tags = ("hall",)

    @get("/services", opt={"rule": needs(Right.SEE_HALL)})
    async def services(self, conn: NamedDependency[Connection]) -> list[Service]:
        """What the hall serves."""
        return await hall.services(conn)

    @get("/tickets", opt={"rule": needs(Right.SEE_HALL)})
    async def waiting(
        self,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> list[WaitingTicket]:
        """Who waits or is at a window today, in the queues that I serve or keep, with names: the live socket tells
        numbers only."""
        return await hall.waiting(conn, user, now=services.clock())

    @post("/tickets", opt={"rule": needs(Right.ISSUE_TICKETS)})
    async def issue(
        self,
        data: JSONBody[IssueTicket],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Ticket:
        """R-QUEUE-20, R-QUEUE-21: a place for a walk-in, to be printed."""
        walk_in = WalkIn(
            service_code=data.service_code, name=data.name, phone=data.phone, company_count=data.company_count
        )
        return await hall.issue(conn, user, walk_in, now=services.clock())

    @post("/tickets/{ticket_id:uuid}/check-in", opt={"rule": needs(Right.ISSUE_TICKETS)}, status_code=204)
    async def check_in(
        self,
        ticket_id: FromPath[UUID],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """R-QUEUE-18: a booked visitor has reported to the hall administrator."""
        await hall.check_in(conn, user, ticket_id, now=services.clock())

    @post("/call-next", opt={"rule": needs(Right.SERVE_TICKETS)}, status_code=200)
    async def call_next(
        self,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Response[Ticket | None]:
        """R-QUEUE-28: the earliest due visitor to my window. 204 when nobody is due, or somebody is there already."""
        ticket = await hall.call_next(conn, user, now=services.clock())
        await services.windows_changed(conn)
        return Response(ticket, status_code=200 if ticket else 204)

    @post("/tickets/{ticket_id:uuid}/serve", opt={"rule": needs(Right.SERVE_TICKETS)}, status_code=204)
    async def serve(
        self,
        ticket_id: FromPath[UUID],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """The visitor has been served; the window is free."""
        await hall.serve(conn, user, ticket_id, now=services.clock())
        await services.windows_changed(conn)
