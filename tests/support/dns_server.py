"""A name server with one zone, on a UDP port of this machine. It can be silent or say that it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import Enum, auto

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.support.network import Address, UdpPort

SOA = "ns.example.com. admin.example.com. 1 3600 600 86400 {minimum}"


class Mood(Enum):
    WELL = auto()
    SILENT = auto()
    FAILING = auto()


class DnsServer:
    """`zone`: (name, type) -> records as text: ("_sip._udp.example.com", "SRV") -> ["10 0 5060 a.example.com."].

    A name without any records does not exist; `minimum` seconds says for how long.
    """

    def __init__(self, zone: Mapping[tuple[str, str], Sequence[str]], *, ttl: int = 60, minimum: int = 60) -> None:
        self.zone = dict(zone)
        self.ttl, self.minimum = ttl, minimum
        self.mood = Mood.WELL
        self.asked: list[tuple[str, str]] = []
        self._port = UdpPort(self._received)

    @property
    def address(self) -> Address:
        return self._port.address

    async def __aenter__(self) -> DnsServer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._port.close()
        await asyncio.sleep(0)

    def _received(self, data: bytes, source: Address) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text().removesuffix(".").lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if self.mood is not Mood.SILENT:
            self._port.send(self._answer(query, question, name, kind).to_wire(), source)

    def _answer(
        self, query: dns.message.Message, question: dns.rrset.RRset, name: str, kind: str
    ) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        if self.mood is Mood.FAILING:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        records = self.zone.get((name, kind), ())
        if records:
            response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
            return response
        if all(name != known for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = SOA.format(minimum=self.minimum)
        response.authority.append(dns.rrset.from_text("example.com.", 3600, "IN", "SOA", soa))
        return response
