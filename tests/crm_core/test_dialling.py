"""Lists of numbers: what comes in, what is called when, what is never called, and what a call came to."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from uuid_utils.compat import uuid7

from crm_core import events, follow_ups
from crm_core.access import Forbidden, NotFound
from crm_core.database import Connection, Pool
from crm_core.dialling import calling, dispositions, do_not_call, importing, lists
from crm_core.dialling.dispositions import Act, WhenMissing
from crm_core.dialling.importing import Imported, Left, Row
from crm_core.dialling.lists import BadList, DialList, ListNameTaken, NewList
from crm_core.dialling.rules import Outcome
from crm_core.dictionaries import EntryTaken
from crm_core.organisation import User
from queue_engine.facts import WrapUpSet
from tests.crm_core.company import MORNING, Telling, found_company, tell

KYIV = ZoneInfo("Europe/Kyiv")
ANNA, BOHDAN, CLARA = "+380501112233", "+380671112233", "+380931112233"
NEW_YORKER = "+12125551234"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def import_(conn: Connection, who: User, list_id: UUID, *rows: Row | str) -> Imported:
    given = [Row(number=row) if isinstance(row, str) else row for row in rows]
    return await importing.import_rows(conn, who, list_id, given, region="UA", zone=KYIV, now=MORNING)


async def a_list(conn: Connection, who: User, *rows: Row | str, **settings: object) -> DialList:
    """Open, with these numbers."""
    new = NewList(**{"name": "Spring", "line": "7000", "hours": "mon-sun 09:00-20:00", **settings})  # type: ignore[arg-type]
    list_id = await lists.add_list(conn, who, new, now=MORNING)
    await import_(conn, who, list_id, *rows)
    await lists.switch_list(conn, who, list_id, is_open=True)
    return await lists.list_of(conn, list_id)


async def called(conn: Connection, of: DialList, now: datetime = MORNING, extension: str = "1003") -> UUID:
    """The next entry is dialled; the call's id."""
    (entry,) = await calling.reserve(conn, of, 1, now)
    call_id = uuid7()
    assert await calling.begin(conn, entry.id, call_id, extension, now)
    return call_id


async def numbers(conn: Connection, of: DialList, now: datetime, most: int = 10) -> set[str]:
    """Who is called then. They are given back."""
    found = await calling.reserve(conn, of, most, now)
    for each in found:
        await calling.release(conn, each.id)
    return {each.e164 for each in found}


async def rows(conn: Connection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await conn.fetch(sql)]


# ---- lists and what comes in -----------------------------------------------------------------------------------------


async def test_each_row_is_taken_or_named_with_the_reason(conn: Connection, people: dict[str, User]) -> None:
    who = people["borys"]
    await do_not_call.bar(conn, who, CLARA, reason="asked", until=None, now=MORNING)
    of = await a_list(conn, who, ANNA)
    given: list[Row | str] = [
        "nonsense", "050 111 22 33", BOHDAN, "067-111-22-33", CLARA,
        Row(number=NEW_YORKER, zone="Moon/Base"), Row(number=NEW_YORKER, name="x" * 201),
    ]  # fmt: skip
    imported = await import_(conn, who, of.id, *given)
    assert imported.added == 1
    assert [(left.row, left.reason) for left in imported.left_out] == [
        (1, Left.BAD_NUMBER), (2, Left.IN_LIST), (4, Left.TWICE), (5, Left.DO_NOT_CALL), (6, Left.BAD_ZONE),
        (7, Left.BAD_NAME),
    ]  # fmt: skip


async def test_the_same_import_again_adds_nothing(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], ANNA, BOHDAN)
    again = await import_(conn, people["borys"], of.id, ANNA, BOHDAN)
    assert (again.added, [left.reason for left in again.left_out]) == (0, [Left.IN_LIST, Left.IN_LIST])


async def test_a_number_for_which_no_hour_of_the_list_suits_is_named(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], hours="mon-fri 09:00-10:00")
    imported = await import_(conn, people["borys"], of.id, "+18005551234")
    assert [left.reason for left in imported.left_out] == [Left.NO_COMMON_HOURS]


