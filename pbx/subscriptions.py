"""The notifier's shell: who watches what, in which dialog, over which flow (RFC 6665).

Subscriptions are not kept over a restart: who finds its own unknown (481) subscribes again. What is watched is never
stored here either; it is asked for when a NOTIFY is written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from pbx.endpoint import Endpoint, token
from pbx.net.transport import Flow
from pbx.sip.dialog import Dialog
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import integer, readable
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from pbx.sip.subscription import (
    Alarm,
    Effect,
    Limits,
    Notify,
    Over,
    SetAlarm,
    Subscription,
    Wanted,
    Why,
    event_header,
    wanted,
)
from pbx.sip.transaction.effects import Reason
from pbx.sip.uri import SipUri
from pbx.transactions import Overloaded

K = TypeVar("K")

AT_ONCE = 16  # NOTIFYs a turn of the loop: of an extension that a thousand watch, others are served in between


class Teller(Protocol):
    """What one watcher is told. It remembers what it has told."""

    def tell(self, *, whole: bool) -> bytes | None:
        """The next document; None when there is nothing new to tell."""


class Package(Protocol):
    """One event package."""

    @property
    def name(self) -> str: ...

    @property
    def media_type(self) -> str: ...

    def teller(self, watcher: str, extension: str, entity: str) -> Teller:
        """Raises RemoteProtocolError: 404 when there is nothing to watch, 403 for who may not. `entity`: the URI of
        what is watched, as the watcher wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many subscriptions. At an account's bound its oldest goes; at the other, new ones are refused."""

    account: int = 200
    altogether: int = 20_000


class _Watching:
    """One subscription with its dialog."""

    __slots__ = ("dialog", "extension", "flow", "subscription", "teller", "wanted", "watcher")

    def __init__(
        self, watcher: str, extension: str, wanted: Wanted, teller: Teller, dialog: Dialog, flow: Flow
    ) -> None:
        self.watcher = watcher
        self.extension = extension
        self.wanted = wanted
        self.teller = teller
        self.dialog = dialog
        self.flow = flow
        self.subscription = Subscription()

    @property
    def key(self) -> tuple[str, str]:
        return self.dialog.sip_call_id, self.dialog.local_tag


class _Index(Generic[K]):
    """Subscriptions by something that several share; the oldest first."""

    def __init__(self) -> None:
        self._entries: dict[K, dict[_Watching, None]] = {}

    def add(self, key: K, watching: _Watching) -> None:
        self._entries.setdefault(key, {})[watching] = None

    def remove(self, key: K, watching: _Watching) -> None:
        entries = self._entries.get(key)
        if entries is not None:
            entries.pop(watching, None)
            if not entries:
                del self._entries[key]

    def of(self, key: K) -> tuple[_Watching, ...]:
        return tuple(self._entries.get(key, ()))


