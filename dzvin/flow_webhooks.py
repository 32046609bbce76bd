"""Asks other servers on behalf of flows. Threads of its own do the waiting, and no caller waits longer than said.

A server that answers byte by byte keeps its thread; when all have theirs, later webhooks fail after their time.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

THREADS = 16
AT_ONCE = 64  # of all calls; one more has failed before it is sent
LARGEST = 64 * 1024  # bytes of an answer; what is longer is cut, and so no JSON
SENT = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Dzvin"}

log = structlog.get_logger("dzvin.flow_webhooks")


@dataclass(slots=True)
class FlowWebhooks:
    _threads: ThreadPoolExecutor = field(init=False)
    _asked: int = 0

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flow")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(self, url: str, body: bytes, seconds: float) -> bytes | None:
        if self._asked >= AT_ONCE:
            log.warning("too many webhooks of flows at once", url=_shown(url))
            return None
        self._asked += 1
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, ask, url, body, seconds)
        except (TimeoutError, OSError, http.client.HTTPException, ValueError) as failure:
            log.warning("a webhook of a flow failed", url=_shown(url), error=repr(failure))
            return None
        finally:
            self._asked -= 1


def ask(url: str, body: bytes, seconds: float) -> bytes | None:
    """What a 2xx answer holds; redirections are not followed. Raises OSError, HTTPException, ValueError."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=seconds)
    )
    with closing(connection):
        path = parts.path or "/"
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, SENT)
        answer = connection.getresponse()
        return answer.read(LARGEST) if 200 <= answer.status < 300 else None


def _shown(url: str) -> str:
    """Without what may be a secret."""
    return url.partition("?")[0]
