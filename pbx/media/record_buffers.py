"""Sound on its way to the recordings: for each recording two rings of G.711 octets, one a party, on one time line.

The engine's thread places packets by their RTP timestamp (`place`); the writer's thread takes what is ripe (`drain`)
and leaves silence behind, so that a gap is silence and nothing more. Position 0 is the moment when the recording began,
and positions count samples at 8 kHz. Runs compiled (types in `record_buffers.pxd`) and interpreted.

A leg speaks into one channel at most, and may change it: a recording outlives its legs. Several legs may speak into one
channel; they are added up. Each leg has its own anchor: which position its timestamps stand for. The clocks of phones
run off ours; so the anchor follows the packets that came with the least delay, by a few samples a packet, and an hour's
drift never adds up.
"""

from __future__ import annotations

import mmap
from array import array

from pbx.media.engine_numbers import NONE, RING

SAMPLE_NS = 125000  # one sample at 8 kHz
LATENESS = 1600  # 200 ms: after this a silent channel no longer holds up the other one
REORDERING = 320  # 40 ms behind the newest packet of the slower channel everything is taken as come
EARLINESS = 4000  # 500 ms ahead of our clock: the sender's time line has jumped
STRAYS = 5  # so many packets in a row outside of the window: the sender has a new time line
IDLE = 1600  # after 200 ms without a packet nothing that is out of place is merely late
AHEAD_AFTER_IDLE = 320
WINDOW = 64  # packets whose least delay says how far the anchor is off
DEAD_BAND = 80  # 10 ms: less is not worth touching the sound
LARGEST_SLIP = 8  # samples that the anchor moves with one packet, so 5 %
KNOWN = 62  # sequence numbers behind the newest of which it is known whether they came
HEADER = 12
MASK16 = 0xFFFF
HALF16 = 0x8000
MASK32 = 0xFFFFFFFF
HALF32 = 0x80000000
MASK_KNOWN = 0x3FFFFFFFFFFFFFFF
TABLE = 256
ENCODINGS = 65536
LOUDEST = 32767

