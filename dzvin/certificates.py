"""The certificate of this server while it runs: found, watched, renewed, and read again without ending a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from dzvin import local_ca
from dzvin.clock import SystemClock
from dzvin.config import Config, ConfigError, problem_at
from pbx.net.tls import Certificate

log = structlog.get_logger("dzvin.certificates")

LOOK_EVERY = 20.0  # seconds
WARN_BEFORE = timedelta(days=14)
WARN_EVERY = timedelta(days=1)


def demand(config: Config, data: Path, file: Path | None) -> None:
    """Raises ConfigError when a key needs a certificate, and there is neither one that is named nor our own."""
    certificate, key = _files(config, data)
    if certificate.exists() and key.exists():
        return
    message = f"needs a certificate: make one with `dzvin tls init --data {data}`, or name its files in [tls]"
    problems = [problem_at(file, where, message) for where in config.tls_users()] if file else []
    if problems:
        raise ConfigError(file, problems)


def kept(config: Config, data: Path) -> KeptCertificate | None:
    """None when nothing needs one. Raises OSError or ValueError for files that are none."""
    if not any(config.tls_users()):
        return None
    certificate, key = _files(config, data)
    ours = None if config.tls.certificate else local_ca.paths(data)
    return KeptCertificate(Certificate(certificate, key), certificate, ours)


def authority(config: Config, data: Path) -> Path | None:
    """Whom people must be told to believe: our own authority, where its certificate is used."""
    ours = local_ca.paths(data).ca
    return ours if any(config.tls_users()) and not config.tls.certificate and ours.exists() else None


def _files(config: Config, data: Path) -> tuple[Path, Path]:
    if config.tls.certificate:
        return Path(config.tls.certificate), Path(config.tls.key)
    own = local_ca.paths(data)
    return own.certificate, own.key


@dataclass(slots=True)
class KeptCertificate:
    """`ours`: where our own authority is; None: somebody else renews it."""

    certificate: Certificate
    file: Path
    ours: local_ca.Paths | None
    now: Callable[[], datetime] = SystemClock().now
    _complaints: dict[str, str] = field(init=False, default_factory=dict)
    _warned_at: datetime | None = field(init=False, default=None)

    def reload(self) -> None:
        """Connections keep what they were made with; the next one gets what the files are now. Files that are no
        certificate with its key, perhaps not yet, change nothing."""
        try:
            self.certificate.reload()
        except (OSError, ValueError) as error:
            self._complain("the certificate could not be read", str(error))
        else:
            self._complaints.clear()
            log.info("the certificate was read", file=str(self.file))

    async def watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Renew it when it is time, and read it when it has changed. The disk is asked on another thread."""
        await asyncio.to_thread(self._renew)
        if await asyncio.to_thread(self.certificate.has_changed):
            self.reload()
        await asyncio.to_thread(self._warn)

    def _renew(self) -> None:
        if self.ours is None:
            return
        try:
            if local_ca.renew(self.ours, self.now()):
                log.info("the certificate was renewed", file=str(self.file))
        except (local_ca.NotMade, OSError, ValueError) as error:
            self._complain("the certificate could not be renewed", str(error))

    def _complain(self, event: str, reason: str) -> None:
        """Once for each reason: we look again and again."""
        if self._complaints.get(event) != reason:
            self._complaints[event] = reason
            log.error(event, file=str(self.file), reason=reason)

    def _warn(self) -> None:
        now = self.now()
        if self._warned_at is not None and now - self._warned_at < WARN_EVERY:
            return
        try:
            ends_at = local_ca.ends_at(self.file)
        except (local_ca.NotMade, OSError):
            return  # told when it is read
        if ends_at - now < WARN_BEFORE:
            self._warned_at = now
            log.warning("the certificate ends soon", file=str(self.file), ends_at=ends_at.isoformat())
