"""A subscription as its notifier keeps it: RFC 6665 §4.2, with RFC 3265's habit of answering at once.

Pure. The shell makes the dialog, writes the NOTIFYs, holds the alarms; this decides when a NOTIFY goes and what it
says of the subscription. At most one is on its way; what changes meanwhile is told after it; changes that follow each
other at once are told together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request

GATHER = 0.1  # seconds after a change before it is told
LONGEST_RETRY = 60  # seconds: who asks us to wait longer with a NOTIFY is not waited for
LONGEST_ID = 128


class Why(StrEnum):
    """The reason that a terminated subscription gives (§4.1.3)."""

    DEACTIVATED = "deactivated"  # subscribe again at once
    PROBATION = "probation"  # subscribe again later
    REJECTED = "rejected"  # do not
    TIMEOUT = "timeout"  # it was not refreshed, or was asked to end
    NORESOURCE = "noresource"  # there is nothing to watch any more


class Alarm(Enum):
    EXPIRY = auto()
    GATHERED = auto()
    RETRY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Send a NOTIFY. `why` None: the subscription lives for `expires` seconds. `whole`: everything must be told;
    otherwise what changed, and when that is nothing `unsaid` follows instead of a NOTIFY."""

    expires: int = 0
    why: Why | None = None
    whole: bool = True

    @property
    def state(self) -> str:
        """The value of Subscription-State."""
        return f"active;expires={self.expires}" if self.why is None else f"terminated;reason={self.why}"


@dataclass(frozen=True, slots=True)
class SetAlarm:
    """Hand in `alarm` after so many seconds; replaces an earlier one of that kind."""

    alarm: Alarm
    after: float


@dataclass(frozen=True, slots=True)
class Over:
    """Forget the subscription, its dialog and its alarms. Requests for it get 481 from now on."""


Effect = Notify | SetAlarm | Over


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds."""

    minimum: int = 60
    default: int = 600
    maximum: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a SUBSCRIBE asks for. `expires` is what it gets; 0: to be told once, or to end."""

    package: str
    event_id: str
    expires: int


def wanted(request: Request, packages: Mapping[str, str], limits: Limits) -> Wanted:
    """Read a SUBSCRIBE. `packages`: the media type that each one's documents have.

    Raises RemoteProtocolError: 400, 406, 423 with Min-Expires, 489 with Allow-Events.
    """
    package, event_id = _event(request.headers.get("event") or "")
    if package not in packages:
        # §4.2.1.1, §8.3.2: an event package that is not understood gets a 489 (Bad Event), with Allow-Events.
        allowed = ", ".join(sorted(packages))
        raise RemoteProtocolError("an event package that we do not know", 489, headers=[("Allow-Events", allowed)])
    if not request.accepts(packages[package]):
        raise RemoteProtocolError("our documents would not be read", 406)
    asked = request.expires if request.expires is not None else limits.default
    # §4.2.1.1: a duration over zero, under an hour and under our minimum may get a 423 (Interval Too Brief).
    if 0 < asked < min(3600, limits.minimum):
        raise RemoteProtocolError("expires too soon", 423, headers=[("Min-Expires", str(limits.minimum))])
    # The notifier may shorten the duration, and never lengthens it.
    return Wanted(package=package, event_id=event_id, expires=min(asked, limits.maximum))


def _event(value: str) -> tuple[str, str]:
    package, _, rest = value.partition(";")
    event_id = lexical.parse_parameters(rest).get("id") or ""
    if len(event_id) > LONGEST_ID:
        raise RemoteProtocolError("an event id that is too long")
    return package.strip().lower(), event_id


def event_header(wanted: Wanted) -> str:
    """The Event of a NOTIFY: the same as in the SUBSCRIBE, id parameter and all (§4.1.3)."""
    return f"{wanted.package};id={wanted.event_id}" if wanted.event_id else wanted.package


class _Owed(Enum):
    """What the NOTIFY after the one that is on its way has to tell."""

    NOTHING = auto()
    CHANGE = auto()
    WHOLE = auto()


