"""Calls that waited in a line, as Asterisk's `queue_log` would tell them, for the programs that read that.

    time|call|queue|agent|event|data1|data2|data3|data4|data5

The words are those of Asterisk's documentation of the queue log. `QueueLog` is a pure fold over facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from callflow.facts import EndedBy, OfferEnd, Outcome, TransferEnd, TransferKind
from callflow.line_facts import LineEnd
from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from queue_engine.facts import Will

AT_ONCE = 500  # facts between two looks of the core at its calls
LONGEST = timedelta(days=1)  # before the day: a call that waited over midnight began then

_unsafe = re.compile(r"[|\x00-\x1f\x7f]")


@dataclass(slots=True)
class _Waiting:
    """What is known of a call that is or was in a line."""

    line: str
    entered_at: datetime
    position: int = 0
    offers: dict[str, datetime] = field(default_factory=dict)  # by leg
    transfers: dict[str, tuple[str, str]] = field(default_factory=dict)  # by transfer: kind, target
    agent: str = ""
    answered_at: datetime | None = None
    over: bool = False

    @property
    def hold_seconds(self) -> int:
        return int(((self.answered_at or self.entered_at) - self.entered_at).total_seconds())


@dataclass(slots=True)
class QueueLog:
    """`take` gets facts in their order and returns the lines that each adds."""

    _calls: dict[str, _Waiting] = field(default_factory=dict)
    _lines: dict[str, list[str]] = field(default_factory=dict)  # who waits, by line
    _numbers: dict[str, str] = field(default_factory=dict)

    def take(self, at: datetime, kind: str, call: str, data: Mapping[str, Any], number: str = "") -> Iterator[str]:
        """`data`: the fact's fields, as the ledger has them; `number`: of the party, where the fact names one."""
        if kind == "AgentDeclared":
            word = "PAUSE" if data["will"] == Will.PAUSED else "UNPAUSE"
            yield line(at, "NONE", "NONE", _agent(data.get("extension") or ""), word, data.get("reason") or "")
        elif kind == "CallStarted":
            self._numbers[call] = number
        elif kind == "CallQueued":
            yield from self._queued(at, call, data["line"])
        elif (waiting := self._calls.get(call)) is not None and not waiting.over:
            yield from self._of_waiting(at, kind, call, data, waiting)

    def _queued(self, at: datetime, call: str, name: str) -> Iterator[str]:
        self._leave(call)
        self._calls[call] = waiting = _Waiting(line=name, entered_at=at)
        self._lines.setdefault(name, []).append(call)
        waiting.position = self._position(call)
        yield line(at, call, name, "NONE", "ENTERQUEUE", "", self._numbers.pop(call, ""), waiting.position)

    def _position(self, call: str) -> int:
        """Its place among those who wait in its line, from 1."""
        return self._lines[self._calls[call].line].index(call) + 1

    def _leave(self, call: str) -> None:
        """It waits no more."""
        if call in self._calls and call in self._lines[self._calls[call].line]:
            self._lines[self._calls[call].line].remove(call)

    def _of_waiting(
        self, at: datetime, kind: str, call: str, data: Mapping[str, Any], waiting: _Waiting
    ) -> Iterator[str]:
        match kind:
            case "CallOffered":
                waiting.offers[data["leg"]] = at
            case "OfferEnded" if data["reason"] not in (OfferEnd.ANSWERED, OfferEnd.CANCELLED):
                rang = (at - waiting.offers.get(data["leg"], at)) // timedelta(milliseconds=1)
                yield line(at, call, waiting.line, _agent(data["extension"]), "RINGNOANSWER", rang)
            case "CallAnswered" if waiting.answered_at is None:
                waiting.answered_at, waiting.agent = at, data["extension"]
                self._leave(call)
                rang = int((at - waiting.offers.get(data["leg"], at)).total_seconds())
                agent = _agent(waiting.agent)
                yield line(at, call, waiting.line, agent, "CONNECT", waiting.hold_seconds, data["leg"], rang)
            case "CallLeftLine" if data["reason"] in WENT_ON and call in self._lines.get(data["line"], ()):
                yield self._went_on(at, call, data, waiting)
            case "TransferStarted":
                waiting.transfers[data["transfer"]] = (data["kind"], data.get("target") or "")
            case "TransferEnded" if data["end"] == TransferEnd.COMPLETED and data["transfer"] in waiting.transfers:
                yield from self._transferred(at, call, waiting, *waiting.transfers[data["transfer"]])
            case "CallEnded":
                yield self._ended(at, call, data, waiting)
            case _:
                pass

    def _went_on(self, at: datetime, call: str, data: Mapping[str, Any], waiting: _Waiting) -> str:
        """Out of the queue, and the call goes on or ends elsewhere."""
        waiting.over = True
        waited, position = int((at - waiting.entered_at).total_seconds()), self._position(call)
        self._leave(call)
        word = WENT_ON[LineEnd(data["reason"])]
        key = (data.get("key") or "",) if word == "EXITWITHKEY" else ()
        return line(at, call, waiting.line, "NONE", word, *key, position, waiting.position, waited)

    def _transferred(self, at: datetime, call: str, waiting: _Waiting, kind: str, target: str) -> Iterator[str]:
        """For Asterisk the call leaves the queue with its first transfer."""
        if waiting.answered_at is None:
            return
        waiting.over = True
        if kind == TransferKind.BLIND:
            word, first, second = "BLINDTRANSFER", target, "default"
        else:
            word, first, second = "ATTENDEDTRANSFER", "BRIDGE", target
        talked = int((at - waiting.answered_at).total_seconds())
        yield line(
            at, call, waiting.line, _agent(waiting.agent), word, first, second, waiting.hold_seconds, talked,
            waiting.position,
        )  # fmt: skip

    def _ended(self, at: datetime, call: str, data: Mapping[str, Any], waiting: _Waiting) -> str:
        waiting.over = True
        if waiting.answered_at is not None:
            word = "COMPLETECALLER" if data.get("ended_by") == EndedBy.CALLER else "COMPLETEAGENT"
            talked = int((at - waiting.answered_at).total_seconds())
            agent = _agent(waiting.agent)
            return line(at, call, waiting.line, agent, word, waiting.hold_seconds, talked, waiting.position)
        match data["outcome"]:
            case Outcome.ABANDONED:
                word = "ABANDON"
            case Outcome.UNREACHABLE:
                word = "EXITEMPTY"
            case _:
                word = "EXITWITHTIMEOUT"
        waited, position = int((at - waiting.entered_at).total_seconds()), self._position(call)
        self._leave(call)
        return line(at, call, waiting.line, "NONE", word, position, waiting.position, waited)


