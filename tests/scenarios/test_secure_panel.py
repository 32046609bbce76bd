"""The panel by https with the certificate of the installation, and phones on its own origin."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from dzvin import local_ca
from tests.support.network import Address
from tests.support.panel import Panel
from tests.support.phone import FakePhone
from tests.support.server import Server, running_dzvin

SETTINGS = {
    "DZVIN_HTTP__TLS": "true",
    "DZVIN_SIP__SERVER": "sip.example.com",
    "DZVIN_SIP__PROXY": "proxy.example.com:5060",
    "DZVIN_SIP__STUN": "stun.example.com:3478",
    "DZVIN_SIP__ORIGINS": "https://crm.example.com",
}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("secure") / "data", overrides=SETTINGS) as server:
        yield server


def site(server: Server) -> Address:
    assert server.http.startswith("https://127.0.0.1:")
    return "127.0.0.1", int(server.http.rpartition(":")[2])


@pytest.mark.req("R-PHONE-50")
async def test_who_signs_in_by_https_is_told_the_organisations_sip_settings(secure: Server) -> None:
    async with httpx.AsyncClient(base_url=secure.http, verify=secure.believing) as client:
        assert (await client.get("/")).status_code in (200, 503)
        panel = Panel(client)
        await panel.sign_in("admin", "admin-pass-1")
        assert "__Host-dzvin_session" in client.cookies
        told = (await panel.ask("GET", "/api/phone/server")).json()
    assert told == {"server": "sip.example.com", "proxy": "proxy.example.com:5060", "stun": "stun.example.com:3478"}


async def test_the_authority_can_be_fetched_before_it_is_believed(secure: Server) -> None:
    async with httpx.AsyncClient(base_url=secure.http, verify=False) as client:
        answer = await client.get("/ca.pem")
    assert answer.headers["content-type"].startswith("application/x-x509-ca-cert")
    assert answer.content == local_ca.paths(secure.data).ca.read_bytes()


async def test_phones_on_the_panels_own_origin_register_and_call(secure: Server) -> None:
    anna, boris = (
        FakePhone(user, server=site(secure), password=password, transport="wss", tls=secure.believing)
        for user, password in (("1001", "pw1"), ("1002", "pw2"))
    )
    async with anna, boris:
        await anna.register()
        await boris.register()
        call = await anna.dial("1002")
        incoming = await boris.rings()
        incoming.ring()
        await incoming.answer()
        await call.answered()
        await call.hang_up()
        await incoming.ended()


@pytest.mark.parametrize(
    ("origin", "let_in"),
    [("own", True), ("https://crm.example.com", True), ("https://evil.example", False), ("http://127.0.0.1", False)],
)
@pytest.mark.parametrize("port", ["panel", "sip"])
async def test_pages_are_let_in_by_their_origin_on_either_port(
    secure: Server, port: str, origin: str, let_in: bool
) -> None:
    host, number = site(secure) if port == "panel" else secure.sip_over("wss")
    url = f"wss://{host}:{number}/sip"
    page = Origin(secure.http if origin == "own" else origin)
    opening = connect(url, ssl=secure.believing, origin=page, subprotocols=[Subprotocol("sip")], proxy=None)
    if let_in:
        async with opening as socket:
            assert socket.subprotocol == "sip"
    else:
        with pytest.raises(InvalidStatus):
            await opening
