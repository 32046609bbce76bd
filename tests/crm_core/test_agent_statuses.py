"""The history of what agents declare: reasons timed separately, by whom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from crm_core import telephony
from crm_core.database import Connection
from crm_core.organisation import User
from queue_engine.facts import AgentDeclared, Will
from tests.crm_core.company import MORNING, found_company, tell


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


def at(minutes: int) -> datetime:
    return MORNING + timedelta(minutes=minutes)


def said(user: User, minutes: int, will: Will, reason: str = "", by: User | None = None) -> AgentDeclared:
    return AgentDeclared(
        id=uuid7(), at=at(minutes), user=user.id, extension=user.extension, will=will, reason=reason,
        by=(by or user).id,
    )  # fmt: skip


async def a_day(conn: Connection, people: dict[str, User]) -> None:
    olena, borys = people["olena"], people["borys"]
    await tell(
        conn,
        [
            said(olena, 0, Will.READY),
            said(olena, 10, Will.PAUSED, "break"),
            said(olena, 12, Will.PAUSED, "break"),
            said(olena, 15, Will.PAUSED, "lunch", borys),
            said(borys, 20, Will.ON_DEMAND),
            said(olena, 45, Will.ON_DEMAND),
            said(olena, 60, Will.SIGNED_OUT),
        ],
    )


@pytest.mark.req("R-PANEL-08")
async def test_a_change_of_the_reason_begins_a_new_interval_and_saying_it_again_does_not(
    conn: Connection, people: dict[str, User]
) -> None:
    await a_day(conn, people)
    history = await telephony.history(conn, people["olena"].id, at(0), at(90), at(70))
    told = [(each.will, each.reason, each.seconds / 60) for each in history]
    assert told == [
        (Will.READY, "", 10), (Will.PAUSED, "break", 5), (Will.PAUSED, "lunch", 30), (Will.ON_DEMAND, "", 15),
        (Will.SIGNED_OUT, "", 10),
    ]  # fmt: skip
    assert (history[2].since, history[2].until, history[2].by) == (at(15), at(45), people["borys"].id)
    assert history[-1].until is None


async def test_a_part_of_the_day_counts_only_what_lies_in_it(conn: Connection, people: dict[str, User]) -> None:
    await a_day(conn, people)
    history = await telephony.history(conn, people["olena"].id, at(14), at(20), at(70))
    assert [(each.reason, each.since, each.seconds / 60) for each in history] == [
        ("break", at(10), 1),
        ("lunch", at(15), 5),
    ]


async def test_all_that_can_be_declared_is_known_after_a_restart_with_its_time(
    conn: Connection, people: dict[str, User]
) -> None:
    olena, borys = people["olena"], people["borys"]
    for minute, will in enumerate(Will):
        await tell(conn, [said(olena, minute, will, "x" if will is Will.PAUSED else "", borys)])
        (kept,) = await telephony.last_wills(conn)
        assert (kept.will, kept.since) == (will, at(minute))
    assert await conn.fetchval("SELECT count(*) FROM ledger_set_aside") == 0


async def test_a_pause_by_the_engine_is_kept_by_nobodys_word(conn: Connection, people: dict[str, User]) -> None:
    olena = people["olena"]
    paused = AgentDeclared(
        id=uuid7(), at=at(5), user=olena.id, extension=olena.extension, will=Will.PAUSED, reason="auto", cause="busy"
    )
    await tell(conn, [said(olena, 0, Will.READY), paused])
    (_, pause) = await telephony.history(conn, olena.id, at(0), at(90), at(70))
    assert (pause.will, pause.reason, pause.by) == (Will.PAUSED, "auto", None)
    assert olena.extension is not None
    assert (await telephony.wills_of_phones(conn))[olena.extension] is Will.PAUSED, "it survives a restart"
