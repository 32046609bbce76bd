"""What other programs get: facts from a cursor on, webhooks, and a day in the form of Asterisk's queue_log."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from crm_core import sharing
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.sharing import FactPage, Webhook
from web_panel.auth import needs
from web_panel.days import begin_of, end_of
from web_panel.errors import Invalid
from web_panel.ports import PanelServices

RULE = {"rule": needs(Right.READ_FACTS)}


@get("/api/facts", opt=RULE, tags=["sharing"])
async def facts(
    user: NamedDependency[User],
    conn: NamedDependency[Connection],
    after: Annotated[int, QueryParameter(ge=0, le=2**62)] = 0,
    size: FromQuery[int] = 500,
    kind: FromQuery[list[str] | None] = None,
) -> FactPage:
    """Facts of the ledger behind the cursor, in its order; go on with `next`. None is skipped, none comes twice."""
    return await sharing.read(conn, user, after=after, size=size, kinds=kind or ())


@get("/api/exports/queue-log", opt=RULE, tags=["sharing"], media_type="text/plain; charset=utf-8")
async def queue_log(
    user: NamedDependency[User],
    conn: NamedDependency[Connection],
    services: NamedDependency[PanelServices],
    day: FromQuery[date],
) -> str:
    """A day of the company, as Asterisk's `queue_log`."""
    zone = services.settings.time_zone
    since, until = begin_of("day", day, zone), end_of("day", day, zone)
    return await sharing.queue_log(conn, user, since=since, until=until)


class NewWebhook(msgspec.Struct, kw_only=True):
    """`kinds` of facts; empty: all."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    kinds: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=100)] = []


class AddedWebhook(msgspec.Struct):
    """The secret is shown here and never again."""

    id: UUID
    secret: str


WEBHOOKS = {"rule": needs(Right.CHANGE_SETTINGS)}


class WebhookController(Controller):
    path = "/api/webhooks"
    tags = ("sharing",)

    @get(opt=WEBHOOKS)
    async def read(self, user: NamedDependency[User], conn: NamedDependency[Connection]) -> list[Webhook]:
        """Who is told of facts, and how that goes."""
        return await sharing.webhooks(conn, user)

    @post(opt=WEBHOOKS, status_code=201)
    async def add(
        self,
        data: JSONBody[NewWebhook],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> AddedWebhook:
        """Tell this address of facts from now on. 409 when there are 20 already."""
        if not _is_address(data.url):
            raise Invalid("url")
        added = await sharing.add_webhook(conn, user, url=data.url, kinds=data.kinds, now=services.clock())
        return AddedWebhook(*added)

    @delete("/{webhook_id:uuid}", opt=WEBHOOKS, status_code=204)
    async def remove(
        self, webhook_id: FromPath[UUID], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """Tell it nothing more."""
        await sharing.remove_webhook(conn, user, webhook_id)

    @post("/{webhook_id:uuid}/resume", opt=WEBHOOKS, status_code=204)
    async def resume(
        self,
        webhook_id: FromPath[UUID],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Try it again at once, from where it was."""
        await sharing.resume_webhook(conn, user, webhook_id, now=services.clock())


def _is_address(url: str) -> bool:
    """http or https, a host, no password: that would be shown."""
    if not (url.isascii() and url.isprintable()) or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
