"""The core's life: started with a new epoch each time, announced when it is ready, started again when it ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import structlog

from dzvin.backoff import Backoff
from dzvin.plan import Plan, Ports
from dzvin.processes import NeverReady, Process, start

log = structlog.get_logger("supervisor")

READY_WITHIN = 60.0  # seconds
MARGIN = 15.0  # seconds that a core may need beyond the time of its calls
HOPELESS = 3  # deaths before it was ever ready, after which the start has failed


class StartFailed(Exception):
    """The installation cannot be brought up; the reason is in the log above it."""


@dataclass(slots=True)
class CoreProcess:
    """`announce` is called with the core's pid and ports each time that a core is ready."""

    plan: Plan
    announce: Callable[[int, Ports], None]
    _process: Process | None = field(init=False, default=None)
    _ports: Ports | None = field(init=False, default=None)
    _ready_at: float | None = field(init=False, default=None)  # of the core that runs, by the loop's clock

    async def keep(self, database_url: Callable[[], str]) -> None:
        """Start the core whenever none runs. Raises StartFailed when the first one never gets ready."""
        backoff = Backoff()
        while True:
            self._ready_at = None
            try:
                status = await self._live(database_url())
            except OSError as error:  # no process, or no place to write the epoch: neither need last
                status = None
                log.error("the core could not be started", reason=str(error))
            if self._ports is None and backoff.failures + 1 >= HOPELESS:
                raise StartFailed("the core did not start")
            delay = backoff.after(self._lived())
            log.error("the core ended", status=status, again_in=delay)
            await asyncio.sleep(delay)

    async def _live(self, database_url: str) -> int | None:
        epoch = self.plan.folder.next_epoch()
        core = self._process = start(self.plan.core(epoch, database_url, self._ports))
        try:
            await self._ready(core)
        except NeverReady as error:
            log.error("the core did not start", reason=str(error))
            core.send(signal.SIGKILL)
        return await core.wait()

    def restart(self) -> None:
        """End the running core, so that the next one starts with what has changed."""
        if self._process:
            self._process.send(signal.SIGKILL)

    async def end(self, hurry: asyncio.Event) -> None:
        """Running calls get the time that the configuration gives them."""
        if self._process:
            await self._process.end(self.plan.config.calls.stop_grace + MARGIN, hurry)

    def _lived(self) -> float:
        """Seconds since it was ready: one that took long to fail has not lived."""
        return 0.0 if self._ready_at is None else asyncio.get_running_loop().time() - self._ready_at

    async def _ready(self, core: Process) -> None:
        line = await core.ready(READY_WITHIN)
        try:
            self._ports = msgspec.json.decode(line, type=Ports)
        except msgspec.MsgspecError as error:
            raise NeverReady(f"the core's ready line is wrong: {error}") from error
        self._ready_at = asyncio.get_running_loop().time()
        self.announce(core.pid, self._ports)
