"""SIPp's phones against the running product: the behaviours that a registrar and B2BUA owes any phone.

The scenarios lie in `tests/interop/sipp` and also run by hand (see its README).
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.sipp.run import main
from tests.interop.sipp.scenarios import CASES
from tests.support.server import Server, running_dzvin
from tests.support.traces import unlike

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not shutil.which("sipp"), reason="no sipp (Debian: apt-get install sip-tester)"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("sipp") / "data"
    with running_dzvin(data) as server:
        yield server
    assert unlike(data) == {}  # each call replays from its trace


@pytest.mark.parametrize("name", CASES)
def test_sipp(name: str, server: Server, tmp_path: Path) -> None:
    if name == "ivr_rfc4733_digit" and not may_open_raw_sockets():
        pytest.skip("SIPp plays digits through a raw socket, and this user may not open one")
    host, port = server.sip
    result = tmp_path / "result.json"
    main([
        "--server", f"{host}:{port}", "--only", name, "--json", str(result), "--logs", str(tmp_path / "logs"),
        "--ext", "1001:pw1", "--ext", "1002:pw2", "--ext", "1003:pw3", "--queue", "7000", "--ivr", "8000",
        "--port", str(free_ports()),
    ])  # fmt: skip
    told = json.loads(result.read_text())[name]
    assert told["result"] == "pass", told["why"]


def may_open_raw_sockets() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        return False
    return True


def free_ports() -> int:
    """A first port for SIPp, which counts on from there, and for its media 2000 above: beyond the ports that systems
    give to sockets without a number, so that none of the other tests' has one of them."""
    return 61_000 + 20 * secrets.randbelow(90)
