"""Dictionaries: event types, task statuses, user statuses (R-SETTINGS-04, -06, -08..10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import asyncpg
import msgspec

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User


class EntryTaken(Exception):
    """The dictionary has an entry with this key."""


class Dictionary(StrEnum):
    EVENT_TYPES = "event_types"
    TASK_STATUSES = "task_statuses"
    USER_STATUSES = "user_statuses"


@dataclass(frozen=True, slots=True, kw_only=True)
class DictionaryEntry:
    key: str
    name: Mapping[str, str]  # by language: uk, en, ru
    system: bool  # told apart at a glance, never deleted, keeps its key
    colour: str | None = None


READ = {
    Dictionary.EVENT_TYPES: "SELECT key, name, system, NULL AS colour FROM event_type ORDER BY sort, key",
    Dictionary.TASK_STATUSES: "SELECT key, name, system, colour FROM task_status ORDER BY sort, key",
    Dictionary.USER_STATUSES: "SELECT key, name, system, NULL AS colour FROM user_status ORDER BY sort, key",
}


async def entries(conn: Connection, dictionary: Dictionary) -> list[DictionaryEntry]:
    """System entries first, in the manuals' order."""
    return [
        DictionaryEntry(
            key=row["key"],
            name=msgspec.json.decode(row["name"], type=dict[str, str]),
            system=row["system"],
            colour=row["colour"],
        )
        for row in await conn.fetch(READ[dictionary])
    ]


ADD = {
    Dictionary.EVENT_TYPES: "INSERT INTO event_type (key, name) VALUES ($1, $2)",
    Dictionary.TASK_STATUSES: "INSERT INTO task_status (key, name) VALUES ($1, $2)",
    Dictionary.USER_STATUSES: "INSERT INTO user_status (key, name) VALUES ($1, $2)",
}


async def add(conn: Connection, user: User, dictionary: Dictionary, key: str, name: Mapping[str, str]) -> None:
    """Add a user's entry. Raises Forbidden, EntryTaken."""
    require(user, Right.CHANGE_SETTINGS)
    try:
        await conn.execute(ADD[dictionary], key, msgspec.json.encode(dict(name)).decode())
    except asyncpg.UniqueViolationError:
        raise EntryTaken(key) from None
