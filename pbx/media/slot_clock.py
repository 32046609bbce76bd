"""The 20 ms clock: whoever is on it has a turn every 20 ms, in one of 20 slots of 1 ms, so that many streams do not
leave in one burst. The clock is absolute: being late once makes nothing late afterwards. Runs compiled (types in
`slot_clock.pxd`) and interpreted."""

from __future__ import annotations

from array import array

from pbx.media.engine_numbers import NONE

SLOTS = 20
SLOT_NS = 1000000
STALL_NS = 200000000  # after a longer stall the clock goes on from now instead of catching up in a burst


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class SlotClock:
    """Whoever has turns is known by a number below `count`."""

    def __init__(self, count: int) -> None:
        self.running = zeros("b", count)
        self.after = zeros("i", count)  # next one of the same slot
        self.before = zeros("i", count)
        self.slot_of = zeros("q", count)
        self.slot_first = array("i", [NONE] * SLOTS)
        self.slot_size = zeros("q", SLOTS)
        self.size = 0
        self.slot = 0
        self.due = 0  # when the slot's turn is

    def add(self, one: int, now: int) -> int:
        """Give a turn every 20 ms, in the slot with the fewest turns."""
        if self.running[one]:
            return 0
        if not self.size:
            self.due = now
        best = 0
        for slot in range(1, SLOTS):
            if self.slot_size[slot] < self.slot_size[best]:
                best = slot
        first = self.slot_first[best]
        self.after[one] = first
        self.before[one] = NONE
        if first >= 0:
            self.before[first] = one
        self.slot_first[best] = one
        self.slot_of[one] = best
        self.slot_size[best] += 1
        self.running[one] = 1
        self.size += 1
        return 0

    def remove(self, one: int) -> int:
        if not self.running[one]:
            return 0
        before = self.before[one]
        after = self.after[one]
        if before >= 0:
            self.after[before] = after
        else:
            self.slot_first[self.slot_of[one]] = after
        if after >= 0:
            self.before[after] = before
        self.slot_size[self.slot_of[one]] -= 1
        self.running[one] = 0
        self.size -= 1
        return 0

    def next_due(self, otherwise: int) -> int:
        """When somebody's next turn is, unless `otherwise` is earlier. Nobody is woken for an empty slot."""
        if not self.size:
            return otherwise
        empty = 0
        while empty < SLOTS and self.slot_first[(self.slot + empty) % SLOTS] < 0:
            empty += 1
        due = self.due + empty * SLOT_NS
        return due if due < otherwise else otherwise

    def skip_stall(self, now: int) -> int:
        """Whole rounds are left out after a stall, so that everybody keeps their slot and their 20 ms."""
        if now - self.due > STALL_NS:
            self.due += (now - self.due) // (SLOTS * SLOT_NS) * (SLOTS * SLOT_NS)
        return 0

    def is_due(self, now: int) -> int:
        return self.size and self.due <= now

    def first(self) -> int:
        """Who has the first turn of this slot; `next_one` gives the others. NONE when there is nobody."""
        return self.slot_first[self.slot]

    def next_one(self, one: int) -> int:
        """Who comes after `one`: to be asked before the turn of `one`, which may end its being on the clock."""
        return self.after[one]

    def next_slot(self) -> int:
        self.slot = (self.slot + 1) % SLOTS
        self.due += SLOT_NS
        return 0
