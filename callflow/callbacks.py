"""Keeps promised callbacks: each waits in its line at its caller's place, is tried as often as the line says, and ends
kept or broken. A promise is kept by any call in which somebody of ours talks with that party."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from callflow.call import Call
from callflow.callback_facts import Broken, CallbackBegun, CallbackBroken, CallbackKept, CallbackTried, KeptBy, Tried
from callflow.calls import Calls
from callflow.control import Actor, ControlRefused
from callflow.facts import Direction
from callflow.flows.calendar import Open
from callflow.planned import Attempt, Planned, call_planned
from callflow.promises import Promise
from callflow.router import CallbackPlan
from queue_engine.dispatcher import LineFull
from queue_engine.work import ItemKind, WorkItem

log = structlog.get_logger("callflow.callbacks")

FULL_AGAIN = 30.0  # seconds, when the dispatcher takes nobody, or a fault of ours
AGENT_AGAIN = timedelta(seconds=15)  # after an agent who hung up while the party was called
NOT_COUNTED = frozenset({Tried.AGENT_GONE})


class Callbacks:
    """Closing it leaves every promise as it is, for the next start."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._exchange = calls.exchange
        self._promises = calls.exchange.promises
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._calling: dict[UUID, UUID] = {}  # the call that is to keep a promise -> the promise
        self._too_late: set[UUID] = set()  # promises for which an agent was free when their hours were over
        self._closed = False
        self._promises.on_new = self._begins
        self._promises.on_over = self._ends
        self._exchange.live.on_answered = self._answered

    async def close(self) -> None:
        self._closed = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def restore(self, promises: Iterable[Promise]) -> None:
        """Those of an earlier core, with their places."""
        for promise in promises:
            self._promises.add(promise)

    def withdraw(self, actor: Actor, promise_id: UUID) -> None:
        """Raises ControlRefused: forbidden, unknown_callback."""
        if not actor.supervisor:
            raise ControlRefused("forbidden")
        promise = self._promises.get(promise_id)
        if promise is None:
            raise ControlRefused("unknown_callback")
        self._broken(promise, Broken.WITHDRAWN, actor.user_id)

    # ---- one promise -----------------------------------------------------------------------------------------------

    def _begins(self, promise: Promise) -> None:
        if self._closed:
            return
        task = asyncio.create_task(self._keep(promise), name=f"callback {promise.id}")
        self._tasks[promise.id] = task
        task.add_done_callback(lambda done: self._done(promise, done))

    def _ends(self, promise: Promise) -> None:
        for call_id in [call_id for call_id, promise_id in self._calling.items() if promise_id == promise.id]:
            del self._calling[call_id]
        task = self._tasks.pop(promise.id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _done(self, promise: Promise, task: asyncio.Task[None]) -> None:
        if self._tasks.get(promise.id) is task:
            del self._tasks[promise.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("callback failed", promise=str(promise.id), exc_info=error)

    async def _keep(self, promise: Promise) -> None:
        while self._promises.get(promise.id) is promise:
            left = (promise.expires_at - self._exchange.clock.now()).total_seconds()
            line = self._exchange.line(promise.line)
            if line is None or left <= 0:
                self._broken(promise, Broken.NO_LINE if line is None else Broken.EXPIRED)
                return
            plan = line.callback or CallbackPlan()
            try:
                async with asyncio.timeout(left):
                    attempt = await call_planned(self._calls, self._planned(promise, plan))
            except TimeoutError:
                self._broken(promise, Broken.EXPIRED)
            except LineFull:
                await asyncio.sleep(FULL_AGAIN)
            except Exception:  # one that fails is tried again like one that nobody answers
                log.exception("callback failed", promise=str(promise.id))
                self._tried(promise, Attempt(tried=Tried.FAILED, item=self._item(promise, plan)), plan)
                await asyncio.sleep(FULL_AGAIN)
            else:
                self._calling.pop(attempt.call_id or promise.id, None)
                if promise.id in self._too_late:
                    self._too_late.remove(promise.id)
                else:
                    self._tried(promise, attempt, plan)

    def _item(self, promise: Promise, plan: CallbackPlan) -> WorkItem:
        begins = self._earliest(promise, plan)
        return WorkItem(
            promise.id,
            promise.line,
            self._monotonic(promise.joined_at),
            ItemKind.CALLBACK,
            promise.priority,
            not_before=self._monotonic(begins) if begins is not None else float("-inf"),
        )

    def _earliest(self, promise: Promise, plan: CallbackPlan) -> datetime | None:
        """Before that nobody is called; None: at once."""
        if plan.hours is None:
            return promise.again_at
        from_then = max(self._exchange.clock.now(), promise.again_at or promise.promised_at)
        return plan.hours.next_open(from_then, self._exchange.flows.zone) or promise.expires_at

    async def _is_time(self, promise: Promise, plan: CallbackPlan) -> bool:
        """It may have waited for an agent until its hours were over: then it waits on for the next ones."""
        now = self._exchange.clock.now()
        if plan.hours is None or plan.hours.at(now, self._exchange.flows.zone) is Open.OPEN:
            return True
        self._too_late.add(promise.id)
        return False

    def _planned(self, promise: Promise, plan: CallbackPlan) -> Planned:
        return Planned(
            item=self._item(promise, plan),
            number=promise.number,
            payer=promise.line,
            name=promise.name,
            order=plan.order,
            party_timeout=plan.ring_timeout,
            begun=lambda call: self._begun(promise, call),
            offered=lambda extension: self._is_time(promise, plan),
        )

    def _monotonic(self, at: datetime) -> float:
        """The engine counts seconds that mean nothing after a restart; what is kept is wall time."""
        return asyncio.get_running_loop().time() + (at - self._exchange.clock.now()).total_seconds()

    def _begun(self, promise: Promise, call: Call) -> None:
        self._calling[call.call_id] = promise.id
        call.tell(CallbackBegun, promise=promise.id)

    def _tried(self, promise: Promise, attempt: Attempt, plan: CallbackPlan) -> None:
        now, tried = self._exchange.clock.now(), attempt.tried
        if tried is Tried.LEFT:
            self._broken(promise, Broken.WITHDRAWN)
            return
        promise.priority = attempt.item.priority
        if attempt.item.line != promise.line:
            self._promises.moved(promise, attempt.item.line)
        counts = tried not in NOT_COUNTED
        promise.tries += counts
        promise.again_at = now + (timedelta(seconds=plan.retry_after) if counts else AGENT_AGAIN)
        self._exchange.tell(
            CallbackTried,
            promise=promise.id,
            tried=tried,
            tries=promise.tries,
            again_at=promise.again_at,
            call=attempt.call_id,
        )
        if tried is Tried.WRONG_NUMBER:
            self._broken(promise, Broken.WRONG_NUMBER)
        elif promise.tries >= plan.tries:
            self._broken(promise, Broken.TRIES)

    def _broken(self, promise: Promise, reason: Broken, user: UUID | None = None) -> None:
        if self._promises.over(promise):
            self._exchange.tell(CallbackBroken, promise=promise.id, reason=reason, user=user)

    # ---- any call --------------------------------------------------------------------------------------------------

    def _answered(self, call: Call) -> None:
        """Two people talk in it: whatever was promised to its party is kept. One of our own people talks with many
        colleagues: that line has to have served them."""
        numbers = self._exchange.plan.numbers
        party = (numbers.e164(call.party) or call.party) if call.party else ""
        own = self._promises.get(self._calling[call.call_id]) if call.call_id in self._calling else None
        for promise in (*((own,) if own is not None else ()), *self._promises.of_party(party)):
            by = KeptBy.CALLBACK if promise is own else KeptBy.OTHER_CALL
            inside = call.direction is Direction.INTERNAL
            if promise is not own and inside and call.served_by != promise.line:
                continue
            if self._promises.over(promise):
                self._exchange.tell(CallbackKept, promise=promise.id, by=by, call=call.call_id)
