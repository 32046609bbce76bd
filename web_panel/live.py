"""The live panel: facts go in as they are spooled, numbered changes come out to the sockets.

It works with the database away: what it shows comes from facts, and what the CRM adds (ids, client names, owners of
follow-ups) follows after the commit. Everything here runs in the one loop; nothing waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from callflow.facts import Fact, ForwardKind
from callflow.line_book import Switch
from crm_core.follow_ups import MissedCall
from queue_engine.facts import QueueFact, WrapUpSet
from web_panel.live_callbacks import Owed
from web_panel.live_entries import Declared, Key, Line, Missed, Person, Ticket
from web_panel.live_meetings import Conference, MeetingHeard
from web_panel.live_messages import CardFound, SettingChanged, WrapUpOver, from_outbox
from web_panel.live_render import Gallery
from web_panel.live_state import LiveState
from web_panel.live_views import BoardView, Sight, StaffView, View
from web_panel.wire import BoardLineView, Lost, ServiceView, encode

BACKLOG = 256
"""Messages kept for one socket that reads too slowly; at the bound the oldest is lost."""

BOARD = "board"


class Message(Protocol):
    """A message of the CRM's outbox (`crm_core.outbox.OutboxMessage`)."""

    @property
    def kind(self) -> str: ...
    @property
    def payload(self) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What facts alone do not tell at start: read from the CRM and from the registrations."""

    people: Iterable[Person] = ()
    registered: Iterable[str] = ()  # extensions with a phone online
    lines: Iterable[Line] = ()
    statuses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # names of user statuses, by language
    switches: Mapping[str, Switch] = field(default_factory=dict)
    conferences: Iterable[Conference] = ()
    callbacks: Iterable[Owed] = ()
    wrap_ups: Mapping[str, datetime] = field(default_factory=dict)  # of each extension in one: until when
    missed: Iterable[Missed] = ()  # oldest first
    services: Iterable[ServiceView] = ()
    tickets: Iterable[Ticket] = ()  # waiting and called
    board: Iterable[BoardLineView] = ()  # last called first
    declared: Mapping[UUID, Declared] = field(default_factory=dict)
    undisturbed: Iterable[str] = ()  # extensions
    forwarded: Mapping[str, frozenset[ForwardKind]] = field(default_factory=dict)
    shortest: int = 0  # the short-number rule's N (R-CALL-31)


class Subscription:
    """One socket's messages, encoded, the snapshot first. Use it as a context manager and iterate it."""

    def __init__(self, panel: LivePanel, key: str, view: View, sight: Sight | None = None) -> None:
        self._panel = panel
        self._key = key
        self.sight = sight  # whose socket it is; None: the hall board's
        self._view = view  # for the first looker of its kind; the others share the first one's
        self._queue: deque[str] = deque()
        self._lost = 0
        self._ready = asyncio.Event()
        self._closed = False

    def __enter__(self) -> Self:
        self._panel.join(self._key, self._view, self)
        self.resync()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._panel.leave(self._key, self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while not self._queue and not self._lost:
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        if self._lost:
            lost, self._lost = self._lost, 0
            return encode(Lost(count=lost))
        return self._queue.popleft()

    def resync(self) -> None:
        """Drop what waits and begin again with a snapshot."""
        self._queue.clear()
        self._lost = 0
        self.push(self._panel.snapshot(self._key))

    def push(self, message: str) -> None:
        if len(self._queue) >= BACKLOG:
            self._queue.popleft()
            self._lost += 1
        self._queue.append(message)
        self._ready.set()

    def close(self) -> None:
        """End the iteration once what waits has been read."""
        self._closed = True
        self._ready.set()


class LivePanel:
    """Feed it with `seed`, `on_fact` and `on_outbox`; `subscribe` and `subscribe_board` give the sockets' messages."""

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        time_zone: ZoneInfo,
        region: str = "UA",
    ) -> None:
        self._now = now
        self._time_zone = time_zone
        self.state = LiveState(region=region)
        self._gallery = Gallery()
        self._views: dict[str, View] = {}
        self._subscriptions: dict[str, dict[Subscription, None]] = {}
        self.lookers: dict[UUID, Sight] = {}  # people with a socket open
        self._looks_in: Callable[[], None] | None = None
        self._midnight = self._midnight_before(days=1)

    def seed(self, seed: Seed) -> None:
        """Begin with what was known before this process, keeping the calls that are live. Every socket gets a new
        snapshot."""
        state = self.state
        for person in seed.people:
            state.know(person, None)
        state.online.update(seed.registered)
        state.declared = dict(seed.declared) | state.declared
        state.undisturbed.update(seed.undisturbed)
        state.forwarded = dict(seed.forwarded) | state.forwarded
        state.shortest = seed.shortest
        state.lines = {line.number: line for line in seed.lines}
        state.statuses = dict(seed.statuses)
        state.switches = dict(seed.switches) | state.switches
        state.meetings.named = {conference.number: conference for conference in seed.conferences}
        state.callbacks.know(seed.callbacks)
        state.wrap_ups = dict(seed.wrap_ups) | state.wrap_ups
        for extension in state.wrap_ups:
            self._ends_wrap_up(extension)
        state.missed = {missed.key: missed for missed in seed.missed}
        state.services = {service.id: service for service in seed.services}
        tickets = tuple(seed.tickets)
        state.tickets = {ticket.id: ticket for ticket in tickets}
        state.serving = {ticket.user: ticket.id for ticket in tickets if ticket.user}
        state.board = tuple(seed.board)
        state.settle()
        if self._views:
            self._gallery.hang_all(state)
        for key, view in self._views.items():
            view.load(state, self._gallery)
            for subscription in self._subscriptions[key]:
                subscription.resync()

    def know(self, person: Person) -> None:
        """Somebody signed in who may have been created after the start."""
        self._show(self.state.know(person, self._now()))

    def on_fact(self, fact: Fact | QueueFact) -> None:
        self._turn_the_day()
        self._show(self.state.apply(fact, fact.at))
        if isinstance(fact, WrapUpSet):
            self._ends_wrap_up(fact.extension)

    @property
    def is_looked_at(self) -> bool:
        return bool(self._views)

    def on_speakers(self, conference: str, speakers: frozenset[UUID]) -> None:
        """Which calls in a conference speak now."""
        heard = MeetingHeard(conference=conference, speakers=speakers)
        self._show(self.state.apply(heard, self._now()))

    def on_outbox(self, message: Message) -> None:
        told = from_outbox(message.kind, message.payload)
        if isinstance(told, MissedCall) and told.at < self._midnight_before():
            return  # the list of missed calls is today's
        if isinstance(told, SettingChanged):
            told.hold(self.state)
        elif told is not None:
            self._turn_the_day()
            self._show(self.state.apply(told, self._now()))

    def on_card(self, found: CardFound) -> None:
        self._show(self.state.apply(found, self._now()))

    def on_looker(self, tell: Callable[[], None] | None) -> None:
        """Say each time that somebody opens a socket."""
        self._looks_in = tell

    def subscribe(self, sight: Sight) -> Subscription:
        return Subscription(self, sight.key, StaffView(sight=sight), sight)

    def subscribe_board(self) -> Subscription:
        return Subscription(self, BOARD, BoardView())

    def board(self) -> tuple[BoardLineView, ...]:
        return self.state.board

    # For `Subscription`

    def join(self, key: str, view: View, subscription: Subscription) -> None:
        if not self._views:
            self._gallery.hang_all(self.state)
        if key not in self._views:
            view.load(self.state, self._gallery)
            self._views[key] = view
        self._subscriptions.setdefault(key, {})[subscription] = None
        if subscription.sight:
            self.lookers[subscription.sight.user_id] = subscription.sight
            if self._looks_in:
                self._looks_in()

    def leave(self, key: str, subscription: Subscription) -> None:
        """The last looker takes the view along: nothing is rendered for nobody."""
        lookers = self._subscriptions.get(key, {})
        lookers.pop(subscription, None)
        self._leaves(subscription.sight, lookers)
        if not lookers:
            self._subscriptions.pop(key, None)
            self._views.pop(key, None)
        if not self._views:
            self._gallery.clear()

    def _leaves(self, sight: Sight | None, others: Iterable[Subscription]) -> None:
        if sight and not any(other.sight and other.sight.user_id == sight.user_id for other in others):
            self.lookers.pop(sight.user_id, None)

    def snapshot(self, key: str) -> str:
        self._turn_the_day()
        return encode(self._views[key].snapshot(self.state, self._now()))

    def _show(self, touched: Iterable[Key]) -> None:
        if not self._views:
            return
        touched = tuple(touched)
        self._gallery.renew(self.state, touched)
        for key, view in self._views.items():
            for message in view.changes(self.state, self._gallery, touched):
                for subscription in self._subscriptions.get(key, ()):
                    subscription.push(message)

    def _ends_wrap_up(self, extension: str) -> None:
        """In its time. A later word about it has another end: this one says nothing then."""
        until = self.state.wrap_ups.get(extension)
        if until is not None:
            seconds = max(0.0, (until - self._now()).total_seconds())
            asyncio.get_running_loop().call_later(seconds, self._wrap_up_over, extension, until)

    def _wrap_up_over(self, extension: str, until: datetime) -> None:
        if self.state.wrap_ups.get(extension) == until:
            self._show(self.state.apply(WrapUpOver(extension=extension), self._now()))

    def _turn_the_day(self) -> None:
        if self._now() >= self._midnight:
            start = self._midnight
            self._midnight = self._midnight_before(days=1)
            self._show(self.state.forget_missed_before(start))

    def _midnight_before(self, days: int = 0) -> datetime:
        local = self._now().astimezone(self._time_zone) + timedelta(days=days)
        return local.replace(hour=0, minute=0, second=0, microsecond=0)
