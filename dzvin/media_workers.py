"""The media workers: adopted when an earlier supervisor left them, else started; another one for each that ends."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field

import structlog

from dzvin.backoff import Backoff
from dzvin.plan import Plan
from dzvin.processes import NeverReady, Process, adopt, start
from pbx.media.messages import PROTOCOL_VERSION

log = structlog.get_logger("supervisor")

READY_WITHIN = 20.0  # seconds
GRACE = 5.0


@dataclass(slots=True)
class MediaWorkers:
    plan: Plan
    _workers: dict[int, Process] = field(init=False, default_factory=dict)

    @property
    def pids(self) -> list[int]:
        return [worker.pid for _, worker in sorted(self._workers.items())]

    async def start(self, index: int) -> None:
        """Adopt or start one worker and wait until it listens. Raises NeverReady."""
        adopted = self._left_behind(index)
        if adopted:
            log.info("adopted a media worker", worker=index, pid=adopted.pid)
            self._workers[index] = adopted
            return
        # A worker of other settings may still sit behind the old socket. Without a core it ends by itself.
        self.plan.socket(index).unlink(missing_ok=True)
        worker = self._workers[index] = start(self.plan.worker(index))
        self.plan.pid_file(index).write_text(f"{worker.pid} {PROTOCOL_VERSION}")
        try:
            await worker.ready(READY_WITHIN)
        except NeverReady:
            worker.send(signal.SIGKILL)
            await worker.wait()
            raise

    async def keep(self, index: int) -> None:
        """Start another worker whenever this one has ended."""
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while True:
            since = loop.time()
            status = await self._workers[index].wait()
            delay = backoff.after(loop.time() - since)
            log.error("a media worker ended", worker=index, status=status, again_in=delay)
            await asyncio.sleep(delay)
            try:
                await self.start(index)
            except (NeverReady, OSError) as error:
                log.error("a media worker did not start", worker=index, reason=str(error))

    async def end(self, hurry: asyncio.Event) -> None:
        """End all of them, side by side."""
        await asyncio.gather(*(worker.end(GRACE, hurry) for worker in self._workers.values()))
        for index in self._workers:
            self.plan.pid_file(index).unlink(missing_ok=True)

    def _left_behind(self, index: int) -> Process | None:
        """The worker of an earlier supervisor, if it still serves, with today's settings and in today's language."""
        try:
            pid, version = map(int, self.plan.pid_file(index).read_text().split())
        except (FileNotFoundError, ValueError):
            return None
        serves = version == PROTOCOL_VERSION and self.plan.socket(index).exists()
        return adopt(self.plan.worker(index), pid) if serves else None
