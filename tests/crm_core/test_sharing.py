"""What other programs read: facts from a cursor on, none lost and none twice; a day as Asterisk's queue_log."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import EndedBy, OfferEnd, Outcome, PhoneOnline
from callflow.line_facts import LineEnd
from crm_core import ledger, sharing
from crm_core.access import Forbidden
from crm_core.database import Connection, Pool
from crm_core.organisation import User
from crm_core.sharing import SharedFact
from queue_engine.facts import AgentDeclared, Will
from tests.crm_core.company import MORNING, Telling, answered_call, found_company, missed_call, tell

ANNA = "+380501112233"
DAY = timedelta(days=1)
HAS_LOOKED = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'idle' AND query LIKE '%pg_locks%'"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


def online() -> PhoneOnline:
    return PhoneOnline(id=uuid7(), at=MORNING, extension="1003")


async def test_a_reader_gets_every_fact_once_in_order(conn: Connection, people: dict[str, User]) -> None:
    told = [fact for number in range(5) for fact in answered_call(f"+38050111223{number}").facts]
    await tell(conn, told[:20])
    read: list[SharedFact] = []
    after, more = 0, True
    while more:
        page = await sharing.read(conn, people["borys"], after=after, size=7)
        read, after, more = [*read, *page.facts], page.next, page.more
    assert [fact.id for fact in read] == [fact.id for fact in told[:20]]
    assert (await sharing.read(conn, people["borys"], after=after)).facts == []
    await tell(conn, told[20:])
    later = await sharing.read(conn, people["borys"], after=after)
    assert [fact.id for fact in later.facts] == [fact.id for fact in told[20:]]


async def test_people_come_beside_the_facts_and_are_gone_when_erased(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().inbound(ANNA, name="Анна").to_line().ended(Outcome.ABANDONED)
    await tell(conn, call.facts)
    page = await sharing.read(conn, people["borys"], after=0)
    (party,) = page.parties.values()
    assert (party.number, party.e164, party.name) == (ANNA, ANNA, "Анна")
    assert not any("Анна" in str(fact.data) or ANNA in str(fact.data) for fact in page.facts)
    await conn.execute("UPDATE party SET number = '', e164 = NULL, name = '', erased_at = now()")
    (party,) = (await sharing.read(conn, people["borys"], after=0)).parties.values()
    assert (party.number, party.e164, party.name) == ("", None, "")


async def test_kinds_can_be_chosen_and_the_cursor_passes_the_others(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, answered_call(ANNA).facts, [online()])
    page = await sharing.read(conn, people["borys"], after=0, kinds=["CallEnded"])
    assert [fact.kind for fact in page.facts] == ["CallEnded"]
    assert page.next == (await sharing.read(conn, people["borys"], after=0)).next


async def test_a_rare_kind_is_looked_for_in_steps_and_none_is_skipped(
    conn: Connection, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_core.sharing.facts.LOOKED_THROUGH", 5)
    await tell(conn, answered_call("+380501112233").facts, missed_call("+380671234567").facts)
    found: list[SharedFact] = []
    steps, after, more = 0, 0, True
    while more:
        page = await sharing.read(conn, people["borys"], after=after, kinds=["CallEnded"])
        assert page.next <= after + 5
        found, steps, after, more = [*found, *page.facts], steps + 1, page.next, page.more
    assert len(found) == 2
    assert after == await conn.fetchval("SELECT max(seq) FROM ledger")
    assert steps == -(-after // 5)


async def test_what_commits_late_is_not_skipped(conn: Connection, pool: Pool, people: dict[str, User]) -> None:
    slow, quick = online(), online()
    async with pool.acquire() as writer:
        transaction = writer.transaction()
        await transaction.start()
        await ledger.write(writer, [slow])  # has the lower number, and is not committed yet
        await tell(conn, [quick])
        impatient = await sharing.read(conn, people["borys"], after=0, patience=0)
        assert (impatient.facts, impatient.next, impatient.more) == ([], 0, False)
        async with pool.acquire() as other:
            reading = asyncio.create_task(sharing.read(other, people["borys"], after=0))
            await transaction.commit()
            assert [fact.id for fact in (await reading).facts] == [slow.id, quick.id]


async def test_a_reader_waits_for_nobody_who_began_later(conn: Connection, pool: Pool, people: dict[str, User]) -> None:
    await tell(conn, [online()])
    async with pool.acquire() as early, pool.acquire() as late:
        first, second = early.transaction(), late.transaction()
        await first.start()
        await ledger.write(early, [online()])
        reading = asyncio.create_task(sharing.read(conn, people["borys"], after=0))
        async with asyncio.timeout(30):
            while not await pool.fetchval(HAS_LOOKED, conn.get_server_pid()):
                await asyncio.sleep(0.01)
        await second.start()
        await ledger.write(late, [online()])
        await first.commit()
        assert len((await reading).facts) == 2  # though the later one is not done
        await second.rollback()


async def test_agents_do_not_read_everybodys_calls(conn: Connection, people: dict[str, User]) -> None:
    for login in ("olena", "hanna"):
        with pytest.raises(Forbidden):
            await sharing.read(conn, people[login], after=0)
        with pytest.raises(Forbidden):
            await sharing.queue_log(conn, people[login], since=MORNING, until=MORNING + DAY)


async def logged(conn: Connection, people: dict[str, User], call: Telling) -> list[str]:
    """The lines of the day, without time, call and line, which are the same in all."""
    await tell(conn, call.facts)
    text = await sharing.queue_log(conn, people["borys"], since=MORNING, until=MORNING + DAY)
    lines = [line.split("|", 3) for line in text.splitlines()]
    assert {(call_id, queue) for _, call_id, queue, _ in lines} == {(str(call.call_id), "7000")}
    assert [int(at) for at, *_ in lines] == sorted(int(at) for at, *_ in lines)
    return [rest for *_, rest in lines]


async def test_an_answered_call_in_the_words_of_asterisk(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1002").stops_ringing("1002", OfferEnd.NO_ANSWER)
    call.rings("1003").answered("1003").talked("1003", 60).ended(by=EndedBy.CALLEE)
    assert await logged(conn, people, call) == [
        f"NONE|ENTERQUEUE||{ANNA}|1",
        "SIP/1002|RINGNOANSWER|2000",
        f"SIP/1003|CONNECT|6|{call.leg}|2",
        "SIP/1003|COMPLETEAGENT|6|61|1",
    ]


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.ABANDONED, "ABANDON"),
        (Outcome.NO_ANSWER, "EXITWITHTIMEOUT"),
        (Outcome.UNREACHABLE, "EXITEMPTY"),
        (Outcome.INTERRUPTED, "EXITWITHTIMEOUT"),
    ],
)
async def test_how_a_call_leaves_the_line_unanswered(
    conn: Connection, people: dict[str, User], outcome: Outcome, word: str
) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1002").ended(outcome)
    assert await logged(conn, people, call) == [f"NONE|ENTERQUEUE||{ANNA}|1", f"NONE|{word}|1|1|3"]


@pytest.mark.parametrize(
    ("reason", "key", "last"),
    [
        (LineEnd.EXIT_KEY, "1", "EXITWITHKEY|1|1|1|1"),
        (LineEnd.CALLBACK, "5", "EXITWITHKEY|5|1|1|1"),
        (LineEnd.OVERFLOWED, "", "EXITWITHTIMEOUT|1|1|1"),
        (LineEnd.NO_AGENTS, "", "EXITEMPTY|1|1|1"),
    ],
)
async def test_whoever_answers_after_the_line_has_not_answered_for_it(
    conn: Connection, people: dict[str, User], reason: LineEnd, key: str, last: str
) -> None:
    call = Telling().inbound(ANNA).to_line().leaves_line(reason, to="1002", key=key)
    call.to_extension("1002").rings("1002").answered("1002").talked("1002", 9).ended()
    assert await logged(conn, people, call) == [f"NONE|ENTERQUEUE||{ANNA}|1", f"NONE|{last}"]


async def test_a_transfer_ends_the_call_for_asterisk(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").hands_on("1003", "1001").handed_on()
    call.answered("1001").talked("1001", 9).ended()
    assert (await logged(conn, people, call))[2:] == ["SIP/1003|BLINDTRANSFER|1001|default|3|2|1"]


async def test_positions_count_those_who_wait_and_a_hostile_number_breaks_no_line(
    conn: Connection, people: dict[str, User]
) -> None:
    first, second = Telling().inbound("1|2\n3").to_line(), Telling().inbound(ANNA).to_line()
    await tell(conn, first.facts, second.facts)
    await tell(conn, second.ended(Outcome.ABANDONED).facts[-1:])
    text = await sharing.queue_log(conn, people["borys"], since=MORNING, until=MORNING + DAY)
    assert [line.split("|", 4)[4] for line in text.splitlines()] == [
        "ENTERQUEUE||123|1", f"ENTERQUEUE||{ANNA}|2", "ABANDON|2|2|1",
    ]  # fmt: skip


async def test_pauses_are_told_and_other_days_are_not(conn: Connection, people: dict[str, User]) -> None:
    agent = people["iryna"]
    for hours, will in ((1, Will.PAUSED), (2, Will.READY), (25, Will.PAUSED)):
        at = MORNING + timedelta(hours=hours)
        declared = AgentDeclared(id=uuid7(), at=at, user=agent.id, extension="1003", will=will, reason="обід")
        await tell(conn, [declared])
    await tell(conn, missed_call(ANNA, at=MORNING + 2 * DAY).facts)
    text = await sharing.queue_log(conn, people["borys"], since=MORNING, until=MORNING + DAY)
    assert [line.split("|", 1)[1] for line in text.splitlines()] == [
        "NONE|NONE|SIP/1003|PAUSE|обід", "NONE|NONE|SIP/1003|UNPAUSE|обід",
    ]  # fmt: skip


async def test_a_transfer_to_a_line_that_is_full_does_not_end_the_log(
    conn: Connection, people: dict[str, User]
) -> None:
    """The call is out of the queue already when the second line refuses it."""
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").hands_on("1003", "7001")
    await tell(conn, call.leaves_line(LineEnd.FULL, "7001").ended().facts)
    text = await sharing.queue_log(conn, people["borys"], since=MORNING, until=MORNING + DAY)
    assert [line.split("|")[4] for line in text.splitlines()] == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER"]
