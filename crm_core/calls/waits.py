"""A call's waits in lines as its facts tell them: a pure fold, and the rows that it leaves.

A wait begins when a line lets the call in and ends once: as the line says, with the answer, another line, or the end of
the call. Whoever is not let in has waited for no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

import msgspec

from callflow.facts import CallAnswered, CallEnded, CallFact, CallQueued, Outcome
from callflow.line_facts import CallLeftLine, LineEnd
from crm_core.database import Connection

ENDS: Mapping[Outcome, LineEnd] = MappingProxyType(
    {
        Outcome.ABANDONED: LineEnd.ABANDONED,
        Outcome.NO_ANSWER: LineEnd.TIMEOUT,
        Outcome.UNREACHABLE: LineEnd.NO_AGENTS,
        Outcome.ANSWERED: LineEnd.TRANSFERRED,  # somebody else took the call out of the line
    }
)
"""How a wait ended that only the end of its call ended; what is not named here is technical."""
NOT_LET_IN = frozenset({LineEnd.FULL, LineEnd.CLOSED, LineEnd.NO_AGENTS, LineEnd.EXPECTED_WAIT})


@dataclass(slots=True, kw_only=True)
class Wait:
    """A row of table `line_visit`."""

    call_id: UUID
    line: str
    joined_at: datetime
    left_at: datetime | None = None
    reason: LineEnd | None = None
    extension: str | None = None


@dataclass(slots=True)
class Waits:
    """Of one call. `told`: the rows that are new or have changed; `latest`: when the one before began."""

    now: Wait | None = None
    latest: datetime | None = None
    told: list[Wait] = field(default_factory=list)

    def apply(self, fact: CallFact) -> None:
        match fact:
            case CallQueued(call_id=call_id, line=line, at=at):
                if self.now is None or self.now.line != line:
                    self._end(LineEnd.OVERFLOWED, at)
                    self.now = Wait(call_id=call_id, line=line, joined_at=self._apart(at))
                    self.told.append(self.now)
            case CallLeftLine(call_id=call_id, line=line, reason=reason, at=at):
                if self.now is None and reason in NOT_LET_IN:
                    at = self._apart(at)
                    self.told.append(Wait(call_id=call_id, line=line, joined_at=at, left_at=at, reason=reason))
                elif self.now is not None and self.now.line == line:
                    self._end(reason, at, fact.extension or None)
            case CallAnswered(extension=extension, at=at):
                self._end(LineEnd.ANSWERED, at, extension)
            case CallEnded(outcome=outcome, at=at):
                self._end(ENDS.get(outcome, LineEnd.TECHNICAL), at)
            case _:
                pass

    def _apart(self, at: datetime) -> datetime:
        """A full line hands a caller on within a tick of the clock: each wait has a beginning of its own."""
        if self.latest is not None and at <= self.latest:
            at = self.latest + timedelta(microseconds=1)
        self.latest = at
        return at

    def _end(self, reason: LineEnd, at: datetime, extension: str | None = None) -> None:
        wait, self.now = self.now, None
        if wait is None:
            return
        wait.left_at, wait.reason, wait.extension = max(at, wait.joined_at), reason, extension
        if wait not in self.told:
            self.told.append(wait)


LATEST = """
    SELECT DISTINCT ON (call_id) * FROM line_visit WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, joined_at DESC
"""
STORE = """
    INSERT INTO line_visit SELECT * FROM jsonb_populate_recordset(NULL::line_visit, $1::jsonb)
    ON CONFLICT (call_id, joined_at) DO UPDATE
       SET left_at = excluded.left_at, reason = excluded.reason, extension = excluded.extension
     WHERE line_visit.left_at IS NULL
"""


async def project(conn: Connection, facts: Iterable[CallFact]) -> None:
    """Take in facts of calls, in the order in which they happened."""
    wanted = [fact for fact in facts if isinstance(fact, CallQueued | CallLeftLine | CallAnswered | CallEnded)]
    if not wanted:
        return
    waits = {fact.call_id: Waits() for fact in wanted}
    for row in await conn.fetch(LATEST, list(waits)):
        waits[row["call_id"]].latest = row["joined_at"]
        if row["left_at"] is None:
            waits[row["call_id"]].now = msgspec.convert(dict(row), Wait)
    for fact in wanted:
        waits[fact.call_id].apply(fact)
    if told := [wait for each in waits.values() for wait in each.told]:
        await conn.execute(STORE, msgspec.json.encode(told).decode())
