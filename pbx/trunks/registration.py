"""Our registration with one provider (RFC 3261 §10.2): what is asked, when again, and what became of it. Pure.

The shell sends what `next_expires` says, tells what came of it, and waits as long as it is told. `draw()` is a random
number of 0 to 1: providers that come back after an outage should not meet all their customers in one second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import integer
from pbx.sip.message import Response
from pbx.sip.uri import SipUri

REFRESH = 0.6, 0.8  # of the granted time
AT_LEAST, AT_MOST = 2.0, 120.0  # seconds between tries while nobody answers
REFUSED_AT_LEAST, REFUSED_AT_MOST = 30.0, 600.0  # while the answer is no: providers ban who keeps on asking
LONGEST_EXPIRES = 86_400
LONGEST_RETRY_AFTER = 3600.0


class State(StrEnum):
    UNREGISTERED = "unregistered"  # not yet, or no more
    REGISTERED = "registered"
    REFUSED = "refused"  # the provider said no
    UNREACHABLE = "unreachable"  # it says nothing


@dataclass(frozen=True, slots=True)
class Status:
    """`since`, `until`: monotonic seconds. `code`: the last failure's, 0 when nobody answered."""

    state: State = State.UNREGISTERED
    since: float = 0.0
    until: float = 0.0  # the provider keeps the binding till then
    code: int = 0
    failures: int = 0  # in a row


@dataclass(slots=True)
class Registration:
    expires: int  # seconds that we ask for
    draw: Callable[[], float]
    status: Status = field(default_factory=Status)

    def granted(self, response: Response, contact: SipUri, now: float) -> float:
        """A 2xx. Returns the seconds until the refresh."""
        seconds = granted_expires(response, contact, self.expires)
        if not seconds:
            return self.refused(response, now)
        since = self.status.since if self.status.state is State.REGISTERED else now
        self.status = Status(State.REGISTERED, since, now + seconds)
        low, high = REFRESH
        return max(1.0, seconds * (low + (high - low) * self.draw()))

    def too_brief(self, response: Response) -> bool:
        """A 423 (§10.2.8): whether to ask again at once, for as long as the provider wants."""
        minimum = _seconds(response, "min-expires")
        if minimum is None or not self.expires < minimum <= LONGEST_EXPIRES:
            return False
        self.expires = minimum
        return True

    def refused(self, response: Response, now: float) -> float:
        """Any other final response. Returns the seconds until the next try."""
        # A 5xx is a provider in trouble, which may be over soon; a 4xx or 6xx is an answer to who we are.
        bounds = (AT_LEAST, AT_MOST) if response.status // 100 == 5 else (REFUSED_AT_LEAST, REFUSED_AT_MOST)
        wait = self._failed(State.REFUSED, response.status, now, *bounds)
        asked = _seconds(response, "retry-after")
        return max(wait, min(float(asked), LONGEST_RETRY_AFTER)) if asked is not None else wait

    def unanswered(self, now: float) -> float:
        """Nobody answered in time, or it could not be sent. Returns the seconds until the next try."""
        return self._failed(State.UNREACHABLE, 0, now, AT_LEAST, AT_MOST)

    def ended(self, now: float) -> None:
        """We have signed off."""
        self.status = Status(State.UNREGISTERED, now)

    def _failed(self, state: State, code: int, now: float, at_least: float, at_most: float) -> float:
        before = self.status
        failures = before.failures + 1
        if before.state is State.REGISTERED and now < before.until:
            # The binding still stands: calls come in though the refresh failed.
            self.status = Status(State.REGISTERED, before.since, before.until, code, failures)
        else:
            since = before.since if before.state is state else now
            self.status = Status(state, since, 0.0, code, failures)
        # Exponential, and jittered by half.
        return min(at_most, at_least * 2.0 ** min(failures - 1, 16)) * (0.5 + 0.5 * self.draw())


def granted_expires(response: Response, contact: SipUri, asked: int) -> int:
    """Seconds that our binding was given (§10.2.4): from our Contact, else Expires, else what we asked for.

    Providers rewrite Contacts of phones behind NAT; if none is ours, the only one there is taken for it.
    """
    try:
        contacts = response.contacts
        ours = [address for address in contacts if _same(address.uri, contact)] or contacts
        if len(ours) == 1 and (text := ours[0].parameters.get("expires")) is not None:
            return integer(text, 2**32 - 1, "expires")
    except RemoteProtocolError:
        pass
    told = _seconds(response, "expires")
    return asked if told is None else told


def _same(one: SipUri, other: SipUri) -> bool:
    return (one.user, one.host.lower(), one.port or 5060) == (other.user, other.host.lower(), other.port or 5060)


def _seconds(response: Response, name: str) -> int | None:
    """The leading number of Expires, Min-Expires or Retry-After: `120 (maintenance);duration=60`."""
    text = (response.headers.get(name) or "").strip()
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    try:
        return integer(digits, 2**32 - 1, name) if digits else None
    except RemoteProtocolError:
        return None
