"""The lines in the core: as the configuration says, as people left them, and as they change them now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from uuid_utils.compat import uuid7

from callflow.line_book import Kept, KeptSkills, LineBook, Switch
from callflow.line_orders import LineSwitched
from callflow.line_settings import LineSettings, engine_line
from crm_core import ledger, organisation
from crm_core.database import Pool
from crm_core.organisation import NewUser, Role, User
from crm_core.outbox import Outbox, OutboxMessage
from crm_core.projection import project
from crm_core.telephony.line_changes import LINE_CHANGED, change_agent, change_line
from dzvin import lines
from dzvin.config import load
from dzvin.switchboard import engine_lines
from queue_engine.dispatcher import Dispatcher
from queue_engine.reasons import LeaveReason
from queue_engine.strategy import View
from queue_engine.work import WorkItem

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
FILE = """
[[extensions]]
first = "1001"
last = "1004"
password = "{user}"
skills = { english = 1 }
[[lines]]
number = "700"
name = "Sales"
agents = ["1001"]
"""
THEIRS = LineSettings(name="Ours", agents=("1002", "1003"), wrap_up=5)


async def the_boss(pool: Pool) -> User:
    async with pool.acquire() as conn:
        await organisation.create(
            conn, NewUser(login="boss", full_name="Boss", role=Role.SUPERVISOR, password_hash=None)
        )
        return next(user for user in await organisation.all_users(conn) if user.login == "boss")


async def a_book(pool: Pool, folder: Path) -> LineBook:
    file = folder / "dzvin.toml"
    file.write_text(FILE)
    return await lines.line_book(pool, load(file, {}))


@asynccontextmanager
async def keeping(pool: Pool, book: LineBook) -> AsyncIterator[Dispatcher]:
    dispatcher, outbox = Dispatcher(engine_lines(book)), Outbox(pool)
    lines.begin(dispatcher, book)
    keeper = lines.kept(pool, outbox, book, dispatcher)
    tasks = [asyncio.create_task(keeper.run()), asyncio.create_task(outbox.run())]
    try:
        yield dispatcher
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        dispatcher.close()


async def test_the_next_start_finds_lines_as_people_left_them(pool: Pool, tmp_path: Path) -> None:
    boss = await the_boss(pool)
    before = await a_book(pool, tmp_path)
    assert (before.line("700").revision, before.line("700").settings.name) == (0, "Sales")
    own = {number: kept.settings for number, kept in before.own.items()}
    closed = LineSwitched(id=uuid7(), at=NOW, line="700", is_open=False, message="outage", user=boss.id)
    async with pool.acquire() as conn, conn.transaction():
        await change_line(conn, boss, "700", THEIRS, revision=0, now=NOW)
        await change_line(conn, boss, "701", THEIRS, revision=0, now=NOW)
        await change_agent(conn, boss, "1002", {"english": 3}, lines=None, own=own, revision=0, now=NOW)
        await project(conn, await ledger.write(conn, [closed]))
    book = await a_book(pool, tmp_path)
    assert {number: book.line(number) for number in book} == dict.fromkeys(
        ("700", "701"), Kept(settings=THEIRS, revision=1)
    )
    assert book.switch("700") == Switch(is_open=False, message="outage")
    assert book.skills("1002") == KeptSkills(skills={"english": 3}, revision=1)
    assert book.skills("1001") == KeptSkills(skills={"english": 1})


async def test_a_change_reaches_the_engine_and_who_waits_is_offered_to_the_new_agent(
    pool: Pool, tmp_path: Path
) -> None:
    boss = await the_boss(pool)
    book = await a_book(pool, tmp_path)
    async with keeping(pool, book) as dispatcher:
        dispatcher.reachable("1003", True)
        place = dispatcher.put(WorkItem(uuid7(), "700", asyncio.get_running_loop().time()))
        async with pool.acquire() as conn:
            await change_line(conn, boss, "700", THEIRS, revision=0, now=NOW)
        async with asyncio.timeout(20):
            offer = await place.offer
        assert offer.extension == "1003"
        assert book["700"].number == "700"
        async with pool.acquire() as conn:
            given = {"english": 2}
            await change_agent(conn, boss, "1004", given, lines={"700"}, own={}, revision=0, now=NOW)
        async with asyncio.timeout(20):
            while "1004" not in book.line("700").settings.agents or not book.skills("1004").revision:
                await asyncio.sleep(0.01)
        assert dispatcher.works_in("700", "1003")
        assert "1004" in dispatcher.agents


async def test_who_has_changed_a_line_waits_until_it_holds(pool: Pool, tmp_path: Path) -> None:
    """Whatever else is slow: the outbox of this test delivers nothing."""
    boss, book = await the_boss(pool), await a_book(pool, tmp_path)
    dispatcher = Dispatcher(engine_lines(book))
    keeper = lines.kept(pool, Outbox(pool), book, dispatcher)
    async with pool.acquire() as conn:
        await change_line(conn, boss, "700", THEIRS, revision=0, now=NOW)
        await keeper.look(conn)
    assert book.line("700") == Kept(settings=THEIRS, revision=1)
    assert "1003" in dispatcher.agents
    dispatcher.close()


async def test_while_the_data_base_is_away_lines_stay_as_they_were(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = await a_book(pool, tmp_path)
    book.keep({"700": Kept(settings=THEIRS, revision=4)})
    asked = asyncio.Event()

    class Away:
        async def acquire(self, timeout: float) -> None:
            if book.line("700").revision == 4:
                asked.set()
            raise OSError("away")

    keeper = lines.LineKeeper(Away(), book, None)  # type: ignore[arg-type]  # nothing is told to the engine
    keeper.on_outbox(OutboxMessage(1, LINE_CHANGED, {}))
    running = asyncio.create_task(keeper.run())
    async with asyncio.timeout(20):
        await asked.wait()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert book.line("700") == Kept(settings=THEIRS, revision=4)


def the_first(view: View) -> list[str]:
    return [view.candidates[0].extension]


async def test_a_strategy_of_the_configuration_can_be_chosen_again_after_a_start_with_another() -> None:
    own = msgspec.structs.replace(THEIRS, strategy=f"{__name__}:the_first")
    book = LineBook(own={"700": Kept(settings=own)}, switches={"700": Switch(is_open=False), "999": Switch()})
    book.keep({"700": Kept(settings=THEIRS, revision=1), "701": Kept(settings=THEIRS, revision=1)})
    dispatcher = Dispatcher(engine_lines(book))
    lines.begin(dispatcher, book)
    assert dispatcher.admission("700") is LeaveReason.CLOSED
    assert dispatcher.admission("701") is None
    book.keep({"700": Kept(settings=own, revision=2)})
    dispatcher.change_line(engine_line("700", book.line("700").settings, book.defaults))
    dispatcher.close()
