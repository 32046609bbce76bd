"""The core process: `python -m dzvin.core`, started by the supervisor.

It says that it is ready with one JSON line on `--ready-fd` when every port answers. SIGTERM: no new calls, running
calls may end by themselves for a while; a second one ends them at once. SIGHUP: the certificate is read again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import msgspec
import structlog

from callflow.dialling import Dialler
from callflow.line_book import LineBook
from callflow.previews import Previews
from callflow.wishes import WishBook
from crm_core.database import Pool, migrate, open_pool
from crm_core.ledger import LedgerWriter
from crm_core.outbox import Outbox
from crm_core.spool import Spool
from crm_core.telephony import PostgresBindings
from dzvin import at_window, certificates, flows, lines, logs
from dzvin.bootstrap import Surroundings, Telephony, telephony
from dzvin.callbacks_owed import call_back, callbacks_owed
from dzvin.clock import SystemClock
from dzvin.config import Config, load
from dzvin.crm_work import crm_work, unceasing
from dzvin.dial_book import PostgresDialBook
from dzvin.kept_recordings import KeptRecordings
from dzvin.origins import Origins
from dzvin.panel import Keepers, Panel, panel
from dzvin.plan import DATABASE_URL, Ports
from dzvin.port_taken import PortTaken
from dzvin.recovery import calls_left, close_recordings, end_what_comes_late, end_what_was
from dzvin.regulars import KnownRegulars
from dzvin.seeding import seed_database
from dzvin.voice_files import PromptFiles
from dzvin.wishes import wills, wish_book
from dzvin.wrap_ups import running
from queue_engine.facts import Will

log = structlog.get_logger("dzvin.core")

YOUNG_OBJECTS = 10_000  # between two looks of the garbage collector: a look takes a millisecond
SETTLE = 5.0  # seconds for the last facts to be written and the last BYEs to be answered


@dataclass(frozen=True, slots=True)
class Arguments:
    data: Path
    config: Path
    runtime: Path
    ready_fd: int
    epoch: int
    database_url: str


def arguments() -> Arguments:
    parser = argparse.ArgumentParser(prog="dzvin.core", description="The core process; started by `dzvin run`.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--runtime", type=Path, required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    parser.add_argument("--epoch", type=int, required=True)
    given = parser.parse_args()
    url = os.environ.get(DATABASE_URL, "")
    if not url:
        parser.error(f"{DATABASE_URL} is not set: start the product with `dzvin run`")
    return Arguments(given.data, given.config, given.runtime, given.ready_fd, given.epoch, url)


def main() -> None:
    given = arguments()
    config = load(given.config, os.environ)
    logs.configure("core", config.log.level, config.log.format)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(given, config))
    except PortTaken as error:
        log.error("cannot start", reason=str(error))
        sys.exit(1)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def run(given: Arguments, config: Config) -> None:
    """Start everything, say so, and stop in order when told."""
    started_at = SystemClock().now()
    stop, hurry = _signals()
    async with AsyncExitStack() as stack:
        spool = Spool(given.data / "spool")
        stack.callback(spool.close)
        pool = await _database(given, config, stack)
        writer, outbox, bindings = LedgerWriter(pool, spool), Outbox(pool), PostgresBindings(pool)
        kept = certificates.kept(config, given.data)
        flow_keeper = await flows.kept(pool, outbox, config)
        tasks = await stack.enter_async_context(_Background())
        tasks.start(writer.run(), outbox.run(), bindings.run(), *crm_work(pool, outbox, config))
        around = Surroundings(
            config=config, data=given.data, runtime=given.runtime, epoch=given.epoch, spool=spool, bindings=bindings,
            flows=flow_keeper.book, certificate=kept.certificate if kept else None, origins=Origins(config),
            prompts=PromptFiles(given.data / "prompts", config.language), regulars=KnownRegulars(pool),
            **await _remembered(pool, writer, config),
        )  # fmt: skip
        left, promised = await calls_left(pool, spool, started_at), await callbacks_owed(pool, spool)
        switch = await stack.enter_async_context(telephony(around))
        owners = await end_what_was(switch, spool, left)
        tasks.start(end_what_comes_late(switch, owners))
        tasks.start(close_recordings(pool, writer, spool, started_at, KeptRecordings.of(config, given.data), owners))
        windows = await at_window.watched(pool, outbox, switch.dispatcher)
        keepers = Keepers(windows, lines.kept(pool, outbox, around.lines, switch.dispatcher), flow_keeper)
        tasks.start(unceasing("windows", windows.run), unceasing("lines", keepers.lines.run))
        dialler = _dialler(switch, pool)
        web = await stack.enter_async_context(panel(around, pool, outbox, switch, dialler.previews, keepers, promised))
        tasks.start(switch.reconciler.run(), web.metrics.watch_loop(), web.speakers.run())
        tasks.start(unceasing("visitors", web.visitors.run), unceasing("flows", flow_keeper.run))
        if kept:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, kept.reload)
            tasks.start(kept.watch())
        call_back(switch, promised)
        tasks.start(unceasing("dialling", dialler.run))
        _settle_memory()
        _say_ready(given.ready_fd, web, switch)
        await tasks.until(stop)
        await _wind_down(config, switch, dialler, writer, hurry)


class _Remembered(TypedDict):
    wishes: WishBook
    wills: Mapping[str, Will]
    wrap_ups: Mapping[str, datetime]
    lines: LineBook


async def _remembered(pool: Pool, writer: LedgerWriter, config: Config) -> _Remembered:
    """What people said before this core, once it is written."""
    wishes = await wish_book(pool, writer, config)
    return {
        "wishes": wishes,
        "wills": await wills(pool),
        "wrap_ups": await running(pool, SystemClock().now()),
        "lines": await lines.line_book(pool, config),
    }


async def _database(given: Arguments, config: Config, stack: AsyncExitStack) -> Pool:
    pool = await open_pool(given.database_url)
    stack.push_async_callback(_close_pool, pool)
    await migrate(pool)
    await seed_database(pool, config)
    return pool


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """The first request to stop sets the first event, the second one the other."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            hurry.set()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    return stop, hurry


