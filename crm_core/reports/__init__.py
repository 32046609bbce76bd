"""Figures over the same facts that the registers show."""

from __future__ import annotations

from crm_core.reports.lines import Asked, Count, LineFigures, LineVisit, PeriodTooLong, lines, which

__all__ = ["Asked", "Count", "LineFigures", "LineVisit", "PeriodTooLong", "lines", "which"]
