"""The register of events and the event card."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core import events
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.events import EventCard, EventFilter, Page, View
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.ports import PanelServices


class Content(msgspec.Struct):
    content: Annotated[str, msgspec.Meta(max_length=20_000)]


class EventController(Controller):
    path = "/api/events"
    tags = ("events",)

    @get(opt={"rule": needs(Right.SEE_EVENTS)})
    async def register(
        self,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
        view: FromQuery[View] = View.STANDARD,
        text: FromQuery[str | None] = None,
        since: FromQuery[date | None] = None,
        until: FromQuery[date | None] = None,
        page: FromQuery[int] = 1,
        size: FromQuery[int] = 20,
    ) -> Page:
        """R-CALL-38: the four kinds of register. `since` and `until` are days of the company, both included."""
        zone = services.settings.time_zone

        def midnight(day: date | None, *, after: int = 0) -> datetime | None:
            return datetime.combine(day + timedelta(days=after), time(), zone) if day else None

        wanted = EventFilter(view=view, text=text, since=midnight(since), until=midnight(until, after=1))
        return await events.register(conn, user, wanted, page=page, size=size)

    @get("/{event_id:uuid}", opt={"rule": needs(Right.SEE_EVENTS)})
    async def card(
        self, event_id: FromPath[UUID], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> EventCard:
        """One event with its recordings."""
        return await events.card(conn, user, event_id)

    @put("/{event_id:uuid}/content", opt={"rule": needs(Right.WRITE_EVENTS)}, status_code=204)
    async def write_content(
        self,
        event_id: FromPath[UUID],
        data: JSONBody[Content],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
    ) -> None:
        """R-CALL-20: what was talked about; also while the call still runs."""
        await events.write_content(conn, user, event_id, data.content)
