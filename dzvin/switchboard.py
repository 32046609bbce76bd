"""Builds the switchboard's plain parts from the configuration: accounts, doors, dial plan."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from zoneinfo import ZoneInfo

import msgspec

from callflow.exchange import CallRules, RecordingRules
from callflow.facts import Direction, ForwardKind
from callflow.feature_codes import FeatureCodes
from callflow.line_book import Kept, LineBook
from callflow.line_settings import LineDefaults, LineSettings, Skills, engine_line
from callflow.permissions import Barrier, Hours, OutsideRules, Permissions
from callflow.router import ConferencePlan, DialPlan, LinePlan, MenuPlan
from callflow.saying import Language
from callflow.wishes import Wishes
from dzvin import config_shape
from dzvin.config import Config
from dzvin.config_shape import Extension, Security
from dzvin.trunk_plans import dids, number_plan, trunk_plan
from pbx.net.transport import Flow
from pbx.ports import Account, Door
from pbx.sip.digest import Algorithm, ha1
from pbx.trunks.trunks import Trunks
from queue_engine.work import Line

OUTSIDE_KEYS = ("international", "premium", "calls_at_once", "calls_per_minute", "minutes_per_day", "hours")


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

    def offers(self) -> tuple[tuple[Algorithm, ...], ...]:
        """What each account is offered, one entry for each: strangers are offered the same in the same proportion."""
        return tuple(tuple(account.ha1) for account in self._accounts.values())


class ConfiguredDoors:
    """Which addresses may call without a challenge, and what."""

    def __init__(self, config: Config, trunks: Trunks) -> None:
        self._unchallenged: dict[tuple[str, int], frozenset[str]] = {}
        for entry in config.unchallenged:
            for text in entry.addresses:
                host, _, port = text.rpartition(":")
                key = (host.strip("[]"), int(port))
                self._unchallenged[key] = self._unchallenged.get(key, frozenset()) | frozenset(entry.to)
        self._trunks = trunks

    def door(self, flow: Flow, number: str) -> Door | None:
        source = (flow.host, flow.port)
        numbers = self._unchallenged.get(source)
        if numbers is not None and number in numbers:
            return Door("unchallenged", numbers=numbers)
        trunk = self._trunks.of(flow)
        return None if trunk is None else Door(trunk.name, trunk.settings)


def dial_plan(
    config: Config,
    accounts: ConfiguredAccounts,
    flows: Container[str] = (),
    lines: Mapping[str, LinePlan] | None = None,
) -> DialPlan:
    """`lines`: as they are now; None: as the configuration says."""
    return DialPlan(
        extensions=accounts,
        lines=line_book(config) if lines is None else lines,
        menus={
            menu.number: MenuPlan(number=menu.number, prompt=menu.prompt, keys=menu.keys, timeout=float(menu.timeout))
            for menu in config.menus
        },
        conferences={
            conference.number: ConferencePlan(
                number=conference.number,
                name=conference.name,
                pin=conference.pin,
                most=conference.members,
                announce=conference.announce,
                record=conference.record,
                music=conference.music,
                moderators=frozenset(conference.moderators),
            )
            for conference in config.conferences
        },
        flows=flows,
        trunks={trunk.name: trunk_plan(trunk) for trunk in config.trunks},
        trunk_numbers={trunk.number: trunk.name for trunk in config.trunks if trunk.number and trunk.outbound},
        dids=dids(config),
        codes=FeatureCodes(**msgspec.structs.asdict(config.codes)),
        numbers=number_plan(config.region),
    )


def line_defaults(config: Config) -> LineDefaults:
    return LineDefaults(
        ring_timeout=float(config.calls.ring_timeout),
        record="lines" in config.recordings.calls,
        language=Language(config.language),
    )


def permissions(
    config: Config, lines: Mapping[str, LinePlan], on_alarm: Callable[[str | None, Barrier], None]
) -> Permissions:
    """What each extension, and each line, may spend outside."""
    rules = {
        number: _outside_rules(config.security, entry)
        for entry in config.extensions
        if any(getattr(entry, key) is not None for key in OUTSIDE_KEYS)
        for number in (entry.range.numbers() if entry.range else (entry.number,))
    }
    return Permissions(
        _outside_rules(config.security),
        rules,
        region=config.region,
        zone=ZoneInfo(config.timezone),
        premium_prefixes=config.security.premium_prefixes,
        ties=frozenset(trunk.number for trunk in config.trunks if trunk.number),
        lines=lines,
        on_alarm=on_alarm,
    )


def _outside_rules(company: Security, entry: Extension | None = None) -> OutsideRules:
    values = {key: getattr(company, key) for key in OUTSIDE_KEYS}
    if entry is not None:
        values |= {key: value for key in OUTSIDE_KEYS if (value := getattr(entry, key)) is not None}
    hours = config_shape.Hours.parse(values["hours"]) if values["hours"] else None
    return OutsideRules(**{**values, "hours": Hours(*hours) if hours else None})


def recording_rules(config: Config) -> RecordingRules:
    return RecordingRules(
        directions=frozenset(Direction(rule) for rule in config.recordings.calls if rule != "lines"),
        trunks={trunk.name: trunk.record for trunk in config.trunks if trunk.record is not None},
        people={
            number: entry.record
            for entry in config.extensions
            if entry.record is not None
            for number in (entry.range.numbers() if entry.range else (entry.number,))
        },
        resume_after=float(config.recordings.resume_after),
    )


def line_book(config: Config) -> LineBook:
    """As the configuration says."""
    own = {line.number: Kept(settings=_settings(line)) for line in config.lines}
    return LineBook(defaults=line_defaults(config), own=own, own_skills=skills(config))


def _settings(line: config_shape.Line) -> LineSettings:
    return LineSettings(**{key: getattr(line, key) for key in LineSettings.__struct_fields__})


def engine_lines(book: LineBook) -> tuple[Line, ...]:
    """The configuration's, with every strategy of one's own that is loaded."""
    return tuple(engine_line(number, kept.settings, book.defaults) for number, kept in book.own.items())


def skills(config: Config) -> Mapping[str, Skills]:
    """Of each extension of which something is said."""
    return {
        number: entry.skills
        for entry in config.extensions
        if entry.skills
        for number in (entry.range.numbers() if entry.range else (entry.number,))
    }


def names(config: Config) -> Mapping[str, str]:
    return {user.extension: user.full_name for user in config.users if user.extension}


def supervisors(config: Config) -> frozenset[str]:
    """Whose phones may dial themselves into other people's calls."""
    return frozenset(user.extension for user in config.users if user.extension and user.role in ("admin", "supervisor"))


