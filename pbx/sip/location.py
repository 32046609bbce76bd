"""Where a SIP server is: RFC 3263, with the weighted order of RFC 2782.

Pure: a generator asks questions of the DNS and gets records; whoever drives it knows sockets, caches and time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

MAX_TARGETS = 16
PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
_SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
_PREFIXES = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}


class Kind(StrEnum):
    A = "A"
    AAAA = "AAAA"
    SRV = "SRV"
    NAPTR = "NAPTR"


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Srv:
    priority: int
    weight: int
    port: int
    target: str  # "." says: decidedly not here


@dataclass(frozen=True, slots=True)
class Naptr:
    order: int
    preference: int
    flags: str
    service: str
    replacement: str


Record = str | Srv | Naptr
"""An address (A, AAAA), or what the kind says."""


@dataclass(frozen=True, slots=True)
class Target:
    """One place to send to. `host` is an address."""

    protocol: str  # UDP, TCP, TLS
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """`transport` None: any of `speaks`, by NAPTR and SRV. `port` None: by SRV, or else the default one."""

    host: str
    port: int | None = None
    transport: str | None = "UDP"
    speaks: tuple[str, ...] = ("UDP",)  # the transports that we can send by, preferred first
    families: tuple[Kind, ...] = (Kind.A,)


Locating = Generator[Question, Sequence[Record], tuple[Target, ...]]


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def locate(sought: Sought, draw: Callable[[int], int]) -> Locating:
    """The targets in the order in which they are to be tried; none when the name leads nowhere.

    `draw(n)` is a random number of 0 to n - 1.
    """
    if is_address(sought.host):
        # §4.1: "If … the TARGET is a numeric IP address, the client SHOULD use UDP for a SIP URI".
        protocol = sought.transport or "UDP"
        return (Target(protocol, sought.host, sought.port or PORTS[protocol]),)
    if sought.port is not None:
        # §4.2: "If the TARGET was not a numeric IP address, but a port is present in the URI, the client performs an A
        # or AAAA record lookup of the domain name."
        return (yield from _addresses(sought, sought.transport or "UDP", sought.host, sought.port))
    targets: list[Target] = []
    has_servers = False
    for protocol, name in (yield from _services(sought)):
        servers = yield from _servers(sought, protocol, name, draw)
        has_servers = has_servers or servers is not None
        targets += servers or ()
    if not has_servers:
        # §4.2: "If no SRV records were found, the client performs an A or AAAA record lookup of the domain name."
        protocol = sought.transport or sought.speaks[0]
        targets += yield from _addresses(sought, protocol, sought.host, PORTS[protocol])
    return tuple(dict.fromkeys(targets))[:MAX_TARGETS]


def _services(sought: Sought) -> Generator[Question, Sequence[Record], list[tuple[str, str]]]:
    """Transports with the names of their SRV records, preferred first."""
    if sought.transport is not None:
        return [(sought.transport, f"{_PREFIXES[sought.transport]}.{sought.host}")]
    answer = yield Question(sought.host, Kind.NAPTR)
    found = sorted(
        (record for record in answer if isinstance(record, Naptr) and record.flags.lower() == "s"),
        key=lambda record: (record.order, record.preference),
    )
    services = [
        (_SERVICES[record.service.upper()], record.replacement)
        for record in found
        if _SERVICES.get(record.service.upper()) in sought.speaks
    ]
    # §4.1: "If no NAPTR records are found, the client constructs SRV queries for those transport protocols it supports,
    # and does a query for each."
    return services or [(protocol, f"{_PREFIXES[protocol]}.{sought.host}") for protocol in sought.speaks]


def _servers(
    sought: Sought, protocol: str, name: str, draw: Callable[[int], int]
) -> Generator[Question, Sequence[Record], list[Target] | None]:
    """None when there is no such record; an empty list when the record says that the service is not there."""
    answer = yield Question(name, Kind.SRV)
    records = [record for record in answer if isinstance(record, Srv)]
    if not records:
        return None
    targets: list[Target] = []
    for record in in_order(records, draw):
        if record.target not in (".", "") and len(targets) < MAX_TARGETS:
            targets += yield from _addresses(sought, protocol, record.target, record.port)
    return targets


def _addresses(
    sought: Sought, protocol: str, name: str, port: int
) -> Generator[Question, Sequence[Record], tuple[Target, ...]]:
    if is_address(name):  # a mistake in many zones, and harmless
        return (Target(protocol, name, port),)
    targets: list[Target] = []
    for family in sought.families:
        answer = yield Question(name, family)
        targets += [Target(protocol, record, port) for record in answer if isinstance(record, str)]
    return tuple(targets[:MAX_TARGETS])


def in_order(records: Sequence[Srv], draw: Callable[[int], int]) -> list[Srv]:
    """RFC 2782: the lowest priority first, and within it at random by weight."""
    ordered: list[Srv] = []
    for priority in sorted({record.priority for record in records}):
        # "To select a target to be contacted next, arrange all SRV RRs (that have not been ordered yet) in any order,
        # except that all those with weight 0 are placed at the beginning of the list."
        left = sorted((record for record in records if record.priority == priority), key=lambda record: record.weight)
        ordered += weighted(left, [record.weight for record in left], draw)
    return ordered


def weighted(items: Sequence[T], weights: Sequence[int], draw: Callable[[int], int]) -> list[T]:
    """All items, each drawn next with a chance that is its weight's share of what is left."""
    left = list(zip(items, weights, strict=True))
    ordered: list[T] = []
    while left:
        # "Compute the sum of the weights of those RRs … choose a uniform random number between 0 and the sum computed
        # (inclusive), and select the RR whose running sum value is the first … greater than or equal to" it.
        chosen = draw(sum(weight for _, weight in left) + 1)
        running = 0
        for index, (_, weight) in enumerate(left):
            running += weight
            if running >= chosen:
                ordered.append(left.pop(index)[0])
                break
    return ordered
