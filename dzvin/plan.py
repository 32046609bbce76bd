"""What an installation runs: the command lines of its processes, computed from its configuration and folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from dzvin.config import Config
from dzvin.config_shape import SAME
from dzvin.data_folder import DataFolder
from dzvin.processes import READY_FD, Program

DATABASE_URL = "DZVIN_INTERNAL_DATABASE_URL"
READY = "DZVIN_INTERNAL_READY"
ORPHANED = 60  # seconds that a worker waits for another core after it has dropped the legs of the last one
NEVER = 10**9  # seconds: thirty years


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where a core that is ready answers; transports that it does not have are left out."""

    http: str
    sip: dict[str, str]


class Ready(Ports, frozen=True, kw_only=True):
    """The line that `dzvin run` prints for programs that start it."""

    ready: bool = True
    pids: dict[str, int | list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`env` is the environment of every child; the configuration in `config_file` was read under it."""

    config: Config
    config_file: Path
    folder: DataFolder
    runtime: Path
    env: Mapping[str, str]
    companions: tuple[str, ...] = ()  # modules that run beside a core that is ready
    python: tuple[str, ...] = field(default=(sys.executable, "-m"))

    @property
    def workers(self) -> int:
        return self.config.media.processes

    def pid_file(self, index: int) -> Path:
        return self.runtime / f"media-{index}.pid"

    def socket(self, index: int) -> Path:
        return self.runtime / f"media-{index}.sock"

    def worker(self, index: int) -> Program:
        """A media worker. It outlives us, so that the next start adopts it with the calls that it carries."""
        media = self.config.media
        ports = media.port_range
        share = len(ports) // self.workers & ~1  # an even number: RTP and RTCP ports come in pairs
        first = ports.start + index * share
        recordings = self.folder.path / self.config.recordings.folder
        argv = (
            *self.python, "pbx.media", "--socket", str(self.socket(index)), "--ports", f"{first}-{first + share - 1}",
            "--recordings", str(recordings), "--legs", str(media.legs), "--ready-fd", READY_FD,
            "--lost-after", str(media.drop_after_silence or NEVER), "--orphan-after", str(ORPHANED),
        )  # fmt: skip
        if self.config.recordings.encrypt:
            argv += ("--key-file", str(self.folder.master_key()))
        return Program(name=f"media {index}", argv=argv, env=self.env, dies_with_us=False)

    def core(self, epoch: int, database_url: str, ports: Ports | None) -> Program:
        """The core. `ports` are those of the core before: what was chosen once stays for the next."""
        argv = (
            *self.python, "dzvin.core", "--data", str(self.folder.path), "--config", str(self.config_file),
            "--runtime", str(self.runtime), "--ready-fd", READY_FD, "--epoch", str(epoch),
        )  # fmt: skip
        env = {**self.env, DATABASE_URL: database_url, **self._chosen(ports)}
        return Program(name="core", argv=argv, env=env)

    def companion(self, module: str, ready: bytes) -> Program:
        argv = (*self.python, module, "--data", str(self.folder.path), "--config", str(self.config_file))
        return Program(name=module, argv=argv, env={**self.env, READY: ready.decode()})

    def _chosen(self, ports: Ports | None) -> Mapping[str, str]:
        """Overrides for the ports that the configuration leaves open and an earlier core has chosen."""
        chosen: dict[str, str] = {}
        if ports is None:
            return chosen
        if self.config.http.port == 0:
            chosen["DZVIN_HTTP__PORT"] = ports.http.rpartition(":")[2].rstrip("/")
        sip = self.config.sip
        addresses = {
            "udp": sip.udp_address,
            "tcp": None if sip.tcp == SAME else sip.tcp_address,
            "tls": sip.tls_address,
            "ws": sip.ws_address,
            "wss": sip.wss_address,
        }
        for name, address in addresses.items():
            if address is not None and address.port == 0 and name in ports.sip:
                port = int(ports.sip[name].rpartition(":")[2])
                chosen[f"DZVIN_SIP__{name.upper()}"] = str(address._replace(port=port))
        return chosen
