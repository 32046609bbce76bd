"""What simulated people say: shipped prompts at each person's own pitch, with pauses to listen, sent as RTP.

Nobody listens at this end: what arrives stays unread in a small socket buffer that the kernel keeps from growing.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import wave
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pbx.rtp import dtmf
from pbx.rtp.g711 import SILENCE, Law, encode
from pbx.rtp.packet import Packet
from pbx.sip.offer_answer import Answer

FRAME = 160  # samples of 20 ms
PACE = 0.02
LATE = 0.5  # seconds behind, after which the missed packets are left out
PHRASES = ("welcome", "wait", "all_busy", "nobody", "not_in_service", "wrong_key", "goodbye")
LAWS = {"PCMU": Law.ULAW, "PCMA": Law.ALAW}


@dataclass(frozen=True, slots=True)
class Voice:
    """How one person sounds. `pitch`: 1.0 is the speaker of the prompts; `folder` holds them as 8 kHz WAV."""

    folder: Path
    pitch: float = 1.0

    def speech(self, law: Law, chance: random.Random) -> list[bytes]:
        """Half a minute or so of phrases and pauses as frames, to be repeated."""
        names = chance.sample(PHRASES, len(PHRASES))
        return [
            frame
            for name in names
            for frame in (*_phrase(self.folder / f"{name}.wav", self.pitch, law), *_pause(law, chance))
        ]


@lru_cache(maxsize=256)
def _phrase(file: Path, pitch: float, law: Law) -> Sequence[bytes]:
    try:
        with wave.open(str(file)) as source:
            samples = array("h", source.readframes(source.getnframes()))
    except (OSError, wave.Error):
        return ()  # an installation without prompts has silent visitors
    count = int(len(samples) / pitch)
    spoken = array("h", (samples[int(at * pitch)] for at in range(count)))
    codes = encode(spoken.tobytes(), law)
    return tuple(codes[at : at + FRAME] for at in range(0, count - FRAME, FRAME))


def _pause(law: Law, chance: random.Random) -> list[bytes]:
    return [bytes((SILENCE[law],)) * FRAME] * chance.randint(30, 120)


class VoicePort:
    """The RTP socket of one call. `speak` once the two sides have agreed; `close` when the call is over."""

    def __init__(self, host: str, voice: Voice, chance: random.Random) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self._voice, self._chance = voice, chance
        self._handle: asyncio.TimerHandle | None = None
        self._frames: list[bytes] = []
        self._agreed: Answer | None = None
        self._ssrc, self._number, self._timestamp = secrets.randbits(32), secrets.randbits(16), secrets.randbits(32)
        self._due = 0.0
        self._at = 0
        self._pressed: deque[dtmf.TelephoneEvent] = deque()
        self._pressed_at: int | None = None  # the timestamp of the key press that goes out now

    def press(self, digit: str) -> None:
        """Press a key, where the other side understands RFC 4733."""
        self._pressed.extend(dtmf.build(digit, 120))

    def speak(self, agreed: Answer) -> None:
        """Send what the person says to where offer and answer lead; again after each new agreement (hold, resume)."""
        self._agreed = agreed
        self._frames = self._voice.speech(LAWS[agreed.codec.name.upper()], self._chance)
        if self._handle is None:
            self._due = asyncio.get_running_loop().time()
            self._tick()

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._socket.close()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = max(self._due, loop.time() - LATE)
        while self._due <= loop.time():
            self._send_next()
            self._due += PACE
        self._handle = loop.call_at(self._due, self._tick)

    def _send_next(self) -> None:
        agreed = self._agreed
        self._timestamp = (self._timestamp + FRAME) % 2**32
        if agreed is None or agreed.remote_address is None or not agreed.direction.sends:
            return
        packet = self._key_press(agreed.dtmf_payload_type) or self._speech(agreed.codec.payload_type)
        self._number = (self._number + 1) % 2**16
        try:
            self._socket.sendto(packet.serialise(), (agreed.remote_address, agreed.remote_port))
        except OSError:
            pass  # the media worker is being started again

    def _speech(self, payload_type: int) -> Packet:
        frame = self._frames[self._at % len(self._frames)]
        self._at += 1
        return self._packet(payload_type, self._timestamp, frame, marker=self._at == 1)

    def _key_press(self, payload_type: int | None) -> Packet | None:
        """The next packet of a key press, if one is under way: all under the timestamp of its first (RFC 4733 §2.5)."""
        if not self._pressed or payload_type is None:
            self._pressed_at = None
            return None
        first = self._pressed_at is None
        timestamp = self._pressed_at = self._timestamp if self._pressed_at is None else self._pressed_at
        return self._packet(payload_type, timestamp, self._pressed.popleft().serialise(), marker=first)

    def _packet(self, payload_type: int, timestamp: int, payload: bytes, *, marker: bool) -> Packet:
        return Packet(
            payload_type=payload_type,
            sequence_number=self._number,
            timestamp=timestamp,
            ssrc=self._ssrc,
            payload=payload,
            marker=marker,
        )
