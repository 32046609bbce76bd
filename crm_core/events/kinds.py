"""The registers' kinds, periods and orders, as SQL: `e` is an event, `v` one of the viewer's own rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class View(StrEnum):
    STANDARD = "standard"
    UNANSWERED = "unanswered"
    UNANSWERED_GROUPED = "unanswered_grouped"
    ANSWERED = "answered"


UNANSWERED = " AND e.unanswered"
KINDS = MappingProxyType(
    {
        View.STANDARD: "",
        View.UNANSWERED: UNANSWERED,
        View.UNANSWERED_GROUPED: UNANSWERED,
        View.ANSWERED: " AND e.answered_at IS NOT NULL",
    }
)


@dataclass(frozen=True, slots=True)
class Order:
    """The same order over all events and over own rows; an index of each has it."""

    of_all: str
    own: str


NEWEST_FIRST = Order("e.started_at DESC, e.id DESC", "v.started_at DESC, v.event_id DESC")
BY_PHONE = Order(
    "coalesce(e.e164, e.phone), e.started_at DESC, e.id DESC", "v.number, v.started_at DESC, v.event_id DESC"
)


@dataclass(slots=True)
class Values:
    """What a statement binds, beginning with what `access.visibility` reads."""

    bound: list[object] = field(default_factory=list)

    def bind(self, value: object) -> str:
        self.bound.append(value)
        return f"${len(self.bound)}"


def period(walked: str, since: datetime | None, until: datetime | None, values: Values) -> str:
    """Conditions are in a statement only when they are asked for: behind `$3 IS NULL OR …` no index would be found."""
    conditions = ""
    if since is not None:
        conditions += f" AND {walked}.started_at >= {values.bind(since)}"
    if until is not None:
        conditions += f" AND {walked}.started_at < {values.bind(until)}"
    return conditions
