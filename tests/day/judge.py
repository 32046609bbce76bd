"""Compares what the phones have seen with what the CRM says. The rules:

1. A call of which any phone saw progress (more than 100) is one row of `call` and one Event. One that a kill cut before
   that is one or none, as is one to which no core ever said a word. No row is of a call that no phone knows.
2. A call that no kill cut ended as its phones saw it: answered or missed, by them. Each time is within `CLOCKS` seconds
   of what a phone sent and of what told the phones that the switchboard knew.
3. A call that was there when the core was killed ends as interrupted, between the kill and the first words of the next
   core. It stays answered if it was answered; else it is missed.
4. Each party that was missed has one follow-up, with one owner, until it is reached; missed again it gets the next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from tests.day.diary import Story
from tests.day.faults import Happened

CLOCKS = 1.0  # seconds between a phone's note of a message and the switchboard's: both are busy
CLOSE = 1.0  # seconds around a kill within which a message may or may not have been worked on

ROWS = """
    SELECT c.id, c.sip_call_id, c.direction, c.started_at, c.answered_at, c.ended_at, c.outcome, c.missed,
           c.party_keys, e.id AS event_id, e.type, e.phone, e.answered_at AS event_answered, e.ended_at AS event_ended,
           e.talk_seconds, e.number, e.follow_up_id,
           (SELECT array_agg(s.extension ORDER BY s.started_at) FROM segment s WHERE s.call_id = c.id) AS segments,
           (SELECT count(*) FROM ledger l WHERE l.call_id = c.id AND l.kind = 'CallEnded') AS ends
      FROM call c LEFT JOIN event e ON e.call_id = c.id
"""
FOLLOW_UPS = """
    SELECT t.party_key, t.missed_count, t.closed_at IS NOT NULL AS closed, t.assignee_id,
           array(SELECT e.id FROM event e WHERE e.follow_up_id = t.id) AS events
      FROM task t WHERE t.kind = 'follow_up' ORDER BY t.opened_at, t.id
"""
ANSWERED = {
    "inbound": {"incoming_call"},
    "outbound": {"outgoing_call", "missed_call_answer"},
    "internal": {"incoming_call"},
}
MISSED = {"inbound": "missed_incoming_call", "outbound": "missed_outgoing_call", "internal": "missed_incoming_call"}


@dataclass(frozen=True, slots=True)
class Turn:
    """A party was missed, or reached."""

    at: float
    keys: tuple[str, ...]
    missed: bool


@dataclass(slots=True)
class Verdict:
    """`wrong`: each line is a broken rule. `clocks`: seconds between the phones' notes and the CRM's."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    clocks: list[float] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)

    def check(self, holds: object, rule: str, story: Story, row: asyncpg.Record | None = None) -> None:
        if not holds:
            self.counts[f"broken: {rule}"] += 1
            self.wrong.append(f"{rule}: {story.kind} {story.party} -> {story.target}: {_told(story)}; {_found(row)}")


async def judge(conn: asyncpg.Connection, stories: Sequence[Story], kills: Sequence[Happened]) -> Verdict:
    verdict = Verdict()
    rows: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in await conn.fetch(ROWS):
        rows[row["sip_call_id"]].append(row)
    for story in stories:
        _one_story(verdict, story, rows.pop(story.sip_call_id, []), kills)
    for ghosts in rows.values():
        verdict.wrong += [f"a call that no phone knows: {_found(row)}" for row in ghosts]
    _follow_ups(verdict, await conn.fetch(FOLLOW_UPS))
    aside = await conn.fetchval("SELECT count(*) FROM ledger_set_aside")
    unfinished = await conn.fetchval("SELECT count(*) FROM call WHERE ended_at IS NULL")
    if aside or unfinished:
        verdict.wrong.append(f"{aside} facts set aside, {unfinished} calls without an end")
    return verdict


def _one_story(verdict: Verdict, story: Story, rows: list[asyncpg.Record], kills: Sequence[Happened]) -> None:
    near = [kill for kill in kills if story.view.invited - CLOSE < kill.at < story.last + CLOSE]
    cut = [kill for kill in near if _there_at(story, kill)]
    verdict.counts["calls"] += 1
    verdict.counts[story.kind] += 1
    if not rows:
        unheard = story.view.heard is None  # no core was there until the phone gave up
        verdict.check(unheard or (near and not story.had_progress), "lost", story)
        verdict.counts["never heard" if unheard else "cut before anything was told"] += 1
        return
    verdict.check(len(rows) == 1, "double", story, rows[-1])
    row = rows[0]
    verdict.check(row["phone"] == story.party, "the number", story, row)
    verdict.check(row["number"] is not None, "a register number", story, row)
    verdict.check(row["event_ended"] == row["ended_at"], "call and Event agree", story, row)
    verdict.check(row["missed"] == (row["answered_at"] is None), "missed is not answered", story, row)
    verdict.turns += _turns(story, row)
    if row["outcome"] == "interrupted":
        verdict.counts["interrupted"] += 1
        verdict.check(near, "interrupted without a kill", story, row)
        if near:
            _interrupted(verdict, story, row, near)
    else:
        verdict.check(not cut, "cut and not interrupted", story, row)
        verdict.check(row["ends"] == 1, "one end in the ledger", story, row)
        if not near:
            _whole(verdict, story, row)


