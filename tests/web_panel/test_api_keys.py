"""Keys of other programs over REST: what one opens, and what it does not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web_panel.asgi_socket import AsgiSocket, Closed
from tests.web_panel.house import House
from tests.web_panel.story import Story, named
from web_panel.bearer import Keys


async def a_key(house: House, *scopes: str, name: str = "1C", speaks_for: str = "admin") -> tuple[str, str]:
    """Its id and its secret."""
    async with await house.signed_in("admin") as tab:
        body = {"name": name, "scopes": scopes, "user_id": str(house.users[speaks_for].id)}
        made = await tab.post("/api/api-keys", json=body)
    assert made.status_code == 201, made.text
    return made.json()["id"], made.json()["secret"]


def program(house: House, secret: str) -> httpx.AsyncClient:
    """A program that shows this key; it has neither cookies nor an origin."""
    client = house.visitor(Authorization=f"Bearer {secret}")
    del client.headers["Origin"]
    return client


async def test_a_key_opens_what_its_scopes_say_and_nothing_else(house: House) -> None:
    _, secret = await a_key(house, "facts", "read_crm")
    async with program(house, secret) as client:
        assert (await client.get("/api/facts")).status_code == 200
        assert (await client.get("/api/events")).status_code == 200
        assert (await client.post("/api/clients", json={"name": "x"})).status_code == 403
        assert (await client.post("/api/calls", json={"number": "1002"})).status_code == 403
        assert (await client.get("/api/api-keys")).status_code == 403  # no key makes keys


async def test_a_key_may_do_no_more_than_the_person_it_speaks_for(house: House) -> None:
    _, secret = await a_key(house, "facts", "read_crm", speaks_for="agent")
    await house.tell(Story().missed("a", line="7001"))
    async with program(house, secret) as client:
        assert (await client.get("/api/facts")).status_code == 403
        assert (await client.get("/api/events")).json()["rows"] == []  # a call that the agent may not see


async def test_a_key_is_no_person(house: House) -> None:
    _, secret = await a_key(house, "tickets", "read_crm")
    async with program(house, secret) as client:
        assert (await client.get("/api/session")).status_code == 403
        assert (await client.delete("/api/session")).status_code == 403
    socket: Any = AsgiSocket(house.app, "/api/live")
    socket._scope["headers"].append((b"authorization", f"Bearer {secret}".encode()))
    with pytest.raises(Closed):
        await socket.__aenter__()


async def test_a_program_books_tickets_and_places_calls(house: House) -> None:
    _, secret = await a_key(house, "tickets", "calls", speaks_for="supervisor")
    async with program(house, secret) as client:
        booked = await client.post("/api/hall/tickets", json={"service_code": "consult"})
        called = await client.post("/api/calls", json={"number": "1002"})
    assert (booked.status_code, called.json()["call_id"]) == (201, str(named("the new call")))


async def test_a_revoked_key_opens_nothing_and_its_name_is_free(house: House) -> None:
    key_id, secret = await a_key(house, "facts")
    async with await house.signed_in("admin") as tab, program(house, secret) as client:
        again = await tab.post("/api/api-keys", json={"name": "1c", "scopes": ["facts"]})
        assert (again.status_code, again.json()["error"]) == (409, "key_name_taken")
        assert (await tab.delete(f"/api/api-keys/{key_id}")).status_code == 204
        assert (await client.get("/api/facts")).status_code == 401
        assert (await tab.delete(f"/api/api-keys/{key_id}")).status_code == 404
        assert (await tab.get("/api/api-keys")).json() == []
    await a_key(house, "facts")


async def test_the_secret_is_told_once_and_kept_nowhere(house: House) -> None:
    _, secret = await a_key(house, "facts")
    async with await house.signed_in("admin") as tab:
        listed = await tab.get("/api/api-keys")
    async with house.services.pool.acquire() as conn:
        kept = await conn.fetchval("SELECT (k.*)::text FROM api_key k")
    assert secret not in listed.text
    assert secret not in kept
    assert [(key["name"], key["scopes"], key["used_at"]) for key in listed.json()] == [("1C", ["facts"], None)]


async def test_what_a_key_changes_and_who_made_it_stands_in_the_audit(house: House) -> None:
    _, secret = await a_key(house, "write_crm")
    async with program(house, secret) as client:
        assert (await client.post("/api/clients", json={"name": "x"})).status_code == 201
    async with house.services.pool.acquire() as conn:
        rows = await conn.fetch("SELECT action, detail->>'path' FROM audit WHERE object_kind = 'api_key' ORDER BY id")
    assert [tuple(row) for row in rows] == [("made key", None), ("used key", "/api/clients")]


async def test_guessing_keys_is_limited_by_address(house: House) -> None:
    async with program(house, "dzvin_wrong") as client:
        answers = [(await client.get("/api/facts")).status_code for _ in range(21)]
    assert answers == [401] * 20 + [429]


async def test_a_key_asks_six_hundred_times_a_minute_at_most(house: House) -> None:
    _, secret = await a_key(house, "facts")
    keys: Keys = house.app.state["guarding"].keys
    keys.limits.key_work.most = 3
    async with program(house, secret) as client:
        assert [(await client.get("/api/facts")).status_code for _ in range(4)] == [200, 200, 200, 429]
        house.clock.pass_by(seconds=61)
        assert (await client.get("/api/facts")).status_code == 200


@pytest.mark.parametrize(
    "body", [{"name": "x", "scopes": []}, {"name": "", "scopes": ["facts"]}, {"name": "x", "scopes": ["all"]}]
)
async def test_a_key_without_a_name_or_with_unknown_scopes_is_refused(house: House, body: dict[str, object]) -> None:
    async with await house.signed_in("admin") as tab:
        assert (await tab.post("/api/api-keys", json=body)).status_code == 400
