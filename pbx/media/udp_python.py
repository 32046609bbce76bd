"""The system calls of the media engine from the standard library, for the interpreted engine. `udp_native.pxd` has the
same functions compiled; both must behave alike."""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Callable, MutableSequence
from dataclasses import dataclass, field
from functools import wraps
from types import SimpleNamespace
from typing import ParamSpec

P = ParamSpec("P")


@dataclass(slots=True)
class _Poll:
    epoll: select.epoll
    tags: dict[int, int] = field(default_factory=dict)  # by descriptor


_polls: dict[int, _Poll] = {}
_sockets: dict[int, socket.socket] = {}  # doubles of the engine's sockets, by the original's descriptor


def udp_recv(fd: int, buffer: bytearray) -> int:
    """Length << 48 | address << 16 | port; -1 when nothing is there. A datagram longer than the buffer has its length
    plus one."""
    try:
        n, (host, port) = _sockets[fd].recvfrom_into(buffer, 0, socket.MSG_DONTWAIT | socket.MSG_TRUNC)
    except OSError:
        return -1
    return min(n, len(buffer) + 1) << 48 | int.from_bytes(socket.inet_aton(host), "big") << 16 | int(port)


def udp_send(fd: int, buffer: bytearray | memoryview, n: int, address: int, port: int) -> int:
    """Octets sent; -1 when they could not be."""
    if not 0 <= n <= len(buffer):
        return -1
    try:
        target = (socket.inet_ntoa(address.to_bytes(4, "big")), port)
        return _sockets[fd].sendto(memoryview(buffer)[:n], socket.MSG_DONTWAIT, target)
    except OSError:
        return -1


def poll_new() -> int:
    epoll = select.epoll()
    _polls[epoll.fileno()] = _Poll(epoll)
    return epoll.fileno()


def poll_close(poll: int) -> int:
    closing = _polls.pop(poll)
    for fd in closing.tags:
        if fd in _sockets:
            _sockets.pop(fd).close()
    closing.epoll.close()
    return 0


def poll_add(poll: int, fd: int, tag: int) -> int:
    try:
        _polls[poll].epoll.register(fd, select.EPOLLIN)
    except OSError:
        return -1
    _polls[poll].tags[fd] = tag
    if tag >= 0:
        _sockets[fd] = socket.socket(fileno=os.dup(fd))
    return 0


def poll_remove(poll: int, fd: int) -> int:
    try:
        _polls[poll].epoll.unregister(fd)
    except OSError:
        return -1
    finally:
        _polls[poll].tags.pop(fd, None)
        if fd in _sockets:
            _sockets.pop(fd).close()
    return 0


def poll_wait(poll: int, tags: MutableSequence[int], timeout_ms: int) -> int:
    """The tags of the descriptors with something to read, at most as many as `tags` holds."""
    waiting = _polls[poll]
    events = waiting.epoll.poll(timeout_ms / 1000, min(256, len(tags)))
    for number, (fd, _) in enumerate(events):
        tags[number] = waiting.tags[fd]
    return len(events)


def signal_take(fd: int) -> int:
    """How often `signal_add` was called since the last time."""
    try:
        return os.eventfd_read(fd)
    except OSError:
        return 0


def signal_add(fd: int) -> int:
    os.eventfd_write(fd, 1)
    return 0


def clock_ns() -> int:
    return time.monotonic_ns()


def contain(owner: type, *names: str) -> None:
    """Give these methods what `noexcept` gives compiled ones: an exception is reported as unraisable and ends there."""
    for name in names:
        setattr(owner, name, _contained(getattr(owner, name)))


def _contained(method: Callable[P, None]) -> Callable[P, None]:
    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except Exception as error:
            report = SimpleNamespace(
                exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__, err_msg=None, object=method
            )
            sys.unraisablehook(report)

    return call
