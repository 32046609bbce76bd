"""Who is let in before anything is read: a message costs a stranger's share of us, or nothing.

Asked for each message before it is parsed:

1. A flow that somebody proved to be theirs (a registration, a call) passes; so do the trunks' addresses.
2. What names itself a scanner is dropped in silence, from wherever it comes.
3. Trusted addresses pass.
4. A source that guessed passwords is dropped until its lockout ends (`pbx.sip.lockout`).
5. All others share what we spend on strangers: so many messages a second from one source, so many at all.

Nothing is kept for a stranger's message: the rates live in a table of fixed size, in which two sources may share a
place. Sources are addresses, of IPv6 the first 64 bits. UDP sources can be forged, so nobody is locked out for a packet
alone: a failure counts when it answers a nonce that was sent to that very address.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import structlog

from pbx.net.transport import Flow
from pbx.sip.lexical import readable
from pbx.sip.lockout import LONGEST_NAME, Lockouts

log = structlog.get_logger("pbx.admission")

PLACES = 8192  # of the table of rates
STANDINGS = 4096  # addresses whose standing is remembered, the latest
TELL_EVERY = 10.0  # seconds between two log lines about what is dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Messages of strangers. 0 a second: no limit. A burst is what a table of phones behind one address needs when
    the power is back."""

    a_second: float = 50.0  # from one source
    burst: float = 300.0
    all_a_second: float = 600.0  # from all of them
    all_burst: float = 2000.0


@dataclass(frozen=True, slots=True)
class _Standing:
    """What an address is to us by configuration."""

    source: str
    place: int
    trusted: bool


