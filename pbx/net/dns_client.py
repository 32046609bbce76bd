"""Questions to name servers, by dnspython's asynchronous resolver."""

from __future__ import annotations

from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.message
import dns.rdata
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from pbx.net.resolver import DEADLINE, Answer, LookupFailed
from pbx.sip.location import Kind, Naptr, Question, Record, Srv

NOTHING_FOR = 30.0  # seconds that "no such name" is believed when the answer does not say


class DnsClient:
    """`nameservers`: (address, port) of each; empty: those of this machine. Raises LookupFailed for none at all."""

    def __init__(self, nameservers: Sequence[tuple[str, int]] = ()) -> None:
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as error:
            raise LookupFailed("this machine names no name server") from error
        if nameservers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in nameservers]
        self._resolver.timeout = DEADLINE / 3

    async def __call__(self, question: Question) -> Answer:
        try:
            answer = await self._resolver.resolve(
                question.name, question.kind.value, raise_on_no_answer=False, lifetime=DEADLINE, search=False
            )
        except dns.resolver.NXDOMAIN as error:
            return Answer((), _negative_ttl(error))
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailed(str(error) or type(error).__name__) from error
        records = tuple(record for data in answer.rrset or () if (record := _record(question.kind, data)) is not None)
        return Answer(records, float(answer.chaining_result.minimum_ttl if records else min_ttl(answer.response)))


def _record(kind: Kind, data: dns.rdata.Rdata) -> Record | None:
    match data:
        case SRV():
            return Srv(data.priority, data.weight, data.port, _name(data.target.to_text()))
        case NAPTR():
            return Naptr(
                data.order, data.preference, data.flags.decode("ascii", "replace"),
                data.service.decode("ascii", "replace"), _name(data.replacement.to_text()),
            )  # fmt: skip
        case _:
            return data.to_text() if kind in (Kind.A, Kind.AAAA) else None


def _name(text: str) -> str:
    return text if text == "." else text.removesuffix(".")


def _negative_ttl(error: dns.resolver.NXDOMAIN) -> float:
    responses = error.responses().values()  # type: ignore[no-untyped-call]  # dnspython does not say
    return max((min_ttl(response) for response in responses), default=NOTHING_FOR)


def min_ttl(response: dns.message.Message) -> float:
    """RFC 2308 §5: how long "no" holds is the smaller of the SOA's own time and its minimum field."""
    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return float(min(rrset.ttl, rrset[0].minimum))
    return NOTHING_FOR
