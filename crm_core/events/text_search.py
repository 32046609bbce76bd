"""Events that hold a text, in the order of the register, without reading all that hold it.

Two ways lead to the first few of them, and each is slow for some text:

walk    the register's own index is walked in its order, and what holds the text is kept. Quick when many events hold
        it: a text in every tenth event fills a page within some hundred rows.
index   trigrams find every event that holds it, and these are put in order. Quick when few do.

Which one it is, the first `SAMPLE` rows tell: they fill the page, or they say how far one would have to walk. When that
is further than `FAR`, or has not filled the page after all, the index finds the rows. They are the same either way.
Only of a text that is frequent, but not lately, the walk goes on as far as `FURTHER` before that.

The time is bounded for a text that is spread over the register. Of one that very many events hold, all of them far from
its beginning, the walk takes a microsecond for each row, and the index a millisecond and a half for each thousand.

A text without three letters or digits in a row has no trigrams: it is looked for in the first `FAR_SHORT` rows only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crm_core.access import VISIBLE_EVENT, sees_all
from crm_core.database import Connection
from crm_core.events.kinds import KINDS, Order, Values, View, period
from crm_core.likeness import holding
from crm_core.organisation import User

SAMPLE = 1_000
FAR = 20_000
FAR_OWN = 8_000  # each own row is looked up by itself
FURTHER = 300_000  # of a text that is frequent, but not lately: still sooner done than to put all that hold it in order
FREQUENT = 50_000  # events, as the planner guesses
FAR_SHORT, FAR_SHORT_OWN = 5_000, 2_000  # without trigrams; a client is looked up for each row
MOST_CLIENTS = 2_000  # of a name, whose events are fetched by the client; of more of them a walk meets one soon
LONGEST_TEXT = 200
FEWEST_DIGITS = 3

# Written as the index event_text has it.
EVENT_TEXT = "(coalesce(e.e164, '') || ' ' || e.phone || ' ' || e.display_name || ' ' || e.content)"

# The planner knows little of a text. What fences it in, so that each way is gone as it is meant: a LIMIT or an
# OFFSET 0 below the text in a walk, MATERIALIZED above it in an index.
# The row behind the last that is walked is a sign that there are more.
WALK = (
    "SELECT e.id, e.passed > {far} AS beyond FROM (SELECT e.*, row_number() OVER (ORDER BY {order}) AS passed"
    " FROM event e WHERE e.archived_at IS NULL{conditions} ORDER BY {order} LIMIT {far} + 1) e"
    " WHERE e.passed > {far} OR ({holds} AND " + VISIBLE_EVENT + ") ORDER BY {order} LIMIT {most}"
)
WALK_OWN = (
    "SELECT e.id, v.passed > {far} AS beyond FROM (SELECT v.*, row_number() OVER (ORDER BY {order}) AS passed"
    " FROM event_viewer v WHERE v.user_id = $2{conditions} ORDER BY {order} LIMIT {far} + 1) v"
    " CROSS JOIN LATERAL (SELECT * FROM event e WHERE e.id = v.event_id OFFSET 0) e"
    " WHERE v.passed > {far} OR (e.archived_at IS NULL{kind} AND {holds} AND "
    + VISIBLE_EVENT
    + ") ORDER BY {order} LIMIT {most}"
)
GUESS = "EXPLAIN (FORMAT JSON) SELECT FROM event e WHERE {holds}"  # reads nothing
CLIENTS = "WITH named AS MATERIALIZED (SELECT id FROM client WHERE name ILIKE $1) SELECT id FROM named LIMIT $2"
FIND = (
    "WITH found AS MATERIALIZED (SELECT e.id, e.started_at, e.e164, e.phone FROM event e"
    " WHERE e.archived_at IS NULL{conditions} AND {holds} AND "
    + VISIBLE_EVENT
    + ") SELECT e.id FROM found e ORDER BY {order} LIMIT {most}"
)
FIND_OWN = (
    "WITH found AS MATERIALIZED (SELECT e.id, e.started_at FROM event e WHERE e.archived_at IS NULL{conditions}"
    " AND {holds}), own AS MATERIALIZED (SELECT f.id FROM found f JOIN event_viewer v"
    " ON v.user_id = $2 AND v.started_at = f.started_at AND v.event_id = f.id)"
    " SELECT e.id FROM own f JOIN event e ON e.id = f.id WHERE " + VISIBLE_EVENT + " ORDER BY {order} LIMIT {most}"
)


@dataclass(frozen=True, slots=True)
class Sought:
    """A text as ILIKE has it, and the digits of one without letters, however a number was typed. A client's name has to
    hold the text."""

    patterns: Sequence[str]
    trigrams: bool

    def walked(self, values: Values, clients: Sequence[UUID] | None = None) -> str:
        """A condition that is quick to check for a row at hand; quicker when the clients of that name are known."""
        if clients is None:
            name = f"SELECT c.name ILIKE {values.bind(self.patterns[0])} FROM client c WHERE c.id = e.client_id"
            return self._or(values, f"({name})")
        return self._or(
            values, *(f"e.client_id IN (SELECT unnest({values.bind(few)}::uuid[]))" for few in _any(clients))
        )

    def indexed(self, values: Values, clients: Sequence[UUID] | None) -> str:
        """The same condition, of which each part has its index."""
        if clients is None:
            named = f"SELECT c.id FROM client c WHERE c.name ILIKE {values.bind(self.patterns[0])}"
            return self._or(values, f"e.client_id = ANY (ARRAY({named}))")
        return self._or(values, *(f"e.client_id = ANY ({values.bind(few)}::uuid[])" for few in _any(clients)))

    def _or(self, values: Values, *clients: str) -> str:
        parts = [f"{EVENT_TEXT} ILIKE {values.bind(pattern)}" for pattern in self.patterns]
        return f"({' OR '.join([*parts, *clients])})"


def _any(clients: Sequence[UUID]) -> Sequence[Sequence[UUID]]:
    return [clients] if clients else []


def sought(text: str | None) -> Sought | None:
    """What to look for; None for a text of nothing but spaces."""
    text = (text or "").replace("\0", "").strip()[:LONGEST_TEXT]
    if not text:
        return None
    digits = "".join(character for character in text if character.isascii() and character.isdigit())
    typed_otherwise = digits != text and not any(character.isalpha() for character in text)
    number = [f"%{digits}%"] if typed_otherwise and len(digits) >= FEWEST_DIGITS else []
    return Sought([holding(text), *number], trigrams=re.search(r"[^\W_]{3}", text) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSearch:
    """Events that `user` may see, of one kind and period, which hold what is sought."""

    user: User
    sought: Sought
    view: View
    since: datetime | None
    until: datetime | None
    order: Order

    async def first(self, conn: Connection, most: int) -> tuple[list[UUID], bool]:
        """At most so many, in order; and whether there may be more, for which nobody looked."""
        found, goes_on = await self._walk(conn, SAMPLE, most, None)
        if not goes_on:
            return found, False
        if not self.sought.trigrams:
            return await self._walk(conn, FAR_SHORT_OWN if self._own else FAR_SHORT, most, None)
        far = FAR_OWN if self._own else FAR
        clients = await self._clients(conn)
        fills_half_way = len(found) * far > 2 * most * SAMPLE
        if fills_half_way or self.view is View.UNANSWERED:  # few are unanswered: a walk reaches their end
            found, goes_on = await self._walk(conn, far, most, clients)
            if not goes_on:
                return found, False
        if not self._own and (clients is None or await self._frequent(conn)):
            found, goes_on = await self._walk(conn, FURTHER, most, clients)
            if not goes_on:
                return found, False
        return await self._find(conn, most, clients), False

    @property
    def _own(self) -> bool:
        """Who sees a part walks the own rows and not everybody's, except where all are few."""
        return not sees_all(self.user) and self.view is not View.UNANSWERED

    async def _clients(self, conn: Connection) -> Sequence[UUID] | None:
        """The clients of that name; None when they are more than `MOST_CLIENTS`."""
        rows = await conn.fetch(CLIENTS, self.sought.patterns[0], MOST_CLIENTS + 1)
        return [row["id"] for row in rows] if len(rows) <= MOST_CLIENTS else None

    async def _frequent(self, conn: Connection) -> bool:
        values = Values()
        holds = self.sought.indexed(values, [])
        plan = await conn.fetchval(GUESS.format(holds=holds), *values.bound)
        guessed: float = json.loads(plan)[0]["Plan"]["Plan Rows"]
        return guessed >= FREQUENT

    async def _walk(
        self, conn: Connection, far: int, most: int, clients: Sequence[UUID] | None
    ) -> tuple[list[UUID], bool]:
        """What there is among the first so many rows; and whether it is less than asked for though there are more."""
        values = Values([sees_all(self.user), self.user.id])
        kind = KINDS[self.view]
        if self._own:
            statement, order, conditions = WALK_OWN, self.order.own, ""
        else:
            statement, order, conditions = WALK, self.order.of_all, kind
        conditions += period("v" if self._own else "e", self.since, self.until, values)
        holds = self.sought.walked(values, clients)
        statement = statement.format(far=far, most=most, order=order, conditions=conditions, kind=kind, holds=holds)
        rows = await conn.fetch(statement, *values.bound)
        return [row["id"] for row in rows if not row["beyond"]], any(row["beyond"] for row in rows)

    async def _find(self, conn: Connection, most: int, clients: Sequence[UUID] | None) -> list[UUID]:
        values = Values([sees_all(self.user), self.user.id])
        statement = (FIND_OWN if self._own else FIND).format(
            conditions=KINDS[self.view] + period("e", self.since, self.until, values),
            holds=self.sought.indexed(values, clients),
            order=self.order.of_all,
            most=most,
        )
        return [row["id"] for row in await conn.fetch(statement, *values.bound)]
