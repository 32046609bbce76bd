"""Wrap-ups in the books: the next core has to know which still run."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from crm_core.database import Connection
from crm_core.telephony import running_wrap_ups
from queue_engine.facts import WrapUpSet
from tests.crm_core.company import MORNING, found_company, tell


@pytest.fixture(autouse=True)
async def people(conn: Connection) -> None:
    await found_company(conn)


def at(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def begun(since: float, until: float, extension: str = "1003") -> WrapUpSet:
    return WrapUpSet(id=uuid7(), at=at(since), extension=extension, item=UUID(int=1), until=at(until))


def changed(since: float, until: float, extension: str = "1003") -> WrapUpSet:
    return WrapUpSet(id=uuid7(), at=at(since), extension=extension, item=None, until=at(until))


async def test_what_runs_is_told_with_its_deadline(conn: Connection) -> None:
    await tell(conn, [begun(0, 60), begun(0, 20, "1002")])
    assert await running_wrap_ups(conn, at(30)) == {"1003": at(60)}
    assert await running_wrap_ups(conn, at(60)) == {}


async def test_one_that_is_cut_runs_no_more_and_one_that_is_extended_runs_longer(conn: Connection) -> None:
    await tell(conn, [begun(0, 60), begun(0, 60, "1002"), changed(10, 10), changed(10, 90, "1002")])
    assert await running_wrap_ups(conn, at(30)) == {"1002": at(90)}


async def test_a_change_is_of_the_last_one_and_facts_that_come_again_change_nothing(conn: Connection) -> None:
    first, second, cut = begun(0, 30), begun(100, 160), changed(110, 110)
    await tell(conn, [first, second, cut])
    await tell(conn, [first, second, cut])
    ends = await conn.fetch("SELECT ends_at FROM wrap_up ORDER BY began_at")
    assert [row["ends_at"] for row in ends] == [at(30), at(110)]


async def test_a_word_about_no_running_one_changes_none(conn: Connection) -> None:
    await tell(conn, [begun(0, 30), changed(50, 50)])
    assert await conn.fetchval("SELECT ends_at FROM wrap_up") == at(30)