async def test_an_import_is_bounded(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"])
    with pytest.raises(BadList):
        await import_(conn, people["borys"], of.id, *["x"] * (importing.MOST_ROWS + 1))


@pytest.mark.parametrize("text", ["number,name\n0501112233,Anna\n", "\ufeffName;Number;x\r\nAnna;0501112233;1\r\n"])
def test_a_csv_is_read_by_its_heading(text: str) -> None:
    assert importing.rows_of_csv(text) == [Row(number="0501112233", name="Anna")]


def test_a_csv_without_numbers_is_refused() -> None:
    with pytest.raises(BadList):
        importing.rows_of_csv("name\nAnna\n")


async def test_a_list_is_made_once_by_who_may(conn: Connection, people: dict[str, User]) -> None:
    new = NewList(name="Spring", line="7000")
    with pytest.raises(Forbidden):
        await lists.add_list(conn, people["olena"], new, now=MORNING)
    await lists.add_list(conn, people["borys"], new, now=MORNING)
    with pytest.raises(ListNameTaken):
        await lists.add_list(conn, people["borys"], new, now=MORNING)
    assert [each.name for each in await lists.lists(conn, people["borys"])] == ["Spring"]
    assert await lists.open_lists(conn) == []


@pytest.mark.parametrize(
    "wrong",
    [{"hours": ""}, {"name": " "}, {"tries": 0}, {"pauses": {"reached": 5}}, {"pauses": {"busy": 0}},
     {"ring_seconds": 4}, {"grace_minutes": -1}, {"points": float("nan")},
     {"caller_id": "Anna"}],
)  # fmt: skip
def test_a_list_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadList):
        lists.check(NewList(**{"name": "x", "line": "7000", **wrong}))  # type: ignore[arg-type]


# ---- who is called ---------------------------------------------------------------------------------------------------


async def test_nobody_gets_an_entry_that_somebody_has(pool: Pool, conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], *(f"+38050111{number:04}" for number in range(40)))

    async def some() -> list[UUID]:
        async with pool.acquire() as other:
            return [each.id for each in await calling.reserve(other, of, 10, MORNING)]

    found = [entry for part in await asyncio.gather(*(some() for _ in range(4))) for entry in part]
    assert len(found) == len(set(found)) > 0


async def test_a_party_is_called_within_its_hours_only(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], ANNA, NEW_YORKER)
    morning = datetime(2030, 1, 7, 10, tzinfo=KYIV)
    assert await numbers(conn, of, morning) == {ANNA}
    assert await numbers(conn, of, morning + timedelta(hours=6)) == {ANNA, NEW_YORKER}
    assert await numbers(conn, of, morning + timedelta(hours=10)) == {NEW_YORKER}


async def test_it_is_looked_at_again_when_the_party_is_dialled(conn: Connection, people: dict[str, User]) -> None:
    who = people["borys"]
    of = await a_list(conn, who, ANNA, BOHDAN, CLARA)
    first, second, third = await calling.reserve(conn, of, 3, MORNING)
    await do_not_call.bar(conn, who, first.e164, reason="", until=None, now=MORNING)
    assert not await calling.begin(conn, first.id, uuid7(), "1003", MORNING)
    assert not await calling.begin(conn, second.id, uuid7(), "1003", MORNING + timedelta(hours=14))
    await lists.switch_list(conn, who, of.id, is_open=False)
    assert not await calling.may_dial(conn, third.id, MORNING)
    assert await conn.fetchval("SELECT count(*) FROM dial_try") == 0
    assert (await lists.results(conn, who, of.id)).entries == {"done": 1, "waiting": 2}


async def test_a_bar_ends_by_itself_or_by_a_supervisor(conn: Connection, people: dict[str, User]) -> None:
    who = people["borys"]
    of = await a_list(conn, who, ANNA, BOHDAN)
    await do_not_call.bar(conn, who, ANNA, reason="", until=MORNING - timedelta(days=1), now=MORNING)
    await do_not_call.bar(conn, who, BOHDAN, reason="rude", until=None, now=MORNING)
    assert [each.e164 for each in await do_not_call.barred(conn, who, now=MORNING)] == [BOHDAN]
    assert await numbers(conn, of, MORNING) == {ANNA}
    with pytest.raises(Forbidden):
        await do_not_call.lift(conn, people["olena"], BOHDAN)
    await do_not_call.lift(conn, who, BOHDAN)
    with pytest.raises(NotFound):
        await do_not_call.lift(conn, who, BOHDAN)


