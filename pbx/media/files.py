"""Prompts and hold music: read from files, kept as ready G.711 frames in the engine's prompt memory.

`read` is plain file work, for a thread. `PromptMemory` decides where in the memory a prompt lies; it forgets what was
longest unused when room is needed, and never what is being played.
"""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pbx.media.engine_numbers import FRAME
from pbx.rtp.g711 import ALAW_TO_ULAW, SILENCE, ULAW_TO_ALAW, Law, encode

RATE = 8000
LONGEST = 16 * 1024 * 1024  # octets of a file
RAW_SUFFIXES = {".ulaw": Law.ULAW, ".ul": Law.ULAW, ".alaw": Law.ALAW, ".al": Law.ALAW}
LINEAR_SUFFIXES = {".raw", ".sln"}  # 16-bit little-endian, 8 kHz


class BadPrompt(Exception):
    """The file cannot be played; the text says why."""


class PromptMemoryFull(Exception):
    """Everything in the prompt memory is being played."""


@dataclass(frozen=True, slots=True)
class PromptKey:
    """One version of one file in one law."""

    path: str
    changed_ns: int
    size: int
    law: Law


@dataclass(slots=True)
class Prompt:
    key: PromptKey
    at: int
    length: int
    users: int = 0
    used: int = 0  # turn of its last use


def key_of(path: str, law: Law) -> PromptKey:
    """Raises BadPrompt when there is no such file."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise BadPrompt(f"{path}: {error.strerror}") from error
    return PromptKey(path, status.st_mtime_ns, status.st_size, law)


def read(path: str, law: Law) -> bytes:
    """The file as whole frames of G.711, padded with silence. Raises BadPrompt."""
    suffix = Path(path).suffix.lower()
    try:
        if os.stat(path).st_size > LONGEST:
            raise BadPrompt(f"{path}: longer than {LONGEST} octets")
        if suffix == ".wav":
            octets = encode(_wav(path), law)
        elif suffix in LINEAR_SUFFIXES:
            octets = encode(_even(Path(path).read_bytes()), law)
        elif suffix in RAW_SUFFIXES:
            octets = _translate(Path(path).read_bytes(), RAW_SUFFIXES[suffix], law)
        else:
            raise BadPrompt(f"{path}: not .wav, .raw, .sln, .ulaw or .alaw")
    except OSError as error:
        raise BadPrompt(f"{path}: {error.strerror}") from error
    if not octets:
        raise BadPrompt(f"{path}: empty")
    return octets + bytes((SILENCE[law],)) * (-len(octets) % FRAME)


def _wav(path: str) -> bytes:
    try:
        with wave.open(path, "rb") as file:
            shape = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if shape != (RATE, 1, 2):
                raise BadPrompt(
                    f"{path}: {shape[0]} Hz, {shape[1]} channels, {8 * shape[2]} bits; "
                    f"prompts are {RATE} Hz, 1 channel, 16 bits"
                )
            return _even(file.readframes(file.getnframes()))
    except (wave.Error, EOFError) as error:
        raise BadPrompt(f"{path}: {error or 'cut off'}") from error


def _even(samples: bytes) -> bytes:
    return samples[: len(samples) & ~1]


def _translate(octets: bytes, have: Law, want: Law) -> bytes:
    if have is want:
        return octets
    return octets.translate(ULAW_TO_ALAW if have is Law.ULAW else ALAW_TO_ULAW)


@dataclass(slots=True)
class PromptMemory:
    """`size` octets, filled through `store(at, octets)`."""

    size: int
    store: Callable[[int, bytes], None]
    _prompts: dict[PromptKey, Prompt] = field(default_factory=dict, init=False)
    _turn: int = field(default=0, init=False)

    def find(self, key: PromptKey) -> Prompt | None:
        prompt = self._prompts.get(key)
        if prompt is not None:
            self._turn += 1
            prompt.used = self._turn
        return prompt

    def add(self, key: PromptKey, octets: bytes) -> Prompt:
        """Put a prompt into memory. Raises PromptMemoryFull."""
        if (prompt := self.find(key)) is not None:
            return prompt
        while (at := self._gap(len(octets))) is None:
            idle = [prompt for prompt in self._prompts.values() if not prompt.users]
            if not idle:
                raise PromptMemoryFull(f"{key.path}: no room for {len(octets)} octets")
            del self._prompts[min(idle, key=lambda prompt: prompt.used).key]
        self.store(at, octets)
        self._turn += 1
        prompt = Prompt(key, at, len(octets), used=self._turn)
        self._prompts[key] = prompt
        return prompt

    def _gap(self, length: int) -> int | None:
        at = 0
        for prompt in sorted(self._prompts.values(), key=lambda prompt: prompt.at):
            if prompt.at - at >= length:
                return at
            at = prompt.at + prompt.length
        return at if self.size - at >= length else None
