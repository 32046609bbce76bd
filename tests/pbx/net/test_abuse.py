"""Connections of strangers that only cost: silent ones, slow ones, many of them. Phones are served meanwhile."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import pytest

from pbx.net.connections import ConnectionLimits, Connections, NoRoom
from pbx.net.stream import StreamConnection
from pbx.net.transport import Flow
from pbx.net.websocket import WebSocketConnection
from pbx.timers import Timers
from tests.pbx.net.network import OPTIONS, listening
from tests.support.virtual_time import virtual_time

UPGRADE = (
    b"GET /sip HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)


class APipe(asyncio.Transport):
    """Stands for the socket of a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_aborted = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("192.0.2.1", 5060)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True

    close = abort

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class House:
    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.timers = Timers(asyncio.get_running_loop())
        self.connections = Connections(self.timers, limits or ConnectionLimits())
        self.heard: list[bytes] = []

    def stream(self, host: str = "198.51.100.1") -> tuple[StreamConnection, APipe]:
        wire, pipe = StreamConnection(self.connections, "TCP", host, 40000, self._hear), APipe()
        wire.connection_made(pipe)
        return wire, pipe

    def websocket(self, host: str = "198.51.100.1") -> tuple[WebSocketConnection, APipe]:
        wire, pipe = WebSocketConnection(self.connections, "WS", host, 40000, self._hear, lambda _: True), APipe()
        wire.connection_made(pipe)
        return wire, pipe

    def _hear(self, data: bytes, flow: Flow) -> None:
        self.heard.append(data)


async def ends_after(pipe: APipe) -> float:
    """Seconds until the connection is ended, to the second."""
    seconds = 0.0
    while not pipe.is_aborted:
        await asyncio.sleep(0.5)
        seconds += 0.5
        assert seconds < 10_000
    return seconds


@virtual_time
async def test_an_octet_a_second_does_not_make_a_message_longer_than_ten_seconds() -> None:
    house = House()
    wire, pipe = house.stream()

    async def drip() -> None:
        for octet in OPTIONS * 10:
            if pipe.is_aborted:
                return
            wire.data_received(bytes((octet,)))
            await asyncio.sleep(1)

    dripping = asyncio.ensure_future(drip())
    assert 10 <= await ends_after(pipe) <= 12
    await dripping
    assert (house.heard, len(house.connections), len(house.timers)) == ([], 0, 0)


@virtual_time
async def test_a_connection_that_says_nothing_ends_after_thirty_seconds() -> None:
    _, pipe = House().stream()
    assert 30 <= await ends_after(pipe) <= 32


@virtual_time
async def test_whole_messages_without_credentials_buy_no_time() -> None:
    house = House()
    wire, pipe = house.stream()

    async def ask() -> None:
        while not pipe.is_aborted:
            wire.data_received(OPTIONS)
            await asyncio.sleep(3)

    asking = asyncio.ensure_future(ask())
    assert 30 <= await ends_after(pipe) <= 32
    await asking


@virtual_time
async def test_a_phone_that_signed_in_may_drip_no_more_than_others() -> None:
    house = House()
    wire, pipe = house.stream()
    house.connections.vouch(wire.flow)
    await asyncio.sleep(100)
    wire.data_received(OPTIONS + b"REGISTER ")
    assert 10 <= await ends_after(pipe) <= 12
    assert house.heard == [OPTIONS]


@virtual_time
async def test_a_websocket_that_never_asks_for_one_has_five_seconds_however_it_drips() -> None:
    house = House()
    wire, pipe = house.websocket()

    async def drip() -> None:
        for octet in UPGRADE:
            if pipe.is_aborted:
                return
            wire.data_received(bytes((octet,)))
            await asyncio.sleep(0.1)

    dripping = asyncio.ensure_future(drip())
    assert 5 <= await ends_after(pipe) <= 7
    await dripping


