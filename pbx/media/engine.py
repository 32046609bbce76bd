"""The media engine: all RTP of one worker in one thread that holds no lock and, compiled, no GIL.

Rules of this room:

1. One source, two ways to run: compiled by Cython (types in the `.pxd` files, bounds checks on) or as plain Python. The
   same packets go in, the same packets come out; a test holds one against the other.
2. All state is in flat arrays indexed by leg number. No pointers, no allocation, no Python objects while it runs.
3. Only the engine's thread changes that state. The control thread sends commands and takes events through a `Mailbox`
   each way, and reads counters. A leg's socket may be closed once its `closed` event has come.
4. No packet ends `run`: each is handled inside `take`, where an exception drops that packet and is counted.
5. Times are nanoseconds of the monotonic clock, handed in as `now`.

The parts: `inlet` (who may speak, counting, digits heard), `outlet` (numbering, playback, digits sent), `rooms` (who
hears whom), `jitter_buffer` and `mixer` (how), `slot_clock` (when), `players`, `record_buffers`, `srtp`, `voice_meter`
(who speaks when). A bridge of two, and a room that needs no more, relays on arrival; any other room is mixed on the
20 ms clock.
"""

from __future__ import annotations

from array import array

import cython

from pbx.media.datagram import Datagram
from pbx.media.datagram_box import DatagramBox
from pbx.media.engine_numbers import (
    ALAW,
    ASIDE,
    BRIDGE,
    CAUSES,
    CLOSE,
    CLOSED,
    DIGIT,
    HUSH,
    LATE,
    LEND,
    MALFORMED,
    NOMINATE,
    NONE,
    OPEN,
    OVERSIZED,
    PLAY,
    PLAY_CLOSED,
    ROOM_OPEN,
    ROOM_STOP_PLAY,
    SECURE,
    SEGMENT,
    STOP_PLAY,
    STRANGER,
    TUNE,
    UNASKED,
    UNBRIDGE,
    UNKNOWN_PAYLOAD,
    UNLOCKED,
    UNRECORDED,
    UNROUTABLE,
    UNWANTED,
    UPDATE,
    VOUCH,
    WAKE,
)
from pbx.media.inlet import Inlet
from pbx.media.jitter_buffer import JitterBuffer
from pbx.media.mailbox import Mailbox
from pbx.media.mixer import Mixer
from pbx.media.outlet import Outlet
from pbx.media.overhearing import Overhearing
from pbx.media.players import Players
from pbx.media.record_buffers import RecordBuffers
from pbx.media.rooms import Rooms
from pbx.media.slot_clock import SlotClock
from pbx.media.sound_codecs import SoundCodecs
from pbx.media.srtp import Srtp
from pbx.media.voice_meter import VoiceMeter

if not cython.compiled:
    from pbx.media.udp_python import clock_ns, poll_add, poll_close, poll_new, poll_remove, poll_wait, udp_recv

