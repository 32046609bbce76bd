"""The dialler's book in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from callflow.callback_facts import Tried
from callflow.dial_lists import BookAway
from callflow.router import Order
from crm_core.database import Connection, Pool, open_pool
from crm_core.dialling import lists
from crm_core.dialling.rules import Outcome
from dzvin.dial_book import PostgresDialBook
from tests.crm_core.company import MORNING, found_company
from tests.crm_core.test_dialling import ANNA, BOHDAN, a_list


def test_every_end_of_a_planned_call_has_its_rule() -> None:
    assert {tried.value for tried in Tried} <= {outcome.value for outcome in Outcome}


async def test_an_entry_goes_through_the_book(conn: Connection, pool: Pool) -> None:
    people = await found_company(conn)
    of = await a_list(conn, people["borys"], ANNA, BOHDAN, party_first=True, caller_id="+380441110555")
    book = PostgresDialBook(pool, lambda: MORNING)
    await book.recover()
    (open_list,) = await book.open_lists()
    assert (open_list.id, open_list.line, open_list.order) == (of.id, "7000", Order.PARTY_FIRST)
    assert open_list.caller_id == "+380441110555"
    first, second = await book.reserve(of.id, 2)
    call_id = uuid7()
    assert await book.may_dial(first.id) and await book.begin(first.id, call_id, "1003")
    await book.settle(call_id, Tried.REACHED, "1003")
    await book.release(second.id)
    await book.not_dialled(second.id, Tried.LEFT)  # it is no more ours
    assert (await lists.results(conn, people["borys"], of.id)).entries == {"done": 1, "waiting": 1}
    assert await book.reserve(UUID(int=7), 1) == []


async def test_a_data_base_that_is_away_is_a_book_that_is_away(database_url: str) -> None:
    pool = await open_pool(database_url, min_size=1, max_size=1)
    book = PostgresDialBook(pool, lambda: MORNING)
    await pool.close()
    with pytest.raises(BookAway):
        await book.open_lists()