async def test_one_number_in_two_lists_is_never_dialled_twice_at_once(
    conn: Connection, people: dict[str, User]
) -> None:
    spring = await a_list(conn, people["borys"], ANNA)
    autumn = await a_list(conn, people["borys"], ANNA, name="Autumn")
    await called(conn, spring)
    (entry,) = await calling.reserve(conn, autumn, 1, MORNING)
    assert not await calling.begin(conn, entry.id, uuid7(), "1003", MORNING)
    assert await numbers(conn, autumn, MORNING) == set()
    assert await numbers(conn, autumn, MORNING + calling.TAKEN_AGAIN) == {ANNA}


# ---- what a try came to ----------------------------------------------------------------------------------------------


async def test_a_try_counts_once_and_leads_to_the_next_one(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], ANNA, pauses={"busy": 5}, tries=2)
    call_id = await called(conn, of)
    for _ in range(2):
        await calling.settle(conn, call_id, Outcome.BUSY, "1003", MORNING)
    assert await conn.fetchval("SELECT tries FROM dial_entry") == 1
    assert await numbers(conn, of, MORNING) == set()
    later = MORNING + timedelta(minutes=5)
    await calling.settle(conn, await called(conn, of, later), Outcome.BUSY, "1003", later)
    assert (await lists.results(conn, people["borys"], of.id)).entries == {"done": 1}


async def test_what_a_core_held_when_it_was_killed_is_interrupted_once_and_what_was_reserved_waits(
    conn: Connection, people: dict[str, User]
) -> None:
    of = await a_list(conn, people["borys"], ANNA, BOHDAN)
    await called(conn, of)
    await calling.reserve(conn, of, 1, MORNING)
    assert await calling.recover(conn, MORNING) == 1
    assert await calling.recover(conn, MORNING) == 0
    assert await rows(conn, "SELECT state, tries FROM dial_entry ORDER BY tries") == [("waiting", 0), ("waiting", 1)]
    assert (await lists.results(conn, people["borys"], of.id)).calls == {"interrupted": 1}
    assert len(await numbers(conn, of, MORNING)) == 1
    assert len(await numbers(conn, of, MORNING + timedelta(minutes=15))) == 2


async def test_every_count_names_its_calls(conn: Connection, people: dict[str, User]) -> None:
    who = people["borys"]
    of = await a_list(conn, who, ANNA, BOHDAN)
    busy, reached = await called(conn, of), await called(conn, of)
    await calling.settle(conn, busy, Outcome.BUSY, "1003", MORNING)
    await calling.settle(conn, reached, Outcome.REACHED, "1003", MORNING)
    await dispositions.set_disposition(conn, people["iryna"], reached, "success", note="", at=None, now=MORNING)
    counted = await lists.results(conn, who, of.id)
    assert counted.calls == {"busy": 1, "success": 1}
    for result, call_id in (("busy", busy), ("success", reached)):
        (call,) = await lists.which_calls(conn, who, of.id, result=result, before=None)
        assert call.call_id == call_id
    assert len(await lists.which_calls(conn, who, of.id, result=None, before=None)) == 2
    with pytest.raises(Forbidden):
        await lists.results(conn, people["iryna"], of.id)


# ---- dispositions ----------------------------------------------------------------------------------------------------


async def test_who_wants_no_calls_is_in_no_list_any_more(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], ANNA)
    other = await a_list(conn, people["borys"], ANNA, name="Autumn")
    call_id = await called(conn, of)
    await dispositions.set_disposition(conn, people["iryna"], call_id, "do_not_call", note="", at=None, now=MORNING)
    await calling.settle(conn, call_id, Outcome.REACHED, "1003", MORNING)
    assert await numbers(conn, other, MORNING) == set()
    assert await rows(conn, "SELECT state, result FROM dial_entry ORDER BY state") == [
        ("done", "do_not_call"), ("done", "do_not_call"),
    ]  # fmt: skip


