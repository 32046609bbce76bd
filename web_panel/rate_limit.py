"""How often somebody may try. Pure: time is an argument.

The table of one limit is bounded: at the bound the key that was seen longest ago is forgotten, so that a flood of new
keys costs memory once and an old offender at most a fresh start.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

MAX_KEYS = 10_000


class TooMany(Exception):
    """The limit is reached. `retry_after` is in whole seconds, at least one."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


@dataclass(slots=True)
class RateLimit:
    """At most `most` hits of one key within any `window` seconds."""

    most: int
    window: float
    max_keys: int = MAX_KEYS
    _hits: OrderedDict[Hashable, deque[float]] = field(default_factory=OrderedDict)

    def check(self, key: Hashable, now: float) -> None:
        """Raises TooMany when the key has no hit left; counts nothing."""
        hits = self._recent(key, now)
        if hits is not None and len(hits) >= self.most:
            raise TooMany(max(1, int(hits[0] + self.window - now) + 1))

    def hit(self, key: Hashable, now: float) -> None:
        """Count one. Never holds more than `most` times for a key."""
        hits = self._recent(key, now)
        if hits is None:
            hits = self._hits[key] = deque(maxlen=self.most)
        hits.append(now)
        self._hits.move_to_end(key)
        while len(self._hits) > self.max_keys:
            self._hits.popitem(last=False)

    def take(self, key: Hashable, now: float) -> None:
        """`check`, then `hit`."""
        self.check(key, now)
        self.hit(key, now)

    def forget(self, key: Hashable) -> None:
        self._hits.pop(key, None)

    def _recent(self, key: Hashable, now: float) -> deque[float] | None:
        hits = self._hits.get(key)
        if hits is None:
            return None
        while hits and hits[0] <= now - self.window:
            hits.popleft()
        if not hits:
            del self._hits[key]
            return None
        return hits


@dataclass(slots=True)
class Limits:
    """The panel's limits: `notes` of the security of the web side, in figures."""

    sign_in: RateLimit = field(default_factory=lambda: RateLimit(5, 600))  # failures by account and address
    sign_in_address: RateLimit = field(default_factory=lambda: RateLimit(50, 600))  # failures by address, any account
    booking_address: RateLimit = field(default_factory=lambda: RateLimit(10, 60))
    key_guesses: RateLimit = field(default_factory=lambda: RateLimit(20, 600))  # wrong API keys by address
    key_work: RateLimit = field(default_factory=lambda: RateLimit(600, 60))  # requests by API key
    booking_phone: RateLimit = field(default_factory=lambda: RateLimit(3, 3600))


class TrustedAddresses:
    """Addresses and networks that are free of limits."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(address, strict=False) for address in addresses
        )

    def __contains__(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)
