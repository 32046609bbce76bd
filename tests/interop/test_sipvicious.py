"""SIPVicious, the scanner that most strangers use, from an address that nobody trusts. It is run, never linked: GPL.

Once as it comes, which its own name betrays, and once as a thief would run it who has given it the name of a phone. A
relay gives its messages the stranger's address, since svwar and svcrack 0.3.8 do nothing with their option for it.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.network import Address, UdpPort
from tests.support.phone import FakePhone
from tests.support.server import Server, running_dzvin

STRANGER = "127.0.0.66"
WITHIN = 120.0  # seconds for a tool to end by itself
RIGHT_AT = 500  # the line of the word list that holds the password


def installed() -> bool:
    try:
        importlib.metadata.version("sipvicious")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not installed(), reason="no SIPVicious (pip install sipvicious)"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("scanned") / "data") as server:
        yield server


class Relay:
    """Carries a tool's messages to the server from the stranger's address, under another name if told."""

    def __init__(self, server: Server, name: bytes | None) -> None:
        self._server, self._name = server.sip, name
        self._tool: Address | None = None
        self._inner = UdpPort(self._from_tool)
        self._outer = UdpPort(self._from_server, host=STRANGER)

    @property
    def port(self) -> int:
        return self._inner.port

    def close(self) -> None:
        self._inner.close()
        self._outer.close()

    def _from_tool(self, data: bytes, source: Address) -> None:
        self._tool = source
        if self._name is not None:
            data = data.replace(b"friendly-scanner", self._name).replace(b"sipvicious", b"somebody")
        self._outer.send(data, self._server)

    def _from_server(self, data: bytes, source: Address) -> None:
        if self._tool is not None:
            self._inner.send(data, self._tool)


async def scan(tool: str, server: Server, folder: Path, *arguments: str, name: bytes | None = None) -> str:
    """What the tool says. `name`: what it calls itself in place of its own."""
    relay = Relay(server, name)
    command = [str(Path(sys.executable).with_name(f"sipvicious_{tool}")), "-p", str(relay.port), *arguments]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    try:
        ended = await asyncio.to_thread(
            subprocess.run, [*command, "127.0.0.1"], capture_output=True, text=True, timeout=WITHIN, env=environment,
            check=False,
        )  # fmt: skip
    finally:
        relay.close()
    return ended.stdout + ended.stderr


PHONE = b"Phone 1.0"
NAMES = pytest.mark.parametrize("name", [None, PHONE], ids=["as it comes", "under another name"])


@NAMES
async def test_svmap_finds_nothing_that_tells_what_it_found(server: Server, tmp_path: Path, name: bytes | None) -> None:
    told = await scan("svmap", server, tmp_path, name=name)
    if name is None:
        assert "found nothing" in told
    else:
        # An ordinary stranger's OPTIONS is answered (RFC 3261 §11.2); who answers is not said.
        assert "unknown" in told
        assert "dzvin" not in told.lower()


@NAMES
async def test_svwar_lists_nobody(server: Server, tmp_path: Path, name: bytes | None) -> None:
    """1001 to 1003 exist, their neighbours do not."""
    for method in ("REGISTER", "INVITE", "OPTIONS"):
        arguments = ("-e", "998-1006", "-m", method, "--maximumtime=3", "--force")
        told = await scan("svwar", server, tmp_path, *arguments, name=name)
        assert "| 100" not in told, f"{method}: {told}"


@NAMES
async def test_svcrack_does_not_find_the_right_word_and_harms_no_agent(
    server: Server, tmp_path: Path, name: bytes | None
) -> None:
    words = tmp_path / "words"
    words.write_text("".join("pw1\n" if number == RIGHT_AT else f"word{number}\n" for number in range(1, 600)))
    before = await server.metrics()
    told = await scan("svcrack", server, tmp_path, "-u", "1001", "-d", str(words), "--maximumtime=5", name=name)
    assert "pw1" not in told
    after = await server.metrics()
    # Under its own name it is dropped unseen; under another its guesses are counted, and end in a lockout.
    counted = "dzvin_sip_scanners_dropped_total" if name is None else "dzvin_sip_lockouts_total"
    assert after[counted] > before[counted]
    assert after["dzvin_escaped_exceptions_total"] == 0
    async with FakePhone("1001", server=server.sip, password="pw1") as anna:
        assert await anna.register() > 0
