"""Ways in that are open on this machine, for tests of streams, TLS and WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pbx.net.connections import ConnectionLimits
from pbx.net.listener import Listener
from pbx.net.own_address import OwnAddress
from pbx.net.tls import Certificate, client_context
from pbx.net.transport import Flow
from pbx.net.transports import Transports
from pbx.timers import Timers
from tests.support.deadlines import DEADLINE, until

OPTIONS = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"
PAGE = "https://panel.example"


@dataclass
class Net:
    transports: Transports
    port: int = 0
    heard: list[tuple[bytes, Flow]] = field(default_factory=list)
    lost: list[Flow] = field(default_factory=list)

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def hears(self, count: int) -> None:
        await until(f"{count} messages", lambda: len(self.heard) >= count)

    async def is_empty(self) -> None:
        await until("no connection", lambda: not len(self.transports.connections))


@asynccontextmanager
async def listening(
    host: str = "127.0.0.1",
    limits: ConnectionLimits | None = None,
    *,
    kind: Literal["stream", "websocket"] = "stream",
    certificate: Certificate | None = None,
    authorities: Path | None = None,
) -> AsyncIterator[Net]:
    """`certificate`: then it is TLS or a secure WebSocket; `authorities`: whom we believe when we connect."""
    timers = Timers(asyncio.get_running_loop())
    net = Net(Transports(timers, OwnAddress(), limits, believes=lambda: client_context(authorities)))
    net.transports.on_message = lambda data, flow: net.heard.append((data, flow))
    net.transports.on_lost.append(net.lost.append)
    net.port = (await _listen(net.transports, host, kind, certificate)).port
    try:
        yield net
    finally:
        net.transports.close()
        timers.close()
        await asyncio.sleep(0)


async def _listen(transports: Transports, host: str, kind: str, certificate: Certificate | None) -> Listener:
    tls = None if certificate is None else lambda: certificate.context
    if kind == "stream":
        return await transports.listen_stream(host, 0, tls)
    return await transports.listen_websocket(host, 0, lambda origin: origin == PAGE, tls)


async def closed(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(DEADLINE):
        with suppress(ConnectionResetError):
            return await reader.read() == b""
        return True
