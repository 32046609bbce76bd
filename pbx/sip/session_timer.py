"""Session timers: both ends notice when the other is gone without a BYE (RFC 4028).

Pure. A session lasts for a negotiated time and is refreshed by one of the two sides; a refresh is a re-INVITE or an
UPDATE, and whoever sends it is the UAC of that negotiation, so the roles are told anew each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.success_retransmission import StopWaiting, Wait

OPTION = "timer"
LEAST = 90  # seconds. §4: "The absolute minimum for the Session-Expires header field is 90 seconds."
LONGEST = 2**32 - 1

Header = tuple[str, str]


class Refresher(StrEnum):
    UAC = "uac"
    UAS = "uas"


@dataclass(frozen=True, slots=True)
class SessionExpires:
    seconds: int
    refresher: Refresher | None = None

    @classmethod
    def of(cls, message: Request | Response) -> SessionExpires | None:
        """Raises RemoteProtocolError."""
        text = message.headers.get("session-expires")
        if text is None:
            return None
        seconds, _, rest = text.partition(";")
        refresher = (lexical.parse_parameters(rest).get("refresher") or "").lower()
        # An unknown refresher is none: the grammar lets others come.
        known = Refresher(refresher) if refresher in ("uac", "uas") else None
        return cls(lexical.integer(seconds.strip(), LONGEST, "Session-Expires"), known)

    @property
    def header(self) -> Header:
        return "Session-Expires", f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


@dataclass(frozen=True, slots=True)
class Policy:
    """interval: how long a session lasts that we negotiate, in seconds; 0: we do not ask for a timer, but go along
    with a peer that does. minimum: the shortest that we accept."""

    interval: int = 1800
    minimum: int = LEAST


@dataclass(frozen=True, slots=True)
class Agreed:
    """The session ends after `seconds` without a refresh. ours: we are the refresher."""

    seconds: int
    ours: bool


# ---- the UAC: RFC 4028 §7 --------------------------------------------------------------------------------------------


def request_headers(seconds: int, minimum: int, refresher: Refresher | None = None) -> tuple[Header, ...]:
    """What a session refresh request carries; seconds 0: nothing. The refresher is named within a dialog only
    (§7.4)."""
    if not seconds:
        return ()
    # §7.4: after a 422 "the Min-SE header field … MUST be included in any subsequent session refresh request".
    least = (("Min-SE", str(minimum)),) if minimum > LEAST else ()
    return SessionExpires(max(seconds, minimum), refresher).header, *least


def agreed(response: Response) -> Agreed | None:
    """What the peer's 2xx to our session refresh request settles; None: this session does not expire (§7.2)."""
    try:
        told = SessionExpires.of(response)
    except RemoteProtocolError:
        return None
    if told is None or told.seconds == 0:
        return None
    # A 2xx must name the refresher; without one, whoever asked refreshes.
    return Agreed(told.seconds, ours=told.refresher is not Refresher.UAS)


def raised_minimum(refused: Response, minimum: int) -> int | None:
    """The Min-SE to ask again with after this 422; None when asking again would not help (§7.3)."""
    try:
        told = lexical.integer(refused.headers.get("min-se") or "", LONGEST, "Min-SE")
    except RemoteProtocolError:
        return None
    return told if told > minimum else None


# ---- the UAS: RFC 4028 §9 --------------------------------------------------------------------------------------------


def answer(request: Request, policy: Policy) -> tuple[Agreed | None, tuple[Header, ...]]:
    """What we agree to, and the headers of our 2xx. Raises RemoteProtocolError with 422 for too short a session."""
    asked = SessionExpires.of(request)
    able = OPTION in request.supported
    if asked is None:
        # "If the UAS wishes to use a session timer … and the UAC supports it": it may add one on its own.
        if not able or not policy.interval:
            return None, ()
        asked = SessionExpires(max(policy.interval, _least_of(request)))
    elif asked.seconds < policy.minimum and (able or asked.seconds < LEAST):
        # A UAC that knows nothing of timers could not obey a 422: then a proxy asked, and its time is taken.
        raise RemoteProtocolError("session too short", 422, headers=(("Min-SE", str(policy.minimum)),))
    # §9, table 2: we are the refresher when the UAC does not know timers; else whoever it names, and itself by default.
    refresher = (asked.refresher or Refresher.UAC) if able else Refresher.UAS
    # §9: "If the refresher parameter … in the 2xx response has a value of 'uac', the UAS MUST place a Require header
    # field into the response with the value 'timer'".
    required = (("Require", OPTION),) if refresher is Refresher.UAC else ()
    told = SessionExpires(asked.seconds, refresher)
    return Agreed(asked.seconds, ours=refresher is Refresher.UAS), (told.header, *required)


def _least_of(request: Request) -> int:
    text = request.headers.get("min-se")
    return LEAST if text is None else lexical.integer(text.partition(";")[0].strip(), LONGEST, "Min-SE")


# ---- the timer: RFC 4028 §10 -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refresh:
    """Send a session refresh request."""


@dataclass(frozen=True, slots=True)
class Expire:
    """Nobody refreshed the session: end it by BYE."""


TimerEffect = Wait | StopWaiting | Refresh | Expire


@dataclass(slots=True)
class SessionTimer:
    agreed: Agreed | None = None
    _refreshing: bool = field(default=False, init=False)

    def agree(self, agreed: Agreed | None) -> Sequence[TimerEffect]:
        """A 2xx to a session refresh request came or went: time starts anew."""
        self.agreed = agreed
        self._refreshing = False
        if agreed is None:
            return (StopWaiting(),)
        # §10: "it is RECOMMENDED that the refresh be sent once half the session interval has elapsed".
        return (Wait(agreed.seconds / 2 if agreed.ours else self._end),)

    def fired(self) -> Sequence[TimerEffect]:
        """The Wait is over."""
        if self.agreed is None:
            return ()
        if not self.agreed.ours or self._refreshing:
            return (Expire(),)
        self._refreshing = True
        return Wait(self._end - self.agreed.seconds / 2), Refresh()

    @property
    def _end(self) -> float:
        # §10: whoever hears no refresh "SHOULD send a BYE … slightly before the session expiration. The minimum of 32
        # seconds and one third of the session interval is RECOMMENDED."
        assert self.agreed is not None
        return self.agreed.seconds - min(32.0, self.agreed.seconds / 3)
