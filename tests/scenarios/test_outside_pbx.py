"""Another telephony server's calls, loaded by the running product: seen over REST, as the panel's register shows them.

That server is a PostgreSQL of its own, with a login that may only read, behind a cable that can be pulled.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from dzvin.clock import SystemClock
from tests.scenarios.company import DID, Company, connect
from tests.support.database import DatabaseServer, database_server
from tests.support.deadlines import eventually
from tests.support.panel import Json, Panel, Row, dig
from tests.support.server import Server

__all__ = ["database_server"]

SECRET = "s3cret word"
CDR = """
    CREATE TABLE cdr (calldate timestamp, src text, dst text, channel text, dstchannel text, lastapp text,
                      duration integer, billsec integer, disposition text, uniqueid text, linkedid text)
"""
MISSED = "INSERT INTO cdr VALUES ($1, $2, '7000', 'PJSIP/life-0000002a', '', 'Queue', 30, 0, 'NO ANSWER', $3, $3)"
KYIV = ZoneInfo("Europe/Kyiv")


@dataclass(slots=True)
class Cable:
    """To the other server. While it is pulled, whoever connects is cut off."""

    port: int  # of the other server
    end: int = 0  # our side of it
    used: int = 0
    pulled: bool = False
    _plugged: set[asyncio.StreamWriter] = field(default_factory=set)
    _flows: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Self]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.end = server.sockets[0].getsockname()[1]
        async with server:
            yield self
            self.pull()
            await asyncio.gather(*self._flows)

    def pull(self) -> None:
        self.pulled = True
        for writer in self._plugged:
            writer.transport.abort()

    def plug(self) -> None:
        self.pulled = False

    async def _serve(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._flows.add(task)
        self.used += 1
        self._plugged.add(near_out)
        if self.pulled:
            near_out.transport.abort()
        else:
            far_in, far_out = await asyncio.open_connection("127.0.0.1", self.port)
            self._plugged.add(far_out)
            await asyncio.gather(self._flow(near_in, far_out), self._flow(far_in, near_out))
            self._plugged.discard(far_out)
        self._plugged.discard(near_out)
        self._flows.discard(task)

    async def _flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()


@dataclass(slots=True)
class OtherServer:
    """An Asterisk's call-detail records; `login` may read them, and nothing else."""

    conn: asyncpg.Connection
    cable: Cable
    login: str

    def source(self, password: str = SECRET) -> str:
        return f"postgresql://{self.login}:{password.replace(' ', '%20')}@127.0.0.1:{self.cable.end}/{self.login}"

    async def missed(self, number: str, ago: timedelta = timedelta(minutes=10)) -> datetime:
        """Nobody's phone rang. When it began, to the second."""
        began = (SystemClock().now() - ago).replace(microsecond=0)
        local = began.astimezone(KYIV).replace(tzinfo=None)
        await self.conn.execute(MISSED, local, number, f"{began.timestamp():.0f}.{number[-4:].lstrip('0')}")
        return began


@pytest.fixture
async def other(database_server: DatabaseServer) -> AsyncIterator[OtherServer]:
    login = f"pbx_{os.getpid()}"
    root = await asyncpg.connect(database_server.url)
    await root.execute(f'CREATE DATABASE "{login}"')
    await root.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{SECRET}'")
    conn = await asyncpg.connect(database_server.database(login))
    await conn.execute(CDR)
    await conn.execute(f"GRANT SELECT ON cdr TO {login}")
    try:
        async with Cable(int(await conn.fetchval("SHOW port"))).laid() as cable:
            yield OtherServer(conn, cable, login)
    finally:
        await conn.close()
        await root.execute(f'DROP DATABASE "{login}" WITH (FORCE)')
        await root.execute(f"DROP ROLE {login}")
        await root.close()