async def test_a_callback_is_the_agents_at_the_partys_own_time(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], NEW_YORKER, tries=1)
    evening = datetime(2030, 1, 7, 16, tzinfo=KYIV)
    call_id = await called(conn, of, evening)
    await calling.settle(conn, call_id, Outcome.REACHED, "1003", evening)
    naive = datetime(2030, 1, 8, 21, 0)  # noqa: DTZ001 - after the list's hours: the party has said so
    await dispositions.set_disposition(conn, people["iryna"], call_id, "callback", note="", at=naive, now=evening)
    due = naive.replace(tzinfo=ZoneInfo("America/New_York"))
    await calling.recover(conn, evening)
    assert await calling.reserve(conn, of, 10, due - timedelta(seconds=1)) == []
    (reserved,) = await calling.reserve(conn, of, 0, due)
    assert (reserved.agent, reserved.alone_until) == ("1003", due + timedelta(minutes=30))
    assert await calling.begin(conn, reserved.id, uuid7(), "1003", due)


async def test_a_callback_needs_a_moment_to_come(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], ANNA)
    call_id = await called(conn, of)
    for at in (None, MORNING, datetime.max.replace(tzinfo=ZoneInfo("America/New_York"))):
        with pytest.raises(WhenMissing):
            await dispositions.set_disposition(conn, people["iryna"], call_id, "callback", note="", at=at, now=MORNING)
    assert await conn.fetchval("SELECT count(*) FROM call_disposition") == 0


async def test_try_again_waits_and_ends_with_the_tries(conn: Connection, people: dict[str, User]) -> None:
    of = await a_list(conn, people["borys"], ANNA, tries=2)
    for now, state in ((MORNING, "waiting"), (MORNING + timedelta(hours=4), "done")):
        call_id = await called(conn, of, now)
        await calling.settle(conn, call_id, Outcome.REACHED, "1003", now)
        await dispositions.set_disposition(conn, people["iryna"], call_id, "machine", note="", at=None, now=now)
        assert await conn.fetchval("SELECT state FROM dial_entry") == state


async def test_only_the_agent_of_the_call_or_a_supervisor_says_what_it_came_to(
    conn: Connection, people: dict[str, User]
) -> None:
    of = await a_list(conn, people["borys"], ANNA)
    call_id = await called(conn, of)
    with pytest.raises(Forbidden):
        await dispositions.set_disposition(conn, people["olena"], call_id, "success", note="", at=None, now=MORNING)
    await dispositions.set_disposition(conn, people["borys"], call_id, "success", note="", at=None, now=MORNING)
    with pytest.raises(NotFound):
        await dispositions.set_disposition(conn, people["borys"], call_id, "nonsense", note="", at=None, now=MORNING)


