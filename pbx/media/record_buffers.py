"""Sound on its way to the recordings: for each recording two rings of G.711 octets, one a party, on one time line.

The engine's thread places packets by their RTP timestamp (`place`); the writer's thread takes what is ripe (`drain`)
and leaves silence behind, so that a gap is silence and nothing more. Position 0 is the moment when the recording began,
and positions count samples at 8 kHz. Runs compiled (types in `record_buffers.pxd`) and interpreted.
"""

from __future__ import annotations

import mmap
from array import array

from pbx.media.engine_numbers import RING

SAMPLE_NS = 125000  # one sample at 8 kHz
LATENESS = 1200  # 150 ms: after this a silent channel no longer holds up the other one
REORDERING = 320  # 40 ms behind the newest packet of the slower channel everything is taken as come
EARLINESS = 4000  # 500 ms ahead of our clock: the sender's time line has jumped
STRAYS = 5  # so many packets in a row outside of the window: the sender has a new time line
MASK32 = 0xFFFFFFFF
HALF32 = 0x80000000
TABLE = 256

SILENCE_OF_LAW = (b"\xff" * RING, b"\xd5" * RING)  # µ-law, A-law


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class RecordBuffers:
    def __init__(self, slots: int, translation: bytes) -> None:
        """`translation`: µ-law to A-law, then A-law to µ-law, 256 octets each."""
        self.slots = slots
        self.started = zeros("q", slots)  # engine's clock, ns
        self.floor = zeros("q", slots)  # everything before it is drained
        self.end = zeros("q", slots)  # -1 while it runs
        self.law = zeros("b", slots)
        self.anchored = zeros("b", 2 * slots)
        self.ssrc = zeros("q", 2 * slots)
        self.anchor_timestamp = zeros("q", 2 * slots)
        self.anchor_position = zeros("q", 2 * slots)
        self.newest = zeros("q", 2 * slots)  # behind the newest sample placed
        self.strays = zeros("q", 2 * slots)
        self.overrun = zeros("q", slots)  # packets that found no room because the writer is late
        self.translation = bytearray(translation)
        # Pages that no recording has touched cost nothing.
        self.memory = mmap.mmap(-1, 2 * slots * RING)
        self.ring = memoryview(self.memory)

    # ---- the control thread ------------------------------------------------------------------------------------

    def prepare(self, slot: int, law: int) -> None:
        """Clean a slot that the engine does not use, before the engine is told to begin."""
        silence = SILENCE_OF_LAW[law]
        at = 2 * slot * RING
        self.memory[at : at + RING] = silence
        self.memory[at + RING : at + 2 * RING] = silence
        self.law[slot] = law
        # Finished before it began: the writer's thread finds nothing ripe until the engine's thread begins.
        self.floor[slot] = 0
        self.end[slot] = 0

    # ---- the engine's thread -----------------------------------------------------------------------------------

    def begin(self, slot: int, now: int) -> int:
        self.started[slot] = now
        self.floor[slot] = 0
        self.overrun[slot] = 0
        for channel in range(2 * slot, 2 * slot + 2):
            self.anchored[channel] = 0
            self.strays[channel] = 0
            self.newest[channel] = 0
        self.end[slot] = -1
        return 0

    def finish(self, slot: int, now: int) -> int:
        if self.end[slot] < 0:
            self.end[slot] = (now - self.started[slot]) // SAMPLE_NS
        return 0

    def place(self, channel: int, buf: bytearray, n: int, timestamp: int, ssrc: int, law: int, now: int) -> int:
        """Put the payload `buf[12:n]` where its timestamp says. 0 when it came too late or too early to be kept.

        `channel` is twice the slot, plus one for the right. A new source, or a sender whose time line has jumped,
        begins at the moment of arrival; from there on the timestamps alone decide.
        """
        slot = channel >> 1
        count = n - 12
        here = (now - self.started[slot]) // SAMPLE_NS
        if not self.anchored[channel] or ssrc != self.ssrc[channel]:
            self.anchored[channel] = 1
            self.ssrc[channel] = ssrc
            position = here
        else:
            ahead = ((timestamp - self.anchor_timestamp[channel] + HALF32) & MASK32) - HALF32
            position = self.anchor_position[channel] + ahead
            if position < self.floor[slot] or position > here + EARLINESS:
                self.strays[channel] += 1
                if self.strays[channel] < STRAYS:
                    return 0
                position = here
        if position + count > self.floor[slot] + RING:
            self.overrun[slot] += 1
            return 0
        if position < self.floor[slot] or count > RING:
            return 0
        self.strays[channel] = 0
        self.anchor_timestamp[channel] = timestamp
        self.anchor_position[channel] = position
        if position + count > self.newest[channel]:
            self.newest[channel] = position + count
        self.write(channel, buf, n, position, law)
        return 1

    def write(self, channel: int, buf: bytearray, n: int, position: int, law: int) -> int:
        base = channel * RING
        at = position % RING
        if law != self.law[channel >> 1]:
            table = law * TABLE
            for i in range(12, n):
                self.ring[base + at] = self.translation[table + buf[i]]
                at += 1
                if at == RING:
                    at = 0
        elif at + n - 12 <= RING:
            self.ring[base + at : base + at + n - 12] = buf[12:n]
        else:
            first = RING - at
            self.ring[base + at : base + RING] = buf[12 : 12 + first]
            self.ring[base : base + n - 12 - first] = buf[12 + first : n]
        return 0

    # ---- the writer's thread -----------------------------------------------------------------------------------

    def is_finished(self, slot: int) -> bool:
        return self.end[slot] >= 0

    def overruns(self, slot: int) -> int:
        return self.overrun[slot]

    def position(self, slot: int) -> int:
        """Up to where the recording is drained, in samples."""
        return self.floor[slot]

    def ripe(self, slot: int, now: int) -> int:
        """How many samples can be taken now."""
        here = (now - self.started[slot]) // SAMPLE_NS
        slower = min(self.newest[2 * slot], self.newest[2 * slot + 1]) - REORDERING
        limit = min(here, max(slower, here - LATENESS))
        if self.end[slot] >= 0:
            limit = self.end[slot]
        return min(limit - self.floor[slot], RING)

    def drain(self, slot: int, count: int) -> tuple[bytes, bytes]:
        """Take the next `count` samples of both channels, at most what `ripe` said. Silence is left in their place."""
        start = self.floor[slot] % RING
        # First the floor, then the copying: what the engine still places is behind it.
        self.floor[slot] += count
        return self.take(2 * slot, start, count), self.take(2 * slot + 1, start, count)

    def take(self, channel: int, start: int, count: int) -> bytes:
        base = channel * RING
        silence = SILENCE_OF_LAW[self.law[channel >> 1]]
        first = min(count, RING - start)
        octets = self.memory[base + start : base + start + first]
        self.memory[base + start : base + start + first] = silence[:first]
        if first < count:
            octets += self.memory[base : base + count - first]
            self.memory[base : base + count - first] = silence[: count - first]
        return octets
