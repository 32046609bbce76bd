"""The panel as a program sees it: its HTTP API with a session, and its live websocket."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.deadlines import DEADLINE, deadline, eventually

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Row: TypeAlias = dict[str, Json]


def dig(value: Json, *path: str | int) -> Json:
    """What stands at that path of a JSON value; None when there is no such place."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


@dataclass(slots=True)
class Panel:
    client: httpx.AsyncClient
    me: Row = field(default_factory=dict)

    async def sign_in(self, login: str, password: str) -> None:
        self.me = (await self.ask("POST", "/api/session", {"login": login, "password": password})).json()

    async def ask(self, method: str, path: str, body: Json = None, *, status: int | None = None) -> httpx.Response:
        """The response. Raises AssertionError when its status is not the expected one (or no success)."""
        response = await self.client.request(method, path, json=body if body is not None else None)
        expected = response.is_success if status is None else response.status_code == status
        assert expected, f"{method} {path}: {response.status_code} {response.text}"
        return response

    async def events(self, **filters: str | int) -> list[Row]:
        """The first page of the register, newest first as the panel shows it."""
        response = await self.client.get("/api/events", params={"size": 100, **filters})
        response.raise_for_status()
        rows: list[Row] = response.json()["rows"]
        return rows

    async def event(self, holds: Callable[[Row], object], seconds: float = DEADLINE) -> Row:
        """The first event of the register for which `holds`, as soon as it is there."""

        async def look() -> list[Row]:
            return [row for row in await self.events() if holds(row)]

        return (await eventually("an event of the register", look, seconds=seconds))[0]

    async def follow_ups(self) -> list[Row]:
        rows: list[Row] = (await self.ask("GET", "/api/follow-ups")).json()
        return rows

    async def recording(self, recording_id: str) -> list[bytes]:
        """The channels of a recording as PCM: the customer first, then the agent."""
        response = await self.ask("GET", f"/api/recordings/{recording_id}")
        with wave.open(io.BytesIO(response.content)) as file:
            assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
            frames, channels = file.readframes(file.getnframes()), file.getnchannels()
        return [
            b"".join(frames[at : at + 2] for at in range(2 * n, len(frames), 2 * channels)) for n in range(channels)
        ]

    @asynccontextmanager
    async def live(self) -> AsyncIterator[Live]:
        """The live websocket, from its snapshot on."""
        base = str(self.client.base_url)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.client.cookies.jar)
        async with connect(
            f"{base.replace('http', 'ws', 1).rstrip('/')}/api/live", additional_headers={"Cookie": cookies}, proxy=None
        ) as socket:
            live = Live(socket)
            await live.start()
            yield live


def _channel(frames: bytes, number: int, channels: int) -> bytes:
    return b"".join(frames[at : at + 2] for at in range(2 * number, len(frames), 2 * channels))


@dataclass(slots=True)
class Live:
    """Messages of the websocket in order. Checks their sequence numbers as a browser does."""

    socket: ClientConnection
    snapshot: Row = field(default_factory=dict)
    messages: list[Row] = field(default_factory=list)
    seq: int = -1

    async def start(self) -> None:
        self.snapshot = await self._next()
        assert self.snapshot["type"] == "snapshot"
        self.seq = int(str(self.snapshot["seq"]))

    async def until(self, what: str, holds: Callable[[Row], object], seconds: float = DEADLINE) -> Row:
        """The next message for which `holds`; those before it are kept in `messages`."""
        async with deadline(lambda: f"{what}; seen {[message['type'] for message in self.messages]}", seconds):
            while True:
                message = await self._next()
                if message["type"] == "pong":
                    continue
                assert message["seq"] == self.seq + 1, f"lost a message before {message}"
                self.seq += 1
                self.messages.append(message)
                if holds(message):
                    return message

    async def call(self, state: str, **wanted: str) -> Row:
        """The next change of a call to that state (and with those other values); the call itself."""

        def holds(message: Row) -> bool:
            return dig(message, "call", "state") == state and all(
                dig(message, "call", key) == value for key, value in wanted.items()
            )

        found = (await self.until(f"a call {state}", holds))["call"]
        assert isinstance(found, dict)
        return found

    async def agent(self, extension: str, status: str) -> Row:
        """The next change of that extension's person to that status."""

        def holds(message: Row) -> bool:
            return (dig(message, "agent", "extension"), dig(message, "agent", "status")) == (extension, status)

        found = (await self.until(f"{extension} {status}", holds))["agent"]
        assert isinstance(found, dict)
        return found

    async def _next(self) -> Row:
        message: Row = json.loads(await self.socket.recv())
        return message
