"""Names to addresses without stalling anybody: RFC 3263 over a bounded cache.

`glance` answers at once from what is known, also from what has run out of time, and lets the cache be renewed behind
the caller's back; `locate` waits for what is not known, but never longer than a deadline. What failed is not asked
again for some seconds, so that a dead name server costs one question, not one for each call.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from pbx.sip.location import Kind, Question, Record, Sought, Target, locate

log = structlog.get_logger("pbx.net.resolver")

MAX_ENTRIES = 1024
SHORTEST, LONGEST = 5.0, 3600.0  # seconds that an answer is believed, whatever it says of itself
NEGATIVE_LONGEST = 300.0
FAILED = 5.0  # seconds that a failure is not tried again
STALE = 86_400.0  # seconds that an old answer serves while no new one can be had (RFC 8767)
DEADLINE = 5.0  # seconds that anybody waits for a name


class LookupFailed(Exception):
    """No name server gave an answer: neither records nor the word that there are none."""


@dataclass(frozen=True, slots=True)
class Answer:
    records: tuple[Record, ...]
    ttl: float  # seconds


class Ask(Protocol):
    def __call__(self, question: Question, /) -> Awaitable[Answer]:
        """Ask the DNS. No records is an answer. Raises LookupFailed."""


@dataclass(slots=True)
class _Entry:
    records: tuple[Record, ...]
    fresh_until: float
    stale_until: float


class Resolver:
    """`hosts`: names that need no DNS, with their addresses (as /etc/hosts has them)."""

    def __init__(self, ask: Ask, *, hosts: Mapping[str, Sequence[str]] | None = None) -> None:
        self._ask = ask
        self._hosts = dict(hosts or {})
        self._cache: OrderedDict[Question, _Entry] = OrderedDict()
        self._asking: dict[Question, asyncio.Task[Sequence[Record]]] = {}
        self._draw = random.SystemRandom().randrange
        self.failures = 0

    def __len__(self) -> int:
        return len(self._cache)

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def glance(self, sought: Sought) -> tuple[Target, ...]:
        """What is known now, in a fresh random order by weight; what is not known is asked for in the background."""
        locating = locate(sought, self._draw)
        try:
            question = next(locating)
            while True:
                question = locating.send(self._known(question) or ())
        except StopIteration as done:
            targets: tuple[Target, ...] = done.value
            return targets

    async def locate(self, sought: Sought, within: float = DEADLINE) -> tuple[Target, ...]:
        """The targets. Empty when the name leads nowhere, or nobody answered in time (seconds)."""
        locating = locate(sought, self._draw)
        try:
            async with asyncio.timeout(within):
                question = next(locating)
                while True:
                    known = self._known(question)
                    records = await asyncio.shield(self._asking[question]) if known is None else known
                    question = locating.send(records)
        except StopIteration as done:
            targets: tuple[Target, ...] = done.value
            return targets
        except TimeoutError:
            return self.glance(sought)

    # ---- the cache -----------------------------------------------------------------------------------------------

    def _known(self, question: Question) -> Sequence[Record] | None:
        """Records, fresh or stale; None while they are being asked for the first time."""
        if (addresses := self._hosts.get(question.name.lower())) is not None:
            v6 = question.kind is Kind.AAAA
            return [address for address in addresses if (":" in address) is v6] if _is_address_kind(question) else ()
        now = asyncio.get_running_loop().time()
        entry = self._cache.get(question)
        if entry is not None:
            self._cache.move_to_end(question)
            if now < entry.fresh_until:
                return entry.records
        self._renew(question)
        return entry.records if entry is not None and now < entry.stale_until else None

    def _renew(self, question: Question) -> None:
        if question not in self._asking:
            task = asyncio.create_task(self._asked(question), name=f"dns {question.kind} {question.name}")
            self._asking[question] = task
            task.add_done_callback(lambda _: self._asking.pop(question, None))

    async def _asked(self, question: Question) -> Sequence[Record]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await self._ask(question)
        except (LookupFailed, TimeoutError) as error:
            self.failures += 1
            log.warning("name not resolved", name=question.name, kind=question.kind.value, error=str(error))
            entry = self._cache.get(question)
            if entry is None or loop.time() >= entry.stale_until:
                entry = _Entry((), 0.0, loop.time() + FAILED)
            entry.fresh_until = loop.time() + FAILED
        else:
            longest = LONGEST if answer.records else NEGATIVE_LONGEST
            fresh_until = loop.time() + min(max(answer.ttl, SHORTEST), longest)
            entry = _Entry(answer.records, fresh_until, fresh_until + (STALE if answer.records else 0.0))
        self._keep(question, entry)
        return entry.records

    def _keep(self, question: Question, entry: _Entry) -> None:
        self._cache[question] = entry
        self._cache.move_to_end(question)
        while len(self._cache) > MAX_ENTRIES:
            self._cache.popitem(last=False)


def _is_address_kind(question: Question) -> bool:
    return question.kind in (Kind.A, Kind.AAAA)


def hosts_file(read: Callable[[], str]) -> dict[str, list[str]]:
    """Names with their addresses from a file such as /etc/hosts; nothing when it cannot be read."""
    try:
        text = read()
    except (OSError, UnicodeDecodeError):
        return {}
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *aliases = line.partition("#")[0].split() or [""]
        for name in aliases:
            names.setdefault(name.lower(), []).append(address)
    return names