async def test_any_call_that_one_may_see_gets_a_disposition(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().outbound("1001", ANNA).ended()
    await tell(conn, call.facts)
    for stranger in ("iryna", "taras"):
        with pytest.raises(NotFound):
            await dispositions.set_disposition(
                conn, people[stranger], call.call_id, "refused", note="", at=None, now=MORNING
            )
    await dispositions.set_disposition(
        conn, people["olena"], call.call_id, "do_not_call", note="", at=None, now=MORNING
    )
    assert [each.e164 for each in await do_not_call.barred(conn, people["olena"], now=MORNING)] == [ANNA]
    (event,) = (await events.register(conn, people["olena"])).rows
    said = (await events.card(conn, people["olena"], event.id)).came_to
    assert said is not None
    assert (said.disposition, said.name["uk"], said.by) == ("do_not_call", "Не телефонувати", "Олена Коваль")


async def test_a_callback_of_any_other_call_is_a_follow_up_at_the_partys_own_time(
    conn: Connection, people: dict[str, User]
) -> None:
    call = Telling().outbound("1001", NEW_YORKER).answered("1001").ended()
    await tell(conn, call.facts)
    olena = people["olena"]
    with pytest.raises(WhenMissing):
        await dispositions.set_disposition(conn, olena, call.call_id, "callback", note="", at=None, now=MORNING)
    naive = datetime(2030, 1, 8, 10, 0)  # noqa: DTZ001 - the party's own
    await dispositions.set_disposition(conn, olena, call.call_id, "callback", note="", at=naive, now=MORNING)
    (owed,) = await follow_ups.open_list(conn, olena)
    assert (owed.phone, owed.due_at) == (NEW_YORKER, naive.replace(tzinfo=ZoneInfo("America/New_York")))


async def test_the_dictionary_grows(conn: Connection, people: dict[str, User]) -> None:
    name = {"uk": "Купив", "en": "Bought", "ru": "Купил"}
    await dispositions.add_disposition(conn, people["borys"], "bought", name, Act.DONE)
    with pytest.raises(EntryTaken):
        await dispositions.add_disposition(conn, people["borys"], "success", name, Act.DONE)
    with pytest.raises(Forbidden):
        await dispositions.add_disposition(conn, people["olena"], "sold", name, Act.DONE)
    known = await dispositions.dispositions(conn, people["olena"])
    assert [each.key for each in known if not each.system] == ["bought"]


async def test_a_party_that_had_answered_when_the_core_was_killed_is_not_called_again(
    conn: Connection, people: dict[str, User]
) -> None:
    of = await a_list(conn, people["borys"], ANNA)
    (entry,) = await calling.reserve(conn, of, 1, MORNING)
    call = Telling().outbound("1003", ANNA).answered("1003")
    assert await calling.begin(conn, entry.id, call.call_id, "1003", MORNING)
    await tell(conn, call.facts)
    await calling.recover(conn, MORNING)
    assert await rows(conn, "SELECT state, result FROM dial_entry") == [("done", "reached")]


@pytest.mark.parametrize(
    ("why", "state"), [(Outcome.LEFT, "waiting"), (Outcome.FORBIDDEN, "waiting"), (Outcome.WRONG_NUMBER, "done")]
)
async def test_who_was_not_dialled_has_no_try_and_is_not_at_once_the_next_again(
    conn: Connection, people: dict[str, User], why: Outcome, state: str
) -> None:
    of = await a_list(conn, people["borys"], ANNA, tries=1)
    (entry,) = await calling.reserve(conn, of, 1, MORNING)
    await calling.not_dialled(conn, entry.id, why, MORNING)
    assert await rows(conn, "SELECT state, tries FROM dial_entry") == [(state, 0)]
    assert await numbers(conn, of, MORNING) == set()


async def test_an_entry_that_an_agent_leaves_for_later_has_no_try_and_comes_again(
    conn: Connection, people: dict[str, User]
) -> None:
    of = await a_list(conn, people["borys"], Row(number=ANNA, name="Anna"), preview_seconds=30)
    (entry,) = await calling.reserve(conn, of, 1, MORNING)
    card = await lists.entry_card(conn, people["iryna"], entry.id)
    assert (card.list_name, card.e164, card.name, card.tries, card.result) == ("Spring", ANNA, "Anna", 0, "")
    for _ in range(2):
        await calling.skip(conn, entry.id, "1003", "at lunch", MORNING)
    assert await rows(conn, "SELECT extension, reason FROM dial_skip") == [("1003", "at lunch")]
    assert await rows(conn, "SELECT state, tries, result FROM dial_entry") == [("waiting", 0, "skipped")]
    assert await numbers(conn, of, MORNING) == set()
    assert await numbers(conn, of, MORNING + timedelta(hours=1)) == {ANNA}


async def test_the_wrap_up_after_an_entry_is_that_of_its_call(conn: Connection, people: dict[str, User]) -> None:
    """The engine served the entry; handling time is counted by the call."""
    of = await a_list(conn, people["borys"], ANNA)
    call_id = await called(conn, of)
    entry: UUID = await conn.fetchval("SELECT entry_id FROM dial_try")
    until = MORNING + timedelta(seconds=30)
    await tell(conn, [WrapUpSet(id=uuid7(), at=MORNING, extension="1003", item=entry, until=until)])
    assert await conn.fetchval("SELECT item_id FROM wrap_up") == call_id
