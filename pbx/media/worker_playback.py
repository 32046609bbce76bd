"""Playbacks of a worker's legs: from a command with file names to segments of the engine's prompt memory.

A prompt that is in memory starts at once. Else its file is read in a thread, and what comes for the leg meanwhile
(another Play, StopPlay, the end) takes the waiting playback back: the core sees the order it asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from pbx.media.engine_control import EngineControl, law_of
from pbx.media.engine_numbers import SEGMENTS
from pbx.media.files import BadPrompt, Prompt, PromptMemory, PromptMemoryFull, key_of, read
from pbx.media.messages import FromWorker, PlaybackEnd, PlaybackEnded
from pbx.media.worker_legs import WorkerLeg
from pbx.rtp.g711 import Law

log = structlog.get_logger(__name__)


class Prompts:
    """Prompts of one worker, out of memory or their files."""

    def __init__(self, memory: PromptMemory) -> None:
        self._memory = memory

    async def take(self, file: str, law: Law) -> Prompt:
        """A prompt that stays in memory until it is released. Raises BadPrompt, PromptMemoryFull."""
        key = key_of(file, law)
        prompt = self._memory.find(key)
        if prompt is None:
            octets = await asyncio.to_thread(read, key.path, key.law)
            prompt = self._memory.add(key, octets)
        prompt.users += 1
        return prompt


class Playing:
    """All playbacks of one worker's legs."""

    def __init__(
        self,
        control: EngineControl,
        prompts: Prompts,
        tasks: asyncio.TaskGroup,
        tell: Callable[[FromWorker], None],
    ) -> None:
        self._control = control
        self._prompts = prompts
        self._tasks = tasks
        self._tell = tell

    def play(self, leg: WorkerLeg, playback: int, files: tuple[str, ...], *, loop: bool) -> None:
        """Start `files`; the end is told as PlaybackEnded, a failure too."""
        self.cancel(leg, "replaced")
        if not 0 < len(files) <= SEGMENTS:
            self._tell(PlaybackEnded(leg=leg.number, playback=playback, reason="failed"))
            return
        leg.loading_playback = playback
        leg.loading = self._tasks.create_task(self._load(leg, playback, files, loop=loop), name=f"playback {playback}")

    def stop(self, leg: WorkerLeg) -> None:
        # What still sounds while its successor is being read was replaced, as the core asked for it.
        replaced = leg.loading is not None
        self.cancel(leg, "stopped")
        self._control.stop_playing(leg.number, replaced=replaced)

    def cancel(self, leg: WorkerLeg, reason: PlaybackEnd) -> None:
        """Take back a playback whose files are still being read."""
        if leg.loading is not None:
            leg.loading.cancel()
            leg.loading = None
            self._tell(PlaybackEnded(leg=leg.number, playback=leg.loading_playback, reason=reason))

    def ended(self, leg: WorkerLeg | None, event: PlaybackEnded) -> None:
        """The engine has done with a playback."""
        if leg is not None:
            release(leg.playing.pop(event.playback, []))
        self._tell(event)

    def forget(self, leg: WorkerLeg) -> None:
        """The leg is gone, and its playbacks with it."""
        for prompts in leg.playing.values():
            release(prompts)
        leg.playing.clear()

    async def _load(self, leg: WorkerLeg, playback: int, files: tuple[str, ...], *, loop: bool) -> None:
        law = law_of(leg.codec)
        prompts: list[Prompt] = []
        try:
            for file in files:
                prompts.append(await self._prompts.take(file, law))
            segments = [(prompt.at, prompt.length) for prompt in prompts]
            self._control.play(leg.number, playback, segments, loop=loop, law=law)
            leg.playing[playback] = prompts
        except asyncio.CancelledError:
            release(prompts)
            raise
        except Exception as error:  # the task's edge: a prompt that fails must not end the worker
            if isinstance(error, BadPrompt | PromptMemoryFull):
                log.error("prompt cannot be played", call_id=str(leg.call_id), reason=str(error))
            else:
                log.exception("playing failed", call_id=str(leg.call_id))
            release(prompts)
            self._tell(PlaybackEnded(leg=leg.number, playback=playback, reason="failed"))
        leg.loading = None


def release(prompts: list[Prompt]) -> None:
    """They are no longer played, by whoever took them."""
    for prompt in prompts:
        prompt.users -= 1
