"""What telephony keeps: bindings over a restart, wills, events of phones; and the outbox's delivery."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import PhoneOffline, PhoneOnline
from callflow.line_book import Switch
from callflow.line_orders import LineSwitched
from crm_core import events, outbox, telephony
from crm_core.database import Connection, Pool
from crm_core.organisation import User
from crm_core.outbox import Outbox, OutboxMessage
from crm_core.telephony import PostgresBindings, StoredBinding, switches
from queue_engine.facts import AgentDeclared, Will
from tests.crm_core.company import MORNING, found_company, tell
from tests.support.deadlines import DEADLINE

AOR = "sip:1001@dzvin"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


@asynccontextmanager
async def running(service: PostgresBindings | Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(service.run())
    await asyncio.sleep(0)  # let it begin
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


def a_binding(contact: str = "sip:1001@192.0.2.7:5062", **changes: str | float) -> StoredBinding:
    fields: dict[str, str | float] = {"sip_call_id": "abc", "cseq": 3, "expires_at": 1893456000.25, **changes}
    return StoredBinding(contact=contact, **fields)  # type: ignore[arg-type] # of the right kinds, by name


async def until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(DEADLINE):
        await condition.wait()


# Phones


@pytest.mark.req("R-CALL-12", "R-CALL-13", "R-CALL-02")
async def test_a_users_phone_coming_and_going_are_events_of_that_user(
    conn: Connection, people: dict[str, User]
) -> None:
    on = PhoneOnline(id=uuid7(), at=MORNING, extension="1001", user_agent="<script>")
    off = PhoneOffline(id=uuid7(), at=MORNING, extension="1001", reason="expired")
    stranger = PhoneOnline(id=uuid7(), at=MORNING, extension="u00001")
    await tell(conn, [on, stranger, off], [on])
    page = await events.register(conn, people["olena"])
    assert {(row.type, row.owner_name, row.phone) for row in page.rows} == {
        ("phone_on", "Олена Коваль", "1001"),
        ("phone_off", "Олена Коваль", "1001"),
    }
    assert (await events.register(conn, people["borys"])).total == 2
    assert (await events.register(conn, people["taras"])).total == 0


async def test_bindings_outlive_a_restart(pool: Pool) -> None:
    bindings = PostgresBindings(pool)
    async with running(bindings):
        bindings.save(AOR, (a_binding(), a_binding("sip:1001@192.0.2.8", instance="<urn:uuid:1>", reg_id=2, q=0.5)))
        bindings.save("sip:1002@dzvin", (a_binding(path="<sip:edge;lr>", user_agent="Лінфон"),))
    loaded = await PostgresBindings(pool).load()  # what was saved last is written when the service stops
    assert loaded == {
        AOR: (
            a_binding("sip:1001@192.0.2.7:5062"),
            a_binding("sip:1001@192.0.2.8", instance="<urn:uuid:1>", reg_id=2, q=0.5),
        ),
        "sip:1002@dzvin": (a_binding(path="<sip:edge;lr>", user_agent="Лінфон"),),
    }


async def test_the_newest_state_of_an_address_is_what_is_kept(pool: Pool) -> None:
    bindings = PostgresBindings(pool)
    async with running(bindings):
        for cseq in range(300):
            bindings.save(AOR, (a_binding(cseq=cseq),))
            bindings.save(f"sip:{cseq}@dzvin", (a_binding(cseq=cseq),))
            if cseq % 50 == 0:
                await asyncio.sleep(0)
    loaded = await bindings.load()
    assert loaded.pop(AOR) == (a_binding(cseq=299),)
    assert len(loaded) == 300
    async with running(bindings):
        bindings.save(AOR, ())
    assert AOR not in await bindings.load()


async def test_a_hostile_contact_does_not_keep_the_others_from_being_written(pool: Pool) -> None:
    bindings = PostgresBindings(pool)
    async with running(bindings):
        bindings.save("sip:\0x", (a_binding("sip:a\0b"), a_binding("sip:ab"), a_binding("sip:\ud800")))
        bindings.save(AOR, (a_binding(),))
    assert (await bindings.load())[AOR] == (a_binding(),)


async def test_bindings_wait_for_a_data_base_that_is_away(conn: Connection, pool: Pool) -> None:
    bindings = PostgresBindings(pool)
    async with running(bindings):
        await conn.execute("ALTER TABLE sip_binding RENAME TO away")
        bindings.save(AOR, (a_binding(),))
        await asyncio.sleep(0.1)
        await conn.execute("ALTER TABLE away RENAME TO sip_binding")
        async with asyncio.timeout(DEADLINE):
            while not await bindings.load():
                await asyncio.sleep(0.02)


async def test_what_agents_declared_last_is_known_after_a_restart(conn: Connection, people: dict[str, User]) -> None:
    olena, borys = people["olena"].id, people["borys"].id
    ready = AgentDeclared(id=uuid7(), at=MORNING, user=olena, extension="1001", will=Will.READY)
    paused = AgentDeclared(
        id=uuid7(), at=MORNING, user=olena, extension="1001", will=Will.PAUSED, reason="Обід", by=borys
    )
    stranger = AgentDeclared(id=uuid7(), at=MORNING, user=uuid7(), extension=None, will=Will.READY)
    await tell(conn, [ready, stranger, paused])
    (will,) = await telephony.last_wills(conn)
    assert (will.user_id, will.will, will.reason) == (olena, Will.PAUSED, "Обід")


# The outbox


async def test_messages_are_delivered_in_order_and_once_committed(conn: Connection, pool: Pool) -> None:
    service = Outbox(pool)
    heard: list[OutboxMessage] = []
    enough = asyncio.Event()

    def hear(message: OutboxMessage) -> None:
        heard.append(message)
        if len(heard) == 500:
            enough.set()

    def broken(message: OutboxMessage) -> None:
        assert message.payload["number"] != 7, "a listener's own fault"

    service.subscribe(broken)
    service.subscribe(hear)
    await outbox.append_all(conn, "x", [{"number": number} for number in range(450)])
    async with running(service):
        for number in range(450, 500):
            async with conn.transaction():
                await outbox.append(conn, "x", {"number": number})
        await until(enough)
        async with asyncio.timeout(DEADLINE):
            while await conn.fetchval("SELECT count(*) FROM outbox"):
                await asyncio.sleep(0.01)
    assert [message.payload["number"] for message in heard] == list(range(500))


async def test_what_was_rolled_back_is_never_heard(conn: Connection, pool: Pool) -> None:
    service = Outbox(pool)
    heard: list[str] = []
    enough = asyncio.Event()

    def hear(message: OutboxMessage) -> None:
        heard.append(message.kind)
        enough.set()

    service.subscribe(hear)
    async with running(service):
        transaction = conn.transaction()
        await transaction.start()
        await outbox.append(conn, "never", {})
        await transaction.rollback()
        await outbox.append(conn, "ever", {"a": [1, None, "я"]})
        await until(enough)
    assert heard == ["ever"]


async def test_delivery_goes_on_after_the_connection_was_cut(conn: Connection, pool: Pool) -> None:
    service = Outbox(pool)
    heard: list[str] = []
    arrived = asyncio.Event()

    def hear(message: OutboxMessage) -> None:
        heard.append(message.kind)
        arrived.set()

    service.subscribe(hear)
    async with running(service):
        await outbox.append(conn, "before", {})
        await until(arrived)
        await conn.execute("""
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
        """)
        arrived.clear()
        await outbox.append(conn, "after", {})
        await until(arrived)
    assert list(dict.fromkeys(heard)) == ["before", "after"]  # cut before its deletion, a message comes again


async def test_what_was_switched_last_is_kept_and_a_replay_changes_nothing(
    conn: Connection, people: dict[str, User]
) -> None:
    shut = LineSwitched(id=uuid7(), at=MORNING, line="7000", is_open=False, message="outage", user=people["borys"].id)
    opened = LineSwitched(
        id=uuid7(), at=MORNING + timedelta(hours=1), line="7000", is_open=True, message="", user=people["borys"].id
    )
    await tell(conn, [shut])
    assert await telephony.line_switches(conn) == {"7000": Switch(is_open=False, message="outage")}
    await tell(conn, [opened])
    await switches.switch(conn, shut)
    assert await telephony.line_switches(conn) == {"7000": Switch()}
