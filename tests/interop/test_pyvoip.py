"""pyVoIP against a phone of ours: a third reading of the RFCs, with its own SIP and RTP in plain Python.

The calls are µ-law: where A-law is agreed, pyVoIP 1.6.8 marks its packets so and fills them with µ-law all the same. It
takes any answer for the one to its sign-off, so at times it stays registered: it gets a server of its own.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import tones
from tests.support.deadlines import deadline
from tests.support.network import Address, free_port
from tests.support.phone import FakePhone
from tests.support.server import Server, running_dzvin

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not importlib.util.find_spec("pyVoIP"), reason="pyVoIP is not installed (up to Python 3.12)"),
]

HEARD, UNHEARD = -3.0, -25.0  # dB
OURS, ITS = 1000, 440  # Hz


@dataclass(slots=True)
class PyVoipPhone:
    process: asyncio.subprocess.Process
    recording: Path

    async def do(self, what: str, **more: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": what, **more}).encode() + b"\n")
        await self.process.stdin.drain()

    async def expects(self, event: str) -> dict[str, object]:
        assert self.process.stdout
        async with deadline(f"pyVoIP {event}"):
            async for line in self.process.stdout:
                told: dict[str, object] = json.loads(line) if line.startswith(b"{") else {"event": "chatter"}
                if told["event"] == event:
                    return told
        raise AssertionError(f"pyVoIP ended before {event}")


@asynccontextmanager
async def running_pyvoip(folder: Path, user: str, password: str, server: Address) -> AsyncIterator[PyVoipPhone]:
    recording = folder / "heard.pcm"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", "tests.interop.pyvoip_program", "--server", f"{server[0]}:{server[1]}",
        "--user", user, "--password", password, "--record", str(recording), "--sip", str(free_port()),
        "--rtp", str(free_port()), "--frequency", str(ITS),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    phone = PyVoipPhone(process, recording)
    try:
        assert (await phone.expects("registration"))["status"] == "REGISTERED"
        yield phone
        await phone.do("quit")
        await phone.expects("bye")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("pyvoip") / "data") as running:
        yield running


@pytest.mark.req("R-PHONE-13")
async def test_it_calls_and_both_hear_each_other(server: Server, tmp_path: Path) -> None:
    async with FakePhone("1002", server=server.sip, password="pw2", laws=[tones.Law.ULAW]) as ours:
        await ours.register()
        async with running_pyvoip(tmp_path, "1001", "pw1", server.sip) as foreign:
            await foreign.do("dial", number="1002")
            call = await ours.rings()
            call.ring()
            await call.answer()
            await foreign.expects("answered")
            call.audio.play(OURS)
            assert tones.level((await call.audio.listen(2.0))[8000:], ITS) > HEARD
            await foreign.do("hang_up")
            await call.ended()
            await foreign.expects("ended")
        heard_back(foreign)


@pytest.mark.req("R-PHONE-13")
async def test_it_is_called_and_both_hear_each_other(server: Server, tmp_path: Path) -> None:
    async with FakePhone("1002", server=server.sip, password="pw2", laws=[tones.Law.ULAW]) as ours:
        async with running_pyvoip(tmp_path, "1001", "pw1", server.sip) as foreign:
            call = await ours.dial("1001")
            await call.answered()
            call.audio.play(OURS)
            assert tones.level((await call.audio.listen(2.0))[8000:], ITS) > HEARD
            await call.hang_up()
            await foreign.expects("ended")
        heard_back(foreign)


def heard_back(foreign: PyVoipPhone) -> None:
    """It heard our tone and not its own."""
    pcm = foreign.recording.read_bytes()
    spoken = b"".join(
        pcm[at : at + 1600] for at in range(0, len(pcm), 1600) if tones.loudness(pcm[at : at + 1600]) > 500
    )
    assert len(spoken) > 16000
    assert tones.level(spoken, OURS) > HEARD
    assert tones.level(spoken, ITS) < UNHEARD
