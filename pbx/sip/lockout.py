"""Who guesses passwords: failures by source and by account, and what follows from them.

- A source that fails 5 times in 10 minutes for one account, or 20 times for any, is locked out for 10 minutes; each
  time again twice as long, at most a day. A day without failures and all is forgotten.
- An account that fails 10 times in 10 minutes, from anywhere, is slowed: sources that have not proved its password
  lately get one try a second among them all. It is never locked, else a stranger could lock an agent out.

Pure: `now` is passed in, seconds of any monotonic clock. Bounded: at the bound the source or the account that was
quiet for longest is forgotten, locked-out sources last. Accounts are names as strangers write them: whether they exist
makes no difference here.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from itertools import islice

WINDOW = 600.0  # seconds
FAILURES = 5  # of one source for one account
FAILURES_AT_ALL = 20  # of one source
FIRST_LOCKOUT = 600.0
LONGEST_LOCKOUT = 86_400.0
FORGIVEN_AFTER = 86_400.0
SLOW_FROM = 10  # failures of one account over all sources
TRY_EVERY = 1.0
PROVEN_FOR = 7 * 86_400.0  # a source that proved the password is not slowed for so long
PROVEN_SOURCES = 8  # remembered of one account
LONGEST_NAME = 64

MAX_SOURCES = 10_000
MAX_ACCOUNTS = 10_000


@dataclass(slots=True)
class _Source:
    failures: dict[str, deque[float]] = field(default_factory=dict)  # by account; at most FAILURES_AT_ALL of them
    at_all: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES_AT_ALL))
    last_proof: str = ""
    lockouts: int = 0
    locked_until: float = float("-inf")


@dataclass(slots=True)
class _Account:
    failures: deque[float] = field(default_factory=lambda: deque(maxlen=SLOW_FROM))
    next_try: float = float("-inf")
    proven: OrderedDict[str, float] = field(default_factory=OrderedDict)  # source -> until when


class Lockouts:
    def __init__(self, *, max_sources: int = MAX_SOURCES, max_accounts: int = MAX_ACCOUNTS) -> None:
        self._max_sources = max_sources
        self._max_accounts = max_accounts
        self._sources: OrderedDict[str, _Source] = OrderedDict()  # the one that failed last is last
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def is_locked(self, source: str, now: float) -> bool:
        known = self._sources.get(source)
        return known is not None and now < known.locked_until

    def locked(self, now: float) -> int:
        """How many sources are locked out."""
        return sum(now < source.locked_until for source in self._sources.values())

    def may_try(self, source: str, account: str, now: float) -> bool:
        """Whether a password of that account may be looked at now. False: drop the request, a phone sends it again."""
        known = self._accounts.get(account[:LONGEST_NAME])
        if known is None or not _full(known.failures, now) or known.proven.get(source, now) > now:
            return True
        if now < known.next_try:
            return False
        known.next_try = now + TRY_EVERY
        return True

    def failed(self, source: str, account: str, proof: str, now: float) -> float | None:
        """A password was wrong. Seconds of the lockout that this begins, else None.

        proof: what was sent in place of the password; the same one again is a retransmission and no other failure.
        """
        account = account[:LONGEST_NAME]
        known = self._source(source, now)
        if proof == known.last_proof:
            return None
        known.last_proof = proof
        self._account(account).failures.append(now)
        known.at_all.append(now)
        if account not in known.failures and len(known.failures) >= FAILURES_AT_ALL:
            known.failures.clear()  # all of them count in `at_all`
        of_account = known.failures.setdefault(account, deque(maxlen=FAILURES))
        of_account.append(now)
        return self._lock(known, now) if _full(of_account, now) or _full(known.at_all, now) else None

    def succeeded(self, source: str, account: str, now: float) -> None:
        """That source proved the password of that account. Call it for accounts that exist, so there is an end."""
        known = self._sources.get(source)
        if known is not None:
            known.failures.pop(account[:LONGEST_NAME], None)
        proven = self._account(account[:LONGEST_NAME]).proven
        proven[source] = now + PROVEN_FOR
        proven.move_to_end(source)
        if len(proven) > PROVEN_SOURCES:
            proven.popitem(last=False)

    def _lock(self, source: _Source, now: float) -> float:
        seconds: float = min(FIRST_LOCKOUT * 2**source.lockouts, LONGEST_LOCKOUT)
        source.lockouts = min(source.lockouts + 1, 16)
        source.locked_until = now + seconds
        source.failures.clear()
        source.at_all.clear()
        return seconds

    def _source(self, name: str, now: float) -> _Source:
        known = self._sources.pop(name, None)
        if known is not None and now > max(known.locked_until, _last(known.at_all)) + FORGIVEN_AFTER:
            known = None
        if known is None:
            if len(self._sources) >= self._max_sources:
                self._forget_source(now)
            known = _Source()
        self._sources[name] = known
        return known

    def _forget_source(self, now: float) -> None:
        quietest = islice(self._sources.items(), 32)
        name = next((name for name, source in quietest if now >= source.locked_until), next(iter(self._sources)))
        del self._sources[name]

    def _account(self, name: str) -> _Account:
        known = self._accounts.pop(name, None)
        if known is None:
            if len(self._accounts) >= self._max_accounts:
                self._accounts.popitem(last=False)
            known = _Account()
        self._accounts[name] = known
        return known


def _full(times: deque[float], now: float) -> bool:
    return len(times) == times.maxlen and now - times[0] <= WINDOW


def _last(times: deque[float]) -> float:
    return times[-1] if times else float("-inf")
