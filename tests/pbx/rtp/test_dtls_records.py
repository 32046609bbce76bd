"""Cutting what a DTLS library wrote into datagrams."""

from __future__ import annotations

from pbx.rtp.dtls_records import MTU, datagrams, is_dtls


def record(length: int, kind: int = 22) -> bytes:
    return bytes([kind, 0xFE, 0xFD]) + bytes(8) + length.to_bytes(2, "big") + b"x" * length


def test_rule_2_a_flight_is_cut_at_record_headers_and_packed_up_to_1200_octets() -> None:
    flight = [record(500), record(500), record(300), record(20, 20), record(900)]
    cut = list(datagrams(b"".join(flight)))
    assert cut == [flight[0] + flight[1], flight[2] + flight[3], flight[4]]
    assert all(len(datagram) <= MTU for datagram in cut)


def test_rule_2_the_whole_flight_is_drained() -> None:
    flight = b"".join(record(400) for _ in range(30))
    assert b"".join(datagrams(flight)) == flight


def test_a_record_that_no_datagram_holds_goes_alone() -> None:
    flight = record(10) + record(1400) + record(10)
    assert [len(datagram) for datagram in datagrams(flight)] == [23, 1413, 23]


def test_a_broken_end_neither_loops_nor_loses() -> None:
    assert list(datagrams(record(10)[:5])) == [record(10)[:5]]


def test_dtls_is_told_by_its_first_octet() -> None:
    assert [is_dtls(bytes([first])) for first in (0, 19, 20, 63, 64, 128)] == [False, False, True, True, False, False]
    assert not is_dtls(b"")
