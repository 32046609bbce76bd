"""Progressive dialling: for each agent at work one entry of an open list waits in the line, and its party is called
when, and only when, the engine offers it to a free agent. So nobody answers a call of ours for whom no agent is there.

In a list with a preview the agent sees the entry first, and calls it, leaves it for later or lets a timer call it.

Whether the party may be called is asked when the agent is offered, and again at the moment of dialling. While the book
is away nobody is called: who must not be called could not be known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from callflow.call import Call
from callflow.callback_facts import Tried
from callflow.calls import Calls
from callflow.dial_lists import BookAway, DialBook, DueEntry, OpenList
from callflow.planned import Attempt, Planned, call_planned
from callflow.previews import Previews
from queue_engine.dispatcher import NotAdmitted
from queue_engine.work import ItemKind, WorkItem

log = structlog.get_logger("callflow.dialling")

EVERY = 2.0  # seconds between two looks at the lists
AGAIN = 5.0  # seconds until the book is told again
MOST_WAITING = 200  # entries that wait in one line
A_MOMENT = 0.05  # seconds in which an entry that waits becomes its agent's


@dataclass(slots=True, kw_only=True)
class _Held:
    """An entry that we have. `call_id`: in which its party is dialled, or nearly was."""

    of: OpenList
    due: DueEntry
    call_id: UUID | None = None
    begun: bool = False
    skipped: tuple[str, str] | None = None  # the agent who left it for later, and why
    stays: bool = False  # it was taken out of the line for no fault of its own
    agent_is_away: bool = False  # it is not in the line yet
    task: asyncio.Task[None] = field(init=False)


class Dialler:
    def __init__(self, calls: Calls, book: DialBook, previews: Previews) -> None:
        self._calls = calls
        self._exchange = calls.exchange
        self._book = book
        self.previews = previews
        self._held: dict[UUID, _Held] = {}
        self._recovered = self._closed = False

    async def run(self) -> None:
        """Until it is closed."""
        if not self._recovered:
            await self._told(self._book.recover)
            self._recovered = True
        while not self._closed:
            try:
                await self._round()
            except BookAway as away:
                log.warning("dialling waits", error=str(away))
            await asyncio.sleep(EVERY)

    async def close(self) -> None:
        """Nobody further is called; calls that were begun go on."""
        self._closed = True
        waiting = [held.task for held in self._held.values() if held.call_id is None]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def settled(self) -> None:
        """The book knows of every call that has ended."""
        await asyncio.gather(*(held.task for held in self._held.values()), return_exceptions=True)

    # ---- which -----------------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        lists = await self._book.open_lists()
        self._take_out({each.id for each in lists})
        for each in lists:
            at_work = self._at_work(each.line)
            if not at_work:
                continue
            room = max(0, min(at_work, MOST_WAITING) - self._waiting(each.line))
            for due in await self._book.reserve(each.id, room):
                self._begin(each, due)

    def _at_work(self, line: str) -> int:
        if self._exchange.line(line) is None:
            return 0
        dispatcher = self._exchange.dispatcher
        return sum(dispatcher.works_in(line, extension) for extension in dispatcher.agents)

    def _waiting(self, line: str) -> int:
        here = (held for held in self._held.values() if held.of.line == line and not held.agent_is_away)
        return sum(held.call_id is None for held in here)

    def _take_out(self, still_open: set[UUID]) -> None:
        for held in self._held.values():
            if held.of.id not in still_open and held.call_id is None:
                held.stays = True
                self._exchange.dispatcher.withdraw(held.due.id)

    def _begin(self, of: OpenList, due: DueEntry) -> None:
        if self._closed:
            return  # the next start gives it back
        if due.id in self._held:  # it is due again, and the call in which that was said goes on
            self._held[due.id].task.add_done_callback(lambda _: self._begin(of, due))
            return
        held = self._held[due.id] = _Held(of=of, due=due)
        held.task = asyncio.create_task(self._call(held), name=f"dial {due.id}")
        held.task.add_done_callback(lambda _: self._held.pop(due.id, None))

    # ---- one entry -------------------------------------------------------------------------------------------------

    async def _call(self, held: _Held) -> None:
        tried, extension = await self._tried(held)
        if held.call_id is not None:
            call_id = held.call_id
            await self._told(lambda: self._book.settle(call_id, tried, extension))
        if held.begun:
            return
        if held.skipped is not None:
            agent, reason = held.skipped
            await self._told(lambda: self._book.skip(held.due.id, agent, reason))
        elif held.stays:
            await self._told(lambda: self._book.release(held.due.id))
        else:
            await self._told(lambda: self._book.not_dialled(held.due.id, tried))

    async def _tried(self, held: _Held) -> tuple[Tried, str]:
        """What it came to, and the agent who had it or was asked last."""
        try:
            await self._agent_comes(held)
            attempt = None if held.stays else await self._in_line(held)
        except NotAdmitted:
            attempt = None
        except Exception:  # the task's edge: one call that fails ends no other
            log.exception("call failed", entry=str(held.due.id))
            return Tried.FAILED, ""
        return (attempt.tried, attempt.extension) if attempt is not None else (Tried.LEFT, "")

    async def _agent_comes(self, held: _Held) -> None:
        """A callback waits for its agent to be at work, until it is anybody's."""
        due, dispatcher = held.due, self._exchange.dispatcher
        while True:
            here = not self._is_alone(due) or dispatcher.works_in(held.of.line, due.agent or "")
            held.agent_is_away = not here
            if here or held.stays:
                return
            await asyncio.sleep(EVERY)

    def _is_alone(self, due: DueEntry) -> bool:
        return due.alone_until is not None and self._seconds_until(due.alone_until) > 0

    async def _in_line(self, held: _Held) -> Attempt:
        due, loop, dispatcher = held.due, asyncio.get_running_loop(), self._exchange.dispatcher
        if due.agent is None or due.alone_until is None or not self._is_alone(due):
            return await call_planned(self._calls, self._planned(held))
        # It comes into the line for nobody yet, and is its agent's before anybody is asked.
        handles = [
            loop.call_soon(lambda: dispatcher.change(due.id, assigned=due.agent)),
            loop.call_later(self._seconds_until(due.alone_until), lambda: dispatcher.change(due.id, assigned="")),
        ]
        try:
            return await call_planned(self._calls, self._planned(held, not_before=loop.time() + A_MOMENT))
        finally:
            for handle in handles:
                handle.cancel()

    def _planned(self, held: _Held, not_before: float = float("-inf")) -> Planned:
        due, of = held.due, held.of
        return Planned(
            item=WorkItem(
                due.id,
                of.line,
                asyncio.get_running_loop().time(),
                ItemKind.PLANNED,
                priority=of.points,
                not_before=not_before,
            ),
            number=due.number,
            payer=of.line,
            name=due.name,
            order=of.order,
            party_timeout=of.ring_seconds,
            caller_id=of.caller_id,
            prepares=of.preview_seconds,
            offered=lambda extension: self._offered(held, extension),
            dials=lambda call, extension: self._dials(held, call, extension),
        )

    async def _offered(self, held: _Held, extension: str) -> bool:
        try:
            if not await self._book.may_dial(held.due.id):
                return False
        except BookAway:
            held.stays = True
            return False
        if not held.of.preview_seconds:
            return True
        reason = await self.previews.show(extension, held.due.id, held.of.preview_seconds)
        if reason is not None:
            held.skipped = extension, reason
        return reason is None

    async def _dials(self, held: _Held, call: Call, extension: str) -> bool:
        held.call_id = call.call_id
        try:
            held.begun = await self._book.begin(held.due.id, call.call_id, extension)
        except BookAway:
            held.stays = True
        return held.begun

    # ---- the book --------------------------------------------------------------------------------------------------

    async def _told(self, tell: Callable[[], Awaitable[None]]) -> None:
        """However long the book is away."""
        while True:
            try:
                return await tell()
            except BookAway:
                await asyncio.sleep(AGAIN)

    def _seconds_until(self, at: datetime) -> float:
        return (at - self._exchange.clock.now()).total_seconds()
