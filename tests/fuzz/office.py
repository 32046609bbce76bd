"""A whole switchboard in virtual time: signalling, call flows, a line, a menu, a trunk; only sound is a promise.

Messages go in by `hears` (see `tests.pbx.switch`), what it sends goes to `on_sent`. `leftovers` says what a call that
is over has left behind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import UUID

from callflow.calls import Calls
from callflow.dids import Did, Dids
from callflow.exchange import Exchange, RecordingRules
from callflow.facts import CallEnded, CallFact, Direction, Fact, PhoneOffline, PhoneOnline
from callflow.numbers import Pattern
from callflow.permissions import OutsideRules, Permissions
from callflow.presence import Presence
from callflow.router import DialPlan, LinePlan, MenuPlan, TrunkPlan
from callflow.watching import NoMailboxes, Watching
from pbx.event_packages import DIALOG, PRESENCE, DialogPackage, MessageSummaryPackage, PresencePackage
from pbx.media.client import MediaLeg, MediaSilent, Playback
from pbx.net.resolver import Resolver
from pbx.net.transport import Flow
from pbx.page_messages import PageMessages
from pbx.publications import Publications
from pbx.sip.message import Request, Response
from pbx.subscriptions import Subscriptions
from pbx.trunks.trunk import Trunk
from pbx.trunks.trunks import Trunks
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import QueueFact
from queue_engine.work import Line
from tests.pbx.switch import CITY, PromisedLeg, PromisedMedia, Switch
from tests.pbx.trunks.provider import no_dns

USERS = {"1001": "pw1", "1002": "pw2", "1003": "pw3"}
LINE, MENU, DID, OUTSIDE = "7000", "8000", "+380441234567", "+380671112233"
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

Sent = Callable[[bytes, Flow], None]


class SilentLeg(PromisedLeg):
    """A media leg that plays nothing for a second."""

    def unbridge(self) -> None:
        self.told.append(("unbridge", None))

    def send_digits(self, digits: str, milliseconds: int = 100) -> None:
        self.told.append(("digits", digits))

    def play(self, files: Sequence[str], *, loop: bool = False) -> Playback:
        playback = Playback(len(self.told))
        if not loop:
            asyncio.get_running_loop().call_later(1.0, playback.finish, "done")
        return playback


class SilentMedia(PromisedMedia):
    async def open(self, *, call_id: UUID, address: str, cookie: bytes = b"", near: MediaLeg | None = None) -> MediaLeg:
        await asyncio.sleep(0)  # a worker answers in a later turn of the loop
        self.legs.append(SilentLeg(len(self.legs)))
        return cast(MediaLeg, self.legs[-1])

    def falls_silent(self) -> None:
        """No RTP has come on any leg for a minute."""
        for leg in self.legs:
            if not leg.closed and callable(leg.on_event):
                leg.on_event(MediaSilent(leg=0, seconds=60.0, lost=True))


class WireSender:
    """What the switchboard sends goes on as bytes."""

    def __init__(self, on_sent: Sent) -> None:
        self.reliable = False
        self._on_sent = on_sent

    def send(self, data: bytes, flow: Flow) -> None:
        self._on_sent(data, flow)

    def sent_by(self, flow: Flow) -> str:
        return "203.0.113.1:5060"


class Folder:
    """Prompts that all exist, places that all are free, a clock that stands in the morning."""

    def path(self, name: str) -> Path | None:
        return Path(f"{name}.wav")

    def relative_path(self, recording_id: UUID, started_at: datetime) -> str:
        return f"{recording_id}.rec"

    async def measure(self, recording_id: UUID, file: str) -> None:
        return None

    def now(self) -> datetime:
        return MORNING


class Office(Switch):
    def __init__(self, on_sent: Sent) -> None:
        super().__init__(users=USERS)
        self.media = self.silent = SilentMedia()
        self.endpoint.media = self.silent  # type: ignore[assignment]  # a promise of it
        self.transports.senders["UDP"] = WireSender(on_sent)
        self.facts: list[Fact | QueueFact] = []
        self.dispatcher = Dispatcher([Line(LINE, ("1003",), ring_timeout=15.0)])
        self._watch()
        self.calls_in_progress = Calls(self._exchange())
        self.user_agent._on_call = self.calls_in_progress.arrived

    def append(self, fact: Fact | QueueFact) -> None:
        self.facts.append(fact)
        self.watching.on_fact(fact)

    def _watch(self) -> None:
        """As `dzvin.watchers` does it."""
        endpoint, registrations = self.endpoint, self.registrations
        self.publications = Publications(endpoint, lambda extension, says: self.watching.on_change(extension))
        self.watching = Watching(
            extensions=USERS,
            reachable=lambda extension: bool(registrations.bindings(extension)),
            will=self.dispatcher.will,
            says=self.publications.says,
            domain="example.com",
        )
        packages = (PresencePackage(self.watching), DialogPackage(self.watching), MessageSummaryPackage(NoMailboxes()))
        self.subscriptions = Subscriptions(endpoint, packages)
        self.messages = PageMessages(endpoint, self.user_agent.phones_of, self.watching.exists)
        self.watching.on_change = self._changed
        self.user_agent.answers("SUBSCRIBE", self.subscriptions.subscribe, keeps_dialogs=True)
        self.user_agent.answers("PUBLISH", self.publications.publish)
        self.user_agent.answers("MESSAGE", self.messages.message)
        registrations._on_online = self._online
        registrations._on_offline = self._offline

    def _changed(self, extension: str) -> None:
        self.subscriptions.changed(PRESENCE, extension)
        self.subscriptions.changed(DIALOG, extension)

    def _online(self, extension: str, user_agent: str) -> None:
        self.dispatcher.reachable(extension, True)
        self.append(PhoneOnline(id=UUID(int=1), at=MORNING, extension=extension, user_agent=user_agent))

    def _offline(self, extension: str, reason: str) -> None:
        self.dispatcher.reachable(extension, False)
        self.append(PhoneOffline(id=UUID(int=1), at=MORNING, extension=extension, reason=reason))

    def _exchange(self) -> Exchange:
        folder = Folder()
        city = TrunkPlan(name="city", prefixes=("+", "0"))
        return Exchange(
            user_agent=self.user_agent,
            dispatcher=self.dispatcher,
            presence=Presence(self.dispatcher.legs, self.watching.enters),
            ledger=self,
            clock=folder,
            plan=DialPlan(
                extensions=USERS,
                lines={LINE: LinePlan(number=LINE, ring_timeout=15.0, max_wait=60.0)},
                menus={MENU: MenuPlan(number=MENU, prompt="menu", keys={"1": "1002"})},
                trunks={"city": city},
                dids=Dids([Did(to=LINE, trunk="city", number=Pattern.parse("380441234567"))]),
            ),
            trunks=Trunks([Trunk(replace(CITY, health=False), self.endpoint, Resolver(no_dns))]),
            prompts=folder,
            recordings=folder,
            recording_rules=RecordingRules(directions=frozenset({Direction.INTERNAL})),
            permissions=Permissions(OutsideRules(calls_per_minute=0, minutes_per_day=0)),
        )

    # ---- afterwards ------------------------------------------------------------------------------------------------

    def leftovers(self) -> dict[str, int]:
        """What is held though nothing goes on: empty when all is well."""
        held = {
            "calls": len(self.calls_in_progress),
            "legs": self.user_agent.legs,
            "transactions": len(self.transactions),
            "traces": len(self.transactions.traces),
            "timers": len(self.timers),
            "media ports": sum(not leg.closed for leg in self.media.legs),
            "waiting": len(self.dispatcher),
            "subscriptions": len(self.subscriptions),
            "publications": len(self.publications),
            "messages": len(self.messages),
            "registered": len(self.registrations.online()),
            "known flows": len(self.admission._known),
            "failed messages": self.transactions.failed,
            "tasks": len(asyncio.all_tasks()) - 1,
            "permits": sum(self._permissions.at_once(user) for user in USERS),
            "people on the phone": sum(self._presence.legs_of(user) for user in USERS),
        }
        return {name: count for name, count in held.items() if count}

    @property
    def _permissions(self) -> Permissions:
        return self.calls_in_progress.exchange.permissions

    @property
    def _presence(self) -> Presence:
        return self.calls_in_progress.exchange.presence

    def ended_twice(self) -> list[UUID]:
        """Calls of which the end was told more than once, or never."""
        ends = Counter(fact.call_id for fact in self.facts if isinstance(fact, CallEnded))
        seen = {fact.call_id for fact in self.facts if isinstance(fact, CallFact)}
        return [call_id for call_id in seen if ends[call_id] != 1]


Message = Request | Response
