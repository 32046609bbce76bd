"""Who may do and see what. The one place: roles here, rows in `visibility`.

admin, supervisor   everything
agent               events and recordings of calls they own or took part in; unanswered calls and follow-ups that
                    rang them, came to one of their lines, or belong to them; the hall's queue
hall                the hall and nothing else
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from crm_core.access.visibility import VISIBLE_CALL, VISIBLE_EVENT, VISIBLE_FOLLOW_UP, sees_all
from crm_core.organisation import Role, User

__all__ = [
    "VISIBLE_CALL",
    "VISIBLE_EVENT",
    "VISIBLE_FOLLOW_UP",
    "Forbidden",
    "NotFound",
    "Right",
    "allowed",
    "require",
    "sees_all",
]


class Right(StrEnum):
    SEE_EVENTS = "see_events"
    WRITE_EVENTS = "write_events"
    LISTEN_RECORDINGS = "listen_recordings"
    SEE_FOLLOW_UPS = "see_follow_ups"
    WORK_FOLLOW_UPS = "work_follow_ups"  # claim, hand over, close
    SEE_CLIENTS = "see_clients"
    WRITE_CLIENTS = "write_clients"
    SEE_LIVE_PANEL = "see_live_panel"
    CALL = "call"
    SUPERVISE = "supervise"
    SEE_HALL = "see_hall"
    ISSUE_TICKETS = "issue_tickets"
    SERVE_TICKETS = "serve_tickets"
    SEE_USERS = "see_users"
    CHANGE_USERS = "change_users"
    CHANGE_LINES = "change_lines"  # settings of waiting lines, and what their agents can do
    CHANGE_FLOWS = "change_flows"  # what callers meet; webhooks in them need CHANGE_SETTINGS too
    CHANGE_SETTINGS = "change_settings"
    READ_FACTS = "read_facts"  # the ledger of everybody's calls, as other programs read it


class Forbidden(Exception):
    """This person may not do this."""


class NotFound(Exception):
    """There is no such row, or this person may not see it: the two are not told apart."""


_AGENT = frozenset(Right) - {
    Right.SUPERVISE,
    Right.ISSUE_TICKETS,
    Right.CHANGE_USERS,
    Right.CHANGE_LINES,
    Right.CHANGE_FLOWS,
    Right.CHANGE_SETTINGS,
    Right.READ_FACTS,
}
_RIGHTS = MappingProxyType(
    {
        Role.ADMIN: frozenset(Right),
        Role.SUPERVISOR: frozenset(Right) - {Right.CHANGE_USERS, Right.CHANGE_SETTINGS},
        Role.AGENT: _AGENT,
        Role.HALL: frozenset({Right.SEE_HALL, Right.ISSUE_TICKETS, Right.SERVE_TICKETS}),
    }
)


def allowed(user: User, right: Right) -> bool:
    return right in _RIGHTS[user.role] and (user.only is None or right in user.only)


def require(user: User, right: Right) -> None:
    """Raises Forbidden."""
    if not allowed(user, right):
        raise Forbidden(f"{user.login}: {right}")
