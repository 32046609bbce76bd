"""Everything that leaves: relayed packets, playback and digits, under one numbering a leg.

Whoever hears us must see one RTP stream for the whole life of the leg: one SSRC, sequence numbers without gaps of our
making, timestamps that go on with the clock, whatever feeds the leg (RFC 3550 §5.1). Playback and digits run on a
clock of 20 slots of 1 ms; a leg that is played to has its turn in one slot, so that many streams do not leave in one
burst. The clock is absolute: being late once makes nothing late afterwards. Runs compiled (types in `outlet.pxd`) and
interpreted.
"""

from __future__ import annotations

import mmap
from array import array

import cython

from pbx.media.engine_numbers import DIGITS, FRAME, NONE, PLAY_DONE, PLAY_FAILED, PLAYBACK_ENDED, SEGMENTS
from pbx.media.mailbox import Mailbox
from pbx.media.srtp import Srtp

if not cython.compiled:
    from pbx.media.udp_python import udp_send

SLOTS = 20
SLOT_NS = 1000000
STALL_NS = 200000000  # after a longer stall the clock goes on from now instead of catching up in a burst
SAMPLE_NS = 125000
ENDS = 3  # RFC 4733 §2.5.1.4: the last packet of an event is sent three times
GAP_FRAMES = 4  # silence between two digits
MAX_JUMP = 1000  # a sender whose numbers jump further has begun anew
HEADER = 12
MARKER = 0x80
MASK16 = 0xFFFF
HALF16 = 0x8000
MASK32 = 0xFFFFFFFF
TABLE = 256


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Outlet:
    """The sending half of all legs. Only the engine's thread may call it, but for `store`."""

    def __init__(self, legs: int, prompt_octets: int, translation: bytes, events: Mailbox, srtp: Srtp) -> None:
        self.events = events
        self.srtp = srtp
        self.translation = bytearray(translation)
        self.fd = zeros("i", legs)
        self.address = zeros("q", legs)
        self.port = zeros("q", legs)  # 0: nowhere
        self.sending = zeros("b", legs)  # our direction allows it
        self.payload_type = zeros("q", legs)
        self.event_type = zeros("q", legs)  # payload type of telephone events; NONE
        self.law = zeros("q", legs)
        self.ssrc = zeros("q", legs)
        self.sequence = zeros("q", legs)  # the next one
        self.stamp = zeros("q", legs)  # timestamp of our stream at the moment stamp_time
        self.stamp_time = zeros("q", legs)
        self.feed = zeros("q", legs)  # leg << 32 | SSRC of whom we relay; NONE: the next packet begins anew
        self.sequence_shift = zeros("q", legs)
        self.stamp_shift = zeros("q", legs)
        self.sent = zeros("q", legs)
        self.octets = zeros("q", legs)
        self.failed = zeros("q", legs)
        self.begun = 0  # turns of legs begun and finished: the difference is faults
        self.finished = 0
        self.broken = zeros("b", legs)
        self.frame = memoryview(bytearray(HEADER + FRAME))  # a view: it cannot be made shorter by a short prompt
        self.memory = mmap.mmap(-1, prompt_octets)
        self.prompts = memoryview(self.memory)
        self.make_playing(legs)

    def make_playing(self, legs: int) -> None:
        self.playback = zeros("q", legs)  # its number; 0: none
        self.segment_at = zeros("q", legs * SEGMENTS)
        self.segment_length = zeros("q", legs * SEGMENTS)
        self.segments = zeros("q", legs)
        self.segment = zeros("q", legs)
        self.offset = zeros("q", legs)
        self.loop = zeros("b", legs)
        self.prompt_law = zeros("q", legs)
        self.digit_code = zeros("q", legs * DIGITS)
        self.digit_samples = zeros("q", legs * DIGITS)
        self.digit_first = zeros("q", legs)
        self.digits = zeros("q", legs)  # waiting, with the one being sent
        self.digit_frame = zeros("q", legs)
        self.digit_stamp = zeros("q", legs)
        self.clocked = zeros("b", legs)
        self.after = zeros("i", legs)  # next leg of the same slot
        self.before = zeros("i", legs)
        self.slot_first = array("i", [NONE] * SLOTS)
        self.slot_legs = zeros("q", SLOTS)
        self.clocked_legs = 0
        self.slot_of = zeros("q", legs)
        self.slot = 0
        self.due = 0

    def store(self, at: int, octets: bytes) -> None:
        """From the control thread: put a prompt into memory that no playback uses. Raises IndexError past the end."""
        if not 0 <= at <= at + len(octets) <= len(self.memory):
            raise IndexError(f"{len(octets)} octets at {at}")
        self.memory[at : at + len(octets)] = octets

    # ---- the life of a leg -------------------------------------------------------------------------------------

    def open(self, leg: int, fd: int, ssrc: int, sequence: int, stamp: int, now: int) -> int:
        self.fd[leg] = fd
        self.port[leg] = 0
        self.sending[leg] = 0
        self.event_type[leg] = NONE
        self.ssrc[leg] = ssrc
        self.sequence[leg] = sequence
        self.stamp[leg] = stamp
        self.stamp_time[leg] = now
        self.feed[leg] = NONE
        self.sent[leg] = 0
        self.octets[leg] = 0
        self.failed[leg] = 0
        self.playback[leg] = 0
        self.digits[leg] = 0
        self.digit_frame[leg] = 0
        self.broken[leg] = 0
        return 0

    def close(self, leg: int, reason: int) -> int:
        self.stop(leg, reason)
        self.digits[leg] = 0
        return self.unclock(leg)

    def update(self, leg: int, payload_type: int, event_type: int, law: int, sending: int) -> int:
        self.payload_type[leg] = payload_type
        self.event_type[leg] = event_type
        self.law[leg] = law
        if self.sending[leg] != sending:
            self.sending[leg] = sending != 0
            self.begin_anew(leg)
        return 0

    def begin_anew(self, leg: int) -> int:
        """What is relayed next continues our numbering: what was held back meanwhile is no loss."""
        self.feed[leg] = NONE
        return 0

    def send_to(self, leg: int, address: int, port: int) -> int:
        self.address[leg] = address
        self.port[leg] = port
        return 0

    def emission(self, leg: int) -> tuple[int, ...]:
        """sent, octets, failed, SSRC, timestamp, when that was, address, port."""
        figures = self.sent[leg], self.octets[leg], self.failed[leg], self.ssrc[leg], self.stamp[leg]
        return (*figures, self.stamp_time[leg], self.address[leg], self.port[leg])

    # ---- one numbering -----------------------------------------------------------------------------------------

    def stamp_at(self, leg: int, now: int) -> int:
        """The timestamp of a frame that begins at `now`: it runs with the clock, and no frame overlaps the last one."""
        elapsed = (now - self.stamp_time[leg]) // SAMPLE_NS
        if elapsed < FRAME:
            elapsed = FRAME
        return (self.stamp[leg] + elapsed) & MASK32

    def write_header(self, leg: int, buf: bytearray | memoryview, kind: int, sequence: int, stamp: int) -> int:
        ssrc = self.ssrc[leg]
        buf[0] = 0x80
        buf[1] = kind
        buf[2] = sequence >> 8
        buf[3] = sequence & 0xFF
        buf[4] = stamp >> 24
        buf[5] = stamp >> 16 & 0xFF
        buf[6] = stamp >> 8 & 0xFF
        buf[7] = stamp & 0xFF
        buf[8] = ssrc >> 24
        buf[9] = ssrc >> 16 & 0xFF
        buf[10] = ssrc >> 8 & 0xFF
        buf[11] = ssrc & 0xFF
        return 0

    def send(self, leg: int, buf: bytearray | memoryview, n: int) -> int:
        sent = 0
        if self.srtp.secured[leg]:
            sent = udp_send(
                self.fd[leg], self.srtp.sealed, self.srtp.protect(leg, buf, n), self.address[leg], self.port[leg]
            )
        else:
            sent = udp_send(self.fd[leg], buf, n, self.address[leg], self.port[leg])
        if sent < 0:
            self.failed[leg] += 1
            return 0
        self.sent[leg] += 1
        self.octets[leg] += n - HEADER
        return 1

    # ---- relay -------------------------------------------------------------------------------------------------

    def is_free(self, leg: int) -> int:
        """Whether relayed packets may leave: we know where to, may send, and nothing else is played."""
        return self.port[leg] and self.sending[leg] and not self.playback[leg] and not self.digits[leg]

    def kind_of(self, leg: int, event: int) -> int:
        """The payload type of sound or events on this leg; NONE when it takes no events."""
        return self.event_type[leg] if event else self.payload_type[leg]

    def forward(
        self,
        leg: int,
        buf: bytearray,
        n: int,
        source: int,
        kind: int,
        sequence: int,
        stamp: int,
        law: int,
        now: int,
    ) -> int:
        """Send the payload `buf[12:n]` of a packet of `source` (leg << 32 | SSRC) to `leg`.

        `kind` is our payload type with the sender's marker bit; `law` is the payload's, or NONE when it is no sound.
        Losses and reordering of the sender stay visible; everything else about its numbering is ours.
        """
        ahead = 0
        if source == self.feed[leg]:
            ahead = ((sequence + self.sequence_shift[leg] - self.sequence[leg] + HALF16) & MASK16) - HALF16
        if source != self.feed[leg] or ahead > MAX_JUMP or ahead < -MAX_JUMP:
            self.feed[leg] = source
            self.sequence_shift[leg] = self.sequence[leg] - sequence
            self.stamp_shift[leg] = self.stamp_at(leg, now) - stamp
            kind |= MARKER
            ahead = 0
        number = (sequence + self.sequence_shift[leg]) & MASK16
        time = (stamp + self.stamp_shift[leg]) & MASK32
        if law >= 0 and law != self.law[leg]:
            table = law * TABLE
            for i in range(HEADER, n):
                buf[i] = self.translation[table + buf[i]]
        self.write_header(leg, buf, kind, number, time)
        if ahead >= 0:
            self.sequence[leg] = (number + 1) & MASK16
            if law >= 0:  # the packets of an event all carry the timestamp of its start
                self.stamp[leg] = time
                self.stamp_time[leg] = now
        return self.send(leg, buf, n)

    def skip(self, leg: int, source: int, sequence: int) -> int:
        """A packet of `source` that this leg shall not have leaves no gap in its numbering."""
        if source == self.feed[leg] and (sequence + self.sequence_shift[leg] - self.sequence[leg]) & MASK16 < HALF16:
            self.sequence_shift[leg] -= 1
        return 0

    # ---- playback ----------------------------------------------------------------------------------------------

    def add_segment(self, leg: int, number: int, at: int, length: int) -> int:
        self.segment_at[leg * SEGMENTS + number] = at
        self.segment_length[leg * SEGMENTS + number] = length
        return 0

    def play(self, leg: int, playback: int, count: int, loop: int, law: int, now: int) -> int:
        """Play the first `count` segments, whose lengths are whole frames."""
        self.playback[leg] = playback
        self.segments[leg] = count
        self.segment[leg] = 0
        self.offset[leg] = 0
        self.loop[leg] = loop
        self.prompt_law[leg] = law
        self.feed[leg] = NONE
        return self.clock(leg, now)

    def stop(self, leg: int, reason: int) -> int:
        if self.playback[leg]:
            self.events.put(0, PLAYBACK_ENDED, leg, self.playback[leg], reason)
            self.playback[leg] = 0
            self.feed[leg] = NONE
        return 0

    def play_frame(self, leg: int, due: int) -> int:
        number = leg * SEGMENTS + self.segment[leg]
        at = self.segment_at[number] + self.offset[leg]
        self.frame[HEADER:] = self.prompts[at : at + FRAME]
        first = self.feed[leg] == NONE
        self.feed[leg] = NONE - 1
        self.offset[leg] += FRAME
        if self.offset[leg] >= self.segment_length[number]:
            self.offset[leg] = 0
            self.segment[leg] += 1
            if self.segment[leg] == self.segments[leg] and self.loop[leg]:
                self.segment[leg] = 0
        if self.port[leg] and self.sending[leg]:
            self.send_frame(leg, first, due)
        if self.segment[leg] == self.segments[leg]:
            self.stop(leg, PLAY_DONE)
        return 0

    def send_frame(self, leg: int, first: int, due: int) -> int:
        kind = self.payload_type[leg]
        if first:
            kind |= MARKER
        if self.prompt_law[leg] != self.law[leg]:
            table = self.prompt_law[leg] * TABLE
            for i in range(HEADER, HEADER + FRAME):
                self.frame[i] = self.translation[table + self.frame[i]]
        stamp = self.stamp_at(leg, due)
        self.write_header(leg, self.frame, kind, self.sequence[leg], stamp)
        self.sequence[leg] = (self.sequence[leg] + 1) & MASK16
        self.stamp[leg] = stamp
        self.stamp_time[leg] = due
        return self.send(leg, self.frame, HEADER + FRAME)

    # ---- digits ------------------------------------------------------------------------------------------------

    def add_digit(self, leg: int, code: int, samples: int, now: int) -> int:
        """Queue a telephone event of `samples` length; 0 when the leg cannot have it."""
        if self.digits[leg] == DIGITS or self.event_type[leg] < 0:
            return 0
        at = leg * DIGITS + (self.digit_first[leg] + self.digits[leg]) % DIGITS
        self.digit_code[at] = code
        self.digit_samples[at] = samples
        self.digits[leg] += 1
        self.clock(leg, now)
        return 1

    def digit_step(self, leg: int, due: int) -> int:
        """20 ms of the digit in hand. RFC 4733 §2.5.1.2: all its packets carry the timestamp of its start, the first
        one the marker; the duration grows."""
        at = leg * DIGITS + self.digit_first[leg]
        frame = self.digit_frame[leg] + 1
        frames = (self.digit_samples[at] + FRAME - 1) // FRAME
        self.digit_frame[leg] = frame
        self.feed[leg] = NONE
        if frame >= frames + ENDS + GAP_FRAMES:
            self.digit_frame[leg] = 0
            self.digit_first[leg] = (self.digit_first[leg] + 1) % DIGITS
            self.digits[leg] -= 1
            return 0
        if frame >= frames + ENDS:
            return 0
        kind = self.event_type[leg]
        if frame == 1:
            self.digit_stamp[leg] = self.stamp_at(leg, due)
            kind |= MARKER
        duration = (frame if frame < frames else frames) * FRAME
        self.frame[HEADER] = self.digit_code[at]
        self.frame[HEADER + 1] = 10 if frame < frames else 0x80 | 10
        self.frame[HEADER + 2] = duration >> 8 & 0xFF
        self.frame[HEADER + 3] = duration & 0xFF
        if not self.port[leg] or not self.sending[leg] or self.event_type[leg] < 0:
            return 0
        self.write_header(leg, self.frame, kind, self.sequence[leg], self.digit_stamp[leg])
        self.sequence[leg] = (self.sequence[leg] + 1) & MASK16
        return self.send(leg, self.frame, HEADER + 4)

    # ---- the clock ---------------------------------------------------------------------------------------------

    def clock(self, leg: int, now: int) -> int:
        """Give the leg a turn every 20 ms, in the slot with the fewest legs."""
        if self.clocked[leg]:
            return 0
        if not self.clocked_legs:
            self.due = now
        best = 0
        for slot in range(1, SLOTS):
            if self.slot_legs[slot] < self.slot_legs[best]:
                best = slot
        first = self.slot_first[best]
        self.after[leg] = first
        self.before[leg] = NONE
        if first >= 0:
            self.before[first] = leg
        self.slot_first[best] = leg
        self.slot_of[leg] = best
        self.slot_legs[best] += 1
        self.clocked[leg] = 1
        self.clocked_legs += 1
        return 0

    def unclock(self, leg: int) -> int:
        if not self.clocked[leg]:
            return 0
        before = self.before[leg]
        after = self.after[leg]
        if before >= 0:
            self.after[before] = after
        else:
            self.slot_first[self.slot_of[leg]] = after
        if after >= 0:
            self.before[after] = before
        self.slot_legs[self.slot_of[leg]] -= 1
        self.clocked[leg] = 0
        self.clocked_legs -= 1
        return 0

    def next_due(self, otherwise: int) -> int:
        """When the clock needs its next turn, unless `otherwise` is earlier."""
        return self.due if self.clocked_legs and self.due < otherwise else otherwise

    def run_clock(self, now: int) -> int:
        """Do what is due at `now`."""
        if now - self.due > STALL_NS:
            # Whole rounds are left out, so that every leg keeps its slot and its 20 ms.
            self.due += (now - self.due) // (SLOTS * SLOT_NS) * (SLOTS * SLOT_NS)
        while self.clocked_legs and self.due <= now:
            leg = self.slot_first[self.slot]
            while leg >= 0:
                after = self.after[leg]
                self.step(leg)
                leg = after
            self.slot = (self.slot + 1) % SLOTS
            self.due += SLOT_NS
        return 0

    def step(self, leg: int) -> None:
        """One leg's turn. An exception ends here: it is reported as unraisable, counted, and silences this leg only."""
        self.begun += 1
        if self.broken[leg]:
            self.broken[leg] = 0
            self.digits[leg] = 0
            self.stop(leg, PLAY_FAILED)
        self.broken[leg] = 1
        if self.digits[leg]:
            self.digit_step(leg, self.due)
        elif self.playback[leg]:
            self.play_frame(leg, self.due)
        if not self.digits[leg] and not self.playback[leg]:
            self.unclock(leg)
        self.broken[leg] = 0
        self.finished += 1

    def faults(self) -> int:
        return self.begun - self.finished


if not cython.compiled:
    from pbx.media.udp_python import contain

    contain(Outlet, "step")  # compiled: `noexcept` in outlet.pxd
