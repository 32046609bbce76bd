"""What is made of sound in passing, whether it is relayed or mixed: keys pressed as tones, and the recording.

A key's tone is taken out of the sound, for the far side gets the digit in its own way, and no recording needs it. While
an entry is secret, nothing that the leg says is recorded. Runs compiled (types in `overhearing.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array

from pbx.media.engine_numbers import (
    ALAW,
    KEEP_SECRET,
    NONE,
    PAUSE_RECORD,
    RECORD,
    RECORD_ENDED,
    RECORD_LEG,
    STOP_RECORD,
)
from pbx.media.inlet import Inlet
from pbx.media.mailbox import Mailbox
from pbx.media.record_buffers import RecordBuffers
from pbx.media.sound_codecs import SoundCodecs
from pbx.media.tone_detector import ToneDetector
from pbx.media.voice_meter import VoiceMeter

HEADER = 12
BUFFER = 2048
ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Overhearing:
    """Only the engine's thread may call it."""

    def __init__(
        self,
        legs: int,
        recorder: RecordBuffers,
        codecs: SoundCodecs,
        inlet: Inlet,
        voice: VoiceMeter,
        events: Mailbox,
    ) -> None:
        self.legs = legs
        self.events = events
        self.recorder = recorder
        self.codecs = codecs
        self.inlet = inlet
        self.voice = voice
        self.ears = ToneDetector(legs)
        self.is_open = zeros("b", legs)
        self.inband = zeros("b", legs)  # keys come as tones
        self.secret = zeros("b", legs)
        self.spoken = zeros("q", legs)  # codec
        self.said = bytearray(BUFFER)  # a packet of another codec in A-law, for a recording

    def open(self, leg: int) -> int:
        self.is_open[leg] = 1
        self.secret[leg] = 0
        self.recorder.put(leg, NONE)
        return self.listen_for_keys(leg, 0)

    def close(self, leg: int) -> int:
        self.is_open[leg] = 0
        return self.recorder.put(leg, NONE)

    def obey(self, what: int, number: int, value: int, now: int) -> int:
        """A command of recordings, or of a secret entry."""
        if what == RECORD:
            self.recorder.begin(number, now)
        elif what == RECORD_LEG:
            if self.is_open[number]:
                self.recorder.put(number, value)
        elif what == PAUSE_RECORD:
            self.recorder.pause(number, value, now)
        elif what == STOP_RECORD:
            self.stop_recording(number, now)
        elif what == KEEP_SECRET:
            self.secret[number] = value != 0
        return 0

    def stop_recording(self, slot: int, now: int) -> int:
        for leg in range(self.legs):
            if self.recorder.channel[leg] >= 0 and self.recorder.channel[leg] >> 1 == slot:
                self.recorder.put(leg, NONE)
        self.recorder.finish(slot, now)
        return self.events.put(0, RECORD_ENDED, slot, 0, 0)

    def update(self, leg: int, codec: int, inband: int) -> int:
        """What the leg speaks from now on; `inband`: its keys come as tones."""
        if codec != self.spoken[leg]:
            self.spoken[leg] = codec
            self.recorder.forget(leg)
        return self.listen_for_keys(leg, inband)

    def listen_for_keys(self, leg: int, on: int) -> int:
        if on != self.inband[leg]:
            self.inband[leg] = on != 0
            self.ears.clear(leg)
        return 0

    def hear(self, leg: int, buf: bytearray, n: int, sequence: int, stamp: int, ssrc: int, now: int) -> int:
        """The payload `buf[12:n]` of this leg. 0 when it should have been recorded, and could not be."""
        codec = self.codecs.codec[leg]
        plain = self.codecs.is_g711(codec)
        if plain and (self.inband[leg] or self.secret[leg]):
            self.take_keys(leg, codec, buf, n, now)
        if self.recorder.channel[leg] < 0 or self.secret[leg]:
            return 1
        if plain:
            return self.recorder.place(leg, buf, n, sequence, stamp, ssrc, codec, now)
        end = self.codecs.translate(leg, buf, n, self.said)
        if end == HEADER:
            return 0
        self.voice.hear_sound(leg, self.codecs.linear, 0, end - HEADER, now)
        stamp = self.codecs.narrow_stamp(leg, stamp)
        return self.recorder.place(leg, self.said, end, sequence, stamp, ssrc, ALAW, now)

    def decodes(self, leg: int) -> int:
        """Whether packets of another codec than G.711 are decoded here."""
        return self.recorder.channel[leg] >= 0 and not self.secret[leg]

    def take_keys(self, leg: int, law: int, buf: bytearray, n: int, now: int) -> int:
        """Tell the keys that were let go, and put silence in the place of those that sound."""
        count = self.codecs.decode_g711(law, buf, HEADER, n, self.codecs.linear, 0)
        if self.ears.hear(leg, self.codecs.linear, count) and self.inband[leg]:
            self.inlet.tell_key(leg, self.ears.ended, self.ears.ended_ms, now)
        if self.ears.sounds(leg):
            silence = ALAW_SILENCE if law == ALAW else ULAW_SILENCE
            for i in range(HEADER, n):
                buf[i] = silence
        return 0
