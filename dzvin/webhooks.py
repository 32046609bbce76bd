"""Delivers facts to webhooks, as https://www.standardwebhooks.com says: signed, with an id against doubles.

    webhook-id         the fact's id: the same each time that it is sent
    webhook-timestamp  seconds since 1970
    webhook-signature  "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body"

Threads of its own do the waiting. A receiver that is slow gets a part of what it is owed in each look, so that the
others do not wait for it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
import structlog

from crm_core.database import AWAY, Pool, borrowed
from crm_core.sharing import SharedFact, SharedParty
from crm_core.sharing.webhooks import Due, delivered, due, failed

EVERY = 1.0  # seconds between two looks
TIMEOUT = 10.0  # seconds that a receiver has for one step
ROUND = 10.0  # seconds of one look, after which a receiver's next fact waits for the next look
THREADS = 4
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


def post(url: str, body: bytes, fields: Mapping[str, str]) -> int:
    """The status of the answer; redirections are not followed. Raises OSError, HTTPException, ValueError."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT)
    )
    try:
        path = parts.path or "/"
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, dict(fields))
        return connection.getresponse().status
    finally:
        connection.close()


@dataclass(slots=True)
class Webhooks:
    """Looks for as long as `run` runs."""

    pool: Pool
    clock: Callable[[], datetime]
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")

    async def run(self) -> None:
        """Until cancelled. A data base that is away is waited for."""
        try:
            while True:
                try:
                    await self.look()
                except AWAY as error:
                    log.warning("webhooks_wait", error=repr(error))
                await asyncio.sleep(EVERY)
        finally:
            self.close()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def look(self) -> None:
        """Deliver once what is owed; return when every receiver has answered or failed."""
        async with borrowed(self.pool) as conn:
            hooks = await due(conn, now=self.clock())
        await asyncio.gather(*(self._deliver(hook) for hook in hooks))

    async def _deliver(self, hook: Due) -> None:
        loop = asyncio.get_running_loop()
        position = hook.facts[0][0].seq - 1 if hook.facts else hook.position
        until = loop.time() + ROUND
        for fact, party in hook.facts:
            body, now = message(fact, party), self.clock()
            sent = headers(hook.secret, fact, body, now)
            try:
                status = await loop.run_in_executor(self._threads, post, hook.url, body, sent)
                error = "" if 200 <= status < 300 else f"it answered {status}"
            except (OSError, http.client.HTTPException, ValueError) as failure:
                status, error = 0, f"{type(failure).__name__}: {failure}"
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

    async def _failed(self, hook: Due, position: int, error: str, *, gone: bool) -> None:
        async with borrowed(self.pool) as conn:
            ended = await failed(conn, hook, position=position, now=self.clock(), error=error, gone=gone)
        log.warning("webhook_failed", webhook=str(hook.id), error=error, ended=ended)
