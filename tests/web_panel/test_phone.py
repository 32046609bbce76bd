"""The way in for phones that run in pages (RFC 7118): who may use it, and that what is said comes through."""

from __future__ import annotations

import pytest

from tests.web_panel.asgi_socket import AsgiSocket, Closed
from tests.web_panel.house import House
from tests.web_panel.phone_door import LISTED, EchoDoor

SIP = ("sip",)


def door_of(house: House) -> EchoDoor:
    door = house.services.phones
    assert isinstance(door, EchoDoor)
    return door


@pytest.mark.parametrize("origin", [None, "http://panel.test", LISTED], ids=["no page", "the panel's", "a listed one"])
async def test_our_own_pages_those_that_are_listed_and_programs_may_open_it(house: House, origin: str | None) -> None:
    async with AsgiSocket(house.app, "/sip", origin=origin, subprotocols=SIP) as socket:
        assert socket.accepted["subprotocol"] == "sip"
    assert door_of(house).served == [(("203.0.113.7", 40_000), ("panel.test", 80), False)]
    assert door_of(house).over == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "http://panel.test.evil.example", "null", f"{LISTED}:8443"])
async def test_the_page_of_another_site_may_not(house: House, origin: str) -> None:
    with pytest.raises(Closed):
        async with AsgiSocket(house.app, "/sip", origin=origin, subprotocols=SIP):
            pass
    assert door_of(house).served == []


@pytest.mark.parametrize("offered", [(), ("xmpp",)])
async def test_who_does_not_speak_sip_is_refused(house: House, offered: tuple[str, ...]) -> None:
    with pytest.raises(Closed):
        async with AsgiSocket(house.app, "/sip", subprotocols=offered):
            pass


async def test_text_and_binary_are_heard_and_what_is_no_text_is_said_in_binary(house: House) -> None:
    async with AsgiSocket(house.app, "/sip", subprotocols=SIP) as socket:
        await socket.receive()
        await socket.put({"type": "websocket.receive", "text": "дзвін"})
        assert (await socket.message())["text"] == "дзвін"
        await socket.put({"type": "websocket.receive", "bytes": b"OPTIONS"})
        assert (await socket.message())["text"] == "OPTIONS"
        await socket.put({"type": "websocket.receive", "bytes": b"\xff"})
        assert (await socket.message())["bytes"] == b"\xff"
