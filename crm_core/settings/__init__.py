"""System-wide parameters (Settings / Parameters / Settings)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec
import structlog

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User

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
    """How soon after a missed call its follow-up is due."""
    queue_creates_task: bool = False
    """"Create a task when a queue event is saved" (R-QUEUE-08)."""
    queue_call_ahead_minutes: int = 15
    """How long before the booked time a visitor who has not reported in may be called."""
    queue_check_in: bool = False
    """A booked visitor may be called only after reporting to the hall administrator (O-05)."""


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


_READERS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "min_number_length": _number,
        "region": _region,
        "timezone": _timezone,
        "follow_up_due_minutes": _number,
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
        await conn.execute(AUDIT, user.id, key, value)


def check(key: str, value: str) -> None:
    """Raises BadSetting."""
    _read(key, value)


def _read(key: str, value: str) -> object:
    if key not in _READERS:
        raise BadSetting(key)
    return _READERS[key](value)
