"""Builds the switchboard's plain parts from the configuration: accounts, doors, dial plan."""

from __future__ import annotations

from collections.abc import Mapping

import phonenumbers

from callflow.facts import Direction
from callflow.router import DialPlan, LinePlan, MenuPlan, TrunkPlan, digits_of
from dzvin.config import Config
from pbx.net.transport import Flow
from pbx.ports import Account, Door
from pbx.sip.digest import Algorithm, ha1
from queue_engine.work import Line


class ConfiguredAccounts:
    """SIP accounts by number. Passwords are turned into HA1 once, at load, and dropped (R-PHONE-54)."""

    def __init__(self, config: Config) -> None:
        self._accounts = {
            account.number: Account(
                account.number,
                {
                    algorithm: ha1(account.number, config.sip.realm, account.password, algorithm)
                    for algorithm in map(Algorithm.of_token, account.digest)
                },
            )
            for account in config.accounts()
        }

    def account(self, user: str) -> Account | None:
        return self._accounts.get(user)

    def __contains__(self, number: object) -> bool:
        return number in self._accounts


class ConfiguredDoors:
    """Which addresses may call without a challenge, and what."""

    def __init__(self, config: Config) -> None:
        self._unchallenged: dict[tuple[str, int], frozenset[str]] = {}
        for entry in config.unchallenged:
            for text in entry.addresses:
                host, _, port = text.rpartition(":")
                key = (host.strip("[]"), int(port))
                self._unchallenged[key] = self._unchallenged.get(key, frozenset()) | frozenset(entry.to)
        self._trunks = {
            (trunk.peer.host, trunk.peer.port): Door(trunk.name, trunk=True) for trunk in config.trunks if trunk.inbound
        }

    def door(self, flow: Flow, number: str) -> Door | None:
        source = (flow.host, flow.port)
        numbers = self._unchallenged.get(source)
        if numbers is not None and number in numbers:
            return Door("unchallenged", trunk=False, numbers=numbers)
        return self._trunks.get(source)


def dial_plan(config: Config, accounts: ConfiguredAccounts) -> DialPlan:
    return DialPlan(
        extensions=accounts,
        lines={
            line.number: LinePlan(
                number=line.number,
                ring_timeout=float(line.ring_timeout or config.calls.ring_timeout),
                record=line.record if line.record is not None else "lines" in config.recordings.calls,
                music=bool(line.music),
            )
            for line in config.lines
        },
        menus={
            menu.number: MenuPlan(number=menu.number, prompt=menu.prompt, keys=menu.keys, timeout=float(menu.timeout))
            for menu in config.menus
        },
        trunks={
            trunk.name: TrunkPlan(
                name=trunk.name,
                host=trunk.peer.host,
                port=trunk.peer.port,
                record=trunk.record,
                outbound=trunk.outbound,
                prefixes=trunk.prefixes,
            )
            for trunk in config.trunks
        },
        trunk_numbers={trunk.number: trunk.name for trunk in config.trunks if trunk.number and trunk.outbound},
        dids={digits_of(did.number): did.to for did in config.dids},
        country_code=str(phonenumbers.country_code_for_region(config.region)),
        international=config.security.international,
    )


def recorded_directions(config: Config) -> frozenset[Direction]:
    return frozenset(Direction(rule) for rule in config.recordings.calls if rule != "lines")


def lines(config: Config) -> tuple[Line, ...]:
    return tuple(
        Line(line.number, line.agents, ring_timeout=float(line.ring_timeout or config.calls.ring_timeout))
        for line in config.lines
    )


def names(config: Config) -> Mapping[str, str]:
    return {user.extension: user.full_name for user in config.users if user.extension}
