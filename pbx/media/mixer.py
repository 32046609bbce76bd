"""What each member of a room hears in the next 20 ms.

Of many members only the loudest few are mixed: the others are silent, or would not be understood. Members that hear the
same sources at the same gains hear one mix, which is encoded once for all of one codec. Sums are exact and saturate at
16 bits. Runs compiled (types in `mixer.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array

import cython

from pbx.media.engine_numbers import FRAME, MEMBERS, MIXED, NONE, PLAY_DONE, PLAY_FAILED, UNITY, VOICES
from pbx.media.jitter_buffer import JitterBuffer
from pbx.media.outlet import Outlet
from pbx.media.players import Players
from pbx.media.resampling import Resampler
from pbx.media.rooms import Rooms
from pbx.media.sound_codecs import SoundCodecs
from pbx.media.voice_meter import VoiceMeter

TALKERS = 8  # members mixed at once
SOURCES = TALKERS + VOICES
NARROW = 8000  # hertz, as prompts are
WIDEST = 960  # samples in 20 ms at 48 kHz
FRAMES_A_SECOND = 50
QUIET = 32  # mean of the samples: where there are more members than TALKERS, this is not worth mixing
MEMORY = 16  # frames that loudness is remembered
SHARED_CODECS = 2  # as numbered in engine_numbers, from 0
HIGHEST = 32767
LOWEST = -32768
HEADER = 12


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Mixer:
    """All rooms' turns, one after the other. Only the engine's thread may call it."""

    def __init__(
        self,
        legs: int,
        count: int,
        rooms: Rooms,
        codecs: SoundCodecs,
        jitter: JitterBuffer,
        players: Players,
        outlet: Outlet,
        voice: VoiceMeter,
    ) -> None:
        """For `count` rooms."""
        self.rooms = rooms
        self.codecs = codecs
        self.jitter = jitter
        self.players = players
        self.outlet = outlet
        self.voice = voice
        self.broken = zeros("b", count)
        self.begun = 0  # turns of rooms begun and finished: the difference is faults
        self.finished = 0
        self.loudness = zeros("q", legs)
        # Scratch of one turn. Views: a slice of another length cannot change theirs.
        self.frames = memoryview(array("h", bytes(2 * (MEMBERS + VOICES) * WIDEST)))  # of each member and voice
        self.sounds = zeros("b", MEMBERS)
        self.chosen = zeros("b", MEMBERS)
        self.source = zeros("q", SOURCES)  # the frames that are mixed: place, or MEMBERS + voice
        self.sources = 0
        self.total = zeros("i", WIDEST)
        self.mixed = memoryview(array("h", bytes(2 * MEMBERS * WIDEST)))
        self.gain_before = zeros("q", MEMBERS * SOURCES)  # of each mix's sources
        self.gain_after = zeros("q", MEMBERS * SOURCES)
        self.mixes = 0
        self.coded = memoryview(bytearray(MEMBERS * SHARED_CODECS * WIDEST))
        self.coded_octets = zeros("q", MEMBERS * SHARED_CODECS)  # 0: not encoded yet
        self.prompt = memoryview(bytearray(HEADER + FRAME))
        self.narrow = memoryview(array("h", bytes(2 * FRAME)))  # a prompt's frame before it is widened
        self.resampler = Resampler(count * VOICES)

    def faults(self) -> int:
        return self.begun - self.finished

    def step(self, room: int, due: int) -> None:
        """One room's turn. An exception ends here: reported as unraisable, counted, and the end of its voices."""
        self.begun += 1
        if self.broken[room]:
            self.broken[room] = 0
            self.rooms.stop_voices(room, PLAY_FAILED, due)
        self.broken[room] = 1
        if self.rooms.mixing[room]:
            self.turn(room, self.rooms.rate[room], due)
        self.broken[room] = 0
        self.finished += 1

    def translate(self, leg: int, due: int) -> None:
        """One leg's turn in a bridge of unlike codecs: 20 ms of the other, made anew. Contained like `step`."""
        self.begun += 1
        other = self.rooms.peer[leg]
        rate = self.codecs.common_rate(leg, other)
        sounds = self.take(other, rate, 0, due)
        if (sounds or self.jitter.is_heard_pausing(other)) and self.outlet.is_free(leg):
            n = self.codecs.encode(leg, self.frames, 0, rate, self.outlet.frame)
            self.outlet.send_sound(leg, n, MIXED, due)
        self.finished += 1

    def turn(self, room: int, rate: int, due: int) -> int:
        base = room * MEMBERS
        self.listen(room, rate, due)
        self.choose(room)
        self.add_voices(room, rate)
        self.mixes = 0
        for place in range(self.rooms.top[room]):
            leg = self.rooms.member[base + place]
            if leg >= 0 and self.outlet.is_free(leg):
                self.send(leg, self.mix_for(room, place, leg, rate), rate, due)
        self.finish_fading(room)
        for number in range(VOICES):
            player = self.players.voice(room, number)
            if self.players.playback[player] and self.players.is_done(player):
                self.rooms.stop_voice(room, number, PLAY_DONE, due)
        return 0

    # ---- what there is to hear -------------------------------------------------------------------------------------

    def listen(self, room: int, rate: int, due: int) -> int:
        """Take everybody's 20 ms, and measure them."""
        base = room * MEMBERS
        count = rate // FRAMES_A_SECOND
        for place in range(self.rooms.top[room]):
            leg = self.rooms.member[base + place]
            self.sounds[place] = 0
            if leg < 0:
                continue
            at = place * WIDEST
            self.sounds[place] = self.take(leg, rate, at, due)
            level = 0
            if self.sounds[place]:
                for i in range(at, at + count):
                    sample = self.frames[i]
                    level += sample if sample >= 0 else -sample
                level //= count
            faded = self.loudness[leg] - self.loudness[leg] // MEMORY
            self.loudness[leg] = max(level, faded)
        return 0

    def take(self, leg: int, rate: int, at: int, due: int) -> int:
        """This leg's 20 ms into `frames[at:]`. Of G.711 the meter has heard already what came."""
        sounds = self.jitter.take(leg, rate, self.frames, at, due)
        if not self.codecs.is_g711(self.codecs.codec[leg]):
            self.voice.hear_sound(leg, self.frames, at, rate // FRAMES_A_SECOND if sounds else 0, due)
        return sounds

    def choose(self, room: int) -> int:
        """The members that are mixed: all who sound where they are few, else the loudest."""
        base = room * MEMBERS
        top = self.rooms.top[room]
        crowd = self.rooms.size[room] > TALKERS
        candidates = 0
        for place in range(top):
            self.chosen[place] = 0
            if (
                not self.sounds[place]
                or (self.rooms.muted[base + place] and not self.rooms.fading[room])
                or (crowd and self.loudness[self.rooms.member[base + place]] < QUIET)
            ):
                self.sounds[place] = 0
            else:
                candidates += 1
        for _ in range(min(candidates, TALKERS)):
            self.chosen[self.loudest(base, top)] = 1
        self.sources = 0
        for place in range(top):
            if self.chosen[place]:
                self.source[self.sources] = place
                self.sources += 1
        return 0

    def loudest(self, base: int, top: int) -> int:
        """Among those that sound and are not chosen yet, of whom there is one."""
        found = NONE
        most = NONE
        for place in range(top):
            if self.sounds[place] and not self.chosen[place] and self.loudness[self.rooms.member[base + place]] > most:
                most = self.loudness[self.rooms.member[base + place]]
                found = place
        return found

    def add_voices(self, room: int, rate: int) -> int:
        """Prompts and music of the room are sources like members."""
        for number in range(VOICES):
            player = self.players.voice(room, number)
            if self.players.playback[player]:
                self.players.read(player, self.prompt)
                law = self.players.law[player]
                at = (MEMBERS + number) * WIDEST
                if rate == NARROW:
                    self.codecs.decode_g711(law, self.prompt, HEADER, HEADER + FRAME, self.frames, at)
                else:
                    self.codecs.decode_g711(law, self.prompt, HEADER, HEADER + FRAME, self.narrow, 0)
                    self.resampler.widen(room * VOICES + number, self.narrow, 0, FRAME, self.frames, at)
                self.source[self.sources] = MEMBERS + number
                self.sources += 1
        return 0

    # ---- who hears what --------------------------------------------------------------------------------------------

    def mix_for(self, room: int, place: int, leg: int, rate: int) -> int:
        """The number of the mix that this member hears; a new one when nobody had the same yet."""
        row = self.mixes * SOURCES
        for number in range(self.sources):
            self.weigh(room, place, leg, number, row + number)
        for mix in range(self.mixes):
            if self.is_same(mix * SOURCES, row):
                return mix
        self.blend(row, self.mixes * WIDEST, rate // FRAMES_A_SECOND)
        for codec in range(SHARED_CODECS):
            self.coded_octets[self.mixes * SHARED_CODECS + codec] = 0
        self.mixes += 1
        return self.mixes - 1

    def weigh(self, room: int, place: int, leg: int, number: int, cell: int) -> int:
        """How loud a source is for a member, when this turn begins and when it ends."""
        source = self.source[number]
        if source >= MEMBERS:
            voice = source - MEMBERS
            after = self.voice_gain(room, voice)
            before = self.rooms.voice_applied[room * VOICES + voice]
            only = self.rooms.voice_only[room * VOICES + voice]
            if only >= 0 and only != leg:
                after = before = 0
        else:
            talker = room * MEMBERS + source
            pair = (room * MEMBERS + place) * MEMBERS + source
            after = 0 if self.rooms.muted[talker] else self.rooms.gain[pair]
            before = self.rooms.applied[pair] if self.rooms.fading[room] else after
        self.gain_after[cell] = after
        self.gain_before[cell] = after if before < 0 else before
        return 0

    def voice_gain(self, room: int, voice: int) -> int:
        """What the command said, less what other voices duck it."""
        gain = self.rooms.voice_gain[room * VOICES + voice]
        for other in range(VOICES):
            if other != voice and self.players.playback[self.players.voice(room, other)]:
                gain = gain * self.rooms.voice_duck[room * VOICES + other] // UNITY
        return gain

    def is_same(self, row: int, other: int) -> int:
        for number in range(self.sources):
            if self.gain_after[row + number] != self.gain_after[other + number]:
                return 0
            if self.gain_before[row + number] != self.gain_before[other + number]:
                return 0
        return 1

    def blend(self, row: int, out: int, count: int) -> int:
        """Add the sources up into `mixed[out:]`."""
        for i in range(count):
            self.total[i] = 0
        for number in range(self.sources):
            before = self.gain_before[row + number]
            after = self.gain_after[row + number]
            at = self.source[number] * WIDEST
            if before == UNITY and after == UNITY:
                for i in range(count):
                    self.total[i] += self.frames[at + i]
            elif before == after:
                if after:
                    for i in range(count):
                        self.total[i] += self.frames[at + i] * after // UNITY
            else:
                for i in range(count):
                    self.total[i] += self.frames[at + i] * (before + (after - before) * i // count) // UNITY
        for i in range(count):
            self.mixed[out + i] = min(max(self.total[i], LOWEST), HIGHEST)
        return 0

    def send(self, leg: int, mix: int, rate: int, due: int) -> int:
        codec = self.outlet.law[leg]
        if not self.codecs.is_shared(codec):
            return self.outlet.send_sound(
                leg, self.codecs.encode(leg, self.mixed, mix * WIDEST, rate, self.outlet.frame), MIXED, due
            )
        number = mix * SHARED_CODECS + codec
        at = number * WIDEST
        octets = self.coded_octets[number]
        if octets:
            self.outlet.frame[HEADER : HEADER + octets] = self.coded[at : at + octets]
        else:
            octets = self.codecs.encode(leg, self.mixed, mix * WIDEST, rate, self.outlet.frame) - HEADER
            self.coded[at : at + octets] = self.outlet.frame[HEADER : HEADER + octets]
            self.coded_octets[number] = octets
        return self.outlet.send_sound(leg, HEADER + octets, MIXED, due)

    def finish_fading(self, room: int) -> int:
        """What was changed has been heard."""
        for number in range(VOICES):
            if self.players.playback[self.players.voice(room, number)]:
                self.rooms.voice_applied[room * VOICES + number] = self.voice_gain(room, number)
        if not self.rooms.fading[room]:
            return 0
        self.rooms.fading[room] = 0
        base = room * MEMBERS
        for place in range(self.rooms.top[room]):
            row = (base + place) * MEMBERS
            for talker in range(self.rooms.top[room]):
                muted = self.rooms.muted[base + talker]
                self.rooms.applied[row + talker] = 0 if muted else self.rooms.gain[row + talker]
        return 0


if not cython.compiled:
    from pbx.media.udp_python import contain

    contain(Mixer, "step", "translate")  # compiled: `noexcept` in mixer.pxd