@virtual_time
async def test_a_frame_that_drips_has_ten_seconds() -> None:
    house = House()
    wire, pipe = house.websocket()
    house.connections.vouch(wire.flow)
    wire.data_received(UPGRADE)

    async def drip() -> None:
        for octet in b"\x82\xfe\x40\x00\x00\x00\x00\x00" + b"x" * 100:
            if pipe.is_aborted:
                return
            wire.data_received(bytes((octet,)))
            await asyncio.sleep(1)

    dripping = asyncio.ensure_future(drip())
    assert 10 <= await ends_after(pipe) <= 12
    await dripping
    assert house.heard == []


@virtual_time
async def test_a_silent_websocket_is_asked_after_thirty_seconds_and_ends_twenty_later() -> None:
    house = House()
    wire, pipe = house.websocket()
    wire.data_received(UPGRADE)
    house.connections.vouch(wire.flow)
    del pipe.written[:]
    await asyncio.sleep(29)
    assert pipe.written == []
    await asyncio.sleep(3)
    assert pipe.written == [b"\x89\x00"]
    assert 17 <= await ends_after(pipe) <= 22


@virtual_time
async def test_a_websocket_that_answers_stays_for_as_long_as_a_registration() -> None:
    house = House()
    wire, pipe = house.websocket()
    wire.data_received(UPGRADE)
    house.connections.vouch(wire.flow)
    for _ in range(300):
        await asyncio.sleep(10)
        pings = pipe.written.count(b"\x89\x00")
        wire.data_received(b"\x8a\x80\x00\x00\x00\x00" * pings)
        del pipe.written[:]
    assert not pipe.is_aborted


@virtual_time
async def test_a_source_with_a_thousand_connections_keeps_its_hundred_newest() -> None:
    house = House()
    pipes = [house.stream()[1] for _ in range(1000)]
    assert [pipe.is_aborted for pipe in pipes] == [True] * 900 + [False] * 100
    phone, line = house.stream("192.0.2.77")
    house.connections.vouch(phone.flow)
    assert not line.is_aborted


@virtual_time
async def test_many_sources_can_fill_the_table_only_with_strangers() -> None:
    house = House(ConnectionLimits(total=200))
    phones = [house.stream(f"192.0.2.{number}") for number in range(100)]
    for wire, _ in phones:
        house.connections.vouch(wire.flow)
    for number in range(1000):
        house.stream(f"198.51.{number // 250}.{number % 250}")
    assert len(house.connections) == 200
    assert not any(pipe.is_aborted for _, pipe in phones)
    newcomer, line = house.stream("192.0.2.200")
    house.connections.vouch(newcomer.flow)
    assert not line.is_aborted


@virtual_time
async def test_when_everybody_has_signed_in_the_next_one_is_refused() -> None:
    house = House(ConnectionLimits(total=10))
    for number in range(10):
        wire, _ = house.stream(f"192.0.2.{number}")
        house.connections.vouch(wire.flow)
    with pytest.raises(NoRoom):
        house.stream("192.0.2.99")


async def test_a_thousand_silent_and_two_hundred_slow_connections_leave_room_for_a_phone() -> None:
    async with listening() as net:
        with ExitStack() as stack:
            slow = []
            for number in range(1200):
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", net.port)))
                if number >= 1000:
                    sock.sendall(OPTIONS[:1])
                    slow.append(sock)
                if number % 50 == 0:
                    await asyncio.sleep(0)
            reader, writer = await net.dial()
            writer.write(OPTIONS)
            await net.hears(1)
            data, flow = net.heard[0]
            assert data == OPTIONS
            net.transports.senders["TCP"].send(b"SIP/2.0 200 OK\r\n\r\n", flow)
            assert await reader.readexactly(18) == b"SIP/2.0 200 OK\r\n\r\n"
            assert len(net.transports.connections) <= ConnectionLimits().strangers_each
            assert net.transports.connections.evicted == 1201 - ConnectionLimits().strangers_each
            writer.close()
        await net.is_empty()
