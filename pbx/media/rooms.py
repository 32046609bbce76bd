"""Rooms: everything with more than two ends, as a matrix of gains. Who is in, who hears whom how loudly, who plays.

A room of two who hear each other plainly is relayed on arrival (`peer`), like a bridge. When a third comes, a gain is
another than 1, somebody is muted, or a voice plays, the `Mixer` has its turn every 20 ms; when that is over, the room
is relayed again. Either way each listener hears one RTP stream, since all numbering is the outlet's.

A gain is heard when the mixer has its next turn, faded over that turn's 20 ms. Runs compiled (types in `rooms.pxd`)
and interpreted.
"""

from __future__ import annotations

import mmap
from array import array

from pbx.media.engine_numbers import (
    GAIN,
    JOIN,
    LEAVE,
    LOUDEST,
    MEMBERS,
    MUTE,
    NONE,
    PLAY_CLOSED,
    ROOM_CLOSE,
    ROOM_CLOSED,
    ROOM_OPEN,
    ROOM_PLAY,
    ROOM_STOP_PLAY,
    UNITY,
    VOICES,
)
from pbx.media.inlet import Inlet
from pbx.media.jitter_buffer import JitterBuffer
from pbx.media.mailbox import Mailbox
from pbx.media.outlet import Outlet
from pbx.media.players import Players
from pbx.media.slot_clock import SlotClock
from pbx.media.sound_codecs import SoundCodecs