def line(at: datetime, call: str, queue: str, agent: str, word: str, *data: str | int) -> str:
    """One line, without its end. A number or a reason that somebody sent cannot break it."""
    texts = [_unsafe.sub("", str(each)) for each in (queue, agent, word, *data)]
    return "|".join((str(int(at.timestamp())), call, *texts))


def _agent(extension: str) -> str:
    return f"SIP/{extension}" if extension else "NONE"


WENT_ON = {
    LineEnd.EXIT_KEY: "EXITWITHKEY",
    LineEnd.CALLBACK: "EXITWITHKEY",
    LineEnd.TIMEOUT: "EXITWITHTIMEOUT",
    LineEnd.OVERFLOWED: "EXITWITHTIMEOUT",
    LineEnd.FULL: "EXITWITHTIMEOUT",
    LineEnd.CLOSED: "EXITWITHTIMEOUT",
    LineEnd.EXPECTED_WAIT: "EXITWITHTIMEOUT",
    LineEnd.WITHDRAWN: "EXITWITHTIMEOUT",
    LineEnd.NO_AGENTS: "EXITEMPTY",
    LineEnd.LEFT_EMPTY: "EXITEMPTY",
}
"""How waits end for Asterisk before the call does; the others are told by the end of the call."""
KINDS = [
    "CallStarted", "CallQueued", "CallLeftLine", "CallOffered", "OfferEnded", "CallAnswered", "TransferStarted",
    "TransferEnded", "CallEnded",
]  # fmt: skip
FACTS = """
    WITH queued AS (
        SELECT DISTINCT call_id FROM ledger WHERE kind = 'CallQueued' AND at >= $1 AND at < $3
    )
    SELECT l.seq, l.at, l.kind, coalesce(l.call_id::text, '') AS call, l.payload, coalesce(p.number, '') AS number
      FROM ledger l LEFT JOIN party p ON l.kind = 'CallStarted' AND p.id = (l.payload->>'party')::uuid
     WHERE (l.call_id IN (SELECT call_id FROM queued) AND l.kind = ANY($4::text[]))
        OR (l.kind = 'AgentDeclared' AND l.at >= $2 AND l.at < $3)
     ORDER BY l.seq
"""


async def queue_log(conn: Connection, user: User, *, since: datetime, until: datetime) -> str:
    """The lines of `since` up to `until`, which is at most a day or two later. Raises Forbidden."""
    require(user, Right.READ_FACTS)
    log, lines = QueueLog(), list[str]()
    async with conn.transaction(readonly=True):
        cursor = await conn.cursor(FACTS, since - LONGEST, since, until, KINDS)
        while rows := await cursor.fetch(AT_ONCE):
            for row in rows:
                told = log.take(row["at"], row["kind"], row["call"], msgspec.json.decode(row["payload"]), row["number"])
                lines.extend(each for each in told if since <= row["at"] < until)
    return "".join(f"{each}\n" for each in lines)
