"""The cache that nobody waits for, in virtual time; and the DNS itself, from a name server of our own."""

from __future__ import annotations

import asyncio

import pytest

from pbx.net.dns_client import DnsClient
from pbx.net.resolver import (
    DEADLINE,
    FAILED,
    MAX_ENTRIES,
    NEGATIVE_LONGEST,
    Answer,
    LookupFailed,
    Resolver,
    hosts_file,
)
from pbx.sip.location import Kind, Question, Sought, Target
from tests.support.dns_server import DnsServer, Mood
from tests.support.virtual_time import virtual_time

HOST = Sought(host="sip.example.com", port=5060)


class KeptDns:
    """Answers after `takes` seconds; `fails` in place of an answer."""

    def __init__(self) -> None:
        self.records: tuple[str, ...] = ("192.0.2.1",)
        self.ttl = 60.0
        self.takes = 0.0
        self.fails = False
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> Answer:
        self.asked.append(question)
        await asyncio.sleep(self.takes)
        if self.fails:
            raise LookupFailed("no name server answers")
        return Answer(self.records, self.ttl)


def hosts(targets: tuple[Target, ...]) -> list[str]:
    return [target.host for target in targets]


@virtual_time
async def test_the_first_look_waits_and_the_next_ones_do_not() -> None:
    dns = KeptDns()
    resolver = Resolver(dns)
    assert resolver.glance(HOST) == ()
    assert hosts(await resolver.locate(HOST)) == ["192.0.2.1"]
    assert hosts(resolver.glance(HOST)) == ["192.0.2.1"]
    assert len(dns.asked) == 1


@virtual_time
async def test_an_old_answer_serves_while_a_new_one_is_fetched() -> None:
    dns = KeptDns()
    resolver = Resolver(dns)
    await resolver.locate(HOST)
    dns.records, dns.takes = ("192.0.2.2",), 1.0
    await asyncio.sleep(61)
    assert hosts(resolver.glance(HOST)) == ["192.0.2.1"]
    assert hosts(await resolver.locate(HOST)) == ["192.0.2.1"]
    await asyncio.sleep(1.5)
    assert hosts(resolver.glance(HOST)) == ["192.0.2.2"]


@virtual_time
async def test_dead_name_servers_leave_the_old_answer_in_force_and_are_asked_seldom() -> None:
    dns = KeptDns()
    resolver = Resolver(dns)
    await resolver.locate(HOST)
    dns.fails = True
    for _ in range(100):
        await asyncio.sleep(3)
        assert hosts(resolver.glance(HOST)) == ["192.0.2.1"]
    assert len(dns.asked) <= 1 + 300 / FAILED
    assert resolver.failures


@virtual_time
async def test_a_name_server_that_never_answers_costs_a_deadline_and_no_more() -> None:
    dns = KeptDns()
    dns.takes = 3600.0
    resolver = Resolver(dns)
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert await resolver.locate(HOST) == ()
    assert loop.time() - before <= DEADLINE
    assert await resolver.locate(HOST) == ()  # the failure is remembered for some seconds
    assert loop.time() - before <= DEADLINE + 0.1
    await resolver.close()


@virtual_time
async def test_who_waits_for_one_name_asks_once() -> None:
    dns = KeptDns()
    dns.takes = 0.5
    resolver = Resolver(dns)
    found = await asyncio.gather(*(resolver.locate(HOST) for _ in range(50)))
    assert all(hosts(targets) == ["192.0.2.1"] for targets in found)
    assert len(dns.asked) == 1


@virtual_time
async def test_no_such_name_is_believed_as_long_as_it_says_and_never_served_stale() -> None:
    dns = KeptDns()
    dns.records, dns.ttl = (), 10_000.0
    resolver = Resolver(dns)
    assert await resolver.locate(HOST) == ()
    assert await resolver.locate(HOST) == ()
    assert len(dns.asked) == 1
    dns.records = ("192.0.2.1",)
    await asyncio.sleep(NEGATIVE_LONGEST + 1)
    assert hosts(await resolver.locate(HOST)) == ["192.0.2.1"]


@virtual_time
async def test_one_who_gives_up_waiting_does_not_end_the_question_of_others() -> None:
    dns = KeptDns()
    dns.takes = 2.0
    resolver = Resolver(dns)
    assert await resolver.locate(HOST, within=0.5) == ()
    assert hosts(await resolver.locate(HOST)) == ["192.0.2.1"]
    assert len(dns.asked) == 1


@virtual_time
async def test_the_cache_has_a_bound() -> None:
    resolver = Resolver(KeptDns())
    for at in range(MAX_ENTRIES + 50):
        await resolver.locate(Sought(host=f"h{at}.example.com", port=5060))
    assert len(resolver) == MAX_ENTRIES


async def test_names_of_the_hosts_file_need_no_dns() -> None:
    names = hosts_file(lambda: "127.0.0.1 localhost\n# comment\n::1 localhost ip6\n192.0.2.7\tPbx pbx.local # ours\n")
    dns = KeptDns()
    resolver = Resolver(dns, hosts=names)
    assert hosts(resolver.glance(Sought(host="PBX.local", port=5060))) == ["192.0.2.7"]
    both = Sought(host="localhost", port=5060, families=(Kind.A, Kind.AAAA))
    assert hosts(resolver.glance(both)) == ["127.0.0.1", "::1"]
    assert dns.asked == []


ZONE = {
    ("example.com", "NAPTR"): ['10 10 "s" "SIP+D2U" "" _sip._udp.example.com.'],
    ("_sip._udp.example.com", "SRV"): ["20 0 5071 b.example.com.", "10 0 5070 a.example.com."],
    ("a.example.com", "A"): ["127.0.0.2"],
    ("b.example.com", "A"): ["127.0.0.3"],
    ("alias.example.com", "CNAME"): ["a.example.com."],
}


async def test_naptr_srv_and_addresses_come_from_the_dns() -> None:
    async with DnsServer(ZONE) as server:
        resolver = Resolver(DnsClient([server.address]))
        found = await resolver.locate(Sought(host="example.com", transport=None))
        assert found == (Target("UDP", "127.0.0.2", 5070), Target("UDP", "127.0.0.3", 5071))
        asked = len(server.asked)
        assert await resolver.locate(Sought(host="example.com", transport=None)) == found
        assert len(server.asked) == asked
        await resolver.close()


async def test_the_time_to_live_is_that_of_the_dns_for_yes_and_for_no() -> None:
    async with DnsServer(ZONE, ttl=77, minimum=33) as server:
        client = DnsClient([server.address])
        assert await client(Question("a.example.com", Kind.A)) == Answer(("127.0.0.2",), 77.0)
        assert await client(Question("a.example.com", Kind.AAAA)) == Answer((), 33.0)
        assert await client(Question("nobody.example.com", Kind.A)) == Answer((), 33.0)


async def test_a_failing_name_server_is_a_failure_and_not_a_no() -> None:
    async with DnsServer(ZONE) as server:
        server.mood = Mood.FAILING
        with pytest.raises(LookupFailed):
            await DnsClient([server.address])(Question("a.example.com", Kind.A))


@pytest.mark.parametrize("name", ["a..b", "x" * 70 + ".example.com", "ü" * 300])
async def test_what_is_no_name_is_a_failure(name: str) -> None:
    async with DnsServer(ZONE) as server:
        with pytest.raises(LookupFailed):
            await DnsClient([server.address])(Question(name, Kind.A))
