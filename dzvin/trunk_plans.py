"""Builds from the configuration what the switchboard and the flows need of trunks: settings, plans, DIDs, numbers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from pathlib import Path

import phonenumbers

from callflow.caller_id import CallerIds
from callflow.dids import Did, Dids
from callflow.numbers import NumberPlan, Pattern, Rule, digits_of
from callflow.router import TrunkPlan
from dzvin import config_trunks
from dzvin.config import Config
from dzvin.config_trunk_rules import nameserver
from pbx.leg import DigitWay
from pbx.net.resolver import Answer, Ask, LookupFailed, Resolver, hosts_file
from pbx.sip.location import Kind, Question, is_address
from pbx.trunks.settings import CalledFrom, IdentityForm, TrunkSettings


def trunk_settings(config: Config) -> Iterator[TrunkSettings]:
    for trunk in config.trunks:
        host, port = trunk.where
        yield TrunkSettings(
            name=trunk.name,
            host=host,
            port=port,
            transport=None if trunk.transport == "auto" else trunk.transport.upper(),
            inbound=trunk.inbound,
            outbound=trunk.outbound,
            username=trunk.username,
            password=trunk.password,
            realm=trunk.realm,
            account=trunk.account,
            domain=trunk.domain,
            register=trunk.register,
            expires=trunk.expires,
            health=trunk.health,
            patience=trunk.patience,
            channels=trunk.channels,
            channels_in=trunk.channels_in,
            channels_out=trunk.channels_out,
            sources=tuple(ipaddress.ip_network(text) for text in trunk.sources),
            identity=IdentityForm(trunk.identity),
            from_user=trunk.from_user,
            trusted=trunk.trusted,
            called_from=CalledFrom(trunk.called_from),
            digits=DigitWay(trunk.digits),
            srtp=trunk.srtp,
        )


def trunk_plan(trunk: config_trunks.Trunk) -> TrunkPlan:
    return TrunkPlan(
        name=trunk.name,
        record=trunk.record,
        outbound=trunk.outbound,
        prefixes=trunk.prefixes,
        priority=trunk.priority,
        weight=trunk.weight,
        fail_over=frozenset(trunk.fail_over),
        default=trunk.default,
        called_out=_rules(trunk.called_out),
        caller_out=_rules(trunk.caller_out),
        called_in=_rules(trunk.called_in),
        caller_in=_rules(trunk.caller_in),
        caller_id=trunk.caller_id,
        caller_name=trunk.caller_name,
        show_original=trunk.show_original,
    )


def _rules(rules: Sequence[config_trunks.NumberRule]) -> tuple[Rule, ...]:
    return tuple(Rule(Pattern.parse(rule.match), rule.strip, rule.prepend) for rule in rules)


def dids(config: Config) -> Dids:
    return Dids(
        Did(
            to=did.to,
            trunk=did.trunk,
            number=Pattern.parse(did.number.removeprefix("+")) if did.number else None,
            first=digits_of(did.first),
            last=digits_of(did.last),
        )
        for did in config.dids
    )


def caller_ids(config: Config) -> CallerIds:
    phones = [
        (number, entry)
        for entry in config.extensions
        if entry.caller_id or entry.withheld
        for number in (entry.range.numbers() if entry.range else (entry.number,))
    ]
    return CallerIds(
        extensions={number: entry.caller_id for number, entry in phones if entry.caller_id},
        withheld=frozenset(number for number, entry in phones if entry.withheld),
        lines={line.number: line.caller_id for line in config.lines if line.caller_id},
    )


def number_plan(region: str) -> NumberPlan:
    """How numbers are dialled in a country, by the metadata of `phonenumbers`."""
    known = phonenumbers.PhoneMetadata.metadata_for_region(region)
    international = (known.international_prefix or "") if known else ""
    return NumberPlan(
        country_code=str(phonenumbers.country_code_for_region(region)),
        national_prefix=(known.national_prefix or "") if known else "",
        international_prefix=international if international.isdigit() else "00",
    )


def families(config: Config) -> tuple[Kind, ...]:
    """The kinds of addresses that our own can send to."""
    host = config.sip.udp_address.host
    if host == "::":
        return (Kind.A, Kind.AAAA)
    return (Kind.AAAA,) if ":" in host else (Kind.A,)


def resolver(config: Config) -> Resolver:
    """The DNS client is only loaded where a trunk has a name: it costs 70 ms at the start."""
    named = any(not is_address(trunk.where[0]) for trunk in config.trunks)
    hosts = hosts_file(Path("/etc/hosts").read_text) if named else {}
    return Resolver(_dns(config) if named else _nobody, hosts=hosts)


def _dns(config: Config) -> Ask:
    from pbx.net.dns_client import DnsClient

    try:
        return DnsClient([nameserver(text) for text in config.sip.nameservers])
    except LookupFailed:
        return _nobody


async def _nobody(question: Question, /) -> Answer:
    raise LookupFailed("no name server is known")
