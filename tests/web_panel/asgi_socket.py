"""A websocket to the application without a network: the same loop, no threads."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import msgspec
from litestar import Litestar

from tests.support.deadlines import DEADLINE


class Closed(Exception):
    """The application closed the socket, or refused it. `code` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class AsgiSocket:
    def __init__(
        self,
        app: Litestar,
        path: str,
        *,
        cookie: str = "",
        address: str = "203.0.113.7",
        origin: str | None = None,
        subprotocols: tuple[str, ...] = (),
    ) -> None:
        headers = [(b"host", b"panel.test"), (b"cookie", cookie.encode())]
        if origin:
            headers.append((b"origin", origin.encode()))
        self._app = app
        self._scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": (address, 40_000),
            "server": ("panel.test", 80),
            "subprotocols": list(subprotocols),
            "state": {},
            "extensions": {},
        }
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Raises Closed when the application refuses."""
        app: Any = self._app
        self._running = asyncio.create_task(app(self._scope, self._to_app.get, self._from_app.put))
        await self._to_app.put({"type": "websocket.connect"})
        opened = await self._next()
        if opened["type"] == "websocket.close":
            await self._running
            raise Closed(opened.get("code", 1000))
        self.accepted = opened
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._to_app.put({"type": "websocket.disconnect", "code": 1000})
        assert self._running
        await asyncio.wait_for(self._running, DEADLINE)

    async def receive(self) -> dict[str, Any]:
        """The next message, decoded. Raises Closed."""
        text: str = (await self.message())["text"]
        decoded: dict[str, Any] = msgspec.json.decode(text)
        return decoded

    async def message(self) -> dict[str, Any]:
        """The next message as it is. Raises Closed."""
        message = await self._next()
        if message["type"] == "websocket.close":
            raise Closed(message.get("code", 1000))
        return message

    async def receive_type(self, kind: str) -> dict[str, Any]:
        """The next message of this type; the ones before it are passed over."""
        while True:
            message = await self.receive()
            if message["type"] == kind:
                return message

    async def send(self, text: str) -> None:
        await self.put({"type": "websocket.receive", "text": text})

    async def put(self, event: dict[str, Any]) -> None:
        await self._to_app.put(event)

    async def _next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._from_app.get(), DEADLINE)
