"""Clients are looked for by a part of the name, or by the beginning of a number."""

from __future__ import annotations

import pytest

from crm_core import clients
from crm_core.access import Forbidden
from crm_core.clients import NewClient, NewContact
from crm_core.clients.searching import MOST
from crm_core.database import Connection
from crm_core.organisation import User
from tests.crm_core.company import found_company


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    people = await found_company(conn)
    driver = NewContact(name="Ніна Рись", phones=["+48 601 234 567"])
    for new in (
        NewClient(name="Ромашка", phones=["067 123 45 67"], owner_id=people["olena"].id, contacts=[driver]),
        NewClient(name="ТОВ Ромашка", phones=["+380671239999", "101"]),
        NewClient(name="Їжак і син_ок"),
        NewClient(name="Марʼяна П'явка"),
    ):
        await clients.create(conn, None, new)
    return people


async def names(conn: Connection, user: User, text: str) -> list[str]:
    return [client.name for client in (await clients.search(conn, user, text)).clients]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ромашка", ["Ромашка", "ТОВ Ромашка"]),  # who begins with it comes first
        ("ТОВ Р", ["ТОВ Ромашка"]),
        ("маш", ["Ромашка", "ТОВ Ромашка"]),
        ("ї", ["Їжак і син_ок"]),
        ("син_", ["Їжак і син_ок"]),
        ("ром%", []),
        ("Мар'яна", ["Марʼяна П'явка"]),  # whichever of the apostrophes
        ("п’явка", ["Марʼяна П'явка"]),
        ("марряна", []),
        ("0671234567", ["Ромашка"]),
        ("+380 67 123-45-67", ["Ромашка"]),
        ("067123", ["Ромашка", "ТОВ Ромашка"]),
        ("38067 123 99", ["ТОВ Ромашка"]),
        ("+48601", ["Ромашка"]),  # a contact person's
        ("67", []),
        ("ромашки", []),
        ("  ", []),
        ("\0", []),
    ],
)
async def test_a_client_is_found_by_name_and_number(
    conn: Connection, people: dict[str, User], text: str, expected: list[str]
) -> None:
    assert sorted(await names(conn, people["olena"], text)) == sorted(expected)


async def test_who_begins_with_the_text_comes_before_who_holds_it(conn: Connection, people: dict[str, User]) -> None:
    assert await names(conn, people["olena"], "РОМ") == ["Ромашка", "ТОВ Ромашка"]


async def test_a_found_client_has_its_manager_and_all_numbers(conn: Connection, people: dict[str, User]) -> None:
    (found,) = (await clients.search(conn, people["olena"], "+48601")).clients
    assert found.owner_name == people["olena"].full_name
    assert sorted(found.phones) == ["+48 601 234 567", "067 123 45 67"]


@pytest.mark.parametrize("text", ["клієнт", "ієнт", "0931"])
async def test_twenty_are_listed_and_the_answer_says_that_there_are_more(
    conn: Connection, people: dict[str, User], text: str
) -> None:
    for n in range(MOST):
        await clients.create(conn, None, NewClient(name=f"Клієнт {n}", phones=[f"09312345{n:02}"]))
    found = await clients.search(conn, people["olena"], text)
    assert (len(found.clients), found.more) == (MOST, False)
    await clients.create(conn, None, NewClient(name="Клієнт останній", phones=["0931999999"]))
    found = await clients.search(conn, people["olena"], text)
    assert (len(found.clients), found.more) == (MOST, True)


async def test_the_hall_sees_no_clients(conn: Connection, people: dict[str, User]) -> None:
    with pytest.raises(Forbidden):
        await clients.search(conn, people["hanna"], "ромашка")
