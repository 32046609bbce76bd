"""Each leg's codec: from payload octets to 16-bit linear samples and back. The seam at which codecs plug in.

A leg in a mixing room is decoded (by its `JitterBuffer`) into linear frames of the room's rate, and what it shall hear
is encoded out of one. A relayed leg comes here only to be recorded: `monitor` decodes a packet as it passes. A codec is
known by its number in `engine_numbers`; G.711 is done here, the others by the system's libraries. Runs compiled (types
in `sound_codecs.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import cython

from pbx.media.comfort_noise import ComfortNoise
from pbx.media.concealment import Concealment
from pbx.media.engine_numbers import ALAW, CALLS, CODECS, G722, GSM, LEND, OPUS, SPEEX, SPEEX_WIDE, ULAW
from pbx.media.opus_flags import OpusFlags
from pbx.media.resampling import Resampler
from pbx.media.speex_frames import SpeexFrames

if not cython.compiled:
    from pbx.media.codec_python import (
        g722_decode,
        g722_encode,
        gsm_decode,
        gsm_encode,
        opus_decode,
        opus_encode,
        opus_tune,
        speex_decode,
        speex_encode,
    )

if TYPE_CHECKING:
    Octets = bytearray | memoryview
    Samples = array[int] | memoryview

HEADER = 12
FRAMES_A_SECOND = 50  # 20 ms each
NARROW = 8000  # hertz
WIDE = 16000
OPUS_CLOCK = 48000  # RFC 7587 §4.1: whatever the sound's own rate
LONGEST = 5760  # samples of one packet: 120 ms at 48 kHz
OPUS_PAUSE = 2  # octets: a packet of so few says that the sender pauses (DTX)
GSM_FRAME = 33  # octets, 20 ms: RFC 3551 §4.5.8
MOST_OCTETS = 160  # of an encoded frame of 20 ms
DECODINGS = 256
ENCODINGS = 65536
MASK16 = 0xFFFF
MASK32 = 0xFFFFFFFF
HALF32 = 0x80000000


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class SoundCodecs:
    """Only the engine's thread may call it. `lane` is a leg, or beyond the last leg the same leg's monitor."""

    def __init__(self, legs: int, decoding: array[int], encoding: bytes, calls: array[int]) -> None:
        """`decoding`: the samples of µ-law's 256 octets, then A-law's. `encoding`: µ-law's octet of each of the 65,536
        values of a sample (as unsigned), then A-law's. `calls`: see `codec_libraries.call_table`."""
        self.legs = legs
        self.codec = zeros("q", 2 * legs)
        self.encoder = zeros("q", legs)  # addresses of what the library keeps; 0: nothing
        self.decoder = zeros("q", 2 * legs)
        self.decoding = array("h", decoding)
        self.encoding = bytearray(encoding)
        self.calls = array("q", calls)
        self.bits = self.calls[CODECS * CALLS]
        self.concealment = Concealment(legs)
        self.noise = ComfortNoise(legs)
        self.speex = SpeexFrames()
        self.flags = OpusFlags()
        self.inward = Resampler(2 * legs)
        self.outward = Resampler(legs)
        self.sound = memoryview(zeros("h", LONGEST))  # at the codec's own rate
        self.payload = memoryview(bytearray(MOST_OCTETS))
        self.linear = memoryview(zeros("h", LONGEST))  # at 8 kHz
        self.stamp = zeros("q", legs)  # timestamp monitored last
        self.ticked = zeros("q", legs)  # how far it has come, from any beginning

    # ---- what a leg speaks ---------------------------------------------------------------------------------------

    def obey(self, what: int, leg: int, at: int, cells: array[int]) -> int:
        """The command LEND or TUNE whose row begins at `cells[at]`."""
        if what == LEND:
            return self.lend(leg, cells[at + 2], cells[at + 3], cells[at + 4])
        return self.tune(leg, cells[at + 2], cells[at + 3])

    def lend(self, leg: int, encoder: int, decoder: int, monitor: int) -> int:
        """The states of the codec that is chosen next."""
        self.encoder[leg] = encoder
        self.decoder[leg] = decoder
        self.decoder[self.legs + leg] = monitor
        return 0

    def tune(self, leg: int, request: int, value: int) -> int:
        """A setting of the leg's Opus encoder; nothing where it speaks another codec."""
        if self.codec[leg] == OPUS:
            opus_tune(self.calls, OPUS * CALLS + 2, self.encoder[leg], request, value)
        return 0

    def choose(self, leg: int, codec: int) -> int:
        """What this leg speaks from now on."""
        return 0 if codec == self.codec[leg] else self.begin(leg, codec)

    def begin(self, leg: int, codec: int) -> int:
        """The same, and nothing is remembered of what was heard before."""
        self.codec[leg] = codec
        self.codec[self.legs + leg] = codec
        self.concealment.clear(leg)
        self.inward.clear(leg)
        self.inward.clear(self.legs + leg)
        return self.outward.clear(leg)

    def ticks(self, leg: int) -> int:
        """RTP timestamp units in 20 ms of this leg's sound."""
        return self.clock_of(self.codec[leg]) // FRAMES_A_SECOND

    def clock_of(self, codec: int) -> int:
        """The RTP clock. RFC 3551 §4.5.2: "Even though the actual sampling rate for G.722 audio is 16,000 Hz, the RTP
        clock rate for the G722 payload format is 8,000 Hz"."""
        if codec == OPUS:
            return OPUS_CLOCK
        return WIDE if codec == SPEEX_WIDE else NARROW

    def rate_of(self, codec: int) -> int:
        """Samples a second, as its library takes and gives them."""
        return WIDE if codec in (OPUS, G722, SPEEX_WIDE) else NARROW

    def common_rate(self, leg: int, other: int) -> int:
        """The sampling rate at which one's sound is made into the other's."""
        return min(self.rate_of(self.codec[leg]), self.rate_of(self.codec[other]))

    def is_g711(self, codec: int) -> int:
        return codec in (ULAW, ALAW)

    def is_shared(self, codec: int) -> int:
        """Whether one encoding serves all legs of this codec that hear the same: it has no memory and no settings."""
        return self.is_g711(codec)

    # ---- hearing -------------------------------------------------------------------------------------------------

    def decode(self, leg: int, buf: Octets, start: int, end: int, out: Samples, at: int, rate: int) -> int:
        """The payload `buf[start:end]` as samples of `rate` hertz in `out[at:]`. Returns how many; 0: it is broken."""
        got = self.fit(leg, self.unpack(leg, buf, start, end), out, at, rate)
        if got:
            self.concealment.hear(leg, out, at, got, rate)
        return got

    def monitor(self, leg: int, buf: Octets, start: int, end: int) -> int:
        """The same by the leg's second decoder, at 8 kHz into `linear`, for what is heard in passing."""
        lane = self.legs + leg
        return self.fit(lane, self.unpack(lane, buf, start, end), self.linear, 0, NARROW)

    def translate(self, leg: int, buf: Octets, n: int, out: Octets) -> int:
        """The payload `buf[12:n]` in A-law in `out[12:]`, for a recording. Returns where it ends."""
        count = self.monitor(leg, buf, HEADER, n)
        if count > len(out) - HEADER:
            return HEADER
        for i in range(count):
            out[HEADER + i] = self.encoding[ALAW * ENCODINGS + (self.linear[i] & MASK16)]
        return HEADER + count

    def narrow_stamp(self, leg: int, stamp: int) -> int:
        """The timestamp on a clock of 8 kHz that goes on where the leg's own one wraps."""
        self.ticked[leg] += ((stamp - self.stamp[leg] + HALF32) & MASK32) - HALF32
        self.stamp[leg] = stamp
        return self.ticked[leg] * NARROW // self.clock_of(self.codec[leg]) & MASK32

    def conceal(self, leg: int, out: Samples, at: int, count: int, rate: int) -> int:
        """`count` samples in place of some that were lost. 0 when all that there is is silence."""
        if self.codec[leg] == OPUS:
            most = count * self.rate_of(OPUS) // rate
            at_calls = OPUS * CALLS + 1
            got = opus_decode(self.calls, at_calls, self.decoder[leg], self.payload, 0, 0, self.sound, most, 0)
            if self.fit(leg, got, out, at, rate) == count:
                return 1
        elif self.codec[leg] == SPEEX or self.codec[leg] == SPEEX_WIDE:
            got = self.unpack(leg, self.payload, 0, 0)
            if got * rate == count * self.rate_of(self.codec[leg]):
                self.fit(leg, got, out, at, rate)
                return 1
        return self.concealment.conceal(leg, out, at, count, rate)

    def recover(self, leg: int, buf: Octets, start: int, end: int, out: Samples, at: int, count: int, rate: int) -> int:
        """`count` samples of a lost packet out of what the next one, `buf[start:end]`, says of it. 0: it cannot."""
        if self.codec[leg] != OPUS:
            return 0
        most = count * self.rate_of(OPUS) // rate
        call = OPUS * CALLS + 1
        got = opus_decode(self.calls, call, self.decoder[leg], buf, start, end, self.sound, most, 1)
        return self.fit(leg, got, out, at, rate) == count

    def may_pause(self, leg: int, buf: Octets, start: int, end: int) -> int:
        """Whether nobody speaks in the payload `buf[start:end]`: then the sender may send nothing for a while, and the
        decoder makes the silence. RFC 7587 §3.1.3: nothing announces a pause."""
        return self.codec[leg] == OPUS and (end - start <= OPUS_PAUSE or self.flags.voice(buf, start, end) == 0)

    def unpack(self, lane: int, buf: Octets, start: int, end: int) -> int:
        """A payload into `sound`, at the codec's own rate. Returns how many samples."""
        codec = self.codec[lane]
        if self.is_g711(codec):
            return self.decode_g711(codec, buf, start, end, self.sound, 0) if end - start <= LONGEST else 0
        state = self.decoder[lane]
        call = codec * CALLS + 1
        if codec == OPUS:
            return opus_decode(self.calls, call, state, buf, start, end, self.sound, LONGEST, 0)
        if codec == G722:
            return g722_decode(self.calls, call, state, buf, start, end, self.sound)
        if codec == GSM:
            return self.unpack_gsm(state, buf, start, end)
        if end > start and not self.speex.are_whole(buf, start, end, codec == SPEEX_WIDE):
            return 0
        return speex_decode(self.calls, call - 1, state, self.bits, buf, start, end, self.sound, self.frame_of(codec))

    def decode_g711(self, law: int, buf: Octets, start: int, end: int, out: Samples, at: int) -> int:
        """Octets of one law as samples of 8 kHz in `out[at:]`: what a leg says, or a prompt. Returns how many."""
        table = law * DECODINGS
        for i in range(end - start):
            out[at + i] = self.decoding[table + buf[start + i]]
        return end - start

    def unpack_gsm(self, state: int, buf: Octets, start: int, end: int) -> int:
        done = 0
        while start + GSM_FRAME <= end and done + NARROW // FRAMES_A_SECOND <= LONGEST:
            got = gsm_decode(self.calls, GSM * CALLS + 1, state, buf, start, self.sound, done)
            if not got:
                return done
            done += got
            start += GSM_FRAME
        return done

    def fit(self, lane: int, count: int, out: Samples, at: int, rate: int) -> int:
        """`sound` into `out[at:]` at the rate that is wanted."""
        own = self.rate_of(self.codec[lane])
        if own < rate:
            return self.inward.widen(lane, self.sound, 0, count, out, at)
        if own > rate:
            return self.inward.narrow_down(lane, self.sound, 0, count, out, at)
        for i in range(count):
            out[at + i] = self.sound[i]
        return count

    def frame_of(self, codec: int) -> int:
        """Samples in 20 ms at the codec's own rate."""
        return self.rate_of(codec) // FRAMES_A_SECOND

    # ---- speaking ------------------------------------------------------------------------------------------------

    def encode(self, leg: int, frame: Samples, at: int, rate: int, buf: Octets) -> int:
        """20 ms of `frame[at:]`, at `rate` hertz, as a payload in `buf[12:]`. Returns where it ends in `buf`."""
        codec = self.codec[leg]
        count = rate // FRAMES_A_SECOND
        own = self.rate_of(codec)
        if own < rate:
            count = self.outward.narrow_down(leg, frame, at, count, self.sound, 0)
        elif own > rate:
            count = self.outward.widen(leg, frame, at, count, self.sound, 0)
        else:
            for i in range(count):
                self.sound[i] = frame[at + i]
        if self.is_g711(codec):
            table = codec * ENCODINGS
            for i in range(count):
                buf[HEADER + i] = self.encoding[table + (self.sound[i] & MASK16)]
            return HEADER + count
        n = self.pack(leg, codec, count)
        for i in range(n):
            buf[HEADER + i] = self.payload[i]
        return HEADER + n

    def pack(self, leg: int, codec: int, count: int) -> int:
        """20 ms of `sound` into `payload`. Returns how many octets; 0 for a pause, or when the library refuses."""
        state = self.encoder[leg]
        call = codec * CALLS
        if codec == OPUS:
            n = opus_encode(self.calls, call, state, self.sound, count, self.payload, 0)
            return n if n > OPUS_PAUSE else 0  # opus.h: "If the return value is 2 bytes or less", nothing need be sent
        if codec == G722:
            return g722_encode(self.calls, call, state, self.sound, count, self.payload, 0)
        if codec == GSM:
            return gsm_encode(self.calls, call, state, self.sound, 0, self.payload, 0)
        return speex_encode(self.calls, call, state, self.bits, self.sound, count, self.payload, 0)
