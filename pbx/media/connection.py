"""One core's connection to one media worker: frames out in order, answers matched by id, notices handed up.

It lives from a `Hello` to the loss of the socket; a new one is made for each reconnection.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import cast

import structlog

from pbx.media.messages import (
    PROTOCOL_VERSION,
    Answer,
    BadFrame,
    Close,
    Closed,
    Command,
    Failed,
    FromWorker,
    Hello,
    LegReport,
    Notice,
    Opened,
    Statistics,
    Welcome,
    decode_from_worker,
    encode,
    frame_length,
)
from pbx.media.room_messages import CloseRoom, RoomOpened

log = structlog.get_logger(__name__)

GREETING_TIMEOUT = 5.0  # seconds
HEAD = 4  # octets before a frame, that say how long it is
UNSENT_LIMIT = 4 * 1024 * 1024  # octets; a worker that reads none of them is hung


class WorkerGone(Exception):
    """The worker is away, hung, or refused us."""


class WorkerConnection(asyncio.Protocol):
    """Contract: `greet` first, then `listen` runs until the connection is lost.

    A protocol and not a stream: what comes is handled where it comes in, without another task's turn of the loop.
    """

    def __init__(self, path: Path, on_notice: Callable[[WorkerConnection, Notice | Closed], None]) -> None:
        self.path = path
        self.pid = 0
        self.capacity = 0
        self.fingerprint = ""
        self.is_open = False
        self._on_notice = on_notice
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._transport: asyncio.WriteTransport | None = None
        self._unsent: list[bytes] = []
        self._received = bytearray()
        self._listening = False
        self._legs: list[LegReport] = []
        loop = asyncio.get_running_loop()
        self._welcomed: asyncio.Future[None] = loop.create_future()
        self._lost: asyncio.Future[str] = loop.create_future()

    async def greet(self, epoch: int) -> list[LegReport]:
        """Connect and take the worker over; returns the legs that outlived the last core. Raises WorkerGone."""
        try:
            async with asyncio.timeout(GREETING_TIMEOUT):
                return await self._greet(epoch)
        except (OSError, TimeoutError) as error:
            self.close()
            raise WorkerGone(str(error) or type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    async def _greet(self, epoch: int) -> list[LegReport]:
        transport, _ = await asyncio.get_running_loop().create_unix_connection(lambda: self, str(self.path))
        transport.write(encode(Hello(version=PROTOCOL_VERSION, epoch=epoch)))
        await asyncio.wait((self._welcomed, self._lost), return_when=asyncio.FIRST_COMPLETED)
        if not self._welcomed.done():
            raise WorkerGone(self._lost.result())
        return self._legs

    async def listen(self) -> None:
        """Hand up answers and notices until the connection is lost; returns then."""
        self._listening = True
        self._read()
        try:
            reason = await asyncio.shield(self._lost)
        finally:
            self.close()
        if reason:
            log.warning("media worker lost", path=str(self.path), pid=self.pid, reason=reason)

    def close(self, reason: str = "") -> None:
        """`reason`: why, when it is not we who want it."""
        self.is_open = False
        if self._transport is not None:
            self._transport.close()
        if not self._lost.done():
            self._lost.set_result(reason)
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(WorkerGone("the media worker is gone"))

    # ---- what the connection tells ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is one in all but its class
        if self._lost.done():  # nobody waits for it any more
            transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._read()

    def _read(self) -> None:
        try:
            while (
                not self._lost.done()
                and (self._listening or not self._welcomed.done())
                and (frame := self._next_frame()) is not None
            ):
                message = decode_from_worker(frame)
                if self._welcomed.done():
                    self._handle(message)
                else:
                    self._greeted(message)
        except BadFrame as error:
            self.close(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        self.close(str(error or "the media worker closed the connection"))

    def _greeted(self, message: FromWorker) -> None:
        if not isinstance(message, Welcome):
            self.close(message.reason if isinstance(message, Failed) else "no welcome")
            return
        self._legs += message.legs
        self.pid, self.capacity, self.fingerprint = message.pid, message.capacity, message.fingerprint
        if not message.more:
            self.is_open = True
            self._welcomed.set_result(None)

    def next_id(self) -> int:
        return next(self._ids)

    def send(self, command: Command) -> None:
        """Send and do not wait; a failure is logged when it comes. On a lost connection nothing happens."""
        if not self.is_open:
            return
        # One write for all that this turn of the loop has to say: a call's set-up is a dozen commands.
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(encode(command))

    def send_now(self, command: Command) -> None:
        """As `send`; but it and all before it are the kernel's when this returns, whatever becomes of us."""
        self.send(command)
        self._flush()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not unsent or not self.is_open or self._transport is None:
            return
        self._transport.write(b"".join(unsent))
        if self._transport.get_write_buffer_size() > UNSENT_LIMIT:
            log.error("media worker reads nothing", path=str(self.path), pid=self.pid)
            self._transport.abort()
            self.close("it reads nothing")

    async def ask(self, command: Command, number: int, timeout: float) -> Answer:
        """Send and wait for the answer to command `number`. Raises WorkerGone, also after `timeout` seconds."""
        if not self.is_open:
            raise WorkerGone("the media worker is gone")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self.send(command)
        late = asyncio.get_running_loop().call_later(timeout, self._give_up, number, timeout)
        try:
            return await future
        except asyncio.CancelledError:
            # The answer may have come in the same turn of the loop, and nobody takes it any more.
            if future.done() and not future.cancelled() and future.exception() is None:
                self._handle(future.result())
            raise
        finally:
            late.cancel()
            self._waiting.pop(number, None)
            if future.done() and not future.cancelled():
                future.exception()  # seen: the loop need not report it

    def _give_up(self, number: int, timeout: float) -> None:
        future = self._waiting.pop(number, None)
        if future is not None and not future.done():
            future.set_exception(WorkerGone(f"no answer in {timeout:g} s"))

    def _next_frame(self) -> bytes | None:
        received = self._received
        if len(received) < HEAD:
            return None
        end = HEAD + frame_length(bytes(received[:HEAD]))
        if len(received) < end:
            return None
        frame = bytes(received[HEAD:end])
        del received[:end]
        return frame

    def _is_waited_for(self, number: int) -> bool:
        future = self._waiting.get(number)
        return future is not None and not future.done()

    def _handle(self, message: FromWorker) -> None:
        match message:
            # Who gave up in this very turn of the loop waits no more, though its place is still there.
            case Opened() | RoomOpened() | Failed() | Statistics() | Closed() if self._is_waited_for(message.id):
                self._waiting.pop(message.id).set_result(message)
            case Opened():
                # Whoever asked has given up: the leg must not stay behind.
                self.send(Close(id=self.next_id(), leg=message.leg))
            case RoomOpened():
                self.send(CloseRoom(id=self.next_id(), room=message.room))
            case Failed():
                log.warning("media command failed", command=message.id, reason=message.reason, worker=self.pid)
            case Closed(id=0):
                self._on_notice(self, message)
            case Statistics() | Closed() | Welcome():
                pass  # nobody waits for it (any more)
            case _:
                self._on_notice(self, message)
