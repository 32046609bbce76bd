"""What the values of a configuration may be together: names that must exist, numbers that must not be given twice.

Each rule yields breaches: the path of the key that is wrong and what is expected there.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callflow.line_rules import Around, line_breaches, loadable
from crm_core import settings
from dzvin.config_call_rules import call_breaches, code_breaches
from dzvin.config_flow_rules import flow_breaches
from dzvin.config_shape import SAME, Address, Config, Hours, NumberRange
from dzvin.config_table import Breach, Path
from dzvin.config_table import parses as _parses
from dzvin.config_transport_rules import transport_breaches
from dzvin.config_trunk_rules import did_breaches, nameserver_breaches, trunk_breaches

NUMBER = re.compile(r"[A-Za-z0-9+*#._-]{1,32}", re.ASCII)
LOGIN = re.compile(r"[\w.@-]{1,64}")
LARGEST_RANGE = 100_000


def breaches(config: Config) -> Iterator[Breach]:
    """Everything that is wrong between the values of a configuration whose shapes are right."""
    for rule in (
        _installation, _crm, _addresses, _security, _registrations, _extensions, _numbers, _users, _lines, _menus,
        _conferences, flow_breaches, _trunks, _dids, _unchallenged, _services, _presence, _call_control,
        transport_breaches,
    ):  # fmt: skip
        yield from rule(config)


def _installation(config: Config) -> Iterator[Breach]:
    try:
        ZoneInfo(config.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield ("timezone",), f'expected a time zone such as "Europe/Kyiv", got "{config.timezone}"'
    if not re.fullmatch(r"[A-Z]{2}", config.region):
        yield ("region",), f'expected a country in two letters such as "UA", got "{config.region}"'
    if config.database.url and not config.database.url.startswith(("postgresql://", "postgres://")):
        yield ("database", "url"), 'expected "postgresql://…", or nothing for the embedded PostgreSQL'
    if config.http.public_url and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", config.http.public_url):
        yield ("http", "public_url"), f'expected "https://host", got "{config.http.public_url}"'


def _crm(config: Config) -> Iterator[Breach]:
    """What becomes a setting of the CRM is what it takes as one."""
    given, server = config.follow_up, config.telephony_server
    for path, setting, value, expected in (
        (("follow_up", "hours"), "working_hours", given.hours, "mon-fri 09:00-18:00, sat 10:00-14:00"),
        (("follow_up", "special_days"), "special_days", given.special_days, "2030-01-01, 2030-12-24 09:00-13:00"),
        (("follow_up", "assign"), "follow_up_assign", ",".join(given.assign), "client, rung, line or user:LOGIN"),
        (("telephony_server", "source"), "telephony_source", server.source, "postgresql://host/name or csv:/file"),
        (("telephony_server", "table"), "telephony_table", server.table, "cdr or public.cdr"),
    ):
        try:
            settings.check(setting, value)
        except settings.BadSetting as error:
            yield path, f'expected such as "{expected}", got "{error}"'


def _addresses(config: Config) -> Iterator[Breach]:
    yield from _parses(("sip", "udp"), Address.parse, config.sip.udp)
    if config.sip.tcp not in ("", SAME):
        yield from _parses(("sip", "tcp"), Address.parse, config.sip.tcp)
    for text in config.sip.local_networks:
        yield from _parses(("sip", "local_networks"), _network, text)
    yield from _parses(("media", "address"), _ip, config.media.address)
    if config.sip.external_ip:
        yield from _parses(("sip", "external_ip"), _ip, config.sip.external_ip)
    try:
        ports = config.media.port_range
    except ValueError as error:
        yield ("media", "ports"), str(error)
    else:
        if len(ports) < 4 * config.media.processes:
            yield ("media", "ports"), f"expected at least {4 * config.media.processes} ports for the workers"
    if not {"pcma", "pcmu"} & set(config.media.codecs):
        yield ("media", "codecs"), 'expected "pcma" or "pcmu" among them: what everybody speaks'


def _security(config: Config) -> Iterator[Breach]:
    for text in config.security.trusted:
        yield from _parses(("security", "trusted"), _network, text)
    for name in config.security.scanners:
        if len(name) < 3:
            yield ("security", "scanners"), f'expected a part of a User-Agent, 3 characters or more, got "{name}"'
    for name in config.sip.only_md5:
        if len(name) < 3:
            yield ("sip", "only_md5"), f'expected a part of a User-Agent, 3 characters or more, got "{name}"'
    for prefix in config.security.premium_prefixes:
        if not re.fullmatch(r"\+?[0-9]{1,15}", prefix):
            yield ("security", "premium_prefixes"), f'expected digits such as "0900" or "+38090", got "{prefix}"'
    if config.security.hours:
        yield from _parses(("security", "hours"), Hours.parse, config.security.hours)
    for index, entry in enumerate(config.extensions):
        if entry.hours:
            yield from _parses(("extensions", index, "hours"), Hours.parse, entry.hours)


def _registrations(config: Config) -> Iterator[Breach]:
    sip = config.sip
    if not sip.min_expires <= sip.default_expires <= sip.max_expires:
        yield ("sip", "default_expires"), "expected min_expires <= default_expires <= max_expires"
    if 0 < sip.session_timer < sip.min_session:
        yield ("sip", "session_timer"), "expected 0, or no less than min_session"
    if not sip.digest:
        yield ("sip", "digest"), 'expected at least one algorithm, such as "MD5"'


def _extensions(config: Config) -> Iterator[Breach]:
    for index, entry in enumerate(config.extensions):
        where = ("extensions", index)
        if not entry.password:
            yield (*where, "password"), "expected a password"
        if bool(entry.number) == bool(entry.first or entry.last):
            yield where, "expected either number, or first and last"
            continue
        try:
            numbers = entry.range
        except ValueError as error:
            yield (*where, "first"), str(error)
            continue
        if numbers and numbers.size > LARGEST_RANGE:
            yield (*where, "last"), f"expected at most {LARGEST_RANGE} numbers in one range"
        if numbers and "{user}" not in entry.password:
            yield (*where, "password"), 'expected a template with "{user}", since a range shares it'


def _numbers(config: Config) -> Iterator[Breach]:
    """A dialled number leads to one thing."""
    taken: dict[str, str] = {}
    for where, number in _dialled(config):
        if not NUMBER.fullmatch(number):
            yield where, f'expected 1 to 32 letters, digits or + * # . _ -, got "{number}"'
        elif number in taken:
            yield where, f'number "{number}" is already given to {taken[number]}'
        taken.setdefault(number, f"{where[0]}[{where[1]}]")
    ranges = _ranges(config)
    for index, numbers in ranges:
        for number in taken:
            if numbers.holds(number):
                yield ("extensions", index, "first"), f'number "{number}" is already given to {taken[number]}'
    for (index, one), (other_index, other) in combinations(ranges, 2):
        if one.overlaps(other):
            yield ("extensions", other_index, "first"), f"the range overlaps extensions[{index}]"


def _dialled(config: Config) -> Iterator[tuple[Path, str]]:
    tables: tuple[tuple[str, Sequence[object]], ...] = (
        ("extensions", config.extensions), ("lines", config.lines), ("menus", config.menus),
        ("conferences", config.conferences), ("flows", config.flows), ("trunks", config.trunks),
    )  # fmt: skip
    for name, entries in tables:
        for index, entry in enumerate(entries):
            number: str = getattr(entry, "number", "")
            optional = name in ("trunks", "extensions")  # an extension without number is told by _extensions
            if number or not optional:
                yield (name, index, "number"), number


def _ranges(config: Config) -> list[tuple[int, NumberRange]]:
    found = []
    for index, entry in enumerate(config.extensions):
        try:
            numbers = entry.range
        except ValueError:
            continue  # told by _extensions
        if numbers:
            found.append((index, numbers))
    return found


def _is_extension(config: Config) -> Callable[[str], bool]:
    single = {entry.number for entry in config.extensions if entry.number}
    ranges = [numbers for _, numbers in _ranges(config)]
    return lambda number: number in single or any(numbers.holds(number) for numbers in ranges)


def _users(config: Config) -> Iterator[Breach]:
    is_extension = _is_extension(config)
    logins: set[str] = set()
    phones: set[str] = set()
    for index, user in enumerate(config.users):
        if not LOGIN.fullmatch(user.login):
            yield ("users", index, "login"), f'expected 1 to 64 letters, digits or . _ @ -, got "{user.login}"'
        if user.login in logins:
            yield ("users", index, "login"), f'login "{user.login}" is given twice'
        logins.add(user.login)
        if user.extension is None:
            continue
        if not is_extension(user.extension):
            yield ("users", index, "extension"), f'no extension "{user.extension}"'
        elif user.extension in phones:
            yield ("users", index, "extension"), f'extension "{user.extension}" already belongs to another user'
        phones.add(user.extension)


def _lines(config: Config) -> Iterator[Breach]:
    around = Around(is_extension=_is_extension(config), is_target=_is_target(config), strategy=loadable)
    for index, line in enumerate(config.lines):
        for path, expected in line_breaches(line, around):
            yield ("lines", index, *path), expected


def _menus(config: Config) -> Iterator[Breach]:
    is_target = _is_target(config)
    for index, menu in enumerate(config.menus):
        for key, target in menu.keys.items():
            if not re.fullmatch(r"[0-9*#]", key):
                yield ("menus", index, "keys", key), f'expected a key of 0 to 9, * or #, got "{key}"'
            if not is_target(target):
                yield ("menus", index, "keys", key), f'key {key} leads to "{target}": no such number'


def _conferences(config: Config) -> Iterator[Breach]:
    is_extension = _is_extension(config)
    for index, conference in enumerate(config.conferences):
        if not re.fullmatch(r"(?:[0-9]{4,12})?", conference.pin, re.ASCII):
            yield ("conferences", index, "pin"), "expected 4 to 12 digits, or nothing"
        for extension in conference.moderators:
            if not is_extension(extension):
                yield ("conferences", index, "moderators"), f'no extension "{extension}"'


def _is_target(config: Config) -> Callable[[str], bool]:
    is_extension = _is_extension(config)
    numbers = {number for _, number in _dialled(config)}
    return lambda number: number in numbers or is_extension(number)


def _trunks(config: Config) -> Iterator[Breach]:
    yield from trunk_breaches(config, _is_target(config))
    yield from nameserver_breaches(config)


def _dids(config: Config) -> Iterator[Breach]:
    yield from did_breaches(config, _is_target(config))


def _unchallenged(config: Config) -> Iterator[Breach]:
    for index, door in enumerate(config.unchallenged):
        for address in door.addresses:
            yield from _parses(("unchallenged", index, "addresses"), Address.parse, address)
        for number in door.to:  # need not exist: a call to a number that does not is answered so, unchallenged
            if not NUMBER.fullmatch(number):
                yield ("unchallenged", index, "to"), f'expected a number, got "{number}"'


def _services(config: Config) -> Iterator[Breach]:
    logins = {user.login for user in config.users}
    codes: set[str] = set()
    for index, service in enumerate(config.services):
        if not service.code or service.code in codes:
            yield ("services", index, "code"), f'expected a code of its own, got "{service.code}"'
        codes.add(service.code)
        if not service.name:
            yield ("services", index, "name"), 'expected a name, such as { uk = "Каса" }'
        if not re.fullmatch(r"\w{0,3}", service.prefix):
            yield ("services", index, "prefix"), f'expected at most 3 letters, got "{service.prefix}"'
        for login in service.agents:
            if login not in logins:
                yield ("services", index, "agents"), f'no user "{login}"'


def _ip(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError(f'expected an IP address, got "{text}"') from error


def _network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f'expected an IP address or a network such as "10.0.0.0/8", got "{text}"') from error


def _presence(config: Config) -> Iterator[Breach]:
    is_extension = _is_extension(config)
    for key, numbers in (("watchers", config.presence.watchers), ("hidden", config.presence.hidden)):
        for number in numbers:
            if not is_extension(number) and (key, number) != ("watchers", "everybody"):
                yield ("presence", key), f'no extension "{number}"'


def _call_control(config: Config) -> Iterator[Breach]:
    is_target = _is_target(config)
    yield from call_breaches(config, _is_extension(config), is_target)
    yield from code_breaches(config, is_target)
