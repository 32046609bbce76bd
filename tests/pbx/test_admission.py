"""Who is let in before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.admission import Admission, Rates
from pbx.net.transport import Flow

OPTIONS = b"OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7\r\nUser-Agent: %b\r\n\r\n"
PLAIN = OPTIONS % b"Phone 1.0"
SCANNERS = ("friendly-scanner", "sipcli", "pplsip")
CAUGHT = sorted((Path(__file__).parents[1] / "data" / "sip" / "scanners").glob("*.sip"))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_gate(clock: Clock, *, trusted: tuple[str, ...] = (), rates: Rates | None = None) -> Admission:
    return Admission(clock, trusted=trusted, friends=["198.51.100.5"], scanners=SCANNERS, rates=rates)


def stranger(host: str = "198.51.100.7", port: int = 5060) -> Flow:
    return Flow("UDP", host, port)


@pytest.mark.parametrize("agent", [b"friendly-scanner", b"SipCli/v1.8", b"  PPLSIP 1", b"x (friendly-scanner) y"])
def test_a_scanner_is_dropped_from_wherever_it_comes(clock: Clock, agent: bytes) -> None:
    gate = a_gate(clock, trusted=("198.51.100.7",))
    assert not gate.admits(OPTIONS % agent, stranger())
    assert not gate.admits((OPTIONS % agent).replace(b"User-Agent: ", b"user-agent \t:"), stranger())
    assert gate.scanners_dropped == 2


@pytest.mark.parametrize("path", CAUGHT, ids=lambda path: path.stem)
def test_scanners_that_were_caught_are_dropped(clock: Clock, path: Path) -> None:
    assert not a_gate(clock).admits(path.read_bytes(), stranger())


def test_who_merely_speaks_of_scanners_is_none(clock: Clock) -> None:
    gate = a_gate(clock)
    assert gate.admits(PLAIN + b"\r\nUser-Agent: friendly-scanner\r\n", stranger())  # a body
    assert gate.admits(PLAIN.replace(b"\r\n\r\n", b"\r\nSubject: sipcli\r\n\r\n"), stranger())


def test_one_source_gets_its_share_and_no_more(clock: Clock) -> None:
    gate = a_gate(clock, rates=Rates(a_second=50, burst=300))
    passed = 0
    for _ in range(60_000):  # a minute of 1000 messages a second
        clock.now += 0.001
        passed += gate.admits(PLAIN, stranger())
    assert passed == pytest.approx(300 + 60 * 50, abs=2)
    assert gate.flood_dropped == 60_000 - passed
    assert gate.admits(PLAIN, stranger("198.51.100.8"))


def test_after_a_pause_a_source_has_its_burst_again(clock: Clock) -> None:
    gate = a_gate(clock, rates=Rates(a_second=10, burst=5))
    for _ in range(3):
        assert sum(gate.admits(PLAIN, stranger()) for _ in range(100)) in (5, 6)
        clock.now += 60


def test_many_sources_share_what_is_spent_on_strangers(clock: Clock) -> None:
    gate = a_gate(clock, rates=Rates(all_a_second=100, all_burst=50))
    passed = sum(gate.admits(PLAIN, stranger(f"10.{n % 256}.{n // 256}.1")) for n in range(10_000))
    assert passed == pytest.approx(50, abs=1)


def test_a_flood_leaves_nothing_behind(clock: Clock) -> None:
    gate = a_gate(clock)
    for number in range(100_000):
        gate.admits(
            PLAIN, stranger(f"10.{number % 256}.{number // 256 % 256}.{number // 65536}", 1024 + number % 60000)
        )
    assert gate._standing.cache_info().currsize <= 4096
    assert len(gate._known) == len(gate.lockouts._sources) == len(gate.lockouts._accounts) == 0


def test_neither_a_flood_nor_a_lockout_of_its_neighbours_stops_a_known_flow(clock: Clock) -> None:
    gate = a_gate(clock, rates=Rates(a_second=1, burst=1))
    phone, neighbour = stranger(port=5062), stranger(port=5099)
    gate.know(phone)
    for number in range(1000):
        gate.admits(PLAIN, neighbour)
        gate.failed(neighbour, "1001", str(number))
    assert not gate.admits(PLAIN, neighbour)
    assert gate.admits(PLAIN, phone)
    assert gate.may_try(phone, "1002", at_home=True)
    assert not gate.may_try(phone, "1001", at_home=False)
    gate.forget(phone)
    assert not gate.admits(PLAIN, phone)


def test_a_flow_is_known_until_all_who_knew_it_forgot(clock: Clock) -> None:
    gate = a_gate(clock, rates=Rates(a_second=1, burst=0))
    gate.know(stranger())
    gate.know(stranger())
    gate.forget(stranger())
    assert gate.admits(PLAIN, stranger())
    gate.forget(stranger())
    gate.forget(stranger())
    assert gate._known == {}


@pytest.mark.parametrize("host", ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8::9", "198.51.100.5"])
def test_trusted_addresses_and_trunks_are_free_of_limits_and_lockouts(clock: Clock, host: str) -> None:
    gate = a_gate(clock, trusted=("192.0.2.0/24", "2001:db8::/32"), rates=Rates(a_second=1, burst=1))
    for number in range(100):
        gate.failed(stranger(host), "1001", str(number))
        assert gate.admits(PLAIN, stranger(host))
    assert gate.may_connect(host)
    assert gate.locked_out() == 0


def test_an_ipv6_source_is_its_first_64_bits(clock: Clock) -> None:
    """Whoever has one address there has all of them."""
    gate = a_gate(clock)
    for number in range(5):
        gate.failed(stranger(f"2001:db8:1:2::{number}"), "1001", str(number))
    assert not gate.admits(PLAIN, stranger("2001:db8:1:2:ffff::1"))
    assert gate.admits(PLAIN, stranger("2001:db8:1:3::1"))


def test_a_locked_out_source_is_dropped_and_may_not_connect(clock: Clock) -> None:
    told: list[tuple[str, str, float]] = []
    gate = Admission(clock, on_lockout=lambda *lockout: told.append(lockout))
    for number in range(5):
        gate.failed(stranger(port=number + 1), "10\r\n01", str(number))
    assert told == [("198.51.100.7", "10  01", 600.0)]
    assert not gate.admits(PLAIN, stranger())
    assert not gate.may_connect("198.51.100.7")
    assert gate.locked_out_dropped == 1
    clock.now += 600
    assert gate.admits(PLAIN, stranger())


def test_nobody_is_answered_at_port_0(clock: Clock) -> None:
    assert not a_gate(clock).admits(PLAIN, stranger(port=0))


def test_limits_can_be_turned_off(clock: Clock) -> None:
    gate = a_gate(clock, rates=Rates(a_second=0, all_a_second=0))
    assert all(gate.admits(PLAIN, stranger()) for _ in range(5000))


@given(st.binary(max_size=400), st.text(max_size=40), st.integers(0, 65535))
def test_no_bytes_and_no_address_upset_it(data: bytes, host: str, port: int) -> None:
    gate = Admission(Clock(), scanners=SCANNERS)
    gate.admits(data, Flow("UDP", host, port))
    gate.failed(Flow("UDP", host, port), host, "proof")


def test_a_connection_costs_a_stranger_what_a_message_costs(clock: Clock) -> None:
    gate = a_gate(clock, trusted=("192.0.2.0/24",), rates=Rates(a_second=10, burst=20))
    assert [gate.may_connect("198.51.100.7") for _ in range(21)].count(True) == 20
    assert not gate.admits(PLAIN, stranger())
    assert gate.may_connect("198.51.100.8")
    assert all(gate.may_connect(host) for host in ("192.0.2.1", "198.51.100.5") for _ in range(100))
    clock.now += 0.1
    assert gate.may_connect("198.51.100.7")
