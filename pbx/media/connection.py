"""One core's connection to one media worker: frames out in order, answers matched by id, notices handed up.

It lives from a `Hello` to the loss of the socket; a new one is made for each reconnection.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

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
READ_AT_ONCE = 65536
UNSENT_LIMIT = 4 * 1024 * 1024  # octets; a worker that reads none of them is hung


class WorkerGone(Exception):
    """The worker is away, hung, or refused us."""


class WorkerConnection:
    """Contract: `greet` first, then `listen` runs until the connection is lost."""

    def __init__(self, path: Path, on_notice: Callable[[WorkerConnection, Notice | Closed], None]) -> None:
        self.path = path
        self.pid = 0
        self.capacity = 0
        self.fingerprint = ""
        self.is_open = False
        self._on_notice = on_notice
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._unsent: list[bytes] = []
        self._received = bytearray()

    async def greet(self, epoch: int) -> list[LegReport]:
        """Connect and take the worker over; returns the legs that outlived the last core. Raises WorkerGone."""
        try:
            async with asyncio.timeout(GREETING_TIMEOUT):
                return await self._greet(epoch)
        except (OSError, EOFError, BadFrame, TimeoutError) as error:
            self.close()
            raise WorkerGone(str(error) or type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    async def _greet(self, epoch: int) -> list[LegReport]:
        self._reader, self._writer = await asyncio.open_unix_connection(self.path)
        self._writer.write(encode(Hello(version=PROTOCOL_VERSION, epoch=epoch)))
        legs: list[LegReport] = []
        more = True
        while more:
            welcome = await self._receive()
            if not isinstance(welcome, Welcome):
                raise WorkerGone(welcome.reason if isinstance(welcome, Failed) else "no welcome")
            legs += welcome.legs
            more = welcome.more
            self.pid, self.capacity = welcome.pid, welcome.capacity
            self.fingerprint = welcome.fingerprint
        self.is_open = True
        return legs

    async def listen(self) -> None:
        """Hand up answers and notices until the connection is lost; returns then."""
        try:
            while self.is_open:
                self._handle(await self._receive())
        except (OSError, EOFError, BadFrame) as error:
            log.warning("media worker lost", path=str(self.path), pid=self.pid, reason=str(error))
        finally:
            self.close()

    def close(self) -> None:
        self.is_open = False
        if self._writer is not None:
            self._writer.close()
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(WorkerGone("the media worker is gone"))

    def next_id(self) -> int:
        return next(self._ids)

    def send(self, command: Command) -> None:
        """Send and do not wait; a failure is logged when it comes. On a lost connection nothing happens."""
        if not self.is_open or self._writer is None:
            return
        # One write for all that this turn of the loop has to say: a call's set-up is a dozen commands.
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(encode(command))

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self.is_open or self._writer is None:
            return
        self._writer.write(b"".join(unsent))
        if self._writer.transport.get_write_buffer_size() > UNSENT_LIMIT:
            log.error("media worker reads nothing", path=str(self.path), pid=self.pid)
            self._writer.transport.abort()
            self.close()

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

    async def _receive(self) -> FromWorker:
        """The next message. A read takes all that is there, which may be several."""
        assert self._reader is not None
        while (frame := self._next_frame()) is None:
            octets = await self._reader.read(READ_AT_ONCE)
            if not octets:
                raise EOFError("the media worker closed the connection")
            self._received += octets
        return decode_from_worker(frame)

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
