"""The best item over all lines to the agent whom the line's strategy names; and what becomes of an offer."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from queue_engine.agent import Agent
from queue_engine.decisions import AutoPause, Offer, StrategyFailed
from queue_engine.facts import Will
from queue_engine.floor import Choice, Floor
from queue_engine.pool import Entry, OrderKey, rank
from queue_engine.reasons import RefusalCause
from queue_engine.strategy import RINGS_ON, View, longest_idle
from queue_engine.work import Line

STICKY = "sticky"
LONGEST_IDLE = "longest_idle"


def best(floor: Floor, now: float) -> tuple[Entry, set[str]] | None:
    """The item that is to be served next of all that somebody free may take, and those free agents.

    Only lines where something changed are looked at, and of each bucket only the first item that may be offered.
    """
    found: tuple[tuple[float, float, int], UUID, set[str]] | None = None
    for number in floor.roster.dirty:
        free = floor.roster.free[number]
        if not free:
            continue
        line = floor.roster.lines[number]
        for (_, skills, reached, keeper), keys in floor.pool.buckets(number, free):
            if found is not None and rank(keys[0], line, now) >= found[0]:
                continue
            able = free & floor.roster.able(number, skills, reached) if keeper is None else {keeper}
            first = _first(floor, keys, able) if able else None
            if first is not None and (found is None or rank(first, line, now) < found[0]):
                found = (rank(first, line, now), first[3], _willing(floor, floor.pool.entries[first[3]], able))
    return None if found is None else (floor.pool.entries[found[1]], found[2])


def _first(floor: Floor, keys: Sequence[OrderKey], able: set[str]) -> OrderKey | None:
    """Nearly always the first of all: only those for whom somebody rings already may have to be passed over, and there
    are no more of these than agents."""
    return next((key for key in keys if _willing(floor, floor.pool.entries[key[3]], able)), None)


def _willing(floor: Floor, entry: Entry, able: set[str]) -> set[str]:
    """On demand: only when nobody ready can take it, nor rings for it."""
    agents = floor.roster.agents
    ready = {extension for extension in able if agents[extension].will is Will.READY}
    if ready or any(agents[extension].will is Will.READY for extension in entry.holders):
        return ready
    return able


def offer(floor: Floor, entry: Entry, able: set[str], now: float) -> None:
    line = floor.line(entry)
    candidates = floor.roster.candidates(line.number, able)
    if entry.asked.issuperset(able):
        entry.asked.clear()  # all have let it pass: from the beginning
    rule: str
    chosen: tuple[str, ...]
    if entry.item.sticky in able:
        rule, chosen = STICKY, (entry.item.sticky,)
    else:
        last = floor.last_asked.get(line.number, -1)
        view = View(entry.item, line, now, candidates, frozenset(entry.asked), last, floor.draw.next())
        if entry.item.is_absent and line.strategy in RINGS_ON:  # nobody listens who would be answered sooner
            rule, chosen = LONGEST_IDLE, tuple(longest_idle(view))
        else:
            rule, chosen = line.strategy, _named(floor, view)[: 1 if entry.item.is_absent else None]
        floor.last_asked[line.number] = floor.roster.position(line.number, chosen[-1])
    for extension in chosen:
        agent = floor.roster.agents[extension]
        agent.offered = entry.item.item_id
        entry.holders[extension] = until = now + entry.item.prepares + line.ring_timeout
        floor.refresh(agent, now)
        floor.decisions.append(Offer(entry.item.item_id, line.number, extension, until))
    if line.strategy in RINGS_ON and not entry.item.is_absent:
        entry.rings_more_at = now + line.progress_delay if line.strategy == "progressive" else now
    names = tuple(candidate.extension for candidate in candidates)
    floor.choose(entry.item.item_id, Choice(now, line.number, rule, chosen, names))


def _named(floor: Floor, view: View) -> tuple[str, ...]:
    """Whom the strategy names. One of somebody's own that fails leaves nobody waiting: the longest idle is asked."""
    free = {candidate.extension for candidate in view.candidates}
    try:
        chosen = tuple(extension for extension in dict.fromkeys(floor.strategy(view.line)(view)) if extension in free)
        error = "" if chosen else "it names nobody who may be asked"
    except Exception as failure:  # whatever a foreign function may raise
        chosen, error = (), repr(failure)
    if error:
        floor.decisions.append(StrategyFailed(view.line.number, view.line.strategy, error))
        return tuple(longest_idle(view))
    return chosen


def let_go(floor: Floor, entry: Entry, extension: str, now: float) -> None:
    """The agent's phone rings no more for it."""
    del entry.holders[extension]
    agent = floor.roster.agents[extension]
    agent.offered = None
    floor.roster.dirty.add(entry.item.line)  # who is on demand has waited for who is ready
    floor.refresh(agent, now)


def rest(floor: Floor, line: Line, agent: Agent, cause: RefusalCause, now: float) -> None:
    """After an offer that was not taken: a while of peace, and a pause after too many of them."""
    agent.not_before = now + line.delays.get(cause, line.retry_after)
    agent.idle_since = now
    if cause in line.auto_pause_causes:
        agent.misses += 1
        if 0 < line.auto_pause_after <= agent.misses and agent.at_work:
            floor.decisions.append(AutoPause(agent.extension, cause, agent.misses))
            agent.will, agent.misses = Will.PAUSED, 0
    floor.refresh(agent, now)
