"""Signalling over IPv6. Audio is IPv4 still, so both ends must have that as well."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.scenarios.company import connect, hear_each_other
from tests.support.phone import FakePhone
from tests.support.phone_lines import Transport
from tests.support.server import Server, running_dzvin


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
SETTINGS = {"DZVIN_SIP__UDP": "[::1]:0", "DZVIN_SIP__TLS": "[::1]:0", "DZVIN_SIP__WS": "[::1]:0"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("ipv6") / "data", overrides=SETTINGS) as server:
        yield server


def phone(server: Server, user: str, transport: Transport) -> FakePhone:
    return FakePhone(
        user, server=server.sip_over(transport), password={"1001": "pw1", "1002": "pw2"}[user], transport=transport,
        tls=server.believing,
    )  # fmt: skip


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws"])
async def test_phones_call_each_other_over_ipv6(server: Server, transport: Transport) -> None:
    async with phone(server, "1001", transport) as anna, phone(server, "1002", "udp") as boris:
        assert anna.address[0] == "::1"
        await anna.register()
        await boris.register()
        talk = await connect(anna, boris, "1002")
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()
        back = await connect(boris, anna, "1001")
        await back.callee.hang_up()
        await back.caller.ended()


async def test_a_phone_that_hears_over_ipv6_only_is_told_that_its_call_cannot_be(server: Server) -> None:
    description = (
        "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n"
        "a=rtpmap:0 PCMU/8000\r\n"
    )
    async with phone(server, "1001", "udp") as anna, phone(server, "1002", "udp") as boris:
        await anna.register()
        await boris.register()
        assert await (await anna.dial("1002", offer=description.encode())).refused() == 488
        assert boris.is_quiet


async def test_one_socket_serves_both_families(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("both") / "data"
    with running_dzvin(data, overrides={**SETTINGS, "DZVIN_SIP__UDP": "[::]:0"}) as server:
        port = server.sip[1]
        anna = FakePhone("1001", server=("::1", port), password="pw1")
        boris = FakePhone("1002", server=("127.0.0.1", port), password="pw2")
        async with anna, boris:
            await anna.register()
            await boris.register()
            for caller, callee in ((anna, boris), (boris, anna)):
                talk = await connect(caller, callee, callee.user)
                assert talk.callee.invite is not None
                assert talk.callee.invite.via.sent_by_host.strip("[]") == callee.server[0]
                await talk.caller.hang_up()
                await talk.callee.ended()
