"""Webhooks: signed, in order, tried again, never lost, and ended when nobody answers for days."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from callflow.facts import Outcome
from crm_core import sharing
from crm_core.database import Connection, Pool
from crm_core.organisation import User
from crm_core.sharing import Webhook
from dzvin import webhooks
from dzvin.webhooks import Webhooks
from tests.crm_core.company import MORNING, Telling, found_company, tell
from tests.support.deadlines import deadline

ANNA = "+380501112233"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """Another program's door: notes what it is sent, answers as it is told."""

    url: str = ""
    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [fields["webhook-id"] for fields, _ in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert head[0] == "POST /hook?of=dzvin HTTP/1.1"
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.got.append((fields, await reader.readexactly(int(fields["content-length"]))))
        writer.write(f"HTTP/1.1 {self.status} Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    """Its address. At the end whoever is still served is waited for, which `wait_closed` of Python 3.11 does not do."""
    serving: set[asyncio.Task[None]] = set()

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # who asked was cut meanwhile
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(noted, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    async with deadline("everybody was served"):
        await server.wait_closed()
        while serving:
            await serving.pop()


@dataclass
class Clock:
    now: datetime = MORNING

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Office:
    """A company with one webhook."""

    conn: Connection
    admin: User
    clock: Clock
    hooks: Webhooks
    receiver: Receiver
    webhook: UUID
    secret: str

    async def state(self) -> Webhook:
        (state,) = await sharing.webhooks(self.conn, self.admin)
        return state

    async def call(self) -> Telling:
        call = Telling().inbound(ANNA, name="Анна").to_line().ended(Outcome.ABANDONED)
        await tell(self.conn, call.facts)
        return call


@pytest.fixture
async def office(conn: Connection, pool: Pool) -> AsyncIterator[Office]:
    people = await found_company(conn)
    receiver, clock = Receiver(), Clock()
    await tell(conn, Telling().inbound(ANNA).to_line().ended(Outcome.ABANDONED).facts)  # before it: not told
    async with listening(receiver.serve) as address:
        receiver.url = f"{address}/hook?of=dzvin"
        webhook, secret = await sharing.add_webhook(
            conn, people["admin"], url=receiver.url, kinds=["CallStarted", "CallEnded"], now=clock.now
        )
        hooks = Webhooks(pool, clock)
        yield Office(conn, people["admin"], clock, hooks, receiver, webhook, secret)
        hooks.close()


async def test_each_fact_is_sent_once_signed_and_in_order(office: Office) -> None:
    call = await office.call()
    await office.hooks.look()
    await office.hooks.look()
    assert office.receiver.ids == [str(call.facts[1].id), str(call.facts[-1].id)]
    fields, body = office.receiver.got[0]
    key = base64.b64decode(office.secret.removeprefix("whsec_"))
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert fields["webhook-signature"] == f"v1,{expected}"
    assert int(fields["webhook-timestamp"]) == int(MORNING.timestamp())
    told = msgspec.json.decode(body)
    assert (told["kind"], told["call_id"], told["party"]["number"]) == ("CallStarted", str(call.call_id), ANNA)


async def test_what_fails_is_sent_again_after_a_growing_pause_and_holds_back_what_follows(office: Office) -> None:
    office.receiver.status = 500
    call = await office.call()
    first = str(call.facts[1].id)
    for seconds in (0, 5, 30):
        office.clock.now += timedelta(seconds=seconds - 1)
        await office.hooks.look()  # not yet
        office.clock.now += timedelta(seconds=1)
        await office.hooks.look()
    assert office.receiver.ids == [first] * 3
    state = await office.state()
    assert (state.failures, state.last_error) == (3, "it answered 500")
    assert state.next_try_at == office.clock.now + timedelta(seconds=120)
    office.receiver.status, office.clock.now = 200, state.next_try_at
    await office.hooks.look()
    assert office.receiver.ids[3:] == [first, str(call.facts[-1].id)]
    state = await office.state()
    assert (state.failures, state.last_error, state.delivered_at) == (0, "", office.clock.now)


async def test_what_was_taken_before_a_failure_is_not_sent_again(office: Office) -> None:
    first, second = await office.call(), await office.call()
    owed = [str(call.facts[index].id) for call in (first, second) for index in (1, -1)]
    serve = office.receiver.serve

    async def third_fails(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        office.receiver.status = 503 if len(office.receiver.got) == 2 else 204
        await serve(reader, writer)

    async with listening(third_fails) as address:
        await office.conn.execute("UPDATE webhook SET url = $1", f"{address}/hook?of=dzvin")
        await office.hooks.look()
        office.clock.now += timedelta(seconds=5)
        await office.hooks.look()
    assert office.receiver.ids == [*owed[:3], *owed[2:]]


async def test_a_slow_receiver_gets_what_it_is_owed_in_several_looks(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others shall not wait until it has everything."""
    monkeypatch.setattr(webhooks, "ROUND", 0.0)
    call = await office.call()
    owed = [str(call.facts[index].id) for index in (1, -1)]
    await office.hooks.look()
    assert office.receiver.ids == owed[:1]
    await office.hooks.look()
    await office.hooks.look()
    assert office.receiver.ids == owed


async def test_a_receiver_that_is_not_there_is_told_by_its_error(office: Office) -> None:
    await office.conn.execute("UPDATE webhook SET url = 'http://127.0.0.1:1/hook'")
    await office.call()
    await office.hooks.look()
    assert "ConnectionRefusedError" in (await office.state()).last_error


@pytest.mark.parametrize("gone", [True, False])
async def test_who_is_gone_or_fails_for_days_is_told_no_more_until_it_is_resumed(office: Office, gone: bool) -> None:
    office.receiver.status = 410 if gone else 500
    await office.call()
    await office.hooks.look()
    if not gone:
        assert (await office.state()).ended_at is None
        office.clock.now += timedelta(days=3)
        await office.hooks.look()
    assert (await office.state()).ended_at == office.clock.now
    tried = len(office.receiver.got)
    office.receiver.status = 200
    office.clock.now += timedelta(days=1)
    await office.hooks.look()
    assert len(office.receiver.got) == tried
    await sharing.resume_webhook(office.conn, office.admin, office.webhook, now=office.clock.now)
    await office.hooks.look()
    assert len(office.receiver.got) == tried + 2


async def test_the_place_in_the_ledger_passes_what_it_is_not_told_of(office: Office) -> None:
    await office.call()
    await office.hooks.look()
    assert await office.conn.fetchval("SELECT position FROM webhook") == await sharing.settled(office.conn)


class Trickling(Receiver):
    """Begins an answer and never ends it: a byte now and then."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.got.append(({}, b""))
        writer.write(b"HTTP/")
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)


@pytest.fixture
async def trickling(office: Office) -> AsyncIterator[Trickling]:
    receiver = Trickling()
    async with listening(receiver.serve) as address:
        url = f"{address}/hook"
        await sharing.add_webhook(office.conn, office.admin, url=url, kinds=["CallStarted"], now=office.clock.now)
        yield receiver


async def test_who_never_ends_its_answer_is_cut_and_tried_again(
    office: Office, trickling: Trickling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "WITHIN", 1.0)
    await office.call()
    await office.hooks.look()
    _, slow = await sharing.webhooks(office.conn, office.admin)
    assert (slow.failures, len(trickling.got)) == (1, 1)
    assert slow.last_error


async def test_a_slow_receiver_keeps_nobody_waiting(office: Office, trickling: Trickling) -> None:
    await office.call()
    running = asyncio.create_task(office.hooks.run())
    async with asyncio.timeout(20):
        while not trickling.got:
            await asyncio.sleep(0.01)
        await office.call()  # while that one is being told
        while len(office.receiver.got) < 4:
            await asyncio.sleep(0.01)
    assert len(trickling.got) == 1
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
