"""Which rows a person sees, as SQL predicates: every statement that reads business data holds one of these.

A statement that uses them binds $1 to `sees_all(user)` and $2 to the user's id, and names its row by the alias that
the predicate reads: `e` an event, `c` a call, `t` a follow-up.
"""

from __future__ import annotations

from crm_core.organisation import Role, User


def sees_all(user: User) -> bool:
    """Bound to $1."""
    return user.role in (Role.ADMIN, Role.SUPERVISOR)


VISIBLE_CALL = """(
    $1::boolean
    OR EXISTS (SELECT 1 FROM segment s WHERE s.call_id = c.id AND s.user_id = $2)
    OR EXISTS (SELECT 1 FROM device d WHERE d.number = c.caller AND d.user_id = $2)
    OR EXISTS (SELECT 1 FROM event own WHERE own.call_id = c.id AND own.owner_id = $2)
    OR EXISTS (SELECT 1 FROM event missed JOIN task owed ON owed.id = missed.follow_up_id
                WHERE missed.call_id = c.id AND owed.assignee_id = $2)
    OR (c.answered_at IS NULL AND (
        EXISTS (SELECT 1 FROM offer o WHERE o.call_id = c.id AND o.user_id = $2)
        OR EXISTS (SELECT 1 FROM line_agent a JOIN device d ON d.number = a.extension
                    WHERE a.line_number = c.line AND d.user_id = $2)))
)"""

VISIBLE_EVENT = (
    "($1::boolean OR e.owner_id = $2 OR EXISTS (SELECT 1 FROM call c WHERE c.id = e.call_id AND " + VISIBLE_CALL + "))"
)

VISIBLE_FOLLOW_UP = """(
    $1::boolean
    OR t.assignee_id = $2
    OR EXISTS (SELECT 1 FROM line_agent a JOIN device d ON d.number = a.extension
                WHERE a.line_number = t.line AND d.user_id = $2)
    OR EXISTS (SELECT 1 FROM offer o WHERE o.call_id = t.call_id AND o.user_id = $2)
)"""