SILENCE_OF_LAW = (b"\xff" * RING, b"\xd5" * RING)  # µ-law, A-law


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class RecordBuffers:
    def __init__(self, slots: int, legs: int, translation: bytes, decoding: array[int], encoding: bytes) -> None:
        """`translation`: µ-law to A-law, then A-law to µ-law, 256 octets each; the tables are those of SoundCodecs."""
        self.slots = slots
        self.started = zeros("q", slots)  # engine's clock, ns; 0: not yet
        self.floor = zeros("q", slots)  # everything before it is drained
        self.end = zeros("q", slots)  # -1 while it runs
        self.law = zeros("b", slots)
        self.paused = zeros("b", slots)
        self.opened = zeros("q", slots)  # what belongs before this was said in a pause
        self.overrun = zeros("q", slots)  # packets that found no room because the writer is late
        self.newest = zeros("q", 2 * slots)  # behind the newest sample placed
        self.speakers = zeros("q", 2 * slots)  # legs on the channel
        self.translation = bytearray(translation)
        self.decoding = array("h", decoding)
        self.encoding = bytearray(encoding)
        # Pages that no recording has touched cost nothing.
        self.memory = mmap.mmap(-1, 2 * slots * RING)
        self.ring = memoryview(self.memory)
        self.make_legs(legs)

    def make_legs(self, legs: int) -> None:
        self.channel = array("i", [NONE] * legs)  # twice the slot, plus one for the right
        self.anchored = zeros("b", legs)
        self.ssrc = zeros("q", legs)
        self.anchor_started = zeros("q", legs)  # of which time line
        self.anchor_timestamp = zeros("q", legs)
        self.anchor_position = zeros("q", legs)
        self.heard_at = zeros("q", legs)
        self.strays = zeros("q", legs)
        self.sequence = zeros("q", legs)  # the newest
        self.came = zeros("q", legs)  # a bit for each sequence number up to it
        self.least = zeros("q", legs)  # delay in this window
        self.counted = zeros("q", legs)  # packets of this window
        self.slip = zeros("q", legs)  # what the anchor has still to move

    # ---- the control thread ------------------------------------------------------------------------------------

    def prepare(self, slot: int, law: int) -> None:
        """Clean a slot that the engine does not use, before the engine is told to begin."""
        silence = SILENCE_OF_LAW[law]
        at = 2 * slot * RING
        self.memory[at : at + RING] = silence
        self.memory[at + RING : at + 2 * RING] = silence
        self.law[slot] = law
        self.started[slot] = 0
        # Finished before it began: the writer's thread finds nothing ripe until the engine's thread begins.
        self.floor[slot] = 0
        self.end[slot] = 0

    def position_at(self, slot: int, now: int) -> int:
        """Where on the recording's time line `now` is; 0 while it has not begun."""
        started = self.started[slot]
        return max(0, (now - started) // SAMPLE_NS) if started else 0

    # ---- the engine's thread -----------------------------------------------------------------------------------

    def begin(self, slot: int, now: int) -> int:
        self.started[slot] = now
        self.floor[slot] = 0
        self.overrun[slot] = 0
        self.paused[slot] = 0
        self.opened[slot] = 0
        for channel in range(2 * slot, 2 * slot + 2):
            self.newest[channel] = 0
            self.speakers[channel] = 0
        self.end[slot] = -1
        return 0

    def finish(self, slot: int, now: int) -> int:
        if self.end[slot] < 0:
            self.end[slot] = (now - self.started[slot]) // SAMPLE_NS
        return 0

    def put(self, leg: int, channel: int) -> int:
        """From now on the leg speaks into `channel`, or into none."""
        if self.channel[leg] >= 0:
            self.speakers[self.channel[leg]] -= 1
        self.channel[leg] = channel
        if channel >= 0:
            self.speakers[channel] += 1
            # On a time line where the leg has spoken before, its timestamps still stand for the same positions.
            if self.anchor_started[leg] != self.started[channel >> 1]:
                self.anchor_started[leg] = self.started[channel >> 1]
                self.anchored[leg] = 0
        return 0

    def forget(self, leg: int) -> int:
        """Its timestamps run by another clock now: they stand for the moment of arrival at first."""
        self.anchored[leg] = 0
        return 0

    def pause(self, slot: int, on: int, now: int) -> int:
        """While it is on, nothing is kept; nor afterwards what was said meanwhile and comes late."""
        if self.paused[slot] and not on:
            self.opened[slot] = (now - self.started[slot]) // SAMPLE_NS
        self.paused[slot] = on != 0
        return 0

    def place(
        self, leg: int, buf: bytearray, n: int, sequence: int, timestamp: int, ssrc: int, law: int, now: int
    ) -> int:
        """Put the payload `buf[12:n]` where its timestamp says. 0 when it came too late or too early to be kept.

        A new source, or a sender whose time line has jumped, begins at the moment of arrival; from there on the
        timestamps alone decide, but for the slow correction of its clock.
        """
        channel = self.channel[leg]
        slot = channel >> 1
        here = (now - self.started[slot]) // SAMPLE_NS
        position = here
        if not self.anchored[leg] or ssrc != self.ssrc[leg]:
            self.begin_source(leg, ssrc, sequence)
        elif self.is_double(leg, sequence) and self.speakers[channel] > 1:
            return 1
        else:
            ahead = ((timestamp - self.anchor_timestamp[leg] + HALF32) & MASK32) - HALF32
            position = self.anchor_position[leg] + ahead
            if self.is_out_of_place(leg, slot, position, here):
                self.strays[leg] += 1
                if self.strays[leg] < STRAYS and here - self.heard_at[leg] <= IDLE:
                    return 0
                self.begin_source(leg, ssrc, sequence)
                position = here
        if self.paused[slot] or position < self.opened[slot]:
            return 1
        if not self.has_room(slot, position, n - HEADER):
            return 0
        self.strays[leg] = 0
        self.heard_at[leg] = here
        moved = self.follow_clock(leg, here - position)
        position += moved
        self.anchor_timestamp[leg] = timestamp
        self.anchor_position[leg] = position
        self.write(channel, buf, n, position, law, moved)
        return 1

    def has_room(self, slot: int, position: int, count: int) -> int:
        if position + count > self.floor[slot] + RING:
            self.overrun[slot] += 1
            return 0
        return position >= self.floor[slot] and count <= RING

    def begin_source(self, leg: int, ssrc: int, sequence: int) -> int:
        self.anchored[leg] = 1
        self.ssrc[leg] = ssrc
        self.strays[leg] = 0
        self.sequence[leg] = sequence
        self.came[leg] = 1
        self.counted[leg] = 0
        self.slip[leg] = 0
        return 0

    def is_out_of_place(self, leg: int, slot: int, position: int, here: int) -> int:
        if position < self.floor[slot] or position > here + EARLINESS:
            return 1
        # A phone that stood still went on counting, or did not: reordering explains no difference after such a time.
        return here - self.heard_at[leg] > IDLE and (position < here - LATENESS or position > here + AHEAD_AFTER_IDLE)

    def is_double(self, leg: int, sequence: int) -> int:
        """Whether a packet came a second time: where voices are added up it would count twice."""
        ahead = ((sequence - self.sequence[leg] + HALF16) & MASK16) - HALF16
        if ahead > 0:
            self.came[leg] = (self.came[leg] << ahead | 1) & MASK_KNOWN if ahead < KNOWN else 1
            self.sequence[leg] = sequence
        elif ahead > -KNOWN:
            bit = 1 << -ahead
            if self.came[leg] & bit:
                return 1
            self.came[leg] |= bit
        else:  # numbers from another time: the timestamps say what to make of it
            self.sequence[leg] = sequence
            self.came[leg] = 1
        return 0

    def follow_clock(self, leg: int, delay: int) -> int:
        """By how much this packet is moved. `delay`: by how much it came later than its place."""
        if self.slip[leg] == 0:
            if self.counted[leg] == 0 or delay < self.least[leg]:
                self.least[leg] = delay
            self.counted[leg] += 1
            if self.counted[leg] == WINDOW:
                self.counted[leg] = 0
                if self.least[leg] >= DEAD_BAND or self.least[leg] <= -DEAD_BAND:
                    self.slip[leg] = self.least[leg]
            return 0
        moved = min(max(self.slip[leg], -LARGEST_SLIP), LARGEST_SLIP)
        self.slip[leg] -= moved
        return moved

    def write(self, channel: int, buf: bytearray, n: int, position: int, law: int, moved: int) -> int:
        if self.speakers[channel] > 1:
            self.add(channel, buf, n, position, law)
        else:
            if moved > 0 and position - moved == self.newest[channel]:
                self.bridge_slip(channel, position - moved, moved)
            self.copy(channel, buf, n, position, law)
        if position + n - HEADER > self.newest[channel]:
            self.newest[channel] = position + n - HEADER
        return 0

    def copy(self, channel: int, buf: bytearray, n: int, position: int, law: int) -> int:
        base = channel * RING
        at = position % RING
        if law != self.law[channel >> 1]:
            table = law * TABLE
            for i in range(HEADER, n):
                self.ring[base + at] = self.translation[table + buf[i]]
                at += 1
                if at == RING:
                    at = 0
        elif at + n - HEADER <= RING:
            self.ring[base + at : base + at + n - HEADER] = buf[HEADER:n]
        else:
            first = RING - at
            self.ring[base + at : base + RING] = buf[HEADER : HEADER + first]
            self.ring[base : base + n - HEADER - first] = buf[HEADER + first : n]
        return 0

    def bridge_slip(self, channel: int, position: int, count: int) -> int:
        """A step between two packets that follow each other is filled with the last sample before it: no click."""
        if position <= self.floor[channel >> 1]:
            return 0
        base = channel * RING
        last = self.ring[base + (position - 1) % RING]
        for i in range(count):
            self.ring[base + (position + i) % RING] = last
        return 0

    def add(self, channel: int, buf: bytearray, n: int, position: int, law: int) -> int:
        """Add to what others have said there."""
        base = channel * RING
        mine = self.law[channel >> 1] * TABLE
        theirs = law * TABLE
        encoding = self.law[channel >> 1] * ENCODINGS
        for i in range(HEADER, n):
            at = base + (position + i - HEADER) % RING
            total = self.decoding[mine + self.ring[at]] + self.decoding[theirs + buf[i]]
            total = min(max(total, -LOUDEST - 1), LOUDEST)
            self.ring[at] = self.encoding[encoding + (total & MASK16)]
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
        left = 2 * slot
        slower = 0
        if (
            self.speakers[left] <= 1 and self.speakers[left + 1] <= 1
        ):  # of several the newest says nothing of the others
            slower = min(self.newest[left], self.newest[left + 1]) - REORDERING
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