class Admission:
    """`friends`: addresses of trunks and other peers that the configuration names. `on_lockout(source, account,
    seconds)` is told once for each lockout."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        trusted: Sequence[str] = (),
        friends: Iterable[str] = (),
        scanners: Sequence[str] = (),
        rates: Rates | None = None,
        on_lockout: Callable[[str, str, float], None] = lambda source, account, seconds: None,
    ) -> None:
        self._now = now
        self._networks = [ip_network(text) for text in trusted]
        self._friends = frozenset(friends)
        self._scanners = tuple(name.lower().encode() for name in scanners)
        names = b"|".join(re.escape(name) for name in self._scanners)
        self._scanner_header = re.compile(rb"\n(?:user-agent|server|from|f)[ \t]*+:[^\n]*?(?:%s)" % names)
        self._rates = rates or Rates()
        self._on_lockout = on_lockout
        self.lockouts = Lockouts()
        self._known: dict[Flow, int] = {}
        self._due = array("d", bytes(8 * PLACES))  # when each place's share is used up to (a leaky bucket)
        self._all_due = 0.0
        self._standing = lru_cache(STANDINGS)(self._stand)
        self._told_at = float("-inf")
        self.scanners_dropped = self.locked_out_dropped = self.flood_dropped = 0
        self.wrong_passwords = self.lockouts_told = 0

    # ---- messages --------------------------------------------------------------------------------------------------

    def admits(self, data: bytes, flow: Flow) -> bool:
        """Whether to look at that message at all. False: drop it without a word."""
        if flow in self._known:
            return True
        if flow.port == 0:
            return False  # nobody can be answered there
        if self._is_scanner(data):
            self.scanners_dropped += 1
            self._tell(flow)
            return False
        standing = self._standing(flow.host)
        if standing.trusted:
            return True
        now = self._now()
        if self.lockouts.is_locked(standing.source, now):
            self.locked_out_dropped += 1
            return False
        if not self._within_rates(standing.place, now):
            self.flood_dropped += 1
            self._tell(flow)
            return False
        return True

    def may_connect(self, host: str) -> bool:
        """Whether a connection from there is taken in. It costs a stranger as much as a message: a handshake of TLS is
        a millisecond of ours."""
        standing = self._standing(host)
        if standing.trusted:
            return True
        now = self._now()
        if self.lockouts.is_locked(standing.source, now):
            return False
        if self._within_rates(standing.place, now):
            return True
        self.flood_dropped += 1
        return False

    def is_trusted(self, host: str) -> bool:
        """Whether that address is free of limits: by configuration, or as a trunk's."""
        return self._standing(host).trusted

    def know(self, flow: Flow) -> None:
        """Somebody proved to be at that flow. As often as this is called `forget` must be."""
        self._known[flow] = self._known.get(flow, 0) + 1

    def forget(self, flow: Flow) -> None:
        count = self._known.pop(flow, 1) - 1
        if count > 0:
            self._known[flow] = count

    def is_friend(self, host: str) -> bool:
        return host in self._friends

    def may_answer(self, sent_to: Flow, source: Flow) -> bool:
        """Whether an answer from `source` may be that of whom we asked at `sent_to`. Our Via says `rport`, and RFC 3581
        §4 wants the answer sent from where the request was received; so whoever has seen our request somewhere cannot
        answer it from elsewhere. Providers answer from any machine of theirs."""
        return sent_to.host == source.host or self.is_friend(sent_to.host)

    def befriend(self, hosts: Iterable[str]) -> None:
        """The addresses of trunks and named peers, all of them: what was said before is forgotten."""
        self._friends = frozenset(hosts)
        self._standing.cache_clear()

    # ---- passwords -------------------------------------------------------------------------------------------------

    def source(self, flow: Flow) -> str:
        """What nonces are bound to and failures are counted by: a port may change behind a NAT, an address may not."""
        return self._standing(flow.host).source

    def may_try(self, flow: Flow, account: str, *, at_home: bool) -> bool:
        """Whether a password may be looked at. at_home: that account is registered at this very flow, which is not
        harmed by a neighbour behind the same address who guesses."""
        standing = self._standing(flow.host)
        if standing.trusted:
            return True
        now = self._now()
        if self.lockouts.is_locked(standing.source, now):
            return at_home
        return at_home or self.lockouts.may_try(standing.source, account, now)

    def failed(self, flow: Flow, account: str, proof: str) -> None:
        """A password was wrong; `proof` is the response that was sent."""
        self.wrong_passwords += 1
        standing = self._standing(flow.host)
        if standing.trusted:
            return
        seconds = self.lockouts.failed(standing.source, account, proof, self._now())
        if seconds is not None:
            self.lockouts_told += 1
            shown = readable(account[:LONGEST_NAME])
            log.warning("source locked out", source=standing.source, account=shown, seconds=seconds)
            self._on_lockout(standing.source, shown, seconds)

    def succeeded(self, flow: Flow, account: str) -> None:
        standing = self._standing(flow.host)
        if not standing.trusted:
            self.lockouts.succeeded(standing.source, account, self._now())

    def locked_out(self) -> int:
        """How many sources are locked out now."""
        return self.lockouts.locked(self._now())

    # ---- rules -----------------------------------------------------------------------------------------------------

    def _is_scanner(self, data: bytes) -> bool:
        if not self._scanners:
            return False
        lowered = data.lower()
        # Looking for the words costs a tenth of looking for the header.
        return any(name in lowered for name in self._scanners) and bool(
            self._scanner_header.search(lowered.partition(b"\r\n\r\n")[0])
        )

    def _within_rates(self, place: int, now: float) -> bool:
        """Two leaky buckets, each one number: the time up to which what came is paid for (GCRA)."""
        rates = self._rates
        if rates.a_second:
            due = max(self._due[place], now - rates.burst / rates.a_second)
            if due > now:
                return False
        else:
            due = now
        if rates.all_a_second:
            all_due = max(self._all_due, now - rates.all_burst / rates.all_a_second)
            if all_due > now:
                return False
            self._all_due = all_due + 1 / rates.all_a_second
        if rates.a_second:
            self._due[place] = due + 1 / rates.a_second
        return True

    def _stand(self, host: str) -> _Standing:
        # Strings are hashed with a secret of the process: nobody outside can choose a place.
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return _Standing(host, hash(host) % PLACES, host in self._friends)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        source = _source(address)
        return _Standing(source, hash(source) % PLACES, host in self._friends or self._is_trusted(address))

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        networks: list[IPv4Network | IPv6Network] = self._networks
        return any(address.version == network.version and address in network for network in networks)

    def _tell(self, flow: Flow) -> None:
        now = self._now()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            log.warning(
                "strangers dropped", latest=str(flow), scanners=self.scanners_dropped, flood=self.flood_dropped,
                locked_out=self.locked_out_dropped,
            )  # fmt: skip


def _source(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Address(int(address) >> 64 << 64))
