"""Figures of lines, agents and missed contacts, and what is behind each figure.

What they ask is read by dependencies, which may refuse it. When one of them does, Litestar ends none that has begun: so
nothing here takes the connection of `dependencies`, which would be lost to all until it is collected.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery

from crm_core import reports
from crm_core.access import Right
from crm_core.organisation import User
from crm_core.reports import (
    AgentCall,
    AgentCount,
    AgentFigures,
    Asked,
    By,
    Count,
    Interval,
    LineFigures,
    LineVisit,
    MissedContact,
    MissedCount,
    MissedFigures,
)
from web_panel.auth import needs
from web_panel.days import begin_of, end_of
from web_panel.errors import Invalid
from web_panel.ports import PanelServices
from web_panel.routes.dependencies import ACQUIRE_WITHIN
from web_panel.tables import table

CSV = "text/csv; charset=utf-8"
MOST_DAYS = timedelta(days=366)
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Minutes = Literal[15, 30, 60, 1440]


async def provide_period(
    services: NamedDependency[PanelServices], since: FromQuery[date], until: FromQuery[date]
) -> Interval:
    """Days of the company, both included."""
    if not timedelta(0) <= until - since < MOST_DAYS:
        raise Invalid("until")
    zone = services.settings.time_zone
    return Interval(begin_of("since", since, zone), end_of("until", until, zone))


async def provide_asked(
    services: NamedDependency[PanelServices],
    period: NamedDependency[Interval],
    since: FromQuery[date],
    until: FromQuery[date],
    interval: FromQuery[Minutes | None] = None,
    by: FromQuery[By] = By.ARRIVAL,
    line: FromQuery[str | None] = None,
    threshold: FromQuery[Seconds] = 20.0,
    short: FromQuery[Seconds] = 5.0,
) -> Asked:
    """With `interval` (minutes) a row for each in which anybody waited. `threshold`: seconds within which an answer is
    in time; `short`: seconds of waiting until which giving up does not count. `by`: a wait counts where it began, or
    where it was answered."""
    zone = services.settings.time_zone
    spans = [period] if interval is None else [*reports.intervals(since, until, interval, zone)]
    return Asked(intervals=spans, by=by, line=line, threshold=threshold, short=short)


async def provide_lines(
    user: NamedDependency[User],
    services: NamedDependency[PanelServices],
    asked: NamedDependency[Asked],
) -> list[LineFigures]:
    async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
        return await reports.lines(conn, user, asked, now=services.clock())


async def provide_agents(
    user: NamedDependency[User],
    services: NamedDependency[PanelServices],
    period: NamedDependency[Interval],
    agent: FromQuery[UUID | None] = None,
) -> list[AgentFigures]:
    async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
        return await reports.agents(conn, user, period, now=services.clock(), only=agent)


async def provide_missed(
    user: NamedDependency[User],
    services: NamedDependency[PanelServices],
    period: NamedDependency[Interval],
    line: FromQuery[str | None] = None,
) -> list[MissedFigures]:
    async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
        return await reports.missed(conn, user, period, now=services.clock(), line=line)


class ReportController(Controller):
    path = "/api/reports"
    tags = ("reports",)
    opt = {"rule": needs(Right.SUPERVISE)}
    dependencies = {
        "period": Provide(provide_period),
        "asked": Provide(provide_asked),
        "line_figures": Provide(provide_lines),
        "agent_figures": Provide(provide_agents),
        "missed_figures": Provide(provide_missed),
    }

    @get("/lines")
    async def lines(self, line_figures: NamedDependency[list[LineFigures]]) -> list[LineFigures]:
        """Each line's figures."""
        return line_figures

    @get("/lines.csv", media_type=CSV)
    async def lines_table(self, line_figures: NamedDependency[list[LineFigures]]) -> str:
        """The same as a table for a spreadsheet."""
        return table(line_figures)

    @get("/lines/{count:str}")
    async def which(
        self,
        count: FromPath[Count],
        user: NamedDependency[User],
        services: NamedDependency[PanelServices],
        asked: NamedDependency[Asked],
    ) -> list[LineVisit]:
        """The waits that a figure counts, the earliest first, at most 1000."""
        async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
            return await reports.which(conn, user, asked, count)

    @get("/agents")
    async def agents(self, agent_figures: NamedDependency[list[AgentFigures]]) -> list[AgentFigures]:
        """What each agent did on those days, at most 93."""
        return agent_figures

    @get("/agents.csv", media_type=CSV)
    async def agents_table(self, agent_figures: NamedDependency[list[AgentFigures]]) -> str:
        """The same as a table for a spreadsheet."""
        return table(agent_figures)

    @get("/agents/{count:str}")
    async def which_of_agents(
        self,
        count: FromPath[AgentCount],
        user: NamedDependency[User],
        services: NamedDependency[PanelServices],
        period: NamedDependency[Interval],
        agent: FromQuery[UUID | None] = None,
    ) -> list[AgentCall]:
        """The offers or the parts of calls that a figure counts, the earliest first, at most 1000."""
        async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
            return await reports.agent_calls(conn, user, period, count, now=services.clock(), only=agent)

    @get("/missed")
    async def missed(self, missed_figures: NamedDependency[list[MissedFigures]]) -> list[MissedFigures]:
        """How soon those were called back who were missed on those days, by line."""
        return missed_figures

    @get("/missed.csv", media_type=CSV)
    async def missed_table(self, missed_figures: NamedDependency[list[MissedFigures]]) -> str:
        """The same as a table for a spreadsheet."""
        return table(missed_figures)

    @get("/missed/{count:str}")
    async def which_missed(
        self,
        count: FromPath[MissedCount],
        user: NamedDependency[User],
        services: NamedDependency[PanelServices],
        period: NamedDependency[Interval],
        line: FromQuery[str | None] = None,
    ) -> list[MissedContact]:
        """The follow-ups that a figure counts, the earliest first, at most 1000."""
        async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
            return await reports.missed_ones(conn, user, period, count, now=services.clock(), line=line)
