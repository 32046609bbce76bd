"""The installation's prompts: what is there in which language, what people upload, what they throw away."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dzvin.voice_files import PromptFiles
from recordings.normalise import Refusal
from web_panel.ports import PromptFile, PromptRefused

LANGUAGES: Final = ("uk", "en", "ru")
NAME = re.compile(r"(?:music/)?[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
MOST: Final = 2_000  # prompts of one installation
WITHIN: Final = 90.0  # seconds for turning a file into a prompt
AT_ONCE: Final = 2
REASONS: Final = {Refusal.NOT_SOUND: "not_sound", Refusal.TOO_LONG: "sound_too_long", Refusal.SILENT: "silent_sound"}


@dataclass(slots=True)
class PromptLibrary:
    """Implements `web_panel.ports.PromptKeeper`. `own`: the folder of the installation's own prompts."""

    own: Path
    files: PromptFiles
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def all(self) -> list[PromptFile]:
        """Blocking. Own ones stand before those that are shipped, which cannot be heard then."""
        found: dict[tuple[str, str], PromptFile] = {}
        for place in (self.own, self.files.shipped):
            for language, name, path in _prompts(place):
                if (name, language) not in found:
                    own = place is self.own
                    found[name, language] = PromptFile(name=name, language=language, own=own, seconds=_length(path))
        return sorted(found.values(), key=lambda each: (each.name, each.language))

    def path(self, name: str, language: str) -> Path | None:
        """Of exactly that language; "": of all."""
        _checked(name, language)
        places = (place / language / f"{name}.wav" for place in (self.own, self.files.shipped))
        return next((path for path in places if path.is_file()), None)

    async def put(self, name: str, language: str, sound: bytes) -> PromptFile:
        """Keep it under that name, in place of what was there. Raises PromptRefused."""
        _checked(name, language)
        path = self.own / language / f"{name}.wav"
        if not path.exists() and await asyncio.to_thread(_count, self.own) >= MOST:
            raise PromptRefused("name", "too_many_prompts")
        async with self._turns:
            wav = await _normalised(sound, "music" if name.startswith("music/") else "speech")
        await asyncio.to_thread(_store, path, wav)
        self.files.forget()
        return PromptFile(name=name, language=language, own=True, seconds=_length(path))

    def remove(self, name: str, language: str) -> bool:
        """Throw an own prompt away; a shipped one of that name is heard again. False: there was none."""
        _checked(name, language)
        try:
            (self.own / language / f"{name}.wav").unlink()
        except FileNotFoundError:
            return False
        self.files.forget()
        return True


def _checked(name: str, language: str) -> None:
    if not NAME.fullmatch(name):
        raise PromptRefused("name", "invalid")
    if language and language not in LANGUAGES:
        raise PromptRefused("language", "invalid")


def _prompts(place: Path) -> Iterator[tuple[str, str, Path]]:
    """Language, name and file of each; the language of one for all is ""."""
    for path in place.glob("**/*.wav"):
        first, *rest = path.relative_to(place).with_suffix("").parts
        language, parts = (first, rest) if first in LANGUAGES else ("", [first, *rest])
        if NAME.fullmatch(name := "/".join(parts)):
            yield language, name, path


def _count(place: Path) -> int:
    return sum(1 for _ in _prompts(place))


async def _normalised(sound: bytes, kind: str) -> bytes:
    """In a process of its own: foreign files are decoded there."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "recordings.normalise", kind,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WITHIN):
            wav, _ = await child.communicate(sound)
    except TimeoutError:
        raise PromptRefused("sound", "not_sound") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise PromptRefused("sound", REASONS.get(child.returncode, "not_sound"))  # type: ignore[call-overload]
    return wav


def _store(path: Path, wav: bytes) -> None:
    """Whoever plays it hears the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    try:
        with half.open("wb") as file:
            file.write(wav)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _length(path: Path) -> float:
    """Seconds; 0 for what is no WAV file."""
    try:
        with wave.open(str(path), "rb") as audio:
            return round(audio.getnframes() / audio.getframerate(), 1)
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return 0.0
