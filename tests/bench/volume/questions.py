"""What is asked of the big database: look-ups, pages, lists, and the work that is done by itself."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from crm_core import clients, events
from crm_core.clients.whose import candidates, only_matches
from crm_core.database import Connection
from crm_core.events import EventFilter, View
from crm_core.organisation import Role, User
from crm_core.organisation.users import all_users
from dzvin.clock import SystemClock
from tests.bench.volume.filling import Size

Ask = Callable[[Connection, Any, Size, int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    ask: Ask


async def people(conn: Connection) -> Mapping[str, User]:
    """One who sees everything, and one who sees a two-hundredth."""
    everybody = [user for user in await all_users(conn) if user.login.startswith("agent")]
    return {role.value: next(user for user in everybody if user.role is role) for role in (Role.SUPERVISOR, Role.AGENT)}


def _number(size: Size, turn: int) -> str:
    """Four of five are a client's."""
    return f"+380{500_000_000 + random.Random(turn).randrange(1, int(size.clients * 1.25))}"


def _page(**wanted: Any) -> Ask:
    page = wanted.pop("page", 1)

    async def ask(conn: Connection, user: User, size: Size, turn: int) -> object:
        return await events.register(conn, user, EventFilter(**wanted), page=page)

    return ask


async def _look_up(conn: Connection, user: User, size: Size, turn: int) -> object:
    return await only_matches(conn, [_number(size, turn)])


async def _candidates(conn: Connection, user: User, size: Size, turn: int) -> object:
    return await candidates(conn, user, _number(size, turn))


def _clients(text: str) -> Ask:
    async def ask(conn: Connection, user: User, size: Size, turn: int) -> object:
        return await clients.search(conn, user, text)

    return ask


async def _of_number(conn: Connection, user: User, size: Size, turn: int) -> object:
    return await events.register(conn, user, EventFilter(text=_number(size, turn)))


NOW = SystemClock().now()
YEAR = (NOW - timedelta(days=500), NOW - timedelta(days=135))
QUESTIONS = (
    Question("number: whose", _look_up),
    Question("number: candidates", _candidates),
    Question("clients: a name", _clients("Ткаченко Оксана 123")),
    Question("clients: a common name's beginning", _clients("тка")),
    Question("clients: a part of 143,000 names", _clients("оксана")),
    Question("clients: a name that nobody has", _clients("щедрик")),
    Question("clients: a letter", _clients("о")),
    Question("clients: a number", _clients("0500123456")),
    Question("clients: a number's beginning", _clients("050 01")),
    Question("register: standard", _page()),
    Question("register: standard, page 40", _page(page=40)),
    Question("register: standard by phone", _page(by_phone=True)),
    Question("register: a day", _page(since=NOW - timedelta(days=31), until=NOW - timedelta(days=30))),
    Question("register: a year", _page(since=YEAR[0], until=YEAR[1])),
    Question("register: unanswered", _page(view=View.UNANSWERED)),
    Question("register: unanswered by phone", _page(view=View.UNANSWERED, by_phone=True)),
    Question("register: unanswered grouped", _page(view=View.UNANSWERED_GROUPED)),
    Question("register: answered", _page(view=View.ANSWERED)),
    Question("register: answered by phone", _page(view=View.ANSWERED, by_phone=True)),
    Question("register: text of a number", _of_number),
    Question("register: text, rare", _page(text="замовлення 499990")),
    Question("register: text, common", _page(text="доставку")),
    Question("register: text, common, page 5", _page(text="доставку", page=5)),
    Question("register: text, common, by phone", _page(text="доставку", by_phone=True)),
    Question("register: text, common, answered", _page(text="доставку", view=View.ANSWERED)),
    Question("register: text, common, unanswered", _page(text="доставку", view=View.UNANSWERED)),
    Question("register: text, common, grouped", _page(text="доставку", view=View.UNANSWERED_GROUPED)),
    Question("register: text, common, a year", _page(text="доставку", since=YEAR[0], until=YEAR[1])),
    Question("register: text, 1 of 100 events", _page(text="0012")),
    Question("register: text, 1 of 1000 events", _page(text="00123")),
    Question("register: text, 10 000 long ago", _page(text="замовлення 12")),
    Question("register: text, a client", _page(text="Ткаченко Оксана 123")),
    Question("register: text, a common name", _page(text="Ткаченко")),
    Question("register: text, two letters", _page(text="Тк")),
    Question("register: text, two letters of nobody", _page(text="ыы")),
    Question("register: text, nobody", _page(text="щедрик ведрик")),
)
