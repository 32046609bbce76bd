"""Everything that leaves: relayed packets, playback and digits, under one numbering a leg.

Whoever hears us must see one RTP stream for the whole life of the leg: one SSRC, sequence numbers without gaps of our
making, timestamps that go on with the clock, whatever feeds the leg (RFC 3550 §5.1): another leg, a room, a player.
Playback and digits run on the `SlotClock`. Runs compiled (types in `outlet.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array

import cython

from pbx.media.engine_numbers import DIGITS, FRAME, HUSH, NOISE, NONE, PLAY_DONE, PLAY_FAILED, PLAYED, TOUCH
from pbx.media.players import Players
from pbx.media.slot_clock import SlotClock
from pbx.media.sound_codecs import SoundCodecs
from pbx.media.srtp import Srtp
from pbx.media.touch_tones import TouchTones

if not cython.compiled:
    from pbx.media.udp_python import udp_send

TURN_NS = 20000000
PROMPT_RATE = 8000
MILLISECONDS = 20  # in a frame
USUAL_CLOCK = 8
ENDS = 3  # RFC 4733 §2.5.1.4: the last packet of an event is sent three times
GAP_FRAMES = 4  # silence between two digits
MAX_JUMP = 1000  # a sender whose numbers jump further has begun anew
HEADER = 12
PAYLOAD = 1280  # the longest that a codec may make of 20 ms
MARKER = 0x80
MASK16 = 0xFFFF
HALF16 = 0x8000
MASK32 = 0xFFFFFFFF
TABLE = 256


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Outlet:
    """The sending half of all legs. Only the engine's thread may call it."""

    def __init__(
        self, legs: int, translation: bytes, codecs: SoundCodecs, players: Players, slot_clock: SlotClock, srtp: Srtp
    ) -> None:
        self.codecs = codecs
        self.players = players
        self.slot_clock = slot_clock
        self.srtp = srtp
        self.noise = self.codecs.noise
        self.translation = bytearray(translation)
        self.fd = zeros("i", legs)
        self.address = zeros("q", legs)
        self.port = zeros("q", legs)  # 0: nowhere
        self.clocked = zeros("b", legs)  # has turns whatever is played
        self.sending = zeros("b", legs)  # our direction allows it
        self.payload_type = zeros("q", legs)
        self.event_type = zeros("q", legs)  # payload type of telephone events; NONE
        self.law = zeros("q", legs)
        self.ticks = zeros("q", legs)  # timestamp units in 20 ms
        self.ssrc = zeros("q", legs)
        self.sequence = zeros("q", legs)  # the next one
        self.stamp = zeros("q", legs)  # timestamp of our stream at the moment stamp_time
        self.stamp_time = zeros("q", legs)
        # leg << 32 | SSRC of whom we relay; PLAYED, MIXED; NONE: the next packet begins anew.
        self.feed = zeros("q", legs)
        self.sequence_shift = zeros("q", legs)
        self.stamp_shift = zeros("q", legs)
        self.event_source = zeros("q", legs)  # like `feed`: whose event goes through between frames of a mix
        self.event_heard = zeros("q", legs)  # that event's timestamp there
        self.event_stamp = zeros("q", legs)  # and here
        self.sent = zeros("q", legs)
        self.octets = zeros("q", legs)
        self.failed = zeros("q", legs)
        self.begun = 0  # turns of legs begun and finished: the difference is faults
        self.finished = 0
        self.broken = zeros("b", legs)
        # Views: they cannot be made shorter by a short prompt.
        self.frame = memoryview(bytearray(HEADER + PAYLOAD))
        self.linear = memoryview(array("h", bytes(2 * FRAME)))
        self.make_digits(legs)

    def make_digits(self, legs: int) -> None:
        self.event_clock = array("q", [USUAL_CLOCK] * legs)  # timestamp units in a millisecond
        self.inband = zeros("b", legs)  # keys go as tones in the sound
        self.tones = TouchTones()
        self.digit_code = zeros("q", legs * DIGITS)
        self.digit_samples = zeros("q", legs * DIGITS)
        self.digit_first = zeros("q", legs)
        self.digits = zeros("q", legs)  # waiting, with the one being sent
        self.digit_frame = zeros("q", legs)
        self.digit_stamp = zeros("q", legs)

    # ---- the life of a leg -------------------------------------------------------------------------------------

    def open(self, leg: int, fd: int, ssrc: int, sequence: int, stamp: int, now: int) -> int:
        self.fd[leg] = fd
        self.port[leg] = 0
        self.sending[leg] = 0
        self.payload_type[leg] = NONE
        self.event_type[leg] = NONE
        self.ticks[leg] = FRAME
        self.ssrc[leg] = ssrc
        self.sequence[leg] = sequence
        self.stamp[leg] = stamp
        self.stamp_time[leg] = now
        self.feed[leg] = NONE
        self.event_source[leg] = NONE
        self.sent[leg] = 0
        self.octets[leg] = 0
        self.failed[leg] = 0
        self.clocked[leg] = 0
        self.set_digits(leg, USUAL_CLOCK, 0)
        self.digits[leg] = 0
        self.digit_frame[leg] = 0
        self.broken[leg] = 0
        self.noise.open(leg)
        return 0

    def close(self, leg: int, reason: int) -> int:
        self.stop(leg, reason)
        self.digits[leg] = 0
        return self.slot_clock.remove(leg)

    def update(self, leg: int, payload_type: int, event_type: int, law: int, sending: int) -> int:
        self.payload_type[leg] = payload_type
        self.event_type[leg] = event_type
        self.law[leg] = law
        self.ticks[leg] = self.codecs.ticks(leg)
        if self.sending[leg] != sending:
            self.sending[leg] = sending != 0
            self.begin_anew(leg)
        return 0

    def set_digits(self, leg: int, event_clock: int, inband: int) -> int:
        """Timestamp units in a millisecond of a telephone event; or keys as tones in the sound."""
        self.event_clock[leg] = event_clock
        self.inband[leg] = inband != 0
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
        elapsed = (now - self.stamp_time[leg]) * self.ticks[leg] // TURN_NS
        if elapsed < self.ticks[leg]:
            elapsed = self.ticks[leg]
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
        return self.port[leg] and self.sending[leg] and not self.players.playback[leg] and not self.digits[leg]

    def is_alike(self, leg: int, other: int) -> int:
        """Whether one's sound can be relayed to the other: of one codec, or of both laws of G.711."""
        return self.law[leg] == self.law[other] or (
            self.codecs.is_shared(self.law[leg]) and self.codecs.is_shared(self.law[other])
        )

    def use_of(self, leg: int, kind: int) -> int:
        """What a payload type is for on this leg: 0 for sound, TOUCH, HUSH; NONE: nothing."""
        if kind == self.event_type[leg]:
            return TOUCH
        if kind == self.payload_type[leg]:
            return 0
        return HUSH if kind == self.noise.kind[leg] else NONE

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

    def forward_event(self, leg: int, buf: bytearray, n: int, source: int, stamp: int, marker: int, now: int) -> int:
        """Send an event's payload `buf[12:n]` of `source` between the frames of a mix. RFC 4733 §2.5.1.2: all its
        packets carry the timestamp of its start."""
        if source != self.event_source[leg] or stamp != self.event_heard[leg]:
            self.event_source[leg] = source
            self.event_heard[leg] = stamp
            self.event_stamp[leg] = self.stamp_at(leg, now)
        duration = self.fit_event(leg, buf, source)
        self.write_header(leg, buf, self.event_type[leg] | marker, self.sequence[leg], self.event_stamp[leg])
        self.sequence[leg] = (self.sequence[leg] + 1) & MASK16
        sent = self.send(leg, buf, n)
        buf[HEADER + 2] = duration >> 8  # as it came: others may get it too
        buf[HEADER + 3] = duration & 0xFF
        return sent

    def fit_event(self, leg: int, buf: bytearray, source: int) -> int:
        """Give the event's duration in this leg's clock. Returns what it was."""
        duration = buf[HEADER + 2] << 8 | buf[HEADER + 3]
        clock = self.event_clock[source // (MASK32 + 1)]
        if clock != self.event_clock[leg]:
            fitted = min(duration * self.event_clock[leg] // clock, MASK16)
            buf[HEADER + 2] = fitted >> 8
            buf[HEADER + 3] = fitted & 0xFF
        return duration

    # ---- sound made here ---------------------------------------------------------------------------------------

    def send_sound(self, leg: int, n: int, feed: int, due: int) -> int:
        """Send the 20 ms of `frame[12:n]`, due at that time, as the next of our stream. No payload (a pause of Opus,
        a refusal of its library): nothing is sent, and what comes next begins anew."""
        if n <= HEADER:
            self.feed[leg] = NONE
            return 0
        kind = self.payload_type[leg]
        if self.feed[leg] != feed:
            kind |= MARKER
            self.feed[leg] = feed
        stamp = self.stamp_at(leg, due)
        self.write_header(leg, self.frame, kind, self.sequence[leg], stamp)
        self.sequence[leg] = (self.sequence[leg] + 1) & MASK16
        self.stamp[leg] = stamp
        self.stamp_time[leg] = due
        return self.send(leg, self.frame, n)

    def play(self, leg: int, playback: int, count: int, loop: int, law: int, now: int) -> int:
        """Play the first `count` segments that were given to the leg's player."""
        self.players.start(leg, playback, count, loop, law)
        self.feed[leg] = NONE
        return self.slot_clock.add(leg, now)

    def stop(self, leg: int, reason: int) -> int:
        if self.players.stop(leg, reason):
            self.feed[leg] = NONE
        return 0

    def play_frame(self, leg: int, due: int) -> int:
        self.players.read(leg, self.frame)
        if self.port[leg] and self.sending[leg]:
            self.send_sound(leg, self.translated(leg), PLAYED, due)
        if self.players.is_done(leg):
            self.stop(leg, PLAY_DONE)
        return 0

    def translated(self, leg: int) -> int:
        """The prompt's 20 ms in `frame`, in this leg's codec. Returns where they end."""
        law = self.players.law[leg]
        if not self.codecs.is_shared(self.law[leg]):
            self.codecs.decode_g711(law, self.frame, HEADER, HEADER + FRAME, self.linear, 0)
            return self.codecs.encode(leg, self.linear, 0, PROMPT_RATE, self.frame)
        if law != self.law[leg]:
            table = law * TABLE
            for i in range(HEADER, HEADER + FRAME):
                self.frame[i] = self.translation[table + self.frame[i]]
        return HEADER + FRAME

    # ---- comfort noise -----------------------------------------------------------------------------------------

    def say_noise(self, leg: int, source: int, now: int) -> int:
        """Noise like the silence of leg `source`, until something else is to be said."""
        self.noise.copy(source, leg)
        self.feed[leg] = NOISE
        return self.slot_clock.add(leg, now)

    def hush(self, leg: int) -> int:
        """Whose silence it was is gone."""
        if self.feed[leg] == NOISE:
            self.feed[leg] = NONE
        return 0

    def noise_step(self, leg: int, due: int) -> int:
        if not self.port[leg] or not self.sending[leg]:
            return self.hush(leg)
        self.noise.say(leg, self.linear, 0, FRAME)
        return self.send_sound(leg, self.codecs.encode(leg, self.linear, 0, PROMPT_RATE, self.frame), NOISE, due)

    # ---- digits ------------------------------------------------------------------------------------------------

    def add_digit(self, leg: int, code: int, samples: int, now: int) -> int:
        """Queue a telephone event of `samples` length; 0 when the leg cannot have it."""
        if self.digits[leg] == DIGITS or (self.event_type[leg] < 0 and not self.inband[leg]):
            return 0
        at = leg * DIGITS + (self.digit_first[leg] + self.digits[leg]) % DIGITS
        self.digit_code[at] = code
        self.digit_samples[at] = samples
        self.digits[leg] += 1
        self.slot_clock.add(leg, now)
        return 1

    def digit_step(self, leg: int, due: int) -> int:
        """20 ms of the digit in hand. RFC 4733 §2.5.1.2: all its packets carry the timestamp of its start, the first
        one the marker; the duration grows."""
        at = leg * DIGITS + self.digit_first[leg]
        frame = self.digit_frame[leg] + 1
        frames = (self.digit_samples[at] + FRAME - 1) // FRAME
        self.digit_frame[leg] = frame
        if not self.inband[leg]:
            self.feed[leg] = NONE
        if frame >= frames + ENDS + GAP_FRAMES:
            self.digit_frame[leg] = 0
            self.digit_first[leg] = (self.digit_first[leg] + 1) % DIGITS
            self.digits[leg] -= 1
            return 0
        if self.inband[leg]:
            return self.tone_step(leg, self.digit_code[at], frame, frames, due)
        if frame >= frames + ENDS:
            return 0
        kind = self.event_type[leg]
        if frame == 1:
            self.digit_stamp[leg] = self.stamp_at(leg, due)
            kind |= MARKER
        duration = min((frame if frame < frames else frames) * MILLISECONDS * self.event_clock[leg], MASK16)
        self.frame[HEADER] = self.digit_code[at]
        self.frame[HEADER + 1] = 10 if frame < frames else 0x80 | 10
        self.frame[HEADER + 2] = duration >> 8 & 0xFF
        self.frame[HEADER + 3] = duration & 0xFF
        if not self.port[leg] or not self.sending[leg] or self.event_type[leg] < 0:
            return 0
        self.write_header(leg, self.frame, kind, self.sequence[leg], self.digit_stamp[leg])
        self.sequence[leg] = (self.sequence[leg] + 1) & MASK16
        return self.send(leg, self.frame, HEADER + 4)

    def tone_step(self, leg: int, code: int, frame: int, frames: int, due: int) -> int:
        """20 ms of a key as a tone, or of the silence behind it."""
        if frame <= frames:
            self.tones.sound(code, (frame - 1) * FRAME, FRAME, self.linear)
        else:
            for i in range(FRAME):
                self.linear[i] = 0
        if not self.port[leg] or not self.sending[leg]:
            return 0
        return self.send_sound(leg, self.codecs.encode(leg, self.linear, 0, PROMPT_RATE, self.frame), PLAYED, due)

    def step(self, leg: int, due: int) -> None:
        """One leg's turn. An exception ends here: it is reported as unraisable, counted, and silences this leg only."""
        self.begun += 1
        if self.broken[leg]:
            self.broken[leg] = 0
            self.digits[leg] = 0
            self.stop(leg, PLAY_FAILED)
        self.broken[leg] = 1
        if self.digits[leg]:
            self.digit_step(leg, due)
        elif self.players.playback[leg]:
            self.play_frame(leg, due)
        elif self.feed[leg] == NOISE:
            self.noise_step(leg, due)
        if not self.has_turns(leg):
            self.slot_clock.remove(leg)
        self.broken[leg] = 0
        self.finished += 1

    def has_turns(self, leg: int) -> int:
        if self.digits[leg] or self.players.playback[leg]:
            return 1
        return self.clocked[leg] or self.feed[leg] == NOISE

    def faults(self) -> int:
        return self.begun - self.finished


if not cython.compiled:
    from pbx.media.udp_python import contain

    contain(Outlet, "step")  # compiled: `noexcept` in outlet.pxd
