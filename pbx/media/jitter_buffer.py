"""What a leg says, put in order and made even: packets come when the network likes, the mixer takes 20 ms every 20 ms.

`put` keeps a packet as it came; `take` decodes the next 20 ms. Between the first packet and the first sound lie 40 ms,
or as many more as this leg was seen to need: so late may a packet be. A packet that is missing when its time comes is
taken from what the next one repeats of it, where the codec does that, else concealed; a leg that stays silent begins
anew with its next packet. A leg that says that it pauses (comfort noise, or its codec's own way) has lost nothing: its
silence is made here.

The delay follows the network: what came in late is played late, not left out, and once packets come evenly again the
delay shrinks back, a frame at a time, where nobody says anything: time is never cut out of, or put into, speech. Only
legs whose sound is mixed or transcoded come here. Runs compiled (types in `jitter_buffer.pxd`) and
interpreted.
"""

from __future__ import annotations

import mmap
from array import array

from pbx.media.sound_codecs import SoundCodecs

HEADER = 12
FRAMES_A_SECOND = 50
PACKETS = 16  # that wait on one leg; one more drops the oldest
PAYLOAD = 1280  # octets of a packet: 160 ms of G.711, the longest of Opus
SAMPLES = 6720  # of one packet decoded, 120 ms at 48 kHz, behind what is left of the one before
FRAME_NS = 20000000
SMALLEST, LARGEST = 2, 6  # frames from the first packet to the first sound
WINDOW = 100  # takes, 2 s: how unevenly packets came in them says how many frames are needed
LONGEST = 8  # frames of sound waiting: above it the oldest are left out
KEPT = 3  # frames that are kept then
DRY = 10  # frames without a packet after which the buffer fills anew
STRAYS = 5  # so many packets in a row that come too late: the network has become slower, begin anew
JUMP = 50  # frames ahead of the sound: the sender has a new time line
FADING = 64  # frames after which loudness is forgotten
FAINT = 64  # mean of the samples: 50 dB below the loudest
PAUSE = 8  # or so many times quieter than what was loud
OWN, ANNOUNCED = 1, 2  # pauses: of the codec, and by comfort noise
RESTS = 50  # frames of its own silence that a decoder makes: senders say every 400 ms that they still pause
NONE = -1
MASK16 = 0xFFFF
MASK32 = 0xFFFFFFFF
HALF32 = 0x80000000


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class JitterBuffer:
    """One a leg. Only the engine's thread may call it."""

    def __init__(self, legs: int, codecs: SoundCodecs) -> None:
        self.codecs = codecs
        self.noise = self.codecs.noise
        # Pages that no leg has touched cost nothing.
        self.packet_memory = mmap.mmap(-1, legs * PACKETS * PAYLOAD)
        self.packets = memoryview(self.packet_memory)
        self.sample_memory = mmap.mmap(-1, legs * SAMPLES * 2)
        self.samples = memoryview(self.sample_memory).cast("h")  # decoded, not yet taken
        self.length = zeros("q", legs * PACKETS)  # octets; 0: a free place
        self.stamp = zeros("q", legs * PACKETS)
        self.sequence = zeros("q", legs * PACKETS)
        self.waiting = zeros("q", legs)  # packets
        self.ssrc = zeros("q", legs)
        self.since = zeros("q", legs)  # when the first of the waiting packets came
        self.playing = zeros("b", legs)  # 0: filling
        self.position = zeros("q", legs)  # timestamp of what is decoded next
        self.newest = zeros("q", legs)  # timestamp
        self.first = zeros("q", legs)  # where the decoded samples begin
        self.decoded = zeros("q", legs)  # how many there are
        self.dry = zeros("q", legs)
        self.late = zeros("q", legs)  # packets in a row
        self.fill = array("q", [SMALLEST] * legs)  # frames to begin with
        self.least = zeros("q", legs)  # frames that waited after a take, in this window
        self.most = zeros("q", legs)
        self.taken = zeros("q", legs)  # takes of this window
        self.longer = zeros("q", legs)  # frames by which the delay shall grow, where it is not heard
        self.shorter = zeros("q", legs)  # or shrink
        self.loudness = zeros("q", legs)  # of the loudest frames lately
        self.quiet = zeros("b", legs)  # so was the last frame
        self.pausing = zeros("b", legs)
        self.paused_at = zeros("q", legs)  # timestamp
        self.rests = zeros("q", legs)  # frames of silence that the decoder may still make
        self.played = zeros("q", legs)  # sequence number of what was decoded last
        self.released_sequence = 0
        self.released_stamp = 0

    def clear(self, leg: int) -> int:
        """Forget everything: the next packet begins anew."""
        for place in range(leg * PACKETS, leg * PACKETS + PACKETS):
            self.length[place] = 0
        self.waiting[leg] = 0
        self.playing[leg] = 0
        self.decoded[leg] = 0
        self.first[leg] = 0
        self.dry[leg] = 0
        self.late[leg] = 0
        self.quiet[leg] = 0
        self.pausing[leg] = 0
        self.played[leg] = NONE
        return self.measure_anew(leg)

    def start(self, leg: int, ssrc: int, calm: int) -> int:
        """The same for a leg that has been heard elsewhere. `calm`: its packets came so evenly that it may begin
        with one frame less, so that who was hearing it hears no gap of more than 40 ms."""
        self.clear(leg)
        if ssrc != self.ssrc[leg]:
            self.ssrc[leg] = ssrc
            self.fill[leg] = SMALLEST
        if calm:
            self.fill[leg] = SMALLEST - 1
        return 0

    def measure_anew(self, leg: int) -> int:
        self.taken[leg] = 0
        self.most[leg] = 0
        self.longer[leg] = 0
        self.shorter[leg] = 0
        return 0

    # ---- on arrival ----------------------------------------------------------------------------------------------

    def put(self, leg: int, buf: bytearray, n: int, sequence: int, stamp: int, ssrc: int, now: int) -> int:
        """Keep the payload `buf[12:n]`. 0 when it came too late, twice, or is too long."""
        if n <= HEADER or n - HEADER > PAYLOAD:
            return 0
        if ssrc != self.ssrc[leg]:
            self.clear(leg)
            self.fill[leg] = SMALLEST
            self.ssrc[leg] = ssrc
        if self.playing[leg]:
            ahead = self.distance(stamp, self.position[leg])
            if ahead < 0:
                self.late[leg] += 1
                self.longer[leg] = max(self.longer[leg], min(-ahead // self.codecs.ticks(leg), LARGEST))
                if self.late[leg] < STRAYS:
                    return 0
            if ahead < 0 or ahead > JUMP * self.codecs.ticks(leg):
                self.clear(leg)
        self.late[leg] = 0
        if not self.waiting[leg]:
            self.newest[leg] = stamp
            if not self.playing[leg]:
                self.since[leg] = now
        place = self.place_for(leg, stamp)
        if place < 0:
            return 0
        at = place * PAYLOAD
        self.packets[at : at + n - HEADER] = buf[HEADER:n]
        self.length[place] = n - HEADER
        self.stamp[place] = stamp
        self.sequence[place] = sequence
        self.waiting[leg] += 1
        if self.distance(stamp, self.newest[leg]) > 0:
            self.newest[leg] = stamp
        return 1

    def pause(self, leg: int, stamp: int) -> int:
        """Comfort noise has come in place of sound from that timestamp on."""
        self.pausing[leg] = ANNOUNCED
        self.paused_at[leg] = stamp
        return 1

    def place_for(self, leg: int, stamp: int) -> int:
        """A free place; NONE when this very packet waits already."""
        free = NONE
        for place in range(leg * PACKETS, leg * PACKETS + PACKETS):
            if not self.length[place]:
                free = place
            elif self.stamp[place] == stamp:
                return NONE
        if free < 0:
            free = self.oldest(leg)
            self.free(leg, free)
        return free

    def distance(self, stamp: int, other: int) -> int:
        """How far `stamp` lies ahead of `other`."""
        return ((stamp - other + HALF32) & MASK32) - HALF32

    def oldest(self, leg: int) -> int:
        """The place of the packet that is due first; NONE when none waits."""
        found = NONE
        for place in range(leg * PACKETS, leg * PACKETS + PACKETS):
            if self.length[place] and (found < 0 or self.distance(self.stamp[place], self.stamp[found]) < 0):
                found = place
        return found

    # ---- on the clock --------------------------------------------------------------------------------------------

    def take(self, leg: int, rate: int, out: memoryview, at: int, now: int) -> int:
        """The next 20 ms, at `rate` hertz, into `out[at:]`. 0 when it is silence, because nothing is there: see
        `is_heard_pausing`."""
        count = rate // FRAMES_A_SECOND
        if not self.playing[leg] and not self.begin(leg, now):
            return self.rest(leg, out, at, count, rate)
        self.shorten(leg)
        if self.longer[leg] and self.quiet[leg] and self.first[leg] >= count:
            self.longer[leg] -= 1  # the quiet frame once more
            self.first[leg] -= count
            self.decoded[leg] += count
        sounds = self.next_frame(leg, count, rate)
        if self.shorter[leg] and self.is_quiet(leg, count) and self.frames_waiting(leg):
            self.shorter[leg] -= 1  # the quiet frame is left out
            sounds = self.next_frame(leg, count, rate)
        self.quiet[leg] = self.is_quiet(leg, count)
        self.watch(leg)
        base = leg * SAMPLES + self.first[leg] - count
        out[at : at + count] = self.samples[base : base + count]
        return sounds

    def is_heard_pausing(self, leg: int) -> int:
        """Whether its silence is one that is to be heard."""
        return self.pausing[leg] == ANNOUNCED or (self.pausing[leg] == OWN and self.rests[leg] > 0)

    def rest(self, leg: int, out: memoryview, at: int, count: int, rate: int) -> int:
        """`count` samples of a pause into `out[at:]`. Always 0: it is silence."""
        if self.pausing[leg] == ANNOUNCED:
            return self.noise.say(leg, out, at, count)
        if self.pausing[leg] == OWN and self.rests[leg]:
            self.rests[leg] -= 1
            self.codecs.conceal(leg, out, at, count, rate)
            return 0
        for i in range(count):
            out[at + i] = 0
        return 0

    def next_frame(self, leg: int, count: int, rate: int) -> int:
        """The next `count` samples lie before `first` then. 0 when they are silence."""
        sounds = 1
        if self.decoded[leg] < count:
            sounds = self.refill(leg, count, rate)
        self.first[leg] += count
        self.decoded[leg] -= count
        return sounds

    def is_quiet(self, leg: int, count: int) -> int:
        """Whether the frame before `first` is a pause between words."""
        base = leg * SAMPLES + self.first[leg] - count
        level = 0
        for i in range(count):
            sample = self.samples[base + i]
            level += sample if sample >= 0 else -sample
        level //= count
        self.loudness[leg] = max(level, self.loudness[leg] - self.loudness[leg] // FADING)
        return level < FAINT or level * PAUSE < self.loudness[leg]

    def frames_waiting(self, leg: int) -> int:
        """Whole frames of sound that could be taken now."""
        if not self.waiting[leg]:
            return 0
        return self.distance(self.newest[leg], self.position[leg]) // self.codecs.ticks(leg) + 1

    def watch(self, leg: int) -> int:
        """How many frames wait after each take: where there are always more than needed, the delay may shrink; and how
        far they vary is how many are needed at the next beginning."""
        waiting = self.frames_waiting(leg)
        if not self.taken[leg] or waiting < self.least[leg]:
            self.least[leg] = waiting
        self.most[leg] = max(self.most[leg], waiting)
        self.taken[leg] += 1
        if self.taken[leg] < WINDOW:
            return 0
        self.fill[leg] = min(max(self.most[leg] - self.least[leg] + 1, SMALLEST), LARGEST)
        spare = self.least[leg] - SMALLEST
        self.measure_anew(leg)
        self.shorter[leg] = max(spare, 0)
        return 0

    def begin(self, leg: int, now: int) -> int:
        """Whether enough waits to begin with."""
        if not self.waiting[leg] or now - self.since[leg] < self.fill[leg] * FRAME_NS:
            return 0
        self.playing[leg] = 1
        self.position[leg] = self.stamp[self.oldest(leg)]
        self.first[leg] = 0
        self.decoded[leg] = 0
        self.dry[leg] = 0
        self.measure_anew(leg)
        return 1

    def shorten(self, leg: int) -> int:
        """A sender whose clock is faster than ours, or a network that has become faster, must not make us late."""
        ticks = self.codecs.ticks(leg)
        if not self.waiting[leg] or self.distance(self.newest[leg], self.position[leg]) <= LONGEST * ticks:
            return 0
        self.position[leg] = (self.newest[leg] - KEPT * ticks) & MASK32
        for place in range(leg * PACKETS, leg * PACKETS + PACKETS):
            if self.length[place] and self.distance(self.stamp[place], self.position[leg]) < 0:
                self.free(leg, place)
        return 0

    def refill(self, leg: int, count: int, rate: int) -> int:
        """Decode until `count` samples are there. 0 when nothing was."""
        base = leg * SAMPLES
        for i in range(self.decoded[leg]):
            self.samples[base + i] = self.samples[base + self.first[leg] + i]
        self.first[leg] = 0
        sounds = 0
        while self.decoded[leg] < count:
            place = self.next_due(leg)
            got = self.decode(leg, place, rate) if place >= 0 else 0
            if got:
                sounds = 1
            else:
                sounds |= self.fill_gap(leg, base + self.decoded[leg], count - self.decoded[leg], rate)
                self.decoded[leg] = count
        return sounds

    def fill_gap(self, leg: int, at: int, count: int, rate: int) -> int:
        """`count` samples for which no packet is there into `samples[at:]`. 0 when they are silence."""
        place = self.oldest(leg)
        played = self.played[leg]
        follows = place >= 0 and played >= 0 and self.sequence[place] == (played + 1) & MASK16
        if follows or self.pausing[leg]:
            return self.rest(leg, self.samples, at, count, rate)  # nothing is missing: there was nothing to say
        if place >= 0 and self.stamp[place] == self.position[leg]:
            start = place * PAYLOAD
            end = start + self.length[place]
            if self.codecs.recover(leg, self.packets, start, end, self.samples, at, count, rate):
                return 1
        return self.codecs.conceal(leg, self.samples, at, count, rate)

    def next_due(self, leg: int) -> int:
        """The place of the packet that follows what was decoded last. NONE when it is missing, or the sender pauses."""
        place = self.oldest(leg)
        if place < 0:
            self.dry[leg] += 1
            if self.dry[leg] == DRY:
                self.playing[leg] = 0
            return NONE
        ticks = self.codecs.ticks(leg)
        if self.dry[leg] or self.distance(self.stamp[place], self.position[leg]) < ticks:
            self.dry[leg] = 0
            self.position[leg] = self.stamp[place]
            return place
        if self.longer[leg]:
            self.longer[leg] -= 1  # it may be on its way: wait for it, since packets are known to be late
            return NONE
        self.position[leg] = (self.position[leg] + ticks) & MASK32
        return NONE

    def decode(self, leg: int, place: int, rate: int) -> int:
        at = leg * SAMPLES + self.decoded[leg]
        start = place * PAYLOAD
        got = self.codecs.decode(leg, self.packets, start, start + self.length[place], self.samples, at, rate)
        self.played[leg] = self.sequence[place] if got else NONE
        if not self.pausing[leg] or self.distance(self.stamp[place], self.paused_at[leg]) >= 0:
            self.pausing[leg] = (
                OWN if self.codecs.may_pause(leg, self.packets, start, start + self.length[place]) else 0
            )
            self.paused_at[leg] = self.stamp[place]
            self.rests[leg] = RESTS
        self.free(leg, place)
        self.decoded[leg] += got
        span = got * FRAMES_A_SECOND * self.codecs.ticks(leg) // rate
        self.position[leg] = (self.position[leg] + span) & MASK32
        return got

    def free(self, leg: int, place: int) -> int:
        self.length[place] = 0
        self.waiting[leg] -= 1
        return 0

    # ---- when the leg is relayed again ---------------------------------------------------------------------------

    def release(self, leg: int, buf: bytearray) -> int:
        """Take the oldest packet out as it came, into `buf[12:]`, its header's numbers too. Where it ends; 0: none."""
        place = self.oldest(leg)
        if place < 0:
            return 0
        end = HEADER + self.length[place]
        at = place * PAYLOAD
        buf[HEADER:end] = self.packets[at : at + self.length[place]]
        self.released_sequence = self.sequence[place]
        self.released_stamp = self.stamp[place]
        self.free(leg, place)
        return end
