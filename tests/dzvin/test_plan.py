"""The command lines of an installation's processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dzvin.plan import Ports
from tests.dzvin.fake_installation import plan

pytestmark = pytest.mark.usefixtures("socket_folders")


def option(argv: tuple[str, ...], name: str) -> str | None:
    return argv[argv.index(name) + 1] if name in argv else None


def test_workers_share_out_the_ports_without_overlap(tmp_path: Path) -> None:
    installation = plan(tmp_path, DZVIN_MEDIA__WORKERS="3", DZVIN_MEDIA__PORTS="40000-40999")
    ports = [option(installation.worker(index).argv, "--ports") for index in range(3)]
    assert ports == ["40000-40331", "40332-40663", "40664-40995"]


def test_recordings_are_encrypted_unless_told_otherwise(tmp_path: Path) -> None:
    encrypted = plan(tmp_path).worker(0).argv
    assert option(encrypted, "--key-file") == str(tmp_path / "keys" / "master.key")
    assert option(plan(tmp_path, DZVIN_RECORDINGS__ENCRYPT="false").worker(0).argv, "--key-file") is None


def test_silence_may_be_endured_for_ever(tmp_path: Path) -> None:
    patient = plan(tmp_path, DZVIN_MEDIA__DROP_AFTER_SILENCE="0").worker(0).argv
    assert float(option(patient, "--lost-after") or 0) > 10**8
    assert option(plan(tmp_path).worker(0).argv, "--lost-after") == "60"


def test_the_next_core_gets_the_ports_that_were_chosen_and_only_those(tmp_path: Path) -> None:
    chosen = Ports(http="http://127.0.0.1:34567", sip={"udp": "127.0.0.1:45678"})
    env = plan(tmp_path).core(2, "postgresql://x", chosen).env
    assert (env["DZVIN_HTTP__PORT"], env["DZVIN_SIP__UDP"]) == ("34567", "127.0.0.1:45678")
    fixed = plan(tmp_path, DZVIN_HTTP__PORT="8080", DZVIN_SIP__UDP="0.0.0.0:0").core(2, "postgresql://x", chosen).env
    assert (fixed["DZVIN_HTTP__PORT"], fixed["DZVIN_SIP__UDP"]) == ("8080", "0.0.0.0:45678")


def test_every_transport_keeps_the_port_that_was_chosen_for_it(tmp_path: Path) -> None:
    configured = plan(tmp_path, DZVIN_SIP__TLS="[::1]:0", DZVIN_SIP__WS="127.0.0.1:0", DZVIN_SIP__WSS="127.0.0.1:5067")
    found = {"udp": "127.0.0.1:2", "tls": "[::1]:3", "ws": "127.0.0.1:4", "wss": "127.0.0.1:5067"}
    env = configured.core(2, "postgresql://x", Ports(http="https://127.0.0.1:1", sip=found)).env
    assert [env[f"DZVIN_SIP__{name}"] for name in ("TLS", "WS", "WSS")] == [found["tls"], found["ws"], found["wss"]]
