"""Certificates: ours, which may be renewed while calls run, and whom we believe."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path


class Certificate:
    """A server's certificate and key. `context` is one object for its whole life: connections that are open keep what
    they were made with, the next handshake gets what was loaded last."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises OSError (ssl.SSLError is one) or ValueError when the two files are no certificate with its key."""
        self._files = certificate, key
        self.context = _server_context()
        self._load(self.context)
        self._seen = self._state()

    def reload(self) -> None:
        """Take the files as they are now. Raises as the constructor; then the old certificate stays in use."""
        self._load(_server_context())  # a failure half way must not spoil the context in use
        self._load(self.context)
        self._seen = self._state()

    def has_changed(self) -> bool:
        """Whether the files differ from what was loaded. Reads the disk."""
        try:
            return self._state() != self._seen
        except OSError:
            return False  # being replaced just now

    def _load(self, context: ssl.SSLContext) -> None:
        certificate, key = self._files
        # A key with a passphrase would ask for it on the terminal, and wait.
        context.load_cert_chain(certificate, key, password=_no_passphrase)

    def _state(self) -> tuple[tuple[int, int, int], ...]:
        stats = [path.stat() for path in self._files]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


@lru_cache(maxsize=8)
def client_context(authorities: Path | None = None, *, verify: bool = True) -> ssl.SSLContext:
    """For connections that we open: TLS 1.2 or later, the peer's certificate checked against the system's authorities,
    or those in a file. `verify` false believes anybody: for a trunk whose certificate its owner knows to be wrong."""
    context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")
