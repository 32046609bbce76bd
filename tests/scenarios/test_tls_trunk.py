"""A provider that is reached over TLS: its certificate is checked, calls go both ways over one connection."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dzvin import local_ca
from dzvin.clock import SystemClock
from tests.scenarios.company import connect, hear_each_other
from tests.support.network import free_port
from tests.support.phone import FakePhone
from tests.support.phone_lines import ListeningLine
from tests.support.server import Server, running_dzvin

CONFIG = """
[sip]
udp = "127.0.0.1:0"

[tls]
authorities = "provider/ca.pem"

[security]
trusted = ["127.0.0.1"]

[[users]]
login = "admin"
full_name = "Адміністратор"
role = "admin"
password = "admin-pass-1"

[[extensions]]
number = "1001"
password = "pw1"

[[trunks]]
name = "secure"
address = "127.0.0.1:{port}"
transport = "tls"
prefixes = ["+380"]
health = false
default = "1001"
"""


@pytest.fixture(scope="module")
def provider_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider_port: int) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("tls-trunk") / "data"
    data.mkdir(mode=0o700)
    local_ca.init(provider_files(data), ["127.0.0.1"], SystemClock().now())
    local_ca.init(local_ca.Paths(data / "other"), ["127.0.0.1"], SystemClock().now())
    file = data.parent / "source.toml"
    file.write_text(CONFIG.replace("{port}", str(provider_port)))
    with running_dzvin(data, config=file) as server:
        yield server


def provider_files(data: Path) -> local_ca.Paths:
    return local_ca.Paths(data / "provider")


def shows(files: local_ca.Paths) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


@pytest.fixture
async def phone(server: Server) -> AsyncIterator[FakePhone]:
    async with FakePhone("1001", server=server.sip, password="pw1") as phone:
        await phone.register()
        yield phone


def provider(server: Server, port: int, files: local_ca.Paths) -> FakePhone:
    return FakePhone("provider", server=server.sip, port=port, transport="tls", tls=shows(files), listens=True)


async def test_calls_go_out_and_come_in_over_one_connection(
    server: Server, phone: FakePhone, provider_port: int
) -> None:
    async with provider(server, provider_port, provider_files(server.data)) as far:
        talk = await connect(phone, far, "+380501234567")
        assert talk.callee.invite is not None
        assert talk.callee.invite.via.transport == "TLS"
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()
        back = await connect(far, phone, "+380441234567", shown="+380509999999")
        assert back.callee.caller == "+380509999999"
        await back.callee.hang_up()
        await back.caller.ended()
        assert isinstance(far._port, ListeningLine)
        assert far._port.times_connected == 1


async def test_a_provider_with_a_certificate_of_others_gets_no_call(
    server: Server, phone: FakePhone, provider_port: int
) -> None:
    async with provider(server, provider_port, local_ca.Paths(server.data / "other")) as impostor:
        assert await (await phone.dial("+380501234567")).refused() == 503
        assert impostor.is_quiet