COMMAND_TAG = -1  # of the command box in the poll
COMMAND_ROWS = 4096
EVENT_ROWS = 8192
BATCH = 256
BUFFER = 2048
HEADER = 12
MARKER = 0x80
MILLISECOND_NS = 1000000
HOUSEKEEPING_NS = 100000000
EVENT_SPARE = 2048  # rows of the event box kept for what must not be lost
MASK16 = 0xFFFF
MASK32 = 0xFFFFFFFF


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Engine:
    def __init__(
        self,
        legs: int,
        rooms: int,
        recordings: int,
        prompt_octets: int,
        translation: bytes,
        decoding: array[int],
        encoding: bytes,
        calls: array[int],
        silent_after: float,
        lost_after: float,
        learn_for: float,
    ) -> None:
        """`translation`: µ-law to A-law, A-law to µ-law; `decoding` to `calls`: see SoundCodecs. Times in seconds."""
        self.commands = Mailbox(COMMAND_ROWS)
        self.events = Mailbox(EVENT_ROWS)
        self.inlet = Inlet(legs, self.events, int(silent_after * 1e9), int(lost_after * 1e9), int(learn_for * 1e9))
        self.srtp = Srtp(legs)
        self.aside = DatagramBox(legs)
        self.recorder = RecordBuffers(recordings, legs, translation, decoding, encoding)
        self.codecs = SoundCodecs(legs, decoding, encoding, calls)
        self.voice = VoiceMeter(legs, self.events, decoding)
        self.overhearing = Overhearing(legs, self.recorder, self.codecs, self.inlet, self.voice, self.events)
        self.noise = self.codecs.noise
        self.jitter = JitterBuffer(legs, self.codecs)
        self.make_rooms(legs, rooms, prompt_octets, translation)
        self.top = self.housekeeping_due = 0  # top: legs from here on were never used
        self.stopped = False
        self.begun = self.finished = 0  # packets and commands; the difference is faults
        self.datagram = Datagram(BUFFER)
        self.buf = self.datagram.buf
        self.ready = zeros("i", BATCH)
        self.make_legs(legs)
        self.poll = poll_new()
        poll_add(self.poll, self.commands.descriptor(), COMMAND_TAG)

    def make_rooms(self, legs: int, rooms: int, prompt_octets: int, translation: bytes) -> None:
        self.legs = legs
        self.slot_clock = SlotClock(legs + rooms)
        self.players = Players(legs, rooms, prompt_octets, self.events)
        self.outlet = Outlet(legs, translation, self.codecs, self.players, self.slot_clock, self.srtp)
        self.rooms = Rooms(
            legs, rooms, self.inlet, self.events, self.codecs, self.jitter, self.players, self.outlet, self.slot_clock
        )
        self.mixer = Mixer(legs, rooms, self.rooms, self.codecs, self.jitter, self.players, self.outlet, self.voice)

    def make_legs(self, legs: int) -> None:
        self.is_open = self.rooms.present
        self.fd = zeros("i", legs)
        self.law = zeros("q", legs)
        self.listening = zeros("b", legs)
        self.drops = zeros("q", legs * CAUSES)

    # ---- for the control thread ----------------------------------------------------------------------------------

    def command(self, row: tuple[int, ...]) -> bool:
        """Send one command. False when the box is full: try again later."""
        return self.commands.post(row)

    def event_descriptor(self) -> int:
        return self.events.descriptor()

    def take_events(self) -> list[tuple[int, int, int, int]]:
        return self.events.take_all()

    def refused_events(self) -> int:
        return self.events.refusals()

    def store_prompt(self, at: int, octets: bytes) -> None:
        self.players.store(at, octets)

    def recordings(self) -> RecordBuffers:
        return self.recorder

    def take_aside(self, n: int) -> bytes:
        """The datagram of n octets that the oldest ASIDE tells of."""
        return self.aside.take(n)

    def faults(self) -> int:
        """Packets, commands and turns that ended in an exception: faults of ours."""
        return self.begun - self.finished + self.outlet.faults() + self.mixer.faults()

    def figures(self, leg: int) -> tuple[tuple[int, ...], ...]:
        """What `Inlet.reception`, `Outlet.emission` and `VoiceMeter.shares` say, and the drops by cause. Read without a
        lock."""
        dropped = tuple([self.drops[leg * CAUSES + cause] for cause in range(CAUSES)])
        return self.inlet.reception(leg), self.outlet.emission(leg), self.voice.shares(leg), dropped

    def stop(self) -> None:
        """Ask `run` to return."""
        self.stopped = True
        self.commands.post((WAKE,))

    def close(self) -> None:
        """Give the descriptors back, after `run` has returned."""
        poll_close(self.poll)
        self.commands.close()
        self.events.close()

    # ---- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until `stop`."""
        now = clock_ns()
        with cython.nogil:
            while not self.stopped:
                count = poll_wait(self.poll, self.ready, self.patience(now))
                now = clock_ns()
                self.turn(count, now)

    def step(self, now: int) -> None:
        """For tests: do what is there, at the time `now`."""
        self.turn(poll_wait(self.poll, self.ready, 0), now)

    def patience(self, now: int) -> int:
        """Milliseconds until the clock or the housekeeping needs a turn."""
        due = self.slot_clock.next_due(self.housekeeping_due)
        if due <= now:
            return 0
        return (due - now + MILLISECOND_NS - 1) // MILLISECOND_NS

    def turn(self, count: int, now: int) -> int:
        for number in range(count):
            self.take(self.ready[number], now)
        self.run_clock(now)
        if now >= self.housekeeping_due:
            self.housekeeping_due = now + HOUSEKEEPING_NS
            for leg in range(self.top):
                if self.is_open[leg]:
                    self.aside.refill(leg)
                    self.inlet.look_after(leg, self.noise.is_last(leg, self.inlet.heard_at[leg]), now)
                    self.voice.look_after(leg, self.rooms.partner(leg), now)
        return 0

    def run_clock(self, now: int) -> int:
        """Give everybody on the clock the turns that are due."""
        self.slot_clock.skip_stall(now)
        while self.slot_clock.is_due(now):
            one = self.slot_clock.first()
            while one >= 0:
                after = self.slot_clock.next_one(one)
                if one < self.legs:
                    self.outlet.step(one, self.slot_clock.due)
                    if self.rooms.translated[one]:
                        self.mixer.translate(one, self.slot_clock.due)
                else:
                    self.mixer.step(one - self.legs, self.slot_clock.due)
                one = after
            self.slot_clock.next_slot()
        return 0

    def take(self, tag: int, now: int) -> None:
        """One packet, or the commands that wait. An exception ends here: reported as unraisable, and counted."""
        self.begun += 1
        if tag == COMMAND_TAG:
            for _ in range(self.commands.announced()):
                self.obey(self.commands.first(), now)
                self.commands.next()
        elif self.is_open[tag]:
            got = udp_recv(self.fd[tag], self.buf)
            if got >= 0 and self.srtp.secured[tag]:
                self.receive_sealed(tag, got >> 48, got >> 16 & MASK32, got & MASK16, now)
            elif got >= 0:
                self.receive(tag, got >> 48, got >> 16 & MASK32, got & MASK16, now)
        self.finished += 1

    # ---- packets ---------------------------------------------------------------------------------------------------

    def receive(self, leg: int, n: int, address: int, port: int, now: int) -> int:
        """A datagram of n octets is in `buf`: check it, count it, record it, pass it on."""
        buf = self.buf
        latched = self.inlet.is_latched(leg, address, port)
        if not latched and not self.inlet.may_latch(leg, address, port, now):
            return self.drop(leg, STRANGER)
        if n > BUFFER:
            return self.drop(leg, OVERSIZED)
        start = self.datagram.payload_start(n)
        if start == 0:
            return self.drop(leg, MALFORMED)
        event = self.outlet.use_of(leg, buf[1] & 0x7F)
        if event < 0:
            return self.drop(leg, UNKNOWN_PAYLOAD)
        if not latched:
            self.inlet.latch_to(leg, address, port)
            self.outlet.send_to(leg, address, port)
        n = self.datagram.strip(start, n)
        stamp = self.datagram.get32(4)
        ssrc = self.datagram.get32(8)
        self.inlet.count(leg, buf[2] << 8 | buf[3], stamp, ssrc, n - HEADER, event, now)
        if not self.listening[leg]:
            return self.drop(leg, UNWANTED)
        if event:
            return self.receive_event(leg, n, event, stamp, ssrc, now)
        if not self.overhearing.hear(leg, buf, n, buf[2] << 8 | buf[3], stamp, ssrc, now):
            self.drop(leg, UNRECORDED)
        self.voice.hear(leg, buf, n, self.law[leg], self.rooms.mixed[leg] or self.overhearing.decodes(leg), now)
        if self.rooms.mixed[leg]:
            return self.give_to_room(leg, n, buf[2] << 8 | buf[3], stamp, ssrc, 0, now)
        return self.relay(leg, n, buf[2] << 8 | buf[3], stamp, ssrc, 0, now)

    def receive_event(self, leg: int, n: int, event: int, stamp: int, ssrc: int, now: int) -> int:
        """What is no sound: a TOUCH of a key, or HUSH."""
        buf = self.buf
        sequence = buf[2] << 8 | buf[3]
        if event == HUSH:
            passed = self.rooms.pass_noise(leg, buf, n, sequence, stamp, ssrc, buf[1] & MARKER, now)
            return 0 if passed else self.drop(leg, UNROUTABLE)
        if n < HEADER + 4:
            return self.drop(leg, MALFORMED)
        self.inlet.hear_event(leg, stamp, buf[12], buf[13] & 0x80, buf[14] << 8 | buf[15], now)
        if self.overhearing.secret[leg]:
            return 0
        if self.rooms.mixed[leg]:
            return self.give_to_room(leg, n, sequence, stamp, ssrc, event, now)
        return self.relay(leg, n, sequence, stamp, ssrc, event, now)

    def receive_sealed(self, leg: int, n: int, address: int, port: int, now: int) -> int:
        """A datagram for a secure leg: hand up what is no RTP (RFC 7983 §7), open what is."""
        buf = self.buf
        if n > BUFFER:
            return self.drop(leg, OVERSIZED)
        if n < 2:
            return self.drop(leg, MALFORMED)
        # RFC 5761 §4: a second octet of 192 to 223 is RTCP.
        if not 128 <= buf[0] < 192 or 192 <= buf[1] < 224:
            return self.hand_up(leg, n, address, port)
        n = self.srtp.unprotect(leg, buf, n)
        if n < 0:
            return self.drop(leg, -1 - n)
        if self.srtp.ice[leg]:
            if not self.inlet.is_latched(leg, address, port):
                self.inlet.latch_to(leg, address, port)
            # Sound goes to the pair that was nominated last and has proven itself (RFC 8445 §12.1).
            if self.srtp.is_nominated(leg, address, port):
                self.outlet.send_to(leg, address, port)
        return self.receive(leg, n, address, port, now)

    def hand_up(self, leg: int, n: int, address: int, port: int) -> int:
        if not self.aside.put(leg, self.buf, n):
            return self.drop(leg, UNASKED)
        if not self.events.put(EVENT_SPARE, ASIDE, leg, n, address << 16 | port):
            self.aside.take_back()
        return 0

    def drop(self, leg: int, cause: int) -> int:
        self.drops[leg * CAUSES + cause] += 1
        return 0

    def relay(self, leg: int, n: int, sequence: int, stamp: int, ssrc: int, event: int, now: int) -> int:
        out = self.rooms.peer[leg]
        if out < 0 or not self.outlet.is_free(out):
            return self.drop(leg, UNROUTABLE)
        source = leg * (MASK32 + 1) + ssrc
        kind = self.outlet.kind_of(out, event)
        if kind < 0 or (event and self.rooms.keeps_events(leg)):
            return self.outlet.skip(out, source, sequence)
        law = self.law[leg]
        if event:
            law = NONE
            self.outlet.fit_event(out, self.buf, source)
        return self.outlet.forward(out, self.buf, n, source, kind | self.buf[1] & MARKER, sequence, stamp, law, now)

    def give_to_room(self, leg: int, n: int, sequence: int, stamp: int, ssrc: int, event: int, now: int) -> int:
        if event:
            if self.rooms.pass_event(leg, self.buf, n, stamp, ssrc, self.buf[1] & MARKER, now):
                return 0
            return self.drop(leg, UNROUTABLE)
        if self.jitter.put(leg, self.buf, n, sequence, stamp, ssrc, now):
            return 0
        return self.drop(leg, LATE)

    # ---- commands --------------------------------------------------------------------------------------------------

    def obey(self, at: int, now: int) -> None:
        """The command whose row begins at `at`. A bad number in it ends here, as in `take`."""
        self.begun += 1
        cells = self.commands.cells
        what = cells[at]
        leg = cells[at + 1]
        if what == OPEN:
            self.open_leg(leg, at, now)
        elif what == UPDATE:
            self.update(leg, at, now)
        elif what == VOUCH:
            self.vouch(leg, cells[at + 2], cells[at + 3], now)
        elif what == BRIDGE:
            self.rooms.bridge(leg, cells[at + 2], now)
        elif what == UNBRIDGE:
            self.rooms.leave(leg, now)
        elif what == DIGIT:
            self.outlet.add_digit(leg, cells[at + 2], cells[at + 3], now)
        elif what == CLOSE:
            self.close_leg(leg, now)
        elif what == SECURE:
            self.secure(leg, cells[at + 2], cells[at + 3], cells[at + 4])
        elif what == NOMINATE:
            self.nominate(leg, cells[at + 2], cells[at + 3])
        elif ROOM_OPEN <= what <= ROOM_STOP_PLAY:
            self.rooms.obey(what, leg, at, cells, now)
        else:
            self.obey_sound(what, leg, at, now)
        self.finished += 1

    def obey_sound(self, what: int, leg: int, at: int, now: int) -> int:
        cells = self.commands.cells
        if what == SEGMENT:
            self.players.add_segment(leg, cells[at + 2], cells[at + 3], cells[at + 4])
        elif what == PLAY:
            self.outlet.play(leg, cells[at + 2], cells[at + 3], cells[at + 4], cells[at + 5], now)
            self.inlet.open_window(leg, now)
        elif what == STOP_PLAY:
            self.outlet.stop(leg, cells[at + 2])
        elif what in (LEND, TUNE):
            self.codecs.obey(what, leg, at, cells)
        else:
            self.overhearing.obey(what, leg, cells[at + 2], now)
        return 0

    def open_leg(self, leg: int, at: int, now: int) -> int:
        """leg, descriptor, SSRC, first sequence number, first timestamp"""
        cells = self.commands.cells
        self.inlet.open(leg, now)
        self.codecs.begin(leg, ALAW)
        self.overhearing.open(leg)
        self.voice.open(leg, now)
        self.outlet.open(leg, cells[at + 2], cells[at + 3], cells[at + 4], cells[at + 5], now)
        self.srtp.open(leg)
        self.fd[leg] = cells[at + 2]
        self.aside.refill(leg)
        self.listening[leg] = 0
        for cause in range(CAUSES):
            self.drops[leg * CAUSES + cause] = 0
        self.is_open[leg] = 1
        if leg >= self.top:
            self.top = leg + 1
        poll_add(self.poll, self.fd[leg], leg)
        return 0

    def update(self, leg: int, at: int, now: int) -> int:
        """leg, address, port, payload type, event type, codec, sending, listening, expecting, learn port, two clocks,
        inband, comfort noise's payload type"""
        cells = self.commands.cells
        self.law[leg] = cells[at + 6]
        self.voice.speaks(leg, cells[at + 6])
        self.noise.kind[leg] = cells[at + 14]
        self.codecs.choose(leg, cells[at + 6])
        if self.listening[leg] != cells[at + 8]:
            self.listening[leg] = cells[at + 8] != 0
            if self.rooms.peer[leg] >= 0:
                self.outlet.begin_anew(self.rooms.peer[leg])
        self.overhearing.update(leg, cells[at + 6], cells[at + 13])
        self.inlet.set_clocks(leg, cells[at + 11], cells[at + 12])
        self.inlet.expect(leg, cells[at + 9], now)
        if self.inlet.name_source(leg, cells[at + 2], cells[at + 3], cells[at + 10]):
            self.outlet.send_to(leg, cells[at + 2], cells[at + 3])
        self.inlet.open_window(leg, now)
        self.outlet.update(leg, cells[at + 4], cells[at + 5], cells[at + 6], cells[at + 7])
        self.outlet.set_digits(leg, cells[at + 12], cells[at + 13])
        return self.rooms.look_again(leg, now)

    def secure(self, leg: int, hears: int, speaks: int, ice: int) -> int:
        """New keys, or none yet; those of before are given back."""
        before_hears = self.srtp.hears[leg]
        before_speaks = self.srtp.speaks[leg]
        self.srtp.secure(leg, hears, speaks, ice)
        if before_hears == hears:
            before_hears = 0
        if before_speaks == speaks:
            before_speaks = 0
        return self.events.put(0, UNLOCKED, leg, before_hears, before_speaks)

    def nominate(self, leg: int, address: int, port: int) -> int:
        """ICE has chosen a pair; the first one is spoken to at once."""
        self.srtp.nominate(leg, address, port)
        if self.outlet.port[leg] == 0:
            self.outlet.send_to(leg, address, port)
        return 0

    def vouch(self, leg: int, number: int, address: int, now: int) -> int:
        if self.inlet.vouch(leg, number, address):
            self.outlet.send_to(leg, self.inlet.sdp_address[leg], self.inlet.sdp_port[leg])
        return self.inlet.open_window(leg, now)

    def close_leg(self, leg: int, now: int) -> int:
        if not self.is_open[leg]:
            return 0
        self.is_open[leg] = 0
        poll_remove(self.poll, self.fd[leg])
        self.rooms.leave(leg, now)
        self.outlet.close(leg, PLAY_CLOSED)
        self.overhearing.close(leg)
        if self.srtp.secured[leg]:
            self.secure(leg, 0, 0, 0)
        self.events.put(0, CLOSED, leg, 0, 0)
        return 0


if not cython.compiled:
    from pbx.media.udp_python import contain

    contain(Engine, "take", "obey")  # compiled: `noexcept` in engine.pxd
