"""Delivers facts to webhooks, as https://www.standardwebhooks.com says: signed, with an id against doubles.

    webhook-id         the fact's id: the same each time that it is sent
    webhook-timestamp  seconds since 1970
    webhook-signature  "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body"

Each receiver is told by a task and a thread of its own: one that is slow, or that never ends its answer, keeps nobody
waiting.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog

from crm_core.database import AWAY, Pool, borrowed
from crm_core.sharing import SharedFact, SharedParty
from crm_core.sharing.webhooks import MOST, Due, delivered, due, failed

EVERY = 1.0  # seconds between two looks
TIMEOUT = 10.0  # seconds that a receiver has for one step
WITHIN = 30.0  # seconds for all steps together; then the connection is cut
ROUND = 10.0  # seconds of one look, after which a receiver's next fact waits for the next look
GONE = 410  # RFC 9110 §15.5.11: "likely to be permanent"

log = structlog.get_logger("dzvin.webhooks")


def message(fact: SharedFact, party: SharedParty | None) -> bytes:
    """The body: the fact as `/api/facts` gives it, and who is behind its reference."""
    return msgspec.json.encode({**msgspec.to_builtins(fact), "party": msgspec.to_builtins(party)})


def headers(secret: bytes, fact: SharedFact, body: bytes, now: datetime) -> Mapping[str, str]:
    stamp = str(int(now.timestamp()))
    signed = hmac.new(secret, f"{fact.id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Dzvin",
        "webhook-id": str(fact.id),
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }


def connection_to(url: str) -> http.client.HTTPConnection:
    """Not open yet. Raises ValueError."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT)


def post(connection: http.client.HTTPConnection, url: str, body: bytes, fields: Mapping[str, str]) -> int:
    """The status of the answer; redirections are not followed. Raises OSError, HTTPException, ValueError."""
    parts = urlsplit(url)
    try:
        path = parts.path or "/"
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, dict(fields))
        return connection.getresponse().status
    finally:
        connection.close()


async def cut_late(connection: http.client.HTTPConnection) -> None:
    """Until cancelled. The thread that waits for it gets an error."""
    await asyncio.sleep(WITHIN)
    while True:
        cut(connection)
        await asyncio.sleep(1.0)  # it may have opened since


def cut(connection: http.client.HTTPConnection) -> None:
    sock: socket.socket | None = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True)
class Webhooks:
    """Looks for as long as `run` runs."""

    pool: Pool
    clock: Callable[[], datetime]
    _threads: ThreadPoolExecutor = field(init=False)
    _telling: dict[UUID, asyncio.Task[None]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(MOST, thread_name_prefix="webhook")

    async def run(self) -> None:
        """Until cancelled. A data base that is away is waited for."""
        try:
            while True:
                try:
                    await self._begin()
                except AWAY as error:
                    log.warning("webhooks_wait", error=repr(error))
                await asyncio.sleep(EVERY)
        finally:
            telling = [*self._telling.values()]
            for task in telling:
                task.cancel()
            await asyncio.gather(*telling, return_exceptions=True)
            self.close()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def look(self) -> None:
        """Deliver once what is owed; return when every receiver has answered or failed."""
        await self._begin()
        await asyncio.gather(*self._telling.values())

    async def _begin(self) -> None:
        """Tell those who are owed something and are not being told yet."""
        async with borrowed(self.pool) as conn:
            hooks = await due(conn, now=self.clock(), beside=[*self._telling])
        for hook in hooks:
            task = asyncio.create_task(self._tell(hook))
            self._telling[hook.id] = task

    async def _tell(self, hook: Due) -> None:
        try:
            await self._deliver(hook)
        except AWAY as error:
            log.warning("webhook_waits", webhook=str(hook.id), error=repr(error))
        finally:
            del self._telling[hook.id]

    async def _deliver(self, hook: Due) -> None:
        loop = asyncio.get_running_loop()
        position = hook.facts[0][0].seq - 1 if hook.facts else hook.position
        until = loop.time() + ROUND
        for fact, party in hook.facts:
            body, now = message(fact, party), self.clock()
            status, error = await self._post(hook.url, body, headers(hook.secret, fact, body, now))
            if error:
                await self._failed(hook, position, error, gone=status == GONE)
                return
            position = fact.seq
            if loop.time() >= until:
                break
        else:
            position = hook.position
        async with borrowed(self.pool) as conn:
            await delivered(conn, hook.id, position=position, now=self.clock(), any_sent=bool(hook.facts))

    async def _post(self, url: str, body: bytes, fields: Mapping[str, str]) -> tuple[int, str]:
        """The status, 0 without one; and what went wrong, "" for nothing."""
        try:
            connection = connection_to(url)
        except (OSError, ValueError) as failure:
            return 0, f"{type(failure).__name__}: {failure}"
        watch = asyncio.create_task(cut_late(connection))
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, post, connection, url, body, fields)
            status = await work
        except (OSError, http.client.HTTPException, ValueError) as failure:
            return 0, f"{type(failure).__name__}: {failure}"
        finally:
            watch.cancel()
            cut(connection)
        return status, "" if 200 <= status < 300 else f"it answered {status}"

    async def _failed(self, hook: Due, position: int, error: str, *, gone: bool) -> None:
        async with borrowed(self.pool) as conn:
            ended = await failed(conn, hook, position=position, now=self.clock(), error=error, gone=gone)
        log.warning("webhook_failed", webhook=str(hook.id), error=error, ended=ended)
