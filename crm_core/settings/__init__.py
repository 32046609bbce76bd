"""System-wide parameters (Settings / Parameters / Settings)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import msgspec
import structlog

from crm_core import outbox
from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.settings.working_time import BadHours, WorkingTime

SETTING_CHANGED = "setting.changed"

_log = structlog.get_logger()


class BadSetting(Exception):
    """No such parameter, or not a value of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    min_number_length: int = 0
    """Calls whose number has fewer digits are not logged; 0 logs all (R-CALL-31..36)."""
    region: str = "UA"
    """Where a number without a country code is at home."""
    timezone: str = "Europe/Kyiv"
    """Of the installation: bounds the day of a branch that names none of its own."""
    follow_up_due_minutes: int = 60
    """How soon after a missed call its follow-up is due: minutes of working time."""
    follow_up_escalate_minutes: int = 60
    """How long after its owner was reminded a supervisor gets it: minutes of working time; 0: never."""
    follow_up_lease_minutes: int = 30
    """For how long who claims a follow-up has it alone; 0: until it is closed or handed over."""
    follow_up_assign: str = "client,rung,line"
    """Who gets a follow-up, the first that there is: who looks after the client; the agent who was rung; the agent of
    the line with the fewest open ones; `user:LOGIN`, a named person. At last a supervisor, or an administrator."""
    working_hours: str = ""
    """Such as `mon-fri 09:00-18:00, sat 10:00-14:00`; empty: all hours are worked."""
    special_days: str = ""
    """Such as `2030-01-01, 2030-12-24 09:00-13:00`: days with other hours, or with none."""
    auto_numbering: bool = True
    """"Auto-numbering": without it the electronic queue takes nobody (R-QUEUE-02)."""
    event_numbers_per_project: bool = True
    """"Auto-number events per project": likewise (R-QUEUE-03)."""
    queue_creates_task: bool = False
    """"Create a task when a queue event is saved" (R-QUEUE-08)."""
    queue_call_ahead_minutes: int = 15
    """How long before the booked time a visitor who has not reported in may be called."""
    queue_check_in: bool = False
    """A booked visitor may be called only after reporting to the hall administrator (O-05)."""
    telephony_load: bool = False
    """"Load data from the telephony server" (R-CALL-25)."""
    telephony_source: str = ""
    """Path to the telephony server (R-CALL-28): `postgresql://reader:secret@server/database`, or `csv:/a/file`."""
    telephony_kind: str = "asterisk"
    """What its rows are: Asterisk's call-detail records, or `calls`, the documented view."""
    telephony_table: str = "cdr"
    """The table or view, perhaps with its schema."""
    telephony_internal_digits: int = 5
    """Numbers there with at most so many digits are the company's own."""

    @property
    def working_time(self) -> WorkingTime:
        return WorkingTime.parse(self.working_hours, self.special_days, ZoneInfo(self.timezone))


def _number(text: str) -> int:
    if not text:  # R-CALL-36: empty means zero
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise BadSetting(text)
    return int(text)


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise BadSetting(text)
    return text == "on"


def _region(text: str) -> str:
    if not (len(text) == 2 and text.isascii() and text.isupper()):
        raise BadSetting(text)
    return text


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError) as error:
        raise BadSetting(text) from error
    return text


def _assignment(text: str) -> str:
    for rule in text.split(","):
        if rule not in ("client", "rung", "line") and not (rule.startswith("user:") and len(rule) > len("user:")):
            raise BadSetting(text)
    return text


def _week(text: str) -> str:
    _check_hours(text, "")
    return text


def _days(text: str) -> str:
    _check_hours("", text)
    return text


def _check_hours(week: str, days: str) -> None:
    try:
        WorkingTime.parse(week, days, ZoneInfo("UTC"))
    except BadHours as error:
        raise BadSetting(str(error)) from error


def _source(text: str) -> str:
    if text and not (text.startswith("csv:/") or _is_database(text)):
        raise BadSetting("what is not shown, for it may hold a password")
    return text


def _is_database(text: str) -> bool:
    """Whether it is plain where a password would stand: between the name and the only @. Others would be shown."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises
        options = [key.lower() for key, _ in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return False
    is_plain = parts.netloc.count("@") == text.count("@") <= 1 and not parts.fragment
    return parts.scheme in ("postgresql", "postgres") and is_plain and not any("password" in key for key in options)


def _kind(text: str) -> str:
    if text not in ("asterisk", "calls"):
        raise BadSetting(text)
    return text


def _table(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?", text, re.ASCII):
        raise BadSetting(text)
    return text


_READERS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "min_number_length": _number,
        "region": _region,
        "timezone": _timezone,
        "follow_up_due_minutes": _number,
        "follow_up_escalate_minutes": _number,
        "follow_up_lease_minutes": _number,
        "follow_up_assign": _assignment,
        "working_hours": _week,
        "special_days": _days,
        "telephony_load": _switch,
        "telephony_source": _source,
        "telephony_kind": _kind,
        "telephony_table": _table,
        "telephony_internal_digits": _number,
        "auto_numbering": _switch,
        "event_numbers_per_project": _switch,
        "queue_creates_task": _switch,
        "queue_call_ahead_minutes": _number,
        "queue_check_in": _switch,
    }
)

LOAD = "SELECT key, value FROM setting"


async def load(conn: Connection) -> Settings:
    """What is set, and the defaults for the rest. A value that somebody broke by hand counts as not set."""
    values: dict[str, object] = {}
    for row in await conn.fetch(LOAD):
        try:
            values[row["key"]] = _read(row["key"], row["value"])
        except BadSetting:
            _log.warning("bad_setting", key=row["key"])
    return msgspec.convert(values, Settings)


WRITE = "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, detail)
    VALUES ($1, 'changed', 'setting', jsonb_build_object('key', $2::text, 'value', $3::text))
"""


async def write(conn: Connection, user: User, key: str, value: str) -> None:
    """Raises Forbidden, BadSetting."""
    require(user, Right.CHANGE_SETTINGS)
    check(key, value)
    async with conn.transaction():
        await conn.execute(WRITE, key, value)
        await conn.execute(AUDIT, user.id, key, _without_password(value))
        await outbox.append(conn, SETTING_CHANGED, {"key": key, "value": _without_password(value)})


async def shown(conn: Connection, user: User) -> Mapping[str, str | int | bool]:
    """Every parameter as it holds now, without passwords. Raises Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    values: dict[str, str | int | bool] = msgspec.to_builtins(await load(conn))
    return {key: _without_password(value) if isinstance(value, str) else value for key, value in values.items()}


def _without_password(value: str) -> str:
    return re.sub(r"(?<=://)[^/@]*@", "", value)


def check(key: str, value: str) -> None:
    """Raises BadSetting."""
    _read(key, value)


def _read(key: str, value: str) -> object:
    if key not in _READERS:
        raise BadSetting(key)
    return _READERS[key](value)
