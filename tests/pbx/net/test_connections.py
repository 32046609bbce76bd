"""Who may have a connection, how many, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from pbx.net.connections import ConnectionLimits, Connections, NoRoom
from pbx.net.transport import Flow
from pbx.timers import Timers
from tests.support.virtual_time import virtual_time

FEW = ConnectionLimits(total=4, strangers_each=2)


class ALine:
    """Stands for a connection: remembers what happened to it."""

    def __init__(self) -> None:
        self.local = ("192.0.2.1", 5060)
        self.sent: list[bytes] = []
        self.ended = False
        self.due = ""

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def end(self) -> None:
        self.ended = True

    def overdue(self, now: float) -> str:
        return self.due


class Table:
    def __init__(self, limits: ConnectionLimits = FEW, *, free: str = "") -> None:
        self.timers = Timers(asyncio.get_running_loop())
        self.connections = Connections(self.timers, limits, unlimited=lambda host: host == free)
        self.lost: list[Flow] = []
        self.connections.on_lost.append(self.lost.append)

    def opens(self, host: str = "198.51.100.1", *, known: bool = False) -> tuple[Flow, ALine]:
        line = ALine()
        flow = self.connections.add("TCP", host, 40000, line)
        if known:
            self.connections.vouch(flow)
        return flow, line


@virtual_time
async def test_what_is_sent_goes_over_that_connection_or_nowhere() -> None:
    table = Table()
    flow, line = table.opens()
    table.connections.send(b"x", flow)
    assert line.sent == [b"x"]
    table.connections.remove(flow)
    with pytest.raises(OSError, match="gone"):
        table.connections.send(b"x", flow)


@virtual_time
async def test_a_lost_connection_is_told_once() -> None:
    table = Table()
    flow, _ = table.opens()
    table.connections.remove(flow)
    table.connections.remove(flow)
    assert table.lost == [flow]


@virtual_time
async def test_two_connections_of_one_address_are_two_flows() -> None:
    table = Table()
    assert table.opens()[0] != table.opens()[0]


@virtual_time
async def test_a_stranger_may_stay_thirty_seconds_however_much_it_says() -> None:
    table = Table()
    flow, line = table.opens()
    for _ in range(29):
        await asyncio.sleep(1)
        table.connections.heard(flow)
    assert table.lost == []
    await asyncio.sleep(3)
    assert table.lost == [flow]
    assert line.ended
    assert (table.connections.expired, len(table.timers)) == (1, 0)


@virtual_time
async def test_who_has_signed_in_may_be_silent_for_two_hours() -> None:
    table = Table()
    flow, line = table.opens(known=True)
    await asyncio.sleep(7200)
    table.connections.heard(flow)
    await asyncio.sleep(7799)
    assert table.lost == []
    await asyncio.sleep(3)
    assert table.lost == [flow]
    assert line.ended


@virtual_time
async def test_a_line_with_a_reason_of_its_own_ends() -> None:
    table = Table()
    _, line = table.opens(known=True)
    line.due = "a message that does not end"
    await asyncio.sleep(1.1)
    assert line.ended


@virtual_time
async def test_the_oldest_stranger_of_a_source_makes_room_for_a_newcomer_from_there() -> None:
    table = Table()
    (_, first), (_, second), (_, third) = table.opens(), table.opens(), table.opens()
    assert (first.ended, second.ended, third.ended) == (True, False, False)
    assert table.connections.evicted == 1


@virtual_time
async def test_those_who_have_signed_in_do_not_count_as_strangers_of_their_source() -> None:
    table = Table()
    lines = [table.opens(known=True)[1] for _ in range(2)] + [table.opens()[1] for _ in range(2)]
    assert not any(line.ended for line in lines)


@virtual_time
async def test_a_trusted_source_has_no_limit_of_its_own() -> None:
    table = Table(free="198.51.100.1")
    lines = [table.opens()[1] for _ in range(4)]
    assert not any(line.ended for line in lines)


@virtual_time
async def test_a_full_table_lets_the_oldest_stranger_go() -> None:
    table = Table()
    table.opens("192.0.2.9", known=True)
    lines = [table.opens(f"198.51.100.{number}")[1] for number in range(3)]
    table.opens("203.0.113.7")
    assert [line.ended for line in lines] == [True, False, False]


@virtual_time
async def test_a_table_full_of_people_who_have_signed_in_refuses_newcomers() -> None:
    table = Table()
    lines = [table.opens(known=True)[1] for _ in range(4)]
    with pytest.raises(NoRoom):
        table.opens()
    assert not any(line.ended for line in lines)
    assert table.connections.refused == 1


@virtual_time
async def test_nothing_runs_while_there_is_no_connection() -> None:
    table = Table()
    flow, _ = table.opens()
    assert len(table.timers) == 1
    table.connections.remove(flow)
    assert len(table.timers) == 0


@virtual_time
async def test_flows_are_kept_as_text_and_read_again() -> None:
    table = Table()
    for flow in (table.opens()[0], Flow("UDP", "2001:db8::1", 5060), Flow("WSS", "2001:db8::1", 1, 2**60)):
        assert Flow.parse(str(flow)) == flow
