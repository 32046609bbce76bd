"""Prompts and music on their way out: who plays which pieces of the prompt memory, and how far.

A player is a leg's (its number is the leg's) or a voice of a room (`voice`). It gives one frame of G.711 at a time;
when and to whom it leaves is the affair of `outlet` and `rooms`. Runs compiled (types in `players.pxd`) and
interpreted.
"""

from __future__ import annotations

import mmap
from array import array

from pbx.media.engine_numbers import FRAME, PLAYBACK_ENDED, ROOM_PLAYBACK_ENDED, SEGMENTS, VOICES
from pbx.media.mailbox import Mailbox

HEADER = 12


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Players:
    """Only the engine's thread may call it, but for `store`."""

    def __init__(self, legs: int, rooms: int, prompt_octets: int, events: Mailbox) -> None:
        self.events = events
        self.legs = legs
        count = legs + rooms * VOICES
        self.playback = zeros("q", count)  # its number; 0: none
        self.segment_at = zeros("q", count * SEGMENTS)
        self.segment_length = zeros("q", count * SEGMENTS)
        self.segments = zeros("q", count)
        self.segment = zeros("q", count)
        self.offset = zeros("q", count)
        self.loop = zeros("b", count)
        self.law = zeros("q", count)
        self.memory = mmap.mmap(-1, prompt_octets)
        self.prompts = memoryview(self.memory)

    def store(self, at: int, octets: bytes) -> None:
        """From the control thread: put a prompt into memory that no playback uses. Raises IndexError past the end."""
        if not 0 <= at <= at + len(octets) <= len(self.memory):
            raise IndexError(f"{len(octets)} octets at {at}")
        self.memory[at : at + len(octets)] = octets

    def voice(self, room: int, number: int) -> int:
        """The player of a room's voice."""
        return self.legs + room * VOICES + number

    def add_segment(self, player: int, number: int, at: int, length: int) -> int:
        self.segment_at[player * SEGMENTS + number] = at
        self.segment_length[player * SEGMENTS + number] = length
        return 0

    def start(self, player: int, playback: int, count: int, loop: int, law: int) -> int:
        """Play the first `count` segments, whose lengths are whole frames."""
        self.playback[player] = playback
        self.segments[player] = count
        self.segment[player] = 0
        self.offset[player] = 0
        self.loop[player] = loop
        self.law[player] = law
        return 0

    def stop(self, player: int, reason: int) -> int:
        """1 when something was played."""
        playback = self.playback[player]
        if not playback:
            return 0
        self.playback[player] = 0
        if player < self.legs:
            self.events.put(0, PLAYBACK_ENDED, player, playback, reason)
        else:
            self.events.put(0, ROOM_PLAYBACK_ENDED, (player - self.legs) // VOICES, playback, reason)
        return 1

    def read(self, player: int, frame: memoryview) -> int:
        """The next frame, into `frame[12:]`. Raises IndexError when it is not in the memory."""
        number = player * SEGMENTS + self.segment[player]
        at = self.segment_at[number] + self.offset[player]
        frame[HEADER : HEADER + FRAME] = self.prompts[at : at + FRAME]
        self.offset[player] += FRAME
        if self.offset[player] >= self.segment_length[number]:
            self.offset[player] = 0
            self.segment[player] += 1
            if self.segment[player] == self.segments[player] and self.loop[player]:
                self.segment[player] = 0
        return 0

    def is_done(self, player: int) -> int:
        """Whether the last frame was read; `stop` it then."""
        return self.segment[player] == self.segments[player]
