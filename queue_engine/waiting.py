"""What time and the line's rules make of an item that waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from queue_engine.decisions import Leave, Withdraw
from queue_engine.eligibility import stage
from queue_engine.floor import Floor
from queue_engine.inputs import ItemChanged
from queue_engine.offering import let_go, rest
from queue_engine.pool import BucketKey, Entry
from queue_engine.reasons import RESUMABLE, LeaveReason, RefusalCause, WithdrawReason
from queue_engine.strategy import RINGS_ON
from queue_engine.work import WorkItem


def enter(floor: Floor, item: WorkItem, now: float) -> None:
    """Into its line. An item that is here already begins anew, and keeps when it joined and whose it is."""
    before = floor.pool.entries.get(item.item_id)
    joined_at = floor.recall(item, now)
    if before is not None:
        joined_at = min(joined_at, before.item.joined_at)
        withdraw(floor, before, WithdrawReason.MOVED, now)
        floor.pool.remove(before)
    entry = Entry.of(replace(item, joined_at=joined_at), floor.roster.lines[item.line], now)
    if before is not None and before.item.line == item.line:
        entry.assigned = before.assigned
    floor.pool.add(entry)
    review(floor, entry, now)


def leave(floor: Floor, entry: Entry, reason: LeaveReason, now: float) -> None:
    """By the engine's own rule."""
    withdraw(floor, entry, WithdrawReason.ITEM_LEFT, now)
    floor.pool.remove(entry)
    floor.goes_on(entry.item)
    floor.decisions.append(Leave(entry.item.item_id, entry.item.line, reason))


def left(floor: Floor, entry: Entry, reason: LeaveReason, now: float) -> None:
    """By the caller's word, who stops whatever rings for it."""
    for extension in list(entry.holders):
        let_go(floor, entry, extension, now)
    floor.pool.remove(entry)
    if reason in RESUMABLE:
        floor.remember(entry.item, now)
    else:
        floor.goes_on(entry.item)


def withdraw(floor: Floor, entry: Entry, reason: WithdrawReason, now: float) -> None:
    for extension in list(entry.holders):
        let_go(floor, entry, extension, now)
        floor.decisions.append(Withdraw(entry.item.item_id, extension, reason))


def change(floor: Floor, entry: Entry, given: ItemChanged, now: float) -> None:
    """A supervisor's word. Whoever rings for it rings no more, unless only the priority is another or it is anybody's
    again."""
    item = entry.item
    if given.line is not None or given.assigned:
        withdraw(floor, entry, WithdrawReason.MOVED, now)
    floor.pool.remove(entry)
    moved = given.line is not None and given.line != item.line
    if moved:
        floor.goes_on(item)
    priority = item.priority if given.priority is None else given.priority
    item = replace(item, line=given.line or item.line, priority=priority)
    fresh = Entry.of(item, floor.roster.lines[item.line], now if moved else entry.entered_at)
    fresh.holders, fresh.rings_more_at = entry.holders, entry.rings_more_at
    if not moved:
        fresh.assigned, fresh.released, fresh.asked = entry.assigned, entry.released, entry.asked
    if given.assigned is not None:
        fresh.assigned = given.assigned or None
    floor.pool.add(fresh)
    review(floor, fresh, now)


def renew(floor: Floor, entry: Entry, now: float) -> None:
    """The line has other settings: it may be another's turn."""
    change(floor, entry, ItemChanged(entry.item.item_id), now)


def refused(floor: Floor, entry: Entry, extension: str, cause: RefusalCause, now: float) -> None:
    """The place is kept: nobody loses it to an agent's refusal."""
    entry.asked.add(extension)
    let_go(floor, entry, extension, now)
    rest(floor, floor.line(entry), floor.roster.agents[extension], cause, now)
    review(floor, entry, now)


def review(floor: Floor, entry: Entry, now: float) -> None:
    """Put the item where its wait has brought it by now, and note when to look again."""
    line = floor.line(entry)
    if line.offer_grace:
        for extension in [holder for holder, end in entry.holders.items() if end + line.offer_grace <= now]:
            let_go(floor, entry, extension, now)
            rest(floor, line, floor.roster.agents[extension], RefusalCause.NO_ANSWER, now)
            floor.decisions.append(Withdraw(entry.item.item_id, extension, WithdrawReason.EXPIRED))
    # Whose agent rings at that moment is not sent away: it is looked at again if the agent does not take it.
    if not entry.holders and (reason := _overdue(floor, entry, now)):
        leave(floor, entry, reason, now)
        return
    if floor.pool.put(entry, _bucket(floor, entry, now)):
        floor.roster.dirty.add(line.number)
    floor.pool.count(entry, waits=not entry.holders and now >= entry.item.not_before)
    floor.timers.note(entry, min((at for at in _looks(floor, entry) if at > now), default=None))


def keeper(floor: Floor, entry: Entry, now: float) -> str | None:
    """The only agent who may take it: assigned by a supervisor, or its own for a while. Only while they are at work."""
    if entry.assigned and _works_in(floor, entry, entry.assigned):
        return entry.assigned
    sticky, patience = entry.item.sticky, floor.line(entry).sticky_patience
    if sticky is None or entry.released or entry.entered_at + patience <= now:
        return None
    return sticky if _works_in(floor, entry, sticky) else None


def _works_in(floor: Floor, entry: Entry, extension: str) -> bool:
    return extension in floor.line(entry).agents and floor.roster.agents[extension].at_work


def _bucket(floor: Floor, entry: Entry, now: float) -> BucketKey | None:
    line = floor.line(entry)
    if now < entry.item.not_before:
        return None
    rings_on = line.strategy in RINGS_ON and not entry.item.is_absent
    if entry.holders and (not rings_on or (entry.rings_more_at or now) > now):
        return None
    kept = keeper(floor, entry, now)
    if kept is None:  # once it is anybody's it stays so, whoever comes back
        entry.released = True
    if kept != entry.assigned:  # who is not at work has lost it, be it to its own agent
        entry.assigned = None
    reached = stage(floor.roster.steps[line.number], entry.item.joined_at, now)
    return (line.number, entry.skills, reached, kept)


def _overdue(floor: Floor, entry: Entry, now: float) -> LeaveReason | None:
    line = floor.line(entry)
    if entry.item.is_absent:
        return None
    if line.number in floor.closed and line.empties_when_closed:
        return LeaveReason.CLOSED
    if line.max_wait and entry.entered_at + line.max_wait <= now:
        return LeaveReason.TIMEOUT
    since = floor.roster.empty_since.get(line.number)
    if since is not None and max(since, entry.entered_at) + line.leave_empty_after <= now:
        return LeaveReason.LEFT_EMPTY
    return None


def _looks(floor: Floor, entry: Entry) -> Iterator[float]:
    """The times at which something may change by time alone."""
    line = floor.line(entry)
    yield from (entry.item.joined_at + wait for wait in floor.roster.steps[line.number])
    yield entry.item.not_before
    if entry.holders:
        if entry.rings_more_at is not None:
            yield entry.rings_more_at
        if line.offer_grace:
            yield min(entry.holders.values()) + line.offer_grace
        return
    if entry.item.sticky is not None and not entry.released:
        yield entry.entered_at + line.sticky_patience
    if line.max_wait:
        yield entry.entered_at + line.max_wait
    if (since := floor.roster.empty_since.get(line.number)) is not None:
        yield max(since, entry.entered_at) + line.leave_empty_after
