"""RFC 3263 and RFC 2782, arrow by arrow, against zones that are dictionaries."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from pbx.sip.location import MAX_TARGETS, Kind, Naptr, Question, Record, Sought, Srv, Target, in_order, locate

Zone = Mapping[tuple[str, Kind], Sequence[Record]]
EVERY = ("UDP", "TCP", "TLS")


def found(sought: Sought, zone: Zone, asked: list[Question] | None = None) -> list[str]:
    """`UDP 192.0.2.1:5060` for each target, first first."""
    locating = locate(sought, lambda _: 0)
    try:
        question = next(locating)
        while True:
            if asked is not None:
                asked.append(question)
            question = locating.send(zone.get((question.name, question.kind), ()))
    except StopIteration as done:
        targets: tuple[Target, ...] = done.value
        return [f"{target.protocol} {target.host}:{target.port}" for target in targets]


ZONE: Zone = {
    ("example.com", Kind.A): ["192.0.2.9"],
    ("example.com", Kind.AAAA): ["2001:db8::9"],
    ("example.com", Kind.NAPTR): [
        Naptr(20, 10, "s", "SIP+D2U", "_sip._udp.example.com"),
        Naptr(10, 20, "S", "SIP+D2T", "_sip._tcp.example.com"),
        Naptr(10, 10, "s", "SIPS+D2T", "_sips._tcp.example.com"),
        Naptr(5, 10, "u", "E2U+sip", "ignored.example.com"),
    ],
    ("_sip._udp.example.com", Kind.SRV): [Srv(20, 0, 5070, "b.example.com"), Srv(10, 0, 5060, "a.example.com")],
    ("_sip._tcp.example.com", Kind.SRV): [Srv(10, 0, 5065, "a.example.com")],
    ("_sips._tcp.example.com", Kind.SRV): [Srv(10, 0, 5066, "a.example.com")],
    ("a.example.com", Kind.A): ["192.0.2.1"],
    ("b.example.com", Kind.A): ["192.0.2.2", "192.0.2.3"],
}


def test_an_address_needs_no_question() -> None:
    asked: list[Question] = []
    assert found(Sought(host="192.0.2.1", transport=None), {}, asked) == ["UDP 192.0.2.1:5060"]
    assert found(Sought(host="192.0.2.1", transport="TLS"), {}, asked) == ["TLS 192.0.2.1:5061"]
    assert found(Sought(host="2001:db8::1", port=5080), {}, asked) == ["UDP 2001:db8::1:5080"]
    assert asked == []


def test_a_name_with_a_port_is_looked_up_as_a_host() -> None:
    asked: list[Question] = []
    assert found(Sought(host="example.com", port=5080), ZONE, asked) == ["UDP 192.0.2.9:5080"]
    assert asked == [Question("example.com", Kind.A)]


def test_a_transport_without_a_port_goes_by_srv_lowest_priority_first() -> None:
    assert found(Sought(host="example.com"), ZONE) == [
        "UDP 192.0.2.1:5060", "UDP 192.0.2.2:5070", "UDP 192.0.2.3:5070",
    ]  # fmt: skip


def test_no_transport_goes_by_naptr_in_its_order_and_as_far_as_we_speak_it() -> None:
    sought = Sought(host="example.com", transport=None, speaks=EVERY)
    assert found(sought, ZONE)[:3] == ["TLS 192.0.2.1:5066", "TCP 192.0.2.1:5065", "UDP 192.0.2.1:5060"]
    assert found(Sought(host="example.com", transport=None), ZONE)[0] == "UDP 192.0.2.1:5060"


def test_without_naptr_every_transport_that_we_speak_is_asked_for() -> None:
    zone = {key: records for key, records in ZONE.items() if key[1] is not Kind.NAPTR}
    sought = Sought(host="example.com", transport=None, speaks=("TCP", "UDP"))
    assert found(sought, zone)[:2] == ["TCP 192.0.2.1:5065", "UDP 192.0.2.1:5060"]


def test_without_srv_the_name_itself_is_the_host() -> None:
    zone: Zone = {("example.com", Kind.A): ["192.0.2.9"]}
    assert found(Sought(host="example.com"), zone) == ["UDP 192.0.2.9:5060"]
    assert found(Sought(host="example.com", transport="TLS"), zone) == ["TLS 192.0.2.9:5061"]


def test_a_service_that_is_decidedly_not_there_leads_to_nothing_of_it() -> None:
    zone: Zone = {
        ("_sip._udp.example.com", Kind.SRV): [Srv(0, 0, 0, ".")],
        ("example.com", Kind.A): ["192.0.2.9"],
    }
    assert found(Sought(host="example.com"), zone) == []


def test_ipv6_comes_where_it_is_asked_for() -> None:
    sought = Sought(host="example.com", port=5060, families=(Kind.A, Kind.AAAA))
    assert found(sought, ZONE) == ["UDP 192.0.2.9:5060", "UDP 2001:db8::9:5060"]


def test_what_leads_nowhere_has_no_targets() -> None:
    assert found(Sought(host="nowhere.example.com"), {}) == []


def test_a_zone_cannot_make_the_list_longer_than_its_bound() -> None:
    zone: Zone = {
        ("_sip._udp.example.com", Kind.SRV): [Srv(1, 1, 5060 + at, "many.example.com") for at in range(100)],
        ("many.example.com", Kind.A): [f"192.0.2.{at}" for at in range(200)],
    }
    asked: list[Question] = []
    assert len(found(Sought(host="example.com"), zone, asked)) == MAX_TARGETS
    assert len(asked) < 5


@pytest.mark.parametrize("weights", [(60, 30, 10), (1, 1, 0)])
def test_weights_are_shares(weights: tuple[int, int, int]) -> None:
    records = [Srv(1, weight, 5060, str(weight) + str(at)) for at, weight in enumerate(weights)]
    dice = random.Random(1)
    first = Counter(in_order(records, dice.randrange)[0].target for _ in range(20_000))
    for at, weight in enumerate(weights):
        share = first[str(weight) + str(at)] / 20_000
        # RFC 2782 leaves a record of weight 0 a small chance, which draws "0 inclusive" give.
        expected = (weight + (weight == min(weights))) / (sum(weights) + 1)
        assert abs(share - expected) < 0.02