class Subscriptions:
    def __init__(
        self,
        endpoint: Endpoint,
        packages: Iterable[Package],
        *,
        limits: Limits | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._packages = {package.name: package for package in packages}
        self._media_types = {name: package.media_type for name, package in self._packages.items()}
        self._limits = limits or Limits()
        self._bounds = bounds or Bounds()
        self._by_dialog: dict[tuple[str, str], _Watching] = {}
        self._by_watcher: _Index[str] = _Index()
        self._by_extension: _Index[tuple[str, str]] = _Index()
        self._due: deque[_Watching] = deque()

    def __len__(self) -> int:
        return len(self._by_dialog)

    @property
    def packages(self) -> tuple[str, ...]:
        return tuple(self._packages)

    def changed(self, package: str, extension: str) -> None:
        """What is watched of that extension may look different now."""
        for watching in self._by_extension.of((package, extension)):
            self._perform(watching, watching.subscription.changed(self._now))

    def close(self) -> None:
        """Tell every watcher, once and without waiting, that it has to subscribe again some time later."""
        for watching in tuple(self._by_dialog.values()):
            self._endpoint.transactions.send_stateless(
                self._notify(watching, Notify(why=Why.PROBATION), b""), watching.flow
            )
            watching.subscription.is_over = True
            self._forget(watching)

    # ---- SUBSCRIBE ---------------------------------------------------------------------------------------------

    def subscribe(self, request: Request, flow: Flow, user: str) -> None:
        """Answer an authenticated SUBSCRIBE. Raises RemoteProtocolError and Overloaded."""
        asked = wanted(request, self._media_types, self._limits)
        if request.to.tag:
            self._refresh(request, flow, user, asked)
        else:
            self._begin(request, flow, user, asked)

    def _begin(self, request: Request, flow: Flow, user: str, asked: Wanted) -> None:
        extension = readable(request.request_uri.user or "")
        entity = str(SipUri(scheme="sip", user=extension, host=request.to.uri.host))
        teller = self._packages[asked.package].teller(user, extension, entity)
        if len(self._by_dialog) >= self._bounds.altogether:
            raise Overloaded
        self._make_room(user)
        response = self._accept(request, flow, asked, to_tag=token())
        watching = _Watching(user, extension, asked, teller, Dialog.from_uas(request, response), flow)
        self._by_dialog[watching.key] = watching
        self._by_watcher.add(user, watching)
        self._by_extension.add((asked.package, extension), watching)
        self._perform(watching, watching.subscription.subscribed(asked.expires, self._now))

    def _refresh(self, request: Request, flow: Flow, user: str, asked: Wanted) -> None:
        watching = self._by_dialog.get((request.sip_call_id, request.to.tag or ""))
        if (
            watching is None
            or watching.subscription.is_ending
            or watching.watcher != user
            or watching.dialog.remote_tag != (request.from_.tag or "")
            or (watching.wanted.package, watching.wanted.event_id) != (asked.package, asked.event_id)
        ):
            raise RemoteProtocolError("no such subscription", 481)
        watching.dialog.receive(request)
        self._accept(request, flow, asked)
        watching.flow = flow
        self._perform(watching, watching.subscription.subscribed(asked.expires, self._now))

    def _accept(self, request: Request, flow: Flow, asked: Wanted, *, to_tag: str | None = None) -> Response:
        server = self._endpoint.transactions.accept(request, flow)
        contact = self._endpoint.contact(flow, _contact_user(request.request_uri.user or ""))
        headers = (("Contact", contact), ("Expires", str(asked.expires)))
        response = reply(request, 200, to_tag=to_tag, headers=headers)
        server.respond(response)
        return response

    def _make_room(self, user: str) -> None:
        # A phone that lost its power forgot its subscriptions; ours would live until they lapse.
        theirs = self._by_watcher.of(user)
        for oldest in theirs[: max(0, len(theirs) - self._bounds.account + 1)]:
            self._perform(oldest, oldest.subscription.end(Why.DEACTIVATED, self._now))
            self._forget(oldest)  # with a NOTIFY on its way too: its answer is not waited for

    # ---- NOTIFY ------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self._endpoint.timers.now()

    def _perform(self, watching: _Watching, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Notify():
                    self._tell(watching, effect)
                case SetAlarm(alarm, after):
                    self._endpoint.timers.start((watching, alarm), after, partial(self._fired, watching, alarm))
                case Over():
                    self._forget(watching)

    def _fired(self, watching: _Watching, alarm: Alarm) -> None:
        if alarm is Alarm.GATHERED:
            self._due.append(watching)
            if len(self._due) == 1:
                self._drain()
        else:
            self._perform(watching, watching.subscription.fired(alarm, self._now))

    def _drain(self) -> None:
        for _ in range(min(AT_ONCE, len(self._due))):
            watching = self._due[0]
            self._perform(watching, watching.subscription.fired(Alarm.GATHERED, self._now))
            self._due.popleft()
        if self._due:
            self._endpoint.timers.start((self, "due"), 0.0, self._drain)

    def _tell(self, watching: _Watching, notify: Notify) -> None:
        body = watching.teller.tell(whole=notify.whole)
        if body is None:
            self._perform(watching, watching.subscription.unsaid(self._now))
            return
        request = self._notify(watching, notify, body)
        try:
            self._endpoint.transactions.request(
                request,
                watching.flow,
                on_response=lambda response: self._responded(watching, response),
                on_end=lambda reason: self._unanswered(watching, reason),
            )
        except Overloaded:
            self._perform(watching, watching.subscription.answered(503, self._now))

    def _notify(self, watching: _Watching, notify: Notify, body: bytes) -> Request:
        return watching.dialog.request(
            "NOTIFY",
            via=self._endpoint.via(watching.flow),
            contact=self._endpoint.contact(watching.flow, _contact_user(watching.extension)),
            headers=(("Event", event_header(watching.wanted)), ("Subscription-State", notify.state)),
            body=body,
            content_type=self._media_types[watching.wanted.package] if body else None,
        )

    def _responded(self, watching: _Watching, response: Response) -> None:
        if response.is_final:
            retry_after = _seconds(response.headers.get("retry-after"))
            subscription = watching.subscription
            self._perform(watching, subscription.answered(response.status, self._now, retry_after=retry_after))

    def _unanswered(self, watching: _Watching, reason: Reason) -> None:
        if reason is not Reason.DONE:
            status = 408 if reason is Reason.TIMEOUT else 503
            self._perform(watching, watching.subscription.answered(status, self._now))

    def _forget(self, watching: _Watching) -> None:
        self._by_dialog.pop(watching.key, None)
        self._by_watcher.remove(watching.watcher, watching)
        self._by_extension.remove((watching.wanted.package, watching.extension), watching)
        for alarm in Alarm:
            self._endpoint.timers.stop((watching, alarm))


def _contact_user(number: str) -> str:
    return number if number.isalnum() else "dzvin"


def _seconds(value: str | None) -> int | None:
    """The seconds of a Retry-After, without its comment and parameters."""
    if value is None:
        return None
    try:
        return integer(value.partition(";")[0].partition("(")[0].strip(), 2**31 - 1, "Retry-After")
    except RemoteProtocolError:
        return None