BUFFER = 2048
KNOWN = 50  # packets, after which a leg's jitter says something
CALM_MS = 4
HEADER = 12
NARROW = 8000  # hertz
WIDE = 16000
MASK32 = 0xFFFFFFFF


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Rooms:
    """Only the engine's thread may call it. A leg is in one room at most; its number there is its `place`."""

    def __init__(
        self,
        legs: int,
        rooms: int,
        inlet: Inlet,
        events: Mailbox,
        codecs: SoundCodecs,
        jitter: JitterBuffer,
        players: Players,
        outlet: Outlet,
        slot_clock: SlotClock,
    ) -> None:
        self.legs = legs
        self.inlet = inlet
        self.events = events
        self.codecs = codecs
        self.jitter = jitter
        self.players = players
        self.outlet = outlet
        self.slot_clock = slot_clock
        self.present = zeros("b", legs)  # open
        self.peer = array("i", [NONE] * legs)  # whom a leg's packets are relayed to
        self.room = array("i", [NONE] * legs)
        self.place = zeros("q", legs)
        self.mixed = zeros("b", legs)  # its packets go into the jitter buffer
        self.translated = zeros("b", legs)  # in a bridge whose ends speak unlike codecs
        self.buf = bytearray(BUFFER)
        self.make_rooms(rooms)

    def make_rooms(self, rooms: int) -> None:
        self.is_open = zeros("b", rooms)
        self.rate = zeros("q", rooms)
        self.passes_events = zeros("b", rooms)
        self.size = zeros("q", rooms)  # members
        self.top = zeros("q", rooms)  # places from here on are free
        self.mixing = zeros("b", rooms)
        self.fading = zeros("b", rooms)  # gains have changed since the mixer's last turn
        self.member = array("i", [NONE] * (rooms * MEMBERS))
        self.hears = zeros("q", rooms * MEMBERS)  # gain of those who come later, to this member
        self.heard = zeros("q", rooms * MEMBERS)  # and of this member, to those who come later
        self.muted = zeros("b", rooms * MEMBERS)
        # [room, listener, talker]; pages that no room has touched cost nothing.
        self.gain_memory = mmap.mmap(-1, 2 * rooms * MEMBERS * MEMBERS)
        self.gain = memoryview(self.gain_memory).cast("h")
        self.applied_memory = mmap.mmap(-1, 2 * rooms * MEMBERS * MEMBERS)
        self.applied = memoryview(self.applied_memory).cast("h")  # at the end of the mixer's last turn
        self.voice_gain = zeros("q", rooms * VOICES)
        self.voice_applied = zeros("q", rooms * VOICES)
        self.voice_duck = zeros("q", rooms * VOICES)  # what the other voices' gains are multiplied with meanwhile
        self.voice_only = zeros("q", rooms * VOICES)  # the one leg that hears it; NONE: all

    def obey(self, what: int, room: int, at: int, cells: array[int], now: int) -> int:
        """The command whose row begins at `cells[at]`."""
        if what == ROOM_OPEN:
            self.open(room, cells[at + 2], cells[at + 3])
        elif what == ROOM_CLOSE:
            self.close(room, now)
        elif what == JOIN:
            self.join(room, cells[at + 2], cells[at + 3], cells[at + 4], now)
        elif what == LEAVE:
            if self.room[cells[at + 2]] == room:
                self.leave(cells[at + 2], now)
        elif what == GAIN:
            self.set_gain(room, cells[at + 2], cells[at + 3], cells[at + 4], now)
        elif what == MUTE:
            self.mute(room, cells[at + 2], cells[at + 3], now)
        elif cells[at + 2] >= VOICES:
            return 0
        elif what == ROOM_PLAY:
            self.play(room, cells[at + 2], at + 3, cells, now)
        elif what == ROOM_STOP_PLAY:
            self.stop_voice(room, cells[at + 2], cells[at + 3], now)
        return 0

    # ---- the life of a room ----------------------------------------------------------------------------------------

    def open(self, room: int, rate: int, passes_events: int) -> int:
        self.rate[room] = WIDE if rate == WIDE else NARROW
        self.passes_events[room] = passes_events != 0
        self.is_open[room] = 1
        return 0

    def close(self, room: int, now: int) -> int:
        if not self.is_open[room]:
            return 0
        self.is_open[room] = 0
        for number in range(room * MEMBERS, room * MEMBERS + self.top[room]):
            if self.member[number] >= 0:
                self.leave(self.member[number], now)
        self.stop_voices(room, PLAY_CLOSED, now)
        return self.events.put(0, ROOM_CLOSED, room, 0, 0)

    def join(self, room: int, leg: int, hears: int, heard: int, now: int) -> int:
        """Nothing happens where there is no such leg or room, or no place in it. `hears`: the gain of all others to
        this leg; `heard`: its own to them. Both count for those who come later, too: a gain is the product of both."""
        self.leave(leg, now)
        place = self.free_place(room)
        if not self.present[leg] or not self.is_open[room] or place < 0:
            return 0
        base = room * MEMBERS
        self.room[leg] = room
        self.place[leg] = place
        self.member[base + place] = leg
        self.hears[base + place] = self.bounded(hears)
        self.heard[base + place] = self.bounded(heard)
        self.muted[base + place] = 0
        self.size[room] += 1
        if place >= self.top[room]:
            self.top[room] = place + 1
        for other in range(self.top[room]):
            mine = (base + place) * MEMBERS + other
            theirs = (base + other) * MEMBERS + place
            self.gain[mine] = 0
            self.gain[theirs] = 0
            self.applied[mine] = 0
            self.applied[theirs] = 0
            if other != place and self.member[base + other] >= 0:
                self.gain[mine] = self.product(self.hears[base + place], self.heard[base + other])
                self.gain[theirs] = self.product(self.hears[base + other], self.heard[base + place])
        self.begin_buffering(leg)
        self.fading[room] = 1
        self.mixed[leg] = self.mixing[room]
        self.settle(room, now)
        return self.inlet.open_window(leg, now)

    def free_place(self, room: int) -> int:
        for place in range(MEMBERS):
            if self.member[room * MEMBERS + place] < 0:
                return place
        return NONE

    def bounded(self, gain: int) -> int:
        return min(max(gain, 0), LOUDEST)

    def product(self, one: int, other: int) -> int:
        return min(one * other // UNITY, LOUDEST)

    def leave(self, leg: int, now: int) -> int:
        """Out of its room, or its bridge."""
        self.part(leg)
        room = self.room[leg]
        if room < 0:
            return 0
        base = room * MEMBERS
        self.member[base + self.place[leg]] = NONE
        self.room[leg] = NONE
        self.mixed[leg] = 0
        self.size[room] -= 1
        while self.top[room] and self.member[base + self.top[room] - 1] < 0:
            self.top[room] -= 1
        for number in range(VOICES):
            if self.voice_only[room * VOICES + number] == leg:
                self.players.stop(self.players.voice(room, number), PLAY_CLOSED)
        return self.settle(room, now)

    # ---- relayed, or mixed -----------------------------------------------------------------------------------------

    def bridge(self, leg: int, other: int, now: int) -> int:
        """Two without a room."""
        self.leave(leg, now)
        self.leave(other, now)
        self.peer[leg] = other
        self.peer[other] = leg
        self.settle_bridge(leg, now)
        self.inlet.open_window(leg, now)
        return self.inlet.open_window(other, now)

    def part(self, leg: int) -> int:
        other = self.peer[leg]
        if other >= 0:
            self.peer[other] = NONE
            self.peer[leg] = NONE
            self.outlet.hush(leg)
            self.outlet.hush(other)
            self.translate(leg, 0, 0)
            self.translate(other, 0, 0)
        return 0

    def partner(self, leg: int) -> int:
        """Whom this leg talks with: in a room the first of those whom it hears. NONE: nobody."""
        room = self.room[leg]
        if self.peer[leg] >= 0 or room < 0:
            return self.peer[leg]
        row = (room * MEMBERS + self.place[leg]) * MEMBERS
        for place in range(self.top[room]):
            if self.member[room * MEMBERS + place] >= 0 and self.gain[row + place]:
                return self.member[room * MEMBERS + place]
        return NONE

    def look_again(self, leg: int, now: int) -> int:
        """The leg speaks another codec now, perhaps."""
        if self.room[leg] >= 0:
            return self.settle(self.room[leg], now)
        return self.settle_bridge(leg, now)

    def settle_bridge(self, leg: int, now: int) -> int:
        """Two of unlike codecs are no relay: each one's sound is taken, and made anew for the other, on the clock."""
        other = self.peer[leg]
        if other < 0:
            return 0
        unlike = not self.outlet.is_alike(leg, other)
        self.translate(leg, unlike, now)
        return self.translate(other, unlike, now)

    def translate(self, leg: int, on: int, now: int) -> int:
        if on == self.translated[leg]:
            return 0
        self.translated[leg] = on
        self.mixed[leg] = on
        self.outlet.clocked[leg] = on
        self.outlet.hush(leg)
        self.begin_buffering(leg)
        return self.slot_clock.add(leg, now) if on else 0

    def begin_buffering(self, leg: int) -> int:
        """From now on its packets wait for the mixer."""
        jitter = self.inlet.jitter16[leg] >> 4
        calm = self.inlet.received[leg] >= KNOWN and jitter < CALM_MS * self.inlet.clock[leg]
        return self.jitter.start(leg, self.inlet.ssrc[leg], calm)

    def settle(self, room: int, now: int) -> int:
        """After every change: mix only where relaying would not do."""
        plain = self.is_plain(room)
        mixing = self.size[room] > 0 and not plain
        if mixing != self.mixing[room]:
            self.mixing[room] = mixing
            for number in range(room * MEMBERS, room * MEMBERS + self.top[room]):
                leg = self.member[number]
                if leg >= 0:
                    self.part(leg)
                    self.mixed[leg] = mixing
                    if mixing:
                        self.begin_buffering(leg)
            if mixing:
                self.slot_clock.add(self.legs + room, now)
            else:
                self.slot_clock.remove(self.legs + room)
        if plain:
            self.relay(room, now)
        return 0

    def is_plain(self, room: int) -> int:
        """Whether two members hear each other as they are, and nothing else."""
        if self.size[room] != 2:
            return 0
        for number in range(VOICES):
            if self.players.playback[self.players.voice(room, number)]:
                return 0
        base = room * MEMBERS
        first = self.place[self.next_member(room, 0)]
        second = self.place[self.next_member(room, first + 1)]
        if self.gain[(base + first) * MEMBERS + second] != UNITY:
            return 0
        if self.gain[(base + second) * MEMBERS + first] != UNITY:
            return 0
        if self.muted[base + first] or self.muted[base + second]:
            return 0
        return self.outlet.is_alike(self.member[base + first], self.member[base + second])

    def next_member(self, room: int, place: int) -> int:
        """The leg of the first member from that place on; NONE."""
        for number in range(room * MEMBERS + place, room * MEMBERS + self.top[room]):
            if self.member[number] >= 0:
                return self.member[number]
        return NONE

    def relay(self, room: int, now: int) -> int:
        """What still waits for the mixer goes out at once: nothing of what was said is lost."""
        first = self.next_member(room, 0)
        second = self.next_member(room, self.place[first] + 1)
        self.peer[first] = second
        self.peer[second] = first
        self.release(first, second, now)
        return self.release(second, first, now)

    def release(self, leg: int, out: int, now: int) -> int:
        source = leg * (MASK32 + 1) + self.jitter.ssrc[leg]
        end = self.jitter.release(leg, self.buf)
        while end:
            if self.outlet.is_free(out):
                sequence = self.jitter.released_sequence
                stamp = self.jitter.released_stamp
                kind = self.outlet.kind_of(out, 0)
                self.outlet.forward(out, self.buf, end, source, kind, sequence, stamp, self.outlet.law[leg], now)
            end = self.jitter.release(leg, self.buf)
        return 0

    # ---- who hears whom --------------------------------------------------------------------------------------------

    def set_gain(self, room: int, listener: int, talker: int, gain: int, now: int) -> int:
        """Of `talker` to `listener`, both legs. NONE: of all, or to all, for those too who come later."""
        base = room * MEMBERS
        gain = self.bounded(gain)
        for place in range(self.top[room]):
            leg = self.member[base + place]
            if leg < 0 or (listener >= 0 and leg != listener):
                continue
            if talker < 0:
                self.hears[base + place] = gain
            for other in range(self.top[room]):
                speaker = self.member[base + other]
                if speaker >= 0 and speaker != leg and (talker < 0 or speaker == talker):
                    self.gain[(base + place) * MEMBERS + other] = gain
        if listener < 0 and talker >= 0 and self.room[talker] == room:
            self.heard[base + self.place[talker]] = gain
        self.fading[room] = 1
        return self.settle(room, now)

    def mute(self, room: int, leg: int, muted: int, now: int) -> int:
        """Nobody hears a muted leg, whatever the gains say; it goes on hearing."""
        if self.room[leg] != room:
            return 0
        self.muted[room * MEMBERS + self.place[leg]] = muted != 0
        self.fading[room] = 1
        return self.settle(room, now)

    def keeps_events(self, leg: int) -> int:
        """Whether this leg's telephone events go no further than to us."""
        return self.room[leg] >= 0 and not self.passes_events[self.room[leg]]

    def pass_event(self, leg: int, buf: bytearray, n: int, stamp: int, ssrc: int, marker: int, now: int) -> int:
        """A packet of a telephone event, to those who hear its sender. How many."""
        room = self.room[leg]
        source = leg * (MASK32 + 1) + ssrc
        if self.translated[leg]:
            return self.pass_event_to(self.peer[leg], buf, n, source, stamp, marker, now)
        if room < 0 or not self.passes_events[room]:
            return 0
        passed = 0
        base = room * MEMBERS
        if self.muted[base + self.place[leg]]:
            return 0
        for place in range(self.top[room]):
            out = self.member[base + place]
            if out < 0 or not self.gain[(base + place) * MEMBERS + self.place[leg]]:
                continue
            passed += self.pass_event_to(out, buf, n, source, stamp, marker, now)
        return passed

    def pass_event_to(self, out: int, buf: bytearray, n: int, source: int, stamp: int, marker: int, now: int) -> int:
        if not self.outlet.is_free(out) or self.outlet.kind_of(out, 1) < 0:
            return 0
        self.outlet.forward_event(out, buf, n, source, stamp, marker, now)
        return 1

    def pass_noise(
        self, leg: int, buf: bytearray, n: int, sequence: int, stamp: int, ssrc: int, marker: int, now: int
    ) -> int:
        """A packet of comfort noise: to a partner who takes such, else as noise of that level. 0: to nobody."""
        if n <= HEADER:
            return 0
        self.codecs.noise.hear(leg, buf[HEADER], now)
        if self.mixed[leg]:
            return self.jitter.pause(leg, stamp)
        out = self.peer[leg]
        if out < 0 or not self.outlet.is_free(out):
            return 0
        source = leg * (MASK32 + 1) + ssrc
        kind = self.codecs.noise.kind[out]
        if kind >= 0:
            kind |= marker
            self.outlet.forward(out, buf, n, source, kind, sequence, stamp, self.outlet.law[out], now)
        else:
            self.outlet.say_noise(out, leg, now)
        return 1

    # ---- voices ----------------------------------------------------------------------------------------------------

    def play(self, room: int, number: int, at: int, cells: array[int], now: int) -> int:
        """`cells[at:]`: playback, segments, loop, law, gain, the one leg that hears it or NONE, duck."""
        player = self.players.voice(room, number)
        voice = room * VOICES + number
        self.voice_gain[voice] = self.bounded(cells[at + 4])
        self.voice_only[voice] = cells[at + 5]
        self.voice_duck[voice] = self.bounded(cells[at + 6])
        self.voice_applied[voice] = NONE
        self.players.start(player, cells[at], cells[at + 1], cells[at + 2], cells[at + 3])
        return self.settle(room, now)

    def stop_voice(self, room: int, number: int, reason: int, now: int) -> int:
        if self.players.stop(self.players.voice(room, number), reason):
            return self.settle(room, now)
        return 0

    def stop_voices(self, room: int, reason: int, now: int) -> int:
        for number in range(VOICES):
            self.stop_voice(room, number, reason, now)
        return 0
