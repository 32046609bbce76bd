"""Everything that is known of what a leg hears: who may speak, what was counted, digits, silence.

Who may speak (RTP Bleed; RFC 7362): the address and port that SDP names, at any time; else the first good packet from
an address that signalling vouches for, once, inside the learning window. Only a command opens that window, and only on
a leg that has heard nothing yet. Runs compiled (types in `inlet.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array

from pbx.media.engine_numbers import (
    DIGIT_HEARD,
    HEARD,
    LEARNT,
    LOSS_TOLD,
    NAMED,
    NONE,
    NOTHING_HEARD,
    SILENCE_TOLD,
    SILENT,
    SOURCES,
    STARTED,
    UNLATCHED,
)
from pbx.media.mailbox import Mailbox

USUAL_CLOCK = 8  # RTP timestamp units in a millisecond
MILLISECOND_NS = 1000000
PRESS_OVER_NS = 150000000  # all ends of an event were lost: it is over when this long nothing came
PAUSES = 10  # times as long may a leg be silent that has said so by comfort noise, until it counts as lost
PRESS_SPACING_NS = 20000000  # nobody presses faster; a peer that says so fills no event box
EVENT_SPARE = 2048  # rows of the event box kept for what must not be lost
MAX_DROPOUT = 3000  # RFC 3550 A.1
MISORDER = 100
MASK16 = 0xFFFF
MASK32 = 0xFFFFFFFF
HALF32 = 0x80000000


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Inlet:
    """The hearing half of all legs. Only the engine's thread may change it."""

    def __init__(self, legs: int, events: Mailbox, silent_ns: int, lost_ns: int, learn_ns: int) -> None:
        self.events = events
        self.silent_ns = silent_ns
        self.lost_ns = lost_ns
        self.learn_ns = learn_ns
        self.sdp_address = zeros("q", legs)
        self.sdp_port = zeros("q", legs)
        self.sources = zeros("q", legs * SOURCES)
        self.learn_port = zeros("q", legs)
        self.learn_until = zeros("q", legs)
        self.latch = zeros("q", legs)
        self.address = zeros("q", legs)  # of the latched source; 0: none
        self.port = zeros("q", legs)
        self.expecting = zeros("q", legs)  # silence is worth telling
        self.heard_at = zeros("q", legs)
        self.told = zeros("q", legs)
        self.received = zeros("q", legs)
        self.octets = zeros("q", legs)
        self.ssrc = zeros("q", legs)
        self.base = zeros("q", legs)
        self.highest = zeros("q", legs)  # extended sequence number; NONE
        self.expected_before = zeros("q", legs)
        self.jitter16 = zeros("q", legs)
        self.transit = zeros("q", legs)
        self.clock = array("q", [USUAL_CLOCK] * legs)  # RTP timestamp units in a millisecond, of sound
        self.anew = zeros("b", legs)  # the clock has changed: transit times cannot be compared
        self.event_clock = array("q", [USUAL_CLOCK] * legs)  # and of telephone events, which may differ
        self.presses = zeros("q", legs)
        self.event_stamp = zeros("q", legs)  # timestamp of the event heard last; NONE
        self.event_code = zeros("q", legs)
        self.event_duration = zeros("q", legs)
        self.event_time = zeros("q", legs)
        self.event_told = zeros("q", legs)
        self.press_time = zeros("q", legs)

    # ---- the life of a leg -------------------------------------------------------------------------------------

    def open(self, leg: int, now: int) -> int:
        self.sdp_address[leg] = 0
        self.sdp_port[leg] = 0
        self.forget_source(leg)
        for number in range(leg * SOURCES, leg * SOURCES + SOURCES):
            self.sources[number] = 0
        self.learn_until[leg] = 0
        self.expecting[leg] = 0
        self.heard_at[leg] = now
        self.told[leg] = NOTHING_HEARD
        self.received[leg] = 0
        self.octets[leg] = 0
        self.ssrc[leg] = 0
        self.highest[leg] = NONE
        self.expected_before[leg] = 0
        self.jitter16[leg] = 0
        self.set_clocks(leg, USUAL_CLOCK, USUAL_CLOCK)
        self.presses[leg] = 0
        self.event_stamp[leg] = NONE
        self.event_told[leg] = 1
        self.press_time[leg] = 0
        return 0

    def set_clocks(self, leg: int, clock: int, event_clock: int) -> int:
        """RTP timestamp units in a millisecond."""
        if clock != self.clock[leg]:
            self.anew[leg] = 1
            self.jitter16[leg] = 0
        self.clock[leg] = clock
        self.event_clock[leg] = event_clock
        return 0

    def expect(self, leg: int, expecting: int, now: int) -> int:
        """Whether this leg's silence is worth telling; it is counted from `now` on when it was not so before."""
        if expecting and not self.expecting[leg]:
            self.heard_at[leg] = now
            if self.told[leg] > HEARD:
                self.told[leg] = NOTHING_HEARD
        self.expecting[leg] = expecting
        return 0

    # ---- who may speak -----------------------------------------------------------------------------------------

    def forget_source(self, leg: int) -> int:
        self.latch[leg] = UNLATCHED
        self.address[leg] = 0
        self.port[leg] = 0
        return 0

    def name_source(self, leg: int, address: int, port: int, learn_port: int) -> int:
        """SDP names a source; 1 when it is another one than before."""
        self.learn_port[leg] = learn_port
        if address == self.sdp_address[leg] and port == self.sdp_port[leg]:
            return 0
        self.sdp_address[leg] = address
        self.sdp_port[leg] = port
        self.forget_source(leg)
        return 1

    def vouch(self, leg: int, number: int, address: int) -> int:
        """Signalling vouches for an address; 1 when it is another one than before."""
        if self.sources[leg * SOURCES + number] == address:
            return 0
        self.sources[leg * SOURCES + number] = address
        self.forget_source(leg)
        return 1

    def open_window(self, leg: int, now: int) -> int:
        """A leg that has heard its source never learns again: RFC 7362 §5, and every advisory since."""
        if self.latch[leg] == UNLATCHED:
            self.learn_until[leg] = now + self.learn_ns
            # Its silence, too, counts from the answer and not from the first ring.
            self.heard_at[leg] = now
            self.told[leg] = NOTHING_HEARD
        return 0

    def is_latched(self, leg: int, address: int, port: int) -> int:
        return address == self.address[leg] and port == self.port[leg]

    def may_latch(self, leg: int, address: int, port: int, now: int) -> int:
        """Whether a source that is not latched may become it."""
        if address == self.sdp_address[leg] and port == self.sdp_port[leg]:
            return 1
        if self.latch[leg] != UNLATCHED or now >= self.learn_until[leg]:
            return 0
        # Where SDP names an address that is vouched for, it is right to the port: a stranger behind the same address is
        # a stranger still.
        if address == self.sdp_address[leg] and not self.learn_port[leg]:
            return 0
        for number in range(leg * SOURCES, leg * SOURCES + SOURCES):
            if self.sources[number] == address:
                return 1
        return 0

    def latch_to(self, leg: int, address: int, port: int) -> int:
        named = address == self.sdp_address[leg] and port == self.sdp_port[leg]
        self.latch[leg] = NAMED if named else LEARNT
        self.address[leg] = address
        self.port[leg] = port
        return 0

    # ---- counting ----------------------------------------------------------------------------------------------

    def count(self, leg: int, sequence: int, stamp: int, ssrc: int, octets: int, event: int, now: int) -> int:
        """RFC 3550 A.1, A.3, A.8, as `pbx.rtp.sequence` defines them; a new SSRC of the latched source counts on."""
        self.heard_at[leg] = now
        if self.told[leg] != HEARD and self.events.put(EVENT_SPARE, STARTED, leg, 0, 0):
            self.told[leg] = HEARD
        transit = (now * self.clock[leg] // MILLISECOND_NS - stamp) & MASK32
        ahead = (sequence - self.highest[leg]) & MASK16
        begins = self.highest[leg] < 0 or ssrc != self.ssrc[leg] or self.anew[leg]
        if begins or MAX_DROPOUT < ahead <= MASK16 - MISORDER:
            self.anew[leg] = 0
            if self.highest[leg] >= 0:
                self.expected_before[leg] += self.highest[leg] - self.base[leg] + 1
            self.base[leg] = sequence
            self.highest[leg] = sequence
            self.transit[leg] = transit
            self.ssrc[leg] = ssrc
        elif 0 < ahead <= MAX_DROPOUT:
            self.highest[leg] += ahead
        self.received[leg] += 1
        self.octets[leg] += octets
        if event:  # all packets of an event carry one timestamp: they say nothing of jitter
            return 0
        difference = ((transit - self.transit[leg] + HALF32) & MASK32) - HALF32
        if difference < 0:
            difference = -difference
        self.jitter16[leg] += difference - ((self.jitter16[leg] + 8) >> 4)
        self.transit[leg] = transit
        return 0

    def reception(self, leg: int) -> tuple[int, ...]:
        """received, octets, expected, jitter (timestamp units), SSRC, highest sequence number, digits, latch, clock."""
        highest = self.highest[leg]
        expected = self.expected_before[leg] + (highest - self.base[leg] + 1 if highest >= 0 else 0)
        figures = self.received[leg], self.octets[leg], expected, self.jitter16[leg] >> 4, self.ssrc[leg], highest
        return (*figures, self.presses[leg], self.latch[leg], self.clock[leg])

    # ---- digits ------------------------------------------------------------------------------------------------

    def hear_event(self, leg: int, stamp: int, code: int, end: int, duration: int, now: int) -> int:
        """RFC 4733: a press is known by its timestamp and told once, at its first end packet."""
        if stamp != self.event_stamp[leg]:
            ahead = ((stamp - self.event_stamp[leg] + HALF32) & MASK32) - HALF32
            if self.event_stamp[leg] >= 0 and ahead < 0 and now - self.event_time[leg] < PRESS_OVER_NS:
                return 0  # a late copy of a press that is over
            self.tell_press(leg, now)
            self.event_stamp[leg] = stamp
            self.event_told[leg] = 0
        self.event_time[leg] = now
        self.event_code[leg] = code
        self.event_duration[leg] = duration
        if end:
            self.tell_press(leg, now)
        return 0

    def tell_press(self, leg: int, now: int) -> int:
        if self.event_told[leg]:
            return 0
        self.event_told[leg] = 1
        if self.event_code[leg] > 15 or now - self.press_time[leg] < PRESS_SPACING_NS:
            return 0
        self.press_time[leg] = now
        self.presses[leg] += 1
        milliseconds = self.event_duration[leg] // self.event_clock[leg]
        return self.events.put(EVENT_SPARE, DIGIT_HEARD, leg, self.event_code[leg], milliseconds)

    def tell_key(self, leg: int, code: int, milliseconds: int, now: int) -> int:
        """A key that came as a tone."""
        self.press_time[leg] = now
        self.presses[leg] += 1
        return self.events.put(EVENT_SPARE, DIGIT_HEARD, leg, code, milliseconds)

    def look_after(self, leg: int, pausing: int, now: int) -> int:
        """Now and then: a press without an end, a leg without sound. `pausing`: it has announced that."""
        if not self.event_told[leg] and now - self.event_time[leg] > PRESS_OVER_NS:
            self.tell_press(leg, now)
        if not self.expecting[leg]:
            return 0
        silence = now - self.heard_at[leg]
        level = NOTHING_HEARD
        if silence >= (self.lost_ns * PAUSES if pausing else self.lost_ns):
            level = LOSS_TOLD
        elif silence >= self.silent_ns and not pausing:
            level = SILENCE_TOLD
        if level > self.told[leg] and self.events.put(EVENT_SPARE, SILENT, leg, silence // MILLISECOND_NS, level):
            self.told[leg] = level
        return 0
