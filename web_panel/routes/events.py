"""The register of events and the event card."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core import clients, events, follow_ups
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.events import EventCard, EventFilter, Page, TakenCall, View
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.days import begin_of, end_of
from web_panel.errors import Invalid
from web_panel.ports import PanelServices


class Content(msgspec.Struct):
    content: Annotated[str, msgspec.Meta(max_length=20_000)]


class PhoneCall(msgspec.Struct, kw_only=True):
    """R-CALL-46: what is asked of who registers a call by hand."""

    direction: Literal["incoming", "outgoing"]
    phone: Annotated[str, msgspec.Meta(max_length=64)] = ""
    client_id: UUID | None = None
    started_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None  # None: it has just ended
    minutes: Annotated[int, msgspec.Meta(ge=0, le=24 * 60)] = 0
    content: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


class Made(msgspec.Struct):
    id: UUID


class Asked(msgspec.Struct):
    at: Annotated[datetime, msgspec.Meta(tz=True)]


class ChosenClient(msgspec.Struct, kw_only=True):
    client_id: UUID
    contact_id: UUID | None = None


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
        by_phone: FromQuery[bool] = False,
        page: FromQuery[int] = 1,
        size: FromQuery[int] = 20,
    ) -> Page:
        """R-CALL-37, R-CALL-38: the four kinds of register, the newest first or by phone number. `since` and `until`
        are days of the company, both included."""
        zone = services.settings.time_zone

        wanted = EventFilter(
            view=view,
            text=text,
            since=begin_of("since", since, zone) if since else None,
            until=end_of("until", until, zone) if until else None,
            by_phone=by_phone,
        )
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

    @post("/phone-calls", opt={"rule": needs(Right.WRITE_EVENTS)}, status_code=201)
    async def register_call(
        self,
        data: JSONBody[PhoneCall],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Made:
        """R-CALL-46: a call that took place elsewhere; it counts as done, and makes good what was owed."""
        if data.client_id is None and not data.phone.strip():
            raise Invalid("phone", "required")
        now = services.clock()
        started_at = data.started_at or now - timedelta(minutes=data.minutes)
        if started_at > now:
            raise Invalid("started_at")
        if started_at + timedelta(minutes=data.minutes) > now + timedelta(minutes=1):  # minutes are rounded up
            raise Invalid("minutes")
        taken = TakenCall(
            outgoing=data.direction == "outgoing",
            phone=data.phone,
            client_id=data.client_id,
            started_at=started_at,
            minutes=data.minutes,
            content=data.content,
        )
        return Made(await events.register_call(conn, user, taken, now=now))

    @post("/{event_id:uuid}/call-back", opt={"rule": needs(Right.WORK_FOLLOW_UPS)}, status_code=201)
    async def ask(
        self,
        event_id: FromPath[UUID],
        data: JSONBody[Asked],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Made:
        """Whoever spoke there wants to be called at that time. The call that reaches them is a Callback (R-CALL-10)."""
        now = services.clock()
        if not now <= data.at <= now + follow_ups.FARTHEST:
            raise Invalid("at")
        return Made(await follow_ups.ask(conn, user, event_id, due_at=data.at, now=now))

    @put("/{event_id:uuid}/client", opt={"rule": needs(Right.WRITE_EVENTS)}, status_code=204)
    async def choose_client(
        self,
        event_id: FromPath[UUID],
        data: JSONBody[ChosenClient],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
    ) -> None:
        """It was this client: one click, remembered for the number."""
        await clients.choose(conn, user, event_id, data.client_id, data.contact_id)