@dataclass(slots=True)
class Subscription:
    """Perform all effects, in order, before the next call. After Over there is nothing more to ask of it."""

    expires_at: float = field(default=0.0, init=False)
    is_over: bool = field(default=False, init=False)
    _on_its_way: bool = field(default=False, init=False)
    _gathering: bool = field(default=False, init=False)
    _owed: _Owed = field(default=_Owed.NOTHING, init=False)
    _last_word: Why | None = field(default=None, init=False)

    @property
    def is_ending(self) -> bool:
        """No refresh can save it: answer 481."""
        return self.is_over or self._last_word is not None

    def subscribed(self, expires: int, now: float) -> Sequence[Effect]:
        """The first SUBSCRIBE or a refresh has been answered 200 with that Expires."""
        if expires == 0:
            # §4.1.2.3, §4.4.3: to unsubscribe, or to fetch a state once, ends in "terminated;reason=timeout".
            return self.end(Why.TIMEOUT, now)
        self.expires_at = now + expires
        # §4.2.1.2: a subscription that is accepted or refreshed is told the whole state at once.
        return SetAlarm(Alarm.EXPIRY, expires), *self._tell(_Owed.WHOLE, now)

    def changed(self, now: float) -> Sequence[Effect]:
        """What is watched may look different now."""
        if self.is_over or self._gathering:
            return ()
        if self._on_its_way:
            self._owe(_Owed.CHANGE)
            return ()
        self._gathering = True
        return (SetAlarm(Alarm.GATHERED, GATHER),)

    def fired(self, alarm: Alarm, now: float) -> Sequence[Effect]:
        if self.is_over:
            return ()
        match alarm:
            case Alarm.EXPIRY:
                # §4.2.2: a subscription that was not refreshed in time is told so once, as timed out.
                return self.end(Why.TIMEOUT, now)
            case Alarm.GATHERED:
                self._gathering = False
                return self._tell(_Owed.CHANGE, now)
            case Alarm.RETRY:
                self._on_its_way = False
                return self._follow_up(now)

    def unsaid(self, now: float) -> Sequence[Effect]:
        """There was nothing to tell: the NOTIFY was not sent."""
        self._on_its_way = False
        return self._follow_up(now)

    def answered(self, status: int, now: float, *, retry_after: int | None = None) -> Sequence[Effect]:
        """The final response to our NOTIFY; 408 when none came, 503 when it could not be sent."""
        if self.is_over:
            return ()
        if 200 <= status < 300:
            self._on_its_way = False
            return self._follow_up(now)
        if retry_after is not None and retry_after <= LONGEST_RETRY and self._last_word is None:
            self._owe(_Owed.WHOLE)
            return (SetAlarm(Alarm.RETRY, retry_after),)
        # RFC 3265 §3.2.2 removes a subscription whose NOTIFY fails. RFC 6665 asks it only for 481 and timeouts; we stay
        # with the older rule: a watcher that refuses what it asked for asks anew if it still wants it.
        return self._over()

    def end(self, why: Why, now: float) -> Sequence[Effect]:
        """From our side. The last NOTIFY waits for the one that is on its way."""
        if self.is_over:
            return ()
        self._last_word = self._last_word or why
        if self._on_its_way:
            return ()
        return Notify(why=self._last_word), *self._over()

    def _tell(self, owed: _Owed, now: float) -> Sequence[Effect]:
        if self._on_its_way:
            self._owe(owed)
            return ()
        self._on_its_way = True
        self._owed = _Owed.NOTHING
        return (Notify(expires=max(0, round(self.expires_at - now)), whole=owed is _Owed.WHOLE),)

    def _owe(self, owed: _Owed) -> None:
        if self._owed is not _Owed.WHOLE:
            self._owed = owed

    def _follow_up(self, now: float) -> Sequence[Effect]:
        """Nothing is on its way any more: what waited for that goes now."""
        if self._last_word is not None:
            return self.end(self._last_word, now)
        match self._owed:
            case _Owed.WHOLE:
                return self._tell(_Owed.WHOLE, now)
            case _Owed.CHANGE:
                self._owed = _Owed.NOTHING
                return self.changed(now)
            case _Owed.NOTHING:
                return ()

    def _over(self) -> Sequence[Effect]:
        self.is_over = True
        return (Over(),)
