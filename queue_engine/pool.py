"""Everything that waits, kept in order: no input sorts a line again.

Items of a line that the same agents may take lie in one bucket. Within a line the order never changes by itself, since
all items age alike; so the best item over all lines is the first of some bucket.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from queue_engine.eligibility import Signature, signature
from queue_engine.work import Line, WorkItem

OrderKey: TypeAlias = tuple[float, float, int, UUID]  # the smallest is served first
BucketKey: TypeAlias = tuple[str, Signature, int, str | None]  # line, skills, stage, the agent it is kept for


@dataclass(slots=True)
class Entry:
    """An item that nobody has taken yet. `entered_at` is when it came into this line, by which its bounds count."""

    item: WorkItem
    entered_at: float
    key: OrderKey
    skills: Signature
    assigned: str | None = None
    released: bool = False  # its own agent is waited for no more
    holders: dict[str, float] = field(default_factory=dict)  # whose phones ring -> when the offer expires
    asked: set[str] = field(default_factory=set)  # who did not take it
    rings_more_at: float | None = None  # progressive: one more agent then
    bucket: BucketKey | None = None  # where it waits for an agent; None when enough of them ring
    counted: bool = False  # has a position in its line
    timer: float | None = None

    @classmethod
    def of(cls, item: WorkItem, line: Line, now: float) -> Entry:
        return cls(item, now, order_key(item, line), signature(item.skills))


def order_key(item: WorkItem, line: Line) -> OrderKey:
    """Priority grows with the wait by `aging`: what does not change of it orders the items of one line."""
    return (line.aging * item.joined_at - item.priority, item.joined_at, item.item_id.int, item.item_id)


def rank(key: OrderKey, line: Line, now: float) -> tuple[float, float, int]:
    """Compares the items of several lines: score, then due time."""
    return (key[0] - line.aging * now - line.weight, key[1] + line.target, key[2])


class Pool:
    def __init__(self) -> None:
        self.entries: dict[UUID, Entry] = {}
        self.lengths: dict[str, int] = {}
        self.open: dict[str, dict[BucketKey, list[OrderKey]]] = {}  # by line
        self.kept: dict[str, dict[BucketKey, list[OrderKey]]] = {}  # by the agent whom the items are kept for
        self._order: dict[str, list[OrderKey]] = {}  # of each line, who has nobody ringing

    def add(self, entry: Entry) -> None:
        self.entries[entry.item.item_id] = entry
        self.lengths[entry.item.line] = self.lengths.get(entry.item.line, 0) + 1

    def remove(self, entry: Entry) -> None:
        self.put(entry, None)
        self.count(entry, waits=False)
        del self.entries[entry.item.item_id]
        self.lengths[entry.item.line] -= 1

    def put(self, entry: Entry, bucket: BucketKey | None) -> bool:
        """Into that bucket, out of the one where it was. Returns whether that is another."""
        if entry.bucket == bucket:
            return False
        if entry.bucket is not None:
            buckets = self._buckets(entry.bucket)
            keys = buckets[entry.bucket]
            del keys[bisect_left(keys, entry.key)]
            if not keys:
                del buckets[entry.bucket]
            if not buckets and entry.bucket[3] is not None:
                del self.kept[entry.bucket[3]]
        if bucket is not None:
            insort(self._buckets(bucket).setdefault(bucket, []), entry.key)
        entry.bucket = bucket
        return True

    def count(self, entry: Entry, *, waits: bool) -> None:
        """Whether it has a position: not while somebody's phone rings for it."""
        if entry.counted == waits:
            return
        order = self._order.setdefault(entry.item.line, [])
        if waits:
            insort(order, entry.key)
        else:
            del order[bisect_left(order, entry.key)]
        entry.counted = waits

    def position(self, entry: Entry) -> int | None:
        """1 = next of its line."""
        return 1 + bisect_left(self._order[entry.item.line], entry.key) if entry.counted else None

    def of_line(self, line: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.item.line == line]

    def kept_for(self, extension: str) -> list[Entry]:
        keys = [key for keys in self.kept.get(extension, {}).values() for key in keys]
        return [self.entries[key[3]] for key in keys]

    def waiting(self, line: str) -> int:
        return len(self._order.get(line, ()))

    def anybody_waits(self) -> bool:
        return any(self.open.values()) or any(self.kept.values())

    def buckets(self, line: str, free: set[str]) -> Iterator[tuple[BucketKey, list[OrderKey]]]:
        """Those of the line that one of the free agents might take from."""
        yield from self.open.get(line, {}).items()
        if self.kept:
            for extension in sorted(free & self.kept.keys()):
                for key, keys in self.kept[extension].items():
                    if key[0] == line:
                        yield key, keys

    def _buckets(self, bucket: BucketKey) -> dict[BucketKey, list[OrderKey]]:
        line, _, _, keeper = bucket
        return self.open.setdefault(line, {}) if keeper is None else self.kept.setdefault(keeper, {})