def _say_ready(ready_fd: int, web: Panel, switch: Telephony) -> None:
    ports = Ports(http=web.url, sip=switch.transports.addresses)
    with os.fdopen(ready_fd, "wb") as pipe:
        pipe.write(msgspec.json.encode(ports) + b"\n")


def _settle_memory() -> None:
    """What stands after the start stays: the collector need not look at it again. A call leaves few cycles behind, and
    makes some thousand objects while it is set up, so looking at the young every 700 finds nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)


def _dialler(switch: Telephony, pool: Pool) -> Dialler:
    clock = SystemClock().now
    return Dialler(switch.calls, PostgresDialBook(pool, clock), Previews(clock))


async def _wind_down(
    config: Config, switch: Telephony, dialler: Dialler, writer: LedgerWriter, hurry: asyncio.Event
) -> None:
    switch.user_agent.accepting = False
    await switch.callbacks.close()
    await dialler.close()
    if len(switch.calls):
        log.info("stopping", calls=len(switch.calls), grace=config.calls.stop_grace)
    await _first(config.calls.stop_grace, switch.calls.drained(), hurry.wait())
    await switch.calls.close()
    await _first(SETTLE, dialler.settled())
    await switch.trunks.close()
    await _first(SETTLE, switch.endpoint.transactions.settled())
    await _first(SETTLE, writer.drained())
    log.info("stopped")


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _first(within: float, *awaitables: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close_pool(pool: Pool) -> None:
    """A pool whose database is gone cannot close its connections politely."""
    try:
        async with asyncio.timeout(SETTLE):
            await pool.close()
    except TimeoutError:
        pool.terminate()


class _Background:
    """Work that lasts as long as the core. If one of them fails the core stops: the supervisor starts a sound one."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> _Background:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def start(self, *works: Awaitable[None]) -> None:
        for work in works:
            task = asyncio.ensure_future(work)
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def until(self, stop: asyncio.Event) -> None:
        """Return when told to stop; raise what ended a task."""
        told = asyncio.ensure_future(_set(stop))
        try:
            await asyncio.wait([told, self._failed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
        if self._failed.done():
            self._failed.result()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._failed.done():
            self._failed.set_exception(error)


if __name__ == "__main__":
    main()
