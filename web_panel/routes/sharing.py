"""What other programs read: facts from a cursor on, and a day in the form of Asterisk's queue_log."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from crm_core import sharing
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.sharing import FactPage
from web_panel.auth import needs
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
    since, until = (datetime.combine(day + timedelta(days=after), time(), zone) for after in (0, 1))
    return await sharing.queue_log(conn, user, since=since, until=until)