def _there_at(story: Story, kill: Happened) -> bool:
    """Surely taken up before the kill, and surely not over by then."""
    taken = story.view.progress
    over = min(story.ended, story.view.cancelled or story.ended)
    return taken is not None and taken < kill.at - CLOSE and over > kill.at + CLOSE


def _interrupted(verdict: Verdict, story: Story, row: asyncpg.Record, near: list[Happened]) -> None:
    ended = _seconds(row["ended_at"]) or 0.0
    in_time = any(kill.at - CLOCKS <= ended <= kill.over + CLOCKS for kill in near)
    verdict.check(in_time, "interrupted at the time of the kill", story, row)
    if story.joined and all(story.joined < kill.at - CLOSE for kill in near):
        verdict.check(row["answered_at"] is not None, "stays answered", story, row)
        verdict.check(row["type"] in ANSWERED[story.direction], "type of an answered call", story, row)


def _whole(verdict: Verdict, story: Story, row: asyncpg.Record) -> None:
    """No kill was near: everything is as the phones saw it."""
    verdict.check(not story.trouble, "went wrong by itself", story, row)
    verdict.check(bool(row["missed"]) == (story.answered is None), "answered or missed", story, row)
    view = story.view
    _clock(verdict, story, row, "started_at", view.invited, view.heard or view.invited)
    _clock(verdict, story, row, "ended_at", min(story.ended, view.cancelled or story.ended), story.last)
    if story.answered is None:
        nobodys = story.kind == "unknown number"
        expected = "missed_outgoing_call" if nobodys else MISSED[story.direction]
        verdict.check(row["type"] == expected, "type of a missed call", story, row)
        verdict.check(row["talk_seconds"] in (None, 0.0), "no talk in a missed call", story, row)
        return
    verdict.check(row["type"] in ANSWERED[story.direction], "type of an answered call", story, row)
    joined = story.joined or story.answered
    _clock(verdict, story, row, "answered_at", story.answered, joined)
    if len(story.talks) == 1 and story.kind != "consultation":
        shortest, longest = story.ended - joined - CLOCKS, story.last - story.answered + CLOCKS
        verdict.check(shortest <= row["talk_seconds"] <= longest, "time of talk", story, row)
    if story.direction != "outbound":
        expected_segments = [each.user for each in story.talks]
        verdict.check(row["segments"] == expected_segments, "segments", story, row)


def _clock(verdict: Verdict, story: Story, row: asyncpg.Record, column: str, seen: float, until: float) -> None:
    """`until`: by then the switchboard knew of what a phone did at `seen`."""
    at = _seconds(row[column]) or 0.0
    off = max(seen - at, at - until, 0.0)
    verdict.clocks.append(off)
    verdict.check(off <= CLOCKS, f"clock of {column}", story, row)


def _turns(story: Story, row: asyncpg.Record) -> list[Turn]:
    """By the phones where no kill makes it doubtful; what the row says of doubtful ones was judged before."""
    keys = tuple(row["party_keys"])
    if row["answered_at"] is not None:
        taker = (f"ext:{row['segments'][0]}",) if story.direction == "internal" else ()
        return [Turn(story.answered or _seconds(row["answered_at"]) or 0.0, (*keys, *taker), missed=False)]
    if story.direction == "outbound" or story.kind == "unknown number":
        return []
    return [Turn(_seconds(row["ended_at"]) or 0.0, keys, missed=True)]


def _follow_ups(verdict: Verdict, rows: Sequence[asyncpg.Record]) -> None:
    expected: dict[str, list[list[Any]]] = defaultdict(list)
    for turn in sorted(verdict.turns, key=lambda turn: turn.at):
        if turn.missed:
            chain = expected[turn.keys[0]]
            if chain and not chain[-1][1]:
                chain[-1][0] += 1
            else:
                chain.append([1, False])
        else:
            for key in turn.keys:
                if expected[key]:
                    expected[key][-1][1] = True
    found: dict[str, list[list[Any]]] = defaultdict(list)
    for row in rows:
        found[row["party_key"]].append([row["missed_count"], row["closed"]])
        if row["assignee_id"] is None or len(row["events"]) != row["missed_count"]:
            verdict.wrong.append(f"a follow-up without its owner or its Events: {dict(row)}")
    for key in sorted({*expected, *found}):
        verdict.counts["parties missed"] += bool(expected[key])
        verdict.counts["follow-ups"] += len(found[key])
        if expected[key] != found[key]:
            verdict.wrong.append(f"follow-ups of {key}: expected {expected[key]}, found {found[key]}")


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def _told(story: Story) -> str:
    view = story.view
    times = {"invited": view.invited, "answered": story.answered, "cancelled": view.cancelled, "ended": view.ended}
    stamps = ", ".join(f"{name} {at % 10000:.2f}" for name, at in times.items() if at)
    rung = [f"{each.user} {each.status}" for each in story.rung]
    return f"{view.status}, {stamps}, rung {rung}, {story.trouble or 'no trouble'} [{story.sip_call_id}]"


def _found(row: asyncpg.Record | None) -> str:
    if row is None:
        return "no row"
    times = {name: row[name] for name in ("started_at", "answered_at", "ended_at") if row[name]}
    stamps = ", ".join(f"{name} {at.timestamp() % 10000:.2f}" for name, at in times.items())
    return f"{row['type']} {row['outcome']} {stamps}, talk {row['talk_seconds']}, segments {row['segments']}"
