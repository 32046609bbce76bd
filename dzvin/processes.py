"""Processes that we start, watch and end, and those that another supervisor left for us.

Linux only: a process is watched and signalled through its pidfd, so a number that was given to a stranger in the
meantime is never signalled, and a process that is not our child can be watched just as well.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
READY_FD = "{ready_fd}"
HURRY = 6.0  # seconds between the second request to end and the end by force
READY_LINE_LIMIT = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command line to run. `{ready_fd}` in it becomes the number of the pipe on which it says that it is ready."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    dies_with_us: bool = True


class NeverReady(Exception):
    """The process ended, or took too long, before it said that it is ready."""


@dataclass(slots=True)
class Process:
    """A running process, ours or adopted. Made by `start` and `adopt`."""

    name: str
    pid: int
    _pidfd: int
    _popen: subprocess.Popen[bytes] | None = None
    _ready_fd: int | None = None
    _ended: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def has_ended(self) -> bool:
        return self._ended.done()

    async def wait(self) -> int | None:
        """Return the exit status (negative: the signal) once it has ended; None for an adopted process."""
        await asyncio.shield(self._ended)
        return self._popen.returncode if self._popen else None

    def send(self, number: signal.Signals) -> None:
        """Harmless when the process has ended."""
        if not self.has_ended:
            try:
                signal.pidfd_send_signal(self._pidfd, number)
            except ProcessLookupError:
                pass  # ended, and the loop has not told us yet

    async def end(self, grace: float, hurry: asyncio.Event) -> None:
        """Ask it to end, wait `grace` seconds or until `hurry`, ask again, then insist."""
        self.send(signal.SIGTERM)
        hurried = asyncio.ensure_future(hurry.wait())
        await asyncio.wait((self._ended, hurried), timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        self.send(signal.SIGTERM)
        await asyncio.wait((self._ended,), timeout=HURRY)
        self.send(signal.SIGKILL)
        await self.wait()

    async def ready(self, within: float) -> bytes:
        """The one line that the process writes when it is ready. Raises NeverReady."""
        assert self._ready_fd is not None, "the program has no {ready_fd}"
        reader = asyncio.StreamReader(limit=READY_LINE_LIMIT)
        pipe = os.fdopen(self._ready_fd, "rb", buffering=0)
        self._ready_fd = None
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            async with asyncio.timeout(within):
                line = await reader.readline()
        except TimeoutError as error:
            raise NeverReady(f"{self.name} is not ready after {within:.0f} s") from error
        except ValueError as error:
            raise NeverReady(f"{self.name} said more than {READY_LINE_LIMIT} bytes") from error
        finally:
            transport.close()
        if not line:
            raise NeverReady(f"{self.name} ended before it was ready")
        return line

    def _watch(self) -> Process:
        asyncio.get_running_loop().add_reader(self._pidfd, self._has_ended)
        return self

    def _has_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        if self._ready_fd is not None:
            os.close(self._ready_fd)
        if self._popen:
            self._popen.wait()  # it has ended: this only takes its status
        self._ended.set_result(None)


def start(program: Program) -> Process:
    """Start a program in a session of its own: Ctrl-C in the terminal is for the supervisor, which ends all in order.

    Its standard output joins our standard error. Raises OSError when it cannot be started. Call it from the main
    thread: the kernel takes the end of the *thread* that started a child for the death of its parent.
    """
    receive, send = os.pipe()
    try:
        popen = subprocess.Popen(
            [argument.replace(READY_FD, str(send)) for argument in program.argv],
            env=dict(program.env),
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=(send,),
            start_new_session=True,
            preexec_fn=die_with(os.getpid()) if program.dies_with_us else None,
        )
    except OSError:
        os.close(receive)
        raise
    finally:
        os.close(send)
    return Process(program.name, popen.pid, os.pidfd_open(popen.pid), popen, receive)._watch()


def adopt(program: Program, pid: int) -> Process | None:
    """Watch a process that runs exactly this command line; None when `pid` is not (any longer) that process."""
    try:
        pidfd = os.pidfd_open(pid)
    except (ProcessLookupError, ValueError, OverflowError):
        return None
    running = _command_line(pid)  # read after the pidfd was opened, so that both are of the same process
    wanted = program.argv
    if len(running) != len(wanted) or any(b not in (a, READY_FD) for a, b in zip(running, wanted, strict=True)):
        os.close(pidfd)
        return None
    return Process(program.name, pid, pidfd)._watch()


def die_with(parent: int, how: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """What a child does before `exec` so that it gets that signal as soon as `parent` has ended, however that came."""

    def before_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, how)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return before_exec


def _command_line(pid: int) -> tuple[str, ...]:
    try:
        return tuple(os.fsdecode(part) for part in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1])
    except OSError:
        return ()