def call_rules(config: Config) -> CallRules:
    calls = config.calls
    return CallRules(
        redirects=calls.redirects,
        transfer_returns=calls.transfer_returns,
        transfer_timeout=float(calls.transfer_timeout),
        recall_timeout=float(calls.recall_timeout),
        fallback=calls.fallback,
        park_timeout=float(calls.park_timeout),
        phone_patience=float(calls.phone_patience),
        pickup_groups=tuple(frozenset(group) for group in calls.pickup_groups),
    )


def ordinary_wishes(config: Config) -> Wishes:
    """Of an extension of which nothing is said."""
    return Wishes(lines=config.calls.lines or None)


def wishes(config: Config) -> Mapping[str, Wishes]:
    """How the people of the other extensions want to be reached, until they change it."""
    ordinary = ordinary_wishes(config)
    found: dict[str, Wishes] = {}
    for entry in config.extensions:
        given = (entry.forward_always, entry.forward_busy, entry.forward_no_answer)
        kinds = (ForwardKind.ALWAYS, ForwardKind.BUSY, ForwardKind.NO_ANSWER)
        said = Wishes(
            forwards={kind: number for kind, number in zip(kinds, given, strict=True) if number},
            do_not_disturb=entry.do_not_disturb,
            lines=ordinary.lines if entry.lines is None else entry.lines or None,
            ring_seconds=entry.ring_seconds,
            auto_answer=entry.auto_answer,
        )
        if said != ordinary:
            found |= dict.fromkeys(entry.range.numbers() if entry.range else (entry.number,), said)
    return found
