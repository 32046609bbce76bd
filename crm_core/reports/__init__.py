"""Figures over the same facts that the registers show."""

from __future__ import annotations

from crm_core.reports.agents import AgentCall, AgentCount, AgentFigures, agent_calls, agents
from crm_core.reports.calls_back import MissedContact, MissedCount, MissedFigures, missed, missed_ones
from crm_core.reports.intervals import Interval, intervals, of_days
from crm_core.reports.lines import Asked, By, Count, LineFigures, LineVisit, PeriodTooLong, lines, which

__all__ = [
    "AgentCall",
    "AgentCount",
    "AgentFigures",
    "Asked",
    "By",
    "Count",
    "Interval",
    "LineFigures",
    "LineVisit",
    "MissedContact",
    "MissedCount",
    "MissedFigures",
    "PeriodTooLong",
    "agent_calls",
    "agents",
    "intervals",
    "lines",
    "missed",
    "missed_ones",
    "of_days",
    "which",
]
