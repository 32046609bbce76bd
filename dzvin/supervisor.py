"""The supervisor: starts the database, the media workers and the core, watches them, and ends them in order.

Rules of this room:

1. It knows processes, not calls, and may be killed at any moment. The core and the database die with it; media workers
   carry on with their calls, and the next supervisor adopts them.
2. A core that dies is started again at once, with the next epoch and on the ports that it had.
3. The end has an order: companions, core (which gives running calls their time), media workers, database.
   A second signal hurries.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import structlog

from dzvin.backoff import Backoff
from dzvin.core_process import CoreProcess, StartFailed
from dzvin.data_folder import Run
from dzvin.media_workers import MediaWorkers
from dzvin.plan import Plan, Ports, Ready
from dzvin.postgres import PostgresDidNotStart
from dzvin.processes import NeverReady, Process, start

log = structlog.get_logger("supervisor")

COMPANION_GRACE = 5.0  # seconds
DATABASE_FAILURES = (PostgresDidNotStart, OSError, subprocess.SubprocessError)


class Database(Protocol):
    @property
    def pid(self) -> int | None: ...
    async def start(self) -> str: ...
    async def wait(self) -> int: ...
    async def stop(self) -> None: ...


@dataclass(slots=True)
class Supervisor:
    """`database` is None when the configuration names a server of its own. `announce` gets each ready line."""

    plan: Plan
    database: Database | None
    announce: Callable[[Ready], None]
    _core: CoreProcess = field(init=False)
    _media: MediaWorkers = field(init=False)
    _companions: dict[str, Process] = field(init=False, default_factory=dict)
    _url: str = field(init=False, default="")
    _ready: asyncio.Future[Ready] = field(init=False)
    _stop: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _hurry: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._core = CoreProcess(self.plan, self._core_is_ready)
        self._media = MediaWorkers(self.plan)
        self._ready = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Run until SIGTERM, SIGINT or SIGHUP. However it ends, everything that was started has ended then.

        Raises StartFailed when the first start does not succeed.
        """
        self._listen_to_signals()
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            stop.cancel()
            outcome, _ = await asyncio.gather(work, stop, return_exceptions=True)
            await self._end_in_order()
            self._listen_to_signals(listen=False)
        if isinstance(outcome, Exception):  # a cancelled task is none
            raise outcome

    def stop(self) -> None:
        """Ask for an orderly end; asked again, hurry."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()
        log.info("stopping", hurry=self._hurry.is_set())

    def _listen_to_signals(self, *, listen: bool = True) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if not listen:
                loop.remove_signal_handler(number)
            elif signal.getsignal(number) is not signal.SIG_IGN:  # nohup asks us to ignore SIGHUP
                loop.add_signal_handler(number, self.stop)

    async def _work(self) -> None:
        workers = range(self.plan.config.media.processes)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_database())
                for index in workers:
                    group.create_task(self._media.start(index))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_database())
                group.create_task(self._core.keep(lambda: self._url))
                for index in workers:
                    group.create_task(self._media.keep(index))
                for module in self.plan.companions:
                    group.create_task(self._keep_companion(module))
        except ExceptionGroup as failed:
            if failed.split((StartFailed, NeverReady, *DATABASE_FAILURES))[1]:
                raise  # a bug of ours among them
            raise StartFailed(str(failed.exceptions[0])) from failed

    async def _end_in_order(self) -> None:
        for companion in self._companions.values():
            await companion.end(COMPANION_GRACE, self._hurry)
        await self._core.end(self._hurry)
        await self._media.end(self._hurry)
        if self.database:
            await self.database.stop()
        shutil.rmtree(self.plan.runtime, ignore_errors=True)
        self.plan.folder.remember(Run(epoch=self.plan.folder.run().epoch))

    def _core_is_ready(self, pid: int, ports: Ports) -> None:
        pids: dict[str, int | list[int]] = {"core": pid, "media": self._media.pids}
        if self.database and self.database.pid:
            pids["database"] = self.database.pid
        ready = Ready(http=ports.http, sip=ports.sip, pids=pids)
        try:
            self.plan.folder.remember(
                msgspec.structs.replace(self.plan.folder.run(), database_url=self._url, http=ports.http)
            )
        except OSError as error:  # a full disk: the core runs all the same
            log.error("run.json could not be written", reason=str(error))
        if not self._ready.done():
            self._ready.set_result(ready)
        self.announce(ready)

    async def _start_database(self) -> None:
        self._url = await self.database.start() if self.database else self.plan.config.database.url

    async def _keep_database(self) -> None:
        if self.database is None:
            return
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while True:
            since = loop.time()
            status = await self.database.wait()
            delay = backoff.after(loop.time() - since)
            log.error("the database ended", status=status, again_in=delay)
            await asyncio.sleep(delay)
            try:
                url = await self.database.start()
            except DATABASE_FAILURES as error:
                log.error("the database did not start", reason=str(error))
                continue
            if url != self._url:  # a core cannot learn another address while it runs
                self._url = url
                self._core.restart()

    async def _keep_companion(self, module: str) -> None:
        ready = msgspec.json.encode(await asyncio.shield(self._ready))
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while True:
            since = loop.time()
            companion = self._companions[module] = start(self.plan.companion(module, ready))
            status = await companion.wait()
            delay = backoff.after(loop.time() - since)
            log.error("a companion ended", name=module, status=status, again_in=delay)
            await asyncio.sleep(delay)