@dataclass(slots=True)
class Parameters:
    panel: Panel

    async def set(self, **values: str) -> None:
        for key, value in values.items():
            await self.panel.ask("PUT", f"/api/settings/telephony_{key}", {"value": value})

    async def state(self) -> Row:
        """Of the source that was looked at last."""
        states = (await self.panel.ask("GET", "/api/settings")).json()["telephony_server"]
        return states[0] if states else {}

    async def look(self, expected: Row, **values: str) -> Row:
        """Save these; how it stands after a look that began later, once it stands as expected."""
        saved_at = SystemClock().now()
        await self.set(**values)

        def holds(state: Row) -> bool:
            is_new = bool(state) and datetime.fromisoformat(str(state["looked_at"])) >= saved_at
            return is_new and all(state[name] == value for name, value in expected.items())

        return await eventually(f"a look that finds {expected}", self.state, holds)

    async def missed(self, number: str) -> list[Row]:
        return await self.panel.events(view="unanswered", text=number)


@asynccontextmanager
async def administrator(server: Server) -> AsyncIterator[Parameters]:
    """Afterwards nothing is loaded from anywhere."""
    async with server.sign_in("admin") as panel:
        parameters = Parameters(panel)
        try:
            yield parameters
        finally:
            await parameters.set(load="off", source="", table="cdr", kind="asterisk")


def is_of_today(began: datetime) -> bool:
    """The panel lists today's missed calls; the register has all. In the first minutes of a day they differ."""
    soon = SystemClock().now() + timedelta(minutes=1)
    return began.astimezone(KYIV).date() == soon.astimezone(KYIV).date()


@pytest.mark.req("R-CALL-25", "R-CALL-26", "R-CALL-27", "R-CALL-28", "R-CALL-29", "R-CALL-30")
async def test_missed_calls_that_no_phone_saw_come_from_the_other_server_once(
    company: Company, server: Server, other: OtherServer
) -> None:
    first, second, third = "+380503337741", "+380503337742", "+380503337743"
    began = await other.missed("0503337741")
    async with administrator(server) as parameters, parameters.panel.live() as live:
        await parameters.set(source=other.source())  # and load is off
        assert (await parameters.missed(first), other.cable.used) == ([], 0)

        await parameters.look({"loaded": 1}, load="on")
        (event,) = await parameters.missed(first)
        assert (event["type"], event["e164"]) == ("missed_incoming_call", first)
        assert datetime.fromisoformat(str(event["started_at"])) == began
        (owed,) = [row for row in await parameters.panel.follow_ups() if row["e164"] == first]
        assert (owed["event_id"], owed["line"], owed["missed_count"]) == (event["id"], "7000", 1)
        if is_of_today(began):
            shown = await live.until("a missed call", lambda message: dig(message, "missed", "key") == first)
            assert (dig(shown, "missed", "count"), dig(shown, "missed", "event_id")) == (1, event["id"])
            assert dig(shown, "missed", "follow_up", "id") == owed["id"]
        grouped = await parameters.panel.events(view="unanswered_grouped", text=first)
        assert [row["id"] for row in grouped] == [event["id"]]

        await other.missed("0503337742")
        # The first one is read again.
        await parameters.look({"loaded": 2, "failure": None, "set_aside": []}, load="on")
        assert (len(await parameters.missed(first)), len(await parameters.missed(second))) == (1, 1)
        assert [row["missed_count"] for row in await parameters.panel.follow_ups() if row["e164"] == first] == [1]

        await parameters.set(load="off")
        await other.missed("0503337743")
        used = other.cable.used
        await parameters.set(table="cdr")
        assert (await parameters.missed(third), other.cable.used) == ([], used)
        await parameters.look({"loaded": 3}, load="on")
        assert len(await parameters.missed(third)) == 1


