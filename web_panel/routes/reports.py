"""Figures of waiting lines, and the calls behind each figure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core import reports
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports import Asked, Count, LineFigures, LineVisit, PeriodTooLong
from web_panel.auth import needs
from web_panel.errors import Invalid
from web_panel.ports import PanelServices

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]


class ReportController(Controller):
    path = "/api/reports"
    tags = ("reports",)

    @get("/lines", opt={"rule": needs(Right.SUPERVISE)})
    async def lines(
        self,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
        since: FromQuery[date],
        until: FromQuery[date],
        line: FromQuery[str | None] = None,
        threshold: FromQuery[Seconds] = 20.0,
        short: FromQuery[Seconds] = 5.0,
    ) -> list[LineFigures]:
        """Each line's figures of those days of the company, both included. `threshold`: seconds within which an answer
        is in time; `short`: seconds of waiting until which giving up does not count."""
        asked = _asked(services, since, until, line, threshold, short)
        try:
            return await reports.lines(conn, user, asked, now=services.clock())
        except PeriodTooLong:
            raise Invalid("until") from None

    @get("/lines/{count:str}", opt={"rule": needs(Right.SUPERVISE)})
    async def which(
        self,
        count: FromPath[Count],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
        since: FromQuery[date],
        until: FromQuery[date],
        line: FromQuery[str | None] = None,
        threshold: FromQuery[Seconds] = 20.0,
        short: FromQuery[Seconds] = 5.0,
    ) -> list[LineVisit]:
        """The waits that a figure counts, the earliest first, at most 1000."""
        asked = _asked(services, since, until, line, threshold, short)
        try:
            return await reports.which(conn, user, asked, count)
        except PeriodTooLong:
            raise Invalid("until") from None


def _asked(
    services: PanelServices, since: date, until: date, line: str | None, threshold: float, short: float
) -> Asked:
    zone = services.settings.time_zone
    if until < since:
        raise Invalid("until")
    return Asked(
        since=datetime.combine(since, time(), zone),
        until=datetime.combine(until + timedelta(days=1), time(), zone),
        line=line,
        threshold=threshold,
        short=short,
    )
