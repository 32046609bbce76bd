"""A core's connection, as its media worker has it: commands out of frames, and none lost that was sent.

A core that is killed has often just said what its successor will need, such as the cookie of a leg that it rang a
moment ago. The kernel keeps that, but a transport forgets it: the first write that fails closes it with all that is
unread. So a second descriptor of the socket stays open until what was there has been read.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import structlog

from pbx.media.messages import BadFrame, Command, FromWorker, decode_command, encode, frame_length

log = structlog.get_logger(__name__)

HEAD = 4  # octets before a frame, that say how long it is
CHUNK = 65536  # octets


class CoreConnection(asyncio.Protocol):
    """`on_command` gets each command while the connection is there; `on_end` is called once, after the last."""

    def __init__(
        self, on_command: Callable[[CoreConnection, Command], None], on_end: Callable[[CoreConnection], None]
    ) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._on_command = on_command
        self._on_end = on_end
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self._socket: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._socket = transport.get_extra_info("socket").dup()
        if not self._is_of_our_user():
            self._forget()
            self.close()

    def data_received(self, data: bytes) -> None:
        try:
            self._take(data)
        except BadFrame as error:
            log.warning("core connection closed", reason=str(error))
            self._forget()
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        try:
            self.read_rest()
        finally:
            log.info("core connection ended", reason=str(error or "end of file"))
            self._forget()
            self._on_end(self)
            self.ended.set_result(None)

    def read_rest(self) -> None:
        """Take what the core had sent when it died, or when another took its place."""
        with suppress(OSError, BadFrame):
            while self._socket is not None and (data := self._socket.recv(CHUNK)):
                self._take(data)

    @property
    def unread(self) -> int:
        """Octets that the core has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def write(self, message: FromWorker) -> None:
        if self._transport is not None:
            self._transport.write(encode(message))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _take(self, data: bytes) -> None:
        """Raises BadFrame."""
        received = self._received
        received += data
        while len(received) >= HEAD:
            end = HEAD + frame_length(bytes(received[:HEAD]))
            if len(received) < end:
                return
            frame = bytes(received[HEAD:end])
            del received[:end]
            self._on_command(self, decode_command(frame))

    def _forget(self) -> None:
        """Nothing more is read here."""
        self._received.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _is_of_our_user(self) -> bool:
        """Only our own user (or root) may command: the socket's mode says so, and the kernel vouches."""
        assert self._socket is not None
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iii"))
        _, uid, _ = struct.unpack("iii", credentials)
        return uid in (os.getuid(), 0)
