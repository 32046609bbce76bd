"""SIP messages out of a stream of bytes (RFC 3261 §18.3) and the keep-alives between them (RFC 5626 §4.4.1). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from pbx.sip.errors import RemoteProtocolError

MAX_MESSAGE = 65_536

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*+:[ \t]*+(?:\r\n[ \t]++)?([^\r\n]*)", re.IGNORECASE)


class KeepAlive(Enum):
    PING = "two line ends: the peer waits for one in return"


Framed = bytes | KeepAlive


class Framer:
    """Feed it what came and take messages until there is none.

    It holds at most one unfinished message beside what was fed last. Where the next message begins cannot be known
    after an error, so the connection must end then.
    """

    __slots__ = ("_blank", "_buffer", "_needed", "_searched", "_taken")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._taken = 0  # octets at the front of the buffer that are done with
        self._searched = 0  # up to where no end of the header was found
        self._needed = 0  # length of the message at the front, once its header is there
        self._blank = 0  # line ends since the last message or ping

    @property
    def is_midway(self) -> bool:
        """Whether a message has begun and not ended."""
        return len(self._buffer) > self._taken

    def feed(self, data: bytes) -> None:
        if self._taken:
            del self._buffer[: self._taken]
            self._searched = max(0, self._searched - self._taken)
            self._taken = 0
        self._buffer += data

    def __iter__(self) -> Iterator[Framed]:
        return self

    def __next__(self) -> Framed:
        """The next whole message or ping; StopIteration when more must come. Raises RemoteProtocolError."""
        if not self._needed:
            if self._skip_line_ends():
                return KeepAlive.PING
            self._measure()
        if not self._needed or len(self._buffer) - self._taken < self._needed:
            raise StopIteration
        message = bytes(memoryview(self._buffer)[self._taken : self._taken + self._needed])
        self._taken += self._needed
        self._searched, self._needed, self._blank = self._taken, 0, 0
        return message

    def _skip_line_ends(self) -> bool:
        """RFC 3261 §7.5: "implementations … MUST ignore any CRLF appearing before the start-line".

        True when they make a ping. RFC 5626 §3.5.1: "a double-CRLF sequence".
        """
        while self._buffer.startswith(b"\r\n", self._taken):
            self._taken += 2
            self._blank += 1
            if self._blank == 2:
                self._blank = 0
                return True
        return False

    def _measure(self) -> None:
        start = self._taken
        # However the stream was cut: what would be read at once must not depend on it.
        if self._buffer[start : start + 1].isspace() and len(self._buffer) - start > 1:
            raise RemoteProtocolError("half a line end", None)
        end = self._buffer.find(_END, max(start, self._searched - len(_END) + 1))
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched - start > MAX_MESSAGE:
                raise RemoteProtocolError("a header longer than 64 KiB", None)
            return
        length = _content_length(bytes(memoryview(self._buffer)[start:end]))
        self._needed = end + len(_END) - start + length
        if self._needed > MAX_MESSAGE:
            raise RemoteProtocolError("a message longer than 64 KiB", None)


def _content_length(head: bytes) -> int:
    # §20.14: "If a stream-based protocol (such as TCP) is used as transport, then the header field MUST be used." One
    # that can be read in two ways would let its sender hide a message from whoever reads it the other way.
    found = {value.strip(b" \t") for value in _LENGTH.findall(head)}
    if len(found) != 1:
        raise RemoteProtocolError("no Content-Length, or two that differ", None)
    (text,) = found
    if not text.isdigit() or len(text) > 10:
        raise RemoteProtocolError("a Content-Length that is no number", None)
    return int(text)
