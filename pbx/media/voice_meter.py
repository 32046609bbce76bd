"""Who speaks on a leg, and who speaks at the same time: shares of talk, silence and overtalk, and long silences.

A frame is speech when its mean power is less than 15.9 dB below that of a talker at -26 dBov, and speech goes on for
200 ms after its last such frame, so that gaps between words are no silences: margin and hangover of ITU-T P.56, method
B. In Opus that nobody decodes here the sender's own word is taken: the voice activity flags of its SILK frames. Of
other codecs something is known while they are decoded, for a recording or another codec. The shares are counted ten
times a second, by the clock: a phone that sends nothing while nobody speaks counts as one that sends silence. Runs
compiled (types in `voice_meter.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array

from pbx.media.engine_numbers import NONE, OPUS, QUIET, QUIET_OVER, QUIET_TOLD
from pbx.media.mailbox import Mailbox
from pbx.media.opus_flags import OpusFlags

HEADER = 12
TABLE = 256
LAWS = 2
SPEECH = 69000  # mean square of 16-bit samples at -41.9 dBov
HANGOVER_NS = 200000000
MILLISECOND_NS = 1000000
LONGEST_STEP_NS = 1000000000  # a stall of the machine is nobody's silence
LONG_SILENCE_NS = 20000000000
EVENT_SPARE = 2048


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class VoiceMeter:
    """The ears of all legs. Only the engine's thread may change it."""

    def __init__(self, legs: int, events: Mailbox, decoding: array[int]) -> None:
        """`decoding`: see SoundCodecs."""
        self.events = events
        self.flags = OpusFlags()
        self.squares = array("q", [sample * sample for sample in decoding])
        self.measured = zeros("b", legs)  # whether it speaks can be told now
        self.voice_until = zeros("q", legs)
        self.looked_at = zeros("q", legs)
        self.quiet_since = zeros("q", legs)
        self.told = zeros("b", legs)
        self.joined = zeros("q", legs)  # nanoseconds in which the leg had somebody to talk with …
        self.talk = zeros("q", legs)  # … in which it spoke …
        self.overtalk = zeros("q", legs)  # … in which both spoke …
        self.silence = zeros("q", legs)  # … and in which nobody did

    def open(self, leg: int, now: int) -> int:
        self.measured[leg] = 0
        self.voice_until[leg] = 0
        self.looked_at[leg] = now
        self.quiet_since[leg] = now
        self.told[leg] = 0
        self.joined[leg] = 0
        self.talk[leg] = 0
        self.overtalk[leg] = 0
        self.silence[leg] = 0
        return 0

    def speaks(self, leg: int, law: int) -> int:
        """Its codec from now on: one of the two laws, or another, of which nothing is known yet."""
        self.measured[leg] = 0 <= law < LAWS
        return 0

    def hear(self, leg: int, buf: bytearray, n: int, law: int, decoded: int, now: int) -> int:
        """A frame `buf[12:n]` of this leg. `decoded`: one of another codec is, or will be, given to `hear_sound`."""
        if n <= HEADER:
            return 0
        if law >= LAWS:
            return 0 if decoded else self.read_flags(leg, buf, n, law, now)
        table = law * TABLE
        power = 0
        for at in range(HEADER, n):
            power += self.squares[table + buf[at]]
        if power > SPEECH * (n - HEADER):
            self.voice_until[leg] = now + HANGOVER_NS
        return 0

    def hear_sound(self, leg: int, sound: array[int] | memoryview, at: int, count: int, now: int) -> int:
        """The samples `sound[at:]` of this leg, decoded."""
        power = 0
        for i in range(at, at + count):
            sample = sound[i]
            power += sample * sample
        self.measured[leg] = 1
        if power > SPEECH * count:
            self.voice_until[leg] = now + HANGOVER_NS
        return 0

    def read_flags(self, leg: int, buf: bytearray, n: int, codec: int, now: int) -> int:
        """Of a packet that nobody decodes here only Opus says whether there is a voice in it."""
        voice = self.flags.voice(buf, HEADER, n) if codec == OPUS else NONE
        self.measured[leg] = voice >= 0
        if voice > 0:
            self.voice_until[leg] = now + HANGOVER_NS
        return 0

    def look_after(self, leg: int, other: int, now: int) -> int:
        """Now and then: count the time since the last look. `other`: whom the leg talks with; negative: nobody. Nothing
        is counted where one of the two cannot be measured: half of a talk says nothing of its silences."""
        step = now - self.looked_at[leg]
        self.looked_at[leg] = now
        if other < 0 or not self.measured[leg] or not self.measured[other]:
            self.quiet_since[leg] = now
            return self.tell_voice(leg)
        if step > LONGEST_STEP_NS:
            step = LONGEST_STEP_NS
        speaks = self.voice_until[leg] > now
        other_speaks = self.voice_until[other] > now
        self.joined[leg] += step
        if speaks:
            self.talk[leg] += step
            self.quiet_since[leg] = now
            if other_speaks:
                self.overtalk[leg] += step
            return self.tell_voice(leg)
        if not other_speaks:
            self.silence[leg] += step
        return self.tell_quiet(leg, now - self.quiet_since[leg])

    def tell_voice(self, leg: int) -> int:
        if self.told[leg] and self.events.put(EVENT_SPARE, QUIET, leg, 0, QUIET_OVER):
            self.told[leg] = 0
        return 0

    def tell_quiet(self, leg: int, quiet: int) -> int:
        if self.told[leg] or quiet < LONG_SILENCE_NS:
            return 0
        if self.events.put(EVENT_SPARE, QUIET, leg, quiet // MILLISECOND_NS, QUIET_TOLD):
            self.told[leg] = 1
        return 0

    def shares(self, leg: int) -> tuple[int, ...]:
        """Milliseconds: joined, talk, overtalk, silence."""
        counted = self.joined[leg], self.talk[leg], self.overtalk[leg], self.silence[leg]
        return tuple([each // MILLISECOND_NS for each in counted])
