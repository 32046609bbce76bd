"""From the words of a command line to a running supervisor, and what it says to programs and to people."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

import msgspec
import structlog

from dzvin import certificates, config, logs
from dzvin.config import Config
from dzvin.core_process import StartFailed
from dzvin.data_folder import DataFolder
from dzvin.plan import Plan, Ready
from dzvin.postgres import EmbeddedPostgres
from dzvin.supervisor import Supervisor

log = structlog.get_logger("supervisor")

PACKAGED_DEMO = Path(__file__).parent / "demo.toml"  # a wheel carries it here
REPOSITORY_DEMO = Path(__file__).parents[1] / "examples" / "demo.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asked for. `overrides` go over the environment, and so to every child."""

    data: Path
    config_file: Path | None
    overrides: Mapping[str, str]
    hello: bool
    companions: Sequence[str] = ()

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, **self.overrides}


def run(order: Order) -> None:
    """Run until a signal. Raises ConfigError, AlreadyRuns, UnsafeFolder, BadKeyFile or StartFailed."""
    for module in order.companions:
        if find_spec(module) is None:
            raise StartFailed(f"this installation has no {module}")
    file = configuration_file(order.data, order.config_file)
    settings = config.load(file, order.env)
    certificates.demand(settings, order.data, file)
    logs.configure("supervisor", settings.log.level, settings.log.format)
    folder = DataFolder(order.data)
    if not folder.is_private:
        log.warning("others may read the data folder", folder=str(folder.path), expected="mode 0700")
    with folder.locked():
        folder.master_key()  # a damaged one is told before anything runs
        asyncio.run(_supervise(order, file, settings, folder))


def configuration_file(data: Path, given: Path | None) -> Path:
    """The file that was named, else the data folder's own, else that of the demo company."""
    candidates = [given] if given else [data / "dzvin.toml", REPOSITORY_DEMO, PACKAGED_DEMO]
    return next((file for file in candidates if file.exists()), candidates[0]).resolve()


async def _supervise(order: Order, file: Path, settings: Config, folder: DataFolder) -> None:
    plan = Plan(
        config=settings, config_file=file, folder=folder, runtime=folder.runtime, env=order.env,
        companions=tuple(order.companions),
    )  # fmt: skip
    database = None if settings.database.url else EmbeddedPostgres(folder.path)

    def announce(ready: Ready) -> None:
        _say(sys.stdout, msgspec.json.encode(ready).decode())
        if order.hello:
            _say(sys.stderr, greeting(settings, ready))

    await Supervisor(plan, database, announce).run()


def _say(stream: TextIO, text: str) -> None:
    """Who started us may have stopped listening; that is no reason to stop."""
    with suppress(OSError, ValueError):
        stream.write(text + "\n")
        stream.flush()


def greeting(settings: Config, ready: Ready) -> str:
    """Where to look and how to sign in, for the person who started it."""
    site = settings.http.public_url or ready.http
    lines = ["", f"  Dzvin is ready: {site}", f"  Hall board: {site}/board", ""]
    lines += [f"  SIP phones register at {address} ({transport})" for transport, address in ready.sip.items()]
    sign_ins = [user for user in settings.users if user.password]
    if sign_ins:
        lines += ["", "  First sign-ins (login, password):"]
    for user in sign_ins[:10]:
        phone = f", phone {user.extension}" if user.extension else ""
        lines.append(f"    {user.login:<12} {user.password:<18} {user.full_name} ({user.role}{phone})")
    return "\n".join([*lines, ""])
