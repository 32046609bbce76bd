"""What the CRM says after a commit, in the shapes that the live panel folds.

The payloads come from `crm_core.outbox`. One that lacks what is needed here, or has it in another shape, is skipped:
a CRM of another version must not stop the panel.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from callflow.line_book import Switch
from callflow.line_orders import LineSwitched
from crm_core import hall
from crm_core.dictionaries.user_statuses import STATUS_CHANGED
from crm_core.follow_ups import MISSED_ELSEWHERE, MissedCall
from crm_core.settings import SETTING_CHANGED
from queue_engine.facts import TicketCalled, TicketIssued, TicketServed
from web_panel.live_entries import CardKey, Key, Kind, Line
from web_panel.wire import CardView, FollowUpView

if TYPE_CHECKING:
    from web_panel.live_state import LiveState


class CallLinked(msgspec.Struct, frozen=True, kw_only=True):
    """The call's Event exists, and perhaps the client is known."""

    call_id: UUID
    event_id: UUID | None = None
    client_id: UUID | None = None
    client_name: str | None = None


class CardFound(msgspec.Struct, frozen=True, kw_only=True):
    """What one viewer may see of who calls. It does not come by the outbox: `screen_pop` looks it up."""

    key: CardKey
    card: CardView


class FollowUpTold(msgspec.Struct, frozen=True, kw_only=True):
    """A follow-up was opened, changed or closed. It holds the whole follow-up as it now is."""

    id: UUID
    state: str
    party_key: str = ""
    phone: str = ""
    owner_id: UUID | None = None
    owner_name: str | None = None
    due_at: datetime | None = None
    call_id: UUID | None = None

    def view(self) -> FollowUpView:
        return FollowUpView(
            id=self.id, state=self.state, owner_id=self.owner_id, owner_name=self.owner_name, due_at=self.due_at
        )


class WrapUpOver(msgspec.Struct, frozen=True, kw_only=True):
    """The time of an agent's wrap-up has come to its end. No fact says so, the panel's clock does."""

    extension: str


class LineSet(msgspec.Struct, frozen=True, kw_only=True):
    """The CRM's word: the line's settings are others, or the line is new."""

    line: str
    name: str
    agents: tuple[str, ...]


class StatusNamed(msgspec.Struct, frozen=True, kw_only=True):
    """A user status was added, or has another name."""

    key: str
    name: dict[str, str]


class SettingChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of the CRM has another value, as it was typed."""

    key: str
    value: str

    def hold(self, state: LiveState) -> None:
        """From the next call on: which numbers are too short for the list, and where a number is at home."""
        match self.key:
            case "min_number_length":
                state.shortest = int(self.value or 0)
            case "region":
                state.region = self.value
            case _:
                pass


def stands(news: LineSwitched | LineSet | StatusNamed, state: LiveState) -> list[Key]:
    """Take that over; what is shown otherwise by it."""
    match news:
        case LineSwitched():
            state.switches[news.line] = Switch(is_open=news.is_open, message=news.message)
        case LineSet():
            state.lines[news.line] = Line(number=news.line, name=news.name, agents=news.agents)
        case StatusNamed():
            state.statuses[news.key] = news.name
            return [(Kind.AGENT, user) for user, said in state.declared.items() if said.reason == news.key]
    return [(Kind.LINE, news.line)]


SHAPES: Mapping[str, type[object]] = {
    "line.changed": LineSet,
    STATUS_CHANGED: StatusNamed,
    SETTING_CHANGED: SettingChanged,
    "call.linked": CallLinked,
    MISSED_ELSEWHERE: MissedCall,
    "follow_up.opened": FollowUpTold,
    "follow_up.changed": FollowUpTold,
    "follow_up.closed": FollowUpTold,
    hall.TICKET_ISSUED: TicketIssued,
    hall.TICKET_CALLED: TicketCalled,
    hall.TICKET_SERVED: TicketServed,
}


def from_outbox(kind: str, payload: Mapping[str, object]) -> object | None:
    """The message in a shape that `LiveState` folds, or None when it is not the panel's business."""
    shape = SHAPES.get(kind)
    if shape is None:
        return None
    try:
        return msgspec.convert(payload, shape, strict=False)
    except msgspec.ValidationError:
        return None
