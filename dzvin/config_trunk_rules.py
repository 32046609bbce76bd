"""What the values of `[[trunks]]` and `[[dids]]` may be together."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from callflow.numbers import Pattern, is_dialable
from dzvin.config_table import Address, Breach, Path, parses
from dzvin.config_trunks import Did, NumberRule, Trunk

if TYPE_CHECKING:
    from dzvin.config_shape import Config

IsTarget = Callable[[str], bool]
DIGITS = re.compile(r"\+?[0-9]{1,20}", re.ASCII)
RULES = ("called_in", "caller_in", "called_out", "caller_out")


def trunk_breaches(config: Config, is_target: IsTarget) -> Iterator[Breach]:
    names: set[str] = set()
    inbound: dict[str, str] = {}
    for index, trunk in enumerate(config.trunks):
        where = ("trunks", index)
        if not trunk.name or trunk.name in names:
            yield (*where, "name"), f'expected a name of its own, got "{trunk.name}"'
        names.add(trunk.name)
        if trunk.inbound and trunk.address in inbound:
            other = inbound[trunk.address]
            yield (*where, "address"), f'calls from there already belong to "{other}"; set inbound = false'
        if trunk.inbound:
            inbound[trunk.address] = trunk.name
        yield from _reached(where, trunk)
        yield from _numbered(where, trunk, is_target)


def _reached(where: Path, trunk: Trunk) -> Iterator[Breach]:
    yield from parses((*where, "address"), lambda _: trunk.where, trunk.address)
    for text in trunk.sources:
        yield from parses((*where, "sources"), _network, text)
    if trunk.register and not trunk.username:
        yield (*where, "register"), "expected username and password, by which the other side knows us"
    if trunk.password and not trunk.username:
        yield (*where, "password"), "expected username beside it"
    if 487 in trunk.fail_over:
        yield (*where, "fail_over"), "487 is the answer to our own hanging up: no other trunk is tried then"


def _numbered(where: Path, trunk: Trunk, is_target: IsTarget) -> Iterator[Breach]:
    if trunk.default and not is_target(trunk.default):
        yield (*where, "default"), f'"{trunk.default}": no such number'
    if trunk.caller_id and not is_dialable(trunk.caller_id):
        yield (*where, "caller_id"), f'expected a telephone number, got "{trunk.caller_id}"'
    if trunk.from_user and trunk.identity == "from":
        yield (*where, "from_user"), 'expected identity = "p-asserted-identity" or the like, for the number itself'
    for key in RULES:
        rules: tuple[NumberRule, ...] = getattr(trunk, key)
        for rule in rules:
            yield from parses((*where, key), Pattern.parse, rule.match)
            if not is_dialable(rule.prepend):
                yield (*where, key), f'expected digits or + to prepend, got "{rule.prepend}"'


def did_breaches(config: Config, is_target: IsTarget) -> Iterator[Breach]:
    trunks = {trunk.name for trunk in config.trunks if trunk.inbound}
    taken: set[tuple[str, str]] = set()
    for index, did in enumerate(config.dids):
        where = ("dids", index)
        yield from _shaped(where, did)
        if did.number and (did.number, did.trunk) in taken:
            yield (*where, "number"), f'number "{did.number}" is given twice'
        taken.add((did.number, did.trunk))
        is_template = "X" in did.to and any(sign in "XZN" for sign in did.number)
        if not is_template and not is_target(did.to):
            yield (*where, "to"), f'"{did.to}": no such number'
        if did.trunk and did.trunk not in trunks:
            yield (*where, "trunk"), f'no inbound trunk "{did.trunk}"'


def _shaped(where: Path, did: Did) -> Iterator[Breach]:
    if bool(did.number) == bool(did.first or did.last):
        yield where, "expected either number, or first and last"
    elif did.number:
        try:
            Pattern.parse(did.number)
        except ValueError:
            yield (*where, "number"), f'expected digits such as "+380441234567", X for any digit, got "{did.number}"'
    elif not DIGITS.fullmatch(did.first) or not DIGITS.fullmatch(did.last):
        yield (*where, "first"), f'expected two numbers, got "{did.first}" and "{did.last}"'
    elif len(did.first) != len(did.last) or did.first > did.last:
        yield (*where, "first"), f'expected two ends of equal length, got "{did.first}" and "{did.last}"'


def nameserver_breaches(config: Config) -> Iterator[Breach]:
    for text in config.sip.nameservers:
        yield from parses(("sip", "nameservers"), nameserver, text)


def nameserver(text: str) -> Address:
    """`address` or `address:port`. Raises ValueError."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        address = Address.parse(text)
        try:
            ipaddress.ip_address(address.host)
        except ValueError as error:
            raise ValueError(f'expected an IP address, with a port if it is not 53, got "{text}"') from error
        return address
    return Address(text, 53)


def _network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f'expected an IP address or a network such as "10.0.0.0/8", got "{text}"') from error
