"""WebSockets that the panel's server hands over: their place among the connections, and their end."""

from __future__ import annotations

import asyncio

import pytest

from pbx.net.connections import ConnectionLimits, NoRoom
from pbx.net.own_address import OwnAddress
from pbx.net.transport import Flow
from pbx.net.transports import Transports
from pbx.timers import Timers
from tests.support.virtual_time import virtual_time

PEER, LOCAL = ("198.51.100.1", 40000), ("192.0.2.1", 8080)


class APage:
    """Stands for the other server's socket."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes | None] = asyncio.Queue()  # None: gone
        self.heard: list[bytes] = []
        self.accepted = False
        self.closed_with = 0
        self.reads = asyncio.Event()
        self.reads.set()

    async def accept(self) -> None:
        self.accepted = True

    async def receive(self) -> bytes:
        message = await self.said.get()
        if message is None:
            raise ConnectionResetError("the page is gone")
        return message

    async def send(self, message: bytes) -> None:
        await self.reads.wait()
        self.heard.append(message)

    async def close(self, code: int) -> None:
        self.closed_with = code


class House:
    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.timers = Timers(asyncio.get_running_loop())
        self.locked_out: set[str] = set()
        self.transports = Transports(self.timers, OwnAddress(), limits, admits=lambda host: host not in self.locked_out)
        self.heard: list[tuple[bytes, Flow]] = []
        self.lost: list[Flow] = []
        self.transports.on_message = lambda data, flow: self.heard.append((data, flow))
        self.transports.on_lost.append(self.lost.append)

    def serve(self, page: APage, peer: tuple[str, int] = PEER, *, secure: bool = True) -> asyncio.Task[None]:
        return asyncio.ensure_future(self.transports.serve_websocket(page, peer, LOCAL, secure=secure, page=True))

    async def flow_of(self, page: APage) -> Flow:
        page.said.put_nowait(b"OPTIONS")
        await asyncio.sleep(0.1)
        return self.heard[-1][1]


@pytest.mark.parametrize(("secure", "protocol"), [(True, "WSS"), (False, "WS")])
def test_what_is_said_is_heard_and_answered_on_the_same_socket(secure: bool, protocol: str) -> None:
    @virtual_time
    async def talk() -> None:
        house, page = House(), APage()
        serving = house.serve(page, secure=secure)
        flow = await house.flow_of(page)
        assert page.accepted
        assert (flow.protocol, flow.host, flow.port) == (protocol, *PEER)
        sender = house.transports.senders[protocol]
        assert sender.sent_by(flow) == "192.0.2.1:8080"
        sender.send(b"200", flow)
        page.said.put_nowait(b"\r\n\r\n")
        await asyncio.sleep(0.1)
        assert page.heard == [b"200", b"\r\n"]
        page.said.put_nowait(None)
        await serving
        assert house.lost == [flow]
        with pytest.raises(OSError, match="gone"):
            sender.send(b"late", flow)
        assert len(house.timers) == 0

    talk()


@virtual_time
async def test_a_stranger_in_a_page_may_stay_thirty_seconds_and_a_known_phone_longer() -> None:
    house, stranger, known = House(), APage(), APage()
    serving = [house.serve(stranger), house.serve(known)]
    house.transports.vouch(await house.flow_of(known))
    await asyncio.sleep(32)
    assert (stranger.closed_with, known.closed_with) == (1001, 0)
    known.said.put_nowait(None)
    await asyncio.gather(*serving)


@virtual_time
async def test_who_is_locked_out_is_not_accepted() -> None:
    house, page = House(), APage()
    house.locked_out.add(PEER[0])
    with pytest.raises(NoRoom):
        await house.serve(page)
    assert not page.accepted


@virtual_time
async def test_a_page_that_does_not_read_is_cut_off() -> None:
    house, page = House(ConnectionLimits(unsent=1000)), APage()
    serving = house.serve(page)
    flow = await house.flow_of(page)
    page.reads.clear()
    with pytest.raises(OSError, match="does not read"):
        for _ in range(100):
            house.transports.senders["WSS"].send(b"x" * 100, flow)
    await serving
    assert house.lost == [flow]


@virtual_time
async def test_a_flood_from_one_page_leaves_room_for_others() -> None:
    house, page = House(), APage()
    serving = house.serve(page)
    for _ in range(10_000):
        page.said.put_nowait(b"x")
    await asyncio.sleep(0)
    turns = 0
    while len(house.heard) < 10_000:
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    page.said.put_nowait(None)
    await serving


@virtual_time
async def test_a_proxy_that_tells_no_port_does_no_harm() -> None:
    house, page = House(), APage()
    serving = house.serve(page, ("198.51.100.1", 0))
    assert (await house.flow_of(page)).port > 0
    page.said.put_nowait(None)
    await serving


@virtual_time
async def test_a_bug_of_ours_is_not_hidden() -> None:
    house, page = House(), APage()

    def fail(data: bytes, flow: Flow) -> None:
        raise ZeroDivisionError

    house.transports.on_message = fail
    page.said.put_nowait(b"x")
    with pytest.raises(ZeroDivisionError):
        await house.serve(page)