@pytest.mark.req("R-CALL-28", "R-CALL-29")
async def test_why_nothing_can_be_loaded_is_told_until_it_can(
    company: Company, server: Server, other: OtherServer
) -> None:
    customer = "+380503337751"
    await other.missed("0503337751")
    async with administrator(server) as parameters:
        client = parameters.panel.client
        await parameters.look({"failure": "password", "loaded": 0}, source=other.source("wrong%20word"), load="on")
        told = {"uk": "не приймає", "en": "does not accept", "ru": "не принимает"}
        for language, words in told.items():
            answer = await client.get("/api/settings", headers={"Accept-Language": language})
            assert words in str(dig(answer.json(), "telephony_server", 0, "text"))
        await parameters.look({"failure": "table"}, table="no_such", source=other.source())
        await parameters.look({"failure": "columns"}, table="pg_catalog.pg_authid")
        await other.conn.execute("CREATE TABLE kept AS TABLE cdr")
        await parameters.look({"failure": "permission"}, table="kept")
        other.cable.pull()
        await parameters.look({"failure": "unreachable"}, table="cdr")
        other.cable.plug()
        await parameters.look({"failure": None, "text": "", "error": "", "loaded": 1}, load="on")
        assert len(await parameters.missed(customer)) == 1
        shown = (await parameters.panel.ask("GET", "/api/settings")).text
    assert not [word for word in ("s3cret", "wrong") if word in shown + server.log]


@pytest.mark.req("R-CALL-26", "R-CALL-28", "R-CALL-30")
async def test_a_file_that_is_dropped_is_loaded_but_for_the_rows_that_make_no_sense(
    company: Company, server: Server, tmp_path: Path
) -> None:
    began = (SystemClock().now() - timedelta(minutes=10)).isoformat(timespec="seconds")
    file = tmp_path / "calls.csv"
    file.write_text(
        "key,direction,number,extension,line,started_at,answered_at,ended_at\n"
        f"a,inbound,+380503337761,,7000,{began},,{began}\n"
        f'b,inbound,"+380503337762,,7000,{began},,{began}\n'  # a quote that is never closed
        f"c,inbound,+380503337763,,7000,yesterday,,{began}\n"
        f"d,inbound,+380503337764,,7000,{began},,{began}\n"
    )
    async with administrator(server) as parameters:
        state = await parameters.look({"loaded": 2}, kind="calls", source=f"csv:{file}", load="on")
        assert aside(state) == [("c yesterday", "no_time", "yesterday"), ("b ?", "no_time", "")]
        await parameters.look({"loaded": 2}, load="on")
        found = [len(await parameters.missed(f"+38050333776{n}")) for n in (1, 2, 3, 4)]
        assert found == [1, 0, 0, 1]


def aside(state: Row) -> list[tuple[Json, Json, Json]]:
    rows = state["set_aside"]
    assert isinstance(rows, list)
    return [(dig(row, "row"), dig(row, "flaw"), dig(row, "detail")) for row in rows]


@pytest.mark.req("R-CALL-01", "R-CALL-02", "R-CALL-03")
async def test_calls_and_phones_make_events_of_the_system_types_by_themselves(company: Company, server: Server) -> None:
    """Nobody touches the CRM but to look; the types are those that it came with."""
    customer, missed = "+380503337771", "+380503337772"
    async with server.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}

        async def made() -> dict[str, Json]:
            return {
                str(row["type"]): row["owner_name"]
                for row in await panel.events()
                if row["id"] not in known and (row["ended_at"] or row["call_id"] is None)
            }

        provider, agent = await company.provider(), await company.phone("1003")
        talk = await connect(provider, agent, DID, shown=customer)
        await talk.caller.hang_up()
        await talk.callee.ended()
        for caller, callee, number in ((provider, agent, DID), (agent, provider, customer)):
            call = await caller.dial(number, caller=missed if caller is provider else None)
            incoming = await callee.rings()
            incoming.ring()
            await call.ringing()
            await call.cancel()
            await incoming.cancelled()
        back = await connect(agent, provider, missed)
        await back.caller.hang_up()
        await back.callee.ended()
        again = await connect(agent, provider, customer)
        await again.caller.hang_up()
        await again.callee.ended()
        await agent.unregister()
        types = {"phone_on", "incoming_call", "missed_incoming_call", "missed_outgoing_call", "missed_call_answer",
                 "outgoing_call", "phone_off"}  # fmt: skip
        found = await eventually("an event of each type", made, lambda found: types <= found.keys())
        assert found.keys() == types
        assert {found[name] for name in types} == {"Ганна Їжакевич"}
        async with server.database() as conn:
            system = await conn.fetchval("SELECT array_agg(key) FROM event_type WHERE system")
    assert types <= set(system)
