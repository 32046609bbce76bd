"""Builds what stands between strangers and the switchboard: admission, accounts' challenges, alarms."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from callflow.facts import CallsBarred, SourceLockedOut
from callflow.permissions import Barrier
from crm_core.spool import Spool
from dzvin.clock import SystemClock, fresh_id
from dzvin.config import Config
from dzvin.switchboard import ConfiguredAccounts
from pbx.admission import Admission, Rates
from pbx.authentication import Authenticator
from pbx.net.transport import Flow
from pbx.sip.digest import Algorithm
from pbx.sip.nonces import Nonces

log = structlog.get_logger("dzvin.gate")


def admission(config: Config, now: Callable[[], float], spool: Spool) -> Admission:
    clock, security = SystemClock(), config.security

    def locked_out(source: str, account: str, seconds: float) -> None:
        spool.append(SourceLockedOut(id=fresh_id(), at=clock.now(), source=source, account=account, seconds=seconds))

    gate = Admission(
        now,
        trusted=security.trusted,
        friends=[trunk.peer.host for trunk in config.trunks],
        scanners=security.scanners,
        rates=Rates(
            a_second=float(security.strangers_per_second),
            burst=6.0 * security.strangers_per_second,
            all_a_second=12.0 * security.strangers_per_second,
            all_burst=40.0 * security.strangers_per_second,
        ),
        on_lockout=locked_out,
    )
    for entry in config.unchallenged:
        for text in entry.addresses:
            host, _, port = text.rpartition(":")
            gate.know(Flow("UDP", host.strip("[]"), int(port)))
    return gate


def authenticator(config: Config, data: Path, accounts: ConfiguredAccounts, gate: Admission) -> Authenticator:
    secret = nonce_secret(data)
    return Authenticator(
        config.sip.realm,
        tuple(Algorithm.of_token(name) for name in config.sip.digest),
        # What was made before this start is told to be stale: its counts are forgotten.
        Nonces(secret, started=time.time()),
        accounts,
        gate,
        offers=accounts.offers(),
        only_md5=config.sip.only_md5,
        decoy_secret=secret,
    )


def nonce_secret(data: Path) -> bytes:
    """The same after a restart, so that phones that come back are not asked for their passwords."""
    try:
        return hmac.digest((data / "keys" / "master.key").read_bytes(), b"nonces of sip", "sha256")
    except OSError:
        return os.urandom(32)


def barred(spool: Spool) -> Callable[[str | None, Barrier], None]:
    """The alarm of an extension that wanted outside what it may not."""
    clock = SystemClock()

    def alarm(by: str | None, barrier: Barrier) -> None:
        log.warning("call outside refused", extension=by, barrier=barrier.value)
        spool.append(CallsBarred(id=fresh_id(), at=clock.now(), extension=by, barrier=barrier.value))

    return alarm
