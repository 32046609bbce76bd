"""Who calls, on the screen of who is offered the call, while the phone still rings.

1. The look-up begins with the call and holds nothing: not the INVITE, not the loop.
2. One read says whose the number is, for all. Another one, for each person who is offered the call or is in it and
   has a panel open, says what was and is open with them, by that person's own rights (`crm_core.clients.card`).
3. What has not come `DEADLINE` after the call began is shown as late: the bare number. It is replaced when it comes.
   What the data base refused is looked up again when the CRM says that it has the call (`call.linked`), and so is a
   call whose client somebody has chosen meanwhile.
4. At most `AT_ONCE` look-ups run and `MOST` wait; at the bound the card stays late. An answer for a call that is over
   is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import msgspec
import structlog

from callflow.facts import CallEnded, CallStarted, Direction, Fact
from crm_core import clients
from crm_core.clients import History, KnownClient
from crm_core.database import AWAY, Connection, Pool, borrowed
from crm_core.organisation import User
from queue_engine.facts import QueueFact
from web_panel.live import LivePanel, Message
from web_panel.live_entries import CardKey
from web_panel.live_messages import CallLinked, CardFound, from_outbox
from web_panel.statuses import CardState
from web_panel.wire import CardView

DEADLINE = 0.1  # seconds from the call's begin, or from when somebody joined it later
AT_ONCE = 4  # of the pool's connections: the ledger and the requests need the others
MOST = 500
PATIENCE = 1.0  # seconds that one look-up may take before its connection is cut

_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Followed:
    """A call with somebody outside. `clients` None: not looked up yet, or the data base was away."""

    call_id: UUID
    e164: str
    began: float
    clients: Sequence[KnownClient] | None = None
    chosen: UUID | None = None  # the client, as the CRM has it
    shown: dict[CardKey, User] = field(default_factory=dict)
    complete: set[CardKey] = field(default_factory=set)
    looking: asyncio.Task[None] | None = None


class ScreenPop:
    """Give it the facts after the live panel has had them, and the outbox's messages. Use it as a context manager:
    on the way out its look-ups end."""

    def __init__(self, pool: Pool, live: LivePanel) -> None:
        self._pool = pool
        self._live = live
        self._calls: dict[UUID, _Followed] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._live.on_looker(self._look_around)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._live.on_looker(None)
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def on_fact(self, fact: Fact | QueueFact) -> None:
        call_id = getattr(fact, "call_id", None)
        match fact:
            case CallStarted() if fact.direction is not Direction.INTERNAL:
                self._begin(fact.call_id)
            case CallEnded():
                self._calls.pop(fact.call_id, None)
                return
        if isinstance(call_id, UUID) and (call := self._calls.get(call_id)):
            self._look(call)

    def on_outbox(self, message: Message) -> None:
        told = from_outbox(message.kind, message.payload)
        if not isinstance(told, CallLinked) or (call := self._calls.get(told.call_id)) is None:
            return
        known = call.clients[0].id if call.clients and len(call.clients) == 1 else None
        call.chosen = told.client_id
        if call.clients is None or told.client_id != known or call.complete != set(call.shown):
            call.clients = None
            call.complete.clear()
            call.looking = self._start(self._who(call))
            for key, user in call.shown.items():
                self._start(self._card(call, key, user))

    @property
    def waiting(self) -> int:
        """Look-ups that run or wait."""
        return len(self._running)

    def _begin(self, call_id: UUID) -> None:
        live = self._live.state.calls.get(call_id)
        if live is None or live.party.e164 is None:  # withheld, or no number of the public network: nobody's
            return
        call = self._calls[call_id] = _Followed(call_id, live.party.e164, asyncio.get_running_loop().time())
        if self._live.lookers:
            call.looking = self._start(self._who(call))

    def _look_around(self) -> None:
        for call in self._calls.values():
            self._look(call)

    def _look(self, call: _Followed) -> None:
        """A card for each who takes part, has a panel open and has none yet."""
        state = self._live.state
        live = state.calls.get(call.call_id)
        if live is None or not self._live.lookers:
            return
        for extension in live.extensions():
            user_id = state.by_extension.get(extension)
            sight = self._live.lookers.get(user_id) if user_id else None
            if sight is None or sight.user is None or not sight.phones:
                continue
            key = CardKey(call.call_id, None if sight.everything else sight.user_id)
            if key not in call.shown:
                self._promise(call, key, sight.user)

    def _promise(self, call: _Followed, key: CardKey, user: User) -> None:
        call.shown[key] = user
        loop = asyncio.get_running_loop()
        due = call.began + DEADLINE
        loop.call_at(due if due > loop.time() else loop.time() + DEADLINE, self._is_due, call, key)
        if call.clients is None and call.looking is None:
            call.looking = self._start(self._who(call))
        self._start(self._card(call, key, user))

    def _is_due(self, call: _Followed, key: CardKey) -> None:
        if key not in call.complete and call.call_id in self._calls:
            self._live.on_card(CardFound(key=key, card=_card(call, CardState.LATE, History())))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        if len(self._running) >= MOST:
            work.close()
            return None
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _who(self, call: _Followed) -> None:
        async with self._places:
            if call.call_id not in self._calls:
                return
            try:
                async with self._connection() as conn:
                    known = await clients.who(conn, call.e164)
                call.clients = [each for each in known if each.id == call.chosen] or known
            except AWAY as error:
                _log.warning("card_late", call_id=str(call.call_id), reason=type(error).__name__)

    async def _card(self, call: _Followed, key: CardKey, user: User) -> None:
        if call.looking is not None:
            await asyncio.wait([call.looking])
        if call.clients is None:
            return
        async with self._places:
            if call.call_id not in self._calls:
                return
            try:
                async with self._connection() as conn:
                    only = call.clients[0].id if len(call.clients) == 1 else None
                    found = await clients.history(conn, user, call.e164, only, call.call_id)
            except AWAY as error:
                _log.warning("card_late", call_id=str(call.call_id), reason=type(error).__name__)
                return
        if call.call_id in self._calls and call.clients is not None:
            call.complete.add(key)
            self._live.on_card(CardFound(key=key, card=_card(call, _state(call.clients), found)))

    def _connection(self) -> AbstractAsyncContextManager[Connection]:
        return borrowed(self._pool, at_most=PATIENCE)


def _state(known: Sequence[KnownClient]) -> CardState:
    match len(known):
        case 0:
            return CardState.UNKNOWN
        case 1:
            return CardState.KNOWN
        case _:
            return CardState.SEVERAL


def _card(call: _Followed, state: CardState, history: History) -> CardView:
    shown = {
        "call_id": call.call_id,
        "number": call.e164,
        "state": state,
        "clients": call.clients or (),
        "follow_up": history.follow_up,
        "calls": history.calls,
        "tasks": history.tasks,
        "tickets": history.tickets,
    }
    return msgspec.convert(shown, CardView, from_attributes=True)
