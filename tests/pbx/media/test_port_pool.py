"""Ports for legs: at random, in pairs, rested after use."""

from __future__ import annotations

import os
import random
import socket
from dataclasses import dataclass

import pytest

from pbx.media.port_pool import PortPool, PortsSpent
from tests.pbx.media.rig import HOST


@pytest.fixture
def base() -> int:
    """An even port with 200 free ones from there on."""
    for _ in range(100):
        first = random.randrange(30_200, 31_200, 2)
        try:
            for port in range(first, first + 200):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind((HOST, port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_rtp_is_even_and_rtcp_the_next_odd_one(base: int) -> None:
    pool = PortPool(base + 1, base + 100, Clock())
    pair = pool.take(HOST)
    assert pair.port % 2 == 0
    assert base + 2 <= pair.port < base + 100
    assert pair.rtp.getsockname() == (HOST, pair.port)
    assert pair.rtcp.getsockname() == (HOST, pair.port + 1)
    assert pair.rtp.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0xB8
    pool.give_back(pair)


def test_ports_are_not_taken_in_order(base: int) -> None:
    pool = PortPool(base, base + 199, Clock())
    pairs = [pool.take(HOST) for _ in range(20)]
    ports = [pair.port for pair in pairs]
    assert len(set(ports)) == 20
    assert ports != sorted(ports)
    for pair in pairs:
        pool.give_back(pair)


def test_a_used_port_rests_half_a_minute(base: int) -> None:
    clock = Clock()
    pool = PortPool(base, base + 3, clock)
    first, second = pool.take(HOST), pool.take(HOST)
    with pytest.raises(PortsSpent):
        pool.take(HOST)
    pool.give_back(first)
    clock.now = 29.9
    with pytest.raises(PortsSpent):
        pool.take(HOST)
    clock.now = 30.0
    again = pool.take(HOST)
    assert again.port == first.port
    pool.give_back(again)
    pool.give_back(second)


@pytest.mark.parametrize("held", [0, 1])
def test_a_port_that_another_program_holds_is_stepped_over(base: int, held: int) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, base + held))
        pool = PortPool(base, base + 3, Clock())
        pair = pool.take(HOST)
        assert pair.port == base + 2
        with pytest.raises(PortsSpent):
            pool.take(HOST)
        pool.give_back(pair)
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_address_that_is_not_ours_is_an_error_and_costs_no_ports_for_ever(base: int) -> None:
    clock = Clock()
    pool = PortPool(base, base + 1, clock)
    with pytest.raises(OSError, match=r"assign|available"):
        pool.take("192.0.2.1")
    clock.now = 31
    pool.give_back(pool.take(HOST))


def test_a_range_without_a_pair_is_refused() -> None:
    with pytest.raises(ValueError):
        PortPool(40001, 40002, Clock())


def test_ports_of_a_dead_workers_calls_rest_as_well(base: int) -> None:
    """Those in use, or of another range, are left alone."""
    clock = Clock()
    pool = PortPool(base, base + 7, clock)  # four pairs
    used = pool.take(HOST)
    others = [port for port in range(base, base + 7, 2) if port != used.port]
    pool.rest([used.port, *others[:2], 5])
    free = pool.take(HOST)
    assert free.port == others[2]
    with pytest.raises(PortsSpent):
        pool.take(HOST)
    clock.now = 30.1
    rested = [pool.take(HOST), pool.take(HOST)]
    assert sorted(pair.port for pair in rested) == others[:2]
    for pair in (used, free, *rested):
        pair.close()
