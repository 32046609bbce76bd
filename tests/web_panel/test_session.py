"""Signing in and out: what is refused, what is slowed, what a session holds."""

from __future__ import annotations

import pytest

from crm_core import organisation
from crm_core.database import Pool
from tests.web_panel.asgi_socket import AsgiSocket, Closed
from tests.web_panel.house import PASSWORD, QUICK, House, a_house, cookie
from web_panel.ports import PanelSettings


async def test_a_session_is_a_cookie_that_scripts_cannot_read_and_other_sites_cannot_send(house: House) -> None:
    async with house.visitor() as tab:
        answer = await tab.post("/api/session", json={"login": "agent", "password": PASSWORD})
        cookies = answer.headers["set-cookie"]
        assert answer.json()["full_name"] == "Іван Мельник"
        assert "call" in answer.json()["rights"]
        assert "supervise" not in answer.json()["rights"]
        assert "HttpOnly" in cookies
        assert "SameSite=strict" in cookies
        assert (await tab.get("/api/session")).json()["extension"] == "1002"


async def test_over_tls_the_cookie_is_bound_to_this_host(pool: Pool) -> None:
    house = await a_house(pool, PanelSettings(secure_cookies=True))
    async with house.visitor() as tab:
        answer = await tab.post("/api/session", json={"login": "agent", "password": PASSWORD})
    assert answer.headers["set-cookie"].startswith("__Host-dzvin_session=")
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(("login", "password"), [("agent", "wrong"), ("nobody", PASSWORD), ("agent", "x" * 1024)])
async def test_a_wrong_login_and_a_wrong_password_are_refused_alike(house: House, login: str, password: str) -> None:
    async with house.visitor() as tab:
        answer = await tab.post("/api/session", json={"login": login, "password": password})
    assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_refused")
    assert "set-cookie" not in answer.headers


async def test_five_failures_close_the_account_to_this_address_only(house: House) -> None:
    async with house.visitor() as tab, house.visitor(address="198.51.100.9") as elsewhere:
        for _ in range(5):
            await tab.post("/api/session", json={"login": "agent", "password": "wrong"})
        slowed = await tab.post("/api/session", json={"login": "agent", "password": PASSWORD})
        assert (slowed.status_code, slowed.json()["error"]) == (429, "too_many")
        assert 0 < int(slowed.headers["retry-after"]) <= 601
        other_account = await tab.post("/api/session", json={"login": "hall", "password": PASSWORD})
        assert other_account.status_code == 200
        owner = await elsewhere.post("/api/session", json={"login": "AGENT", "password": PASSWORD})
        assert owner.status_code == 200
        house.clock.pass_by(minutes=11)
        assert (await tab.post("/api/session", json={"login": "agent", "password": PASSWORD})).status_code == 200


async def test_many_accounts_from_one_address_are_slowed_too(house: House) -> None:
    async with house.visitor() as tab:
        for number in range(50):
            await tab.post("/api/session", json={"login": f"user{number}", "password": "wrong"})
        assert (await tab.post("/api/session", json={"login": "another", "password": "wrong"})).status_code == 429


async def test_a_trusted_address_is_never_slowed(house: House) -> None:
    async with house.visitor(address="192.0.2.1") as tab:
        for _ in range(8):
            await tab.post("/api/session", json={"login": "agent", "password": "wrong"})
        assert (await tab.post("/api/session", json={"login": "agent", "password": PASSWORD})).status_code == 200


async def test_signing_in_again_ends_the_old_session(house: House) -> None:
    tab = await house.signed_in("agent")
    old = dict(tab.cookies)
    await tab.post("/api/session", json={"login": "agent", "password": PASSWORD})
    async with house.visitor() as thief:
        thief.cookies.update(old)
        assert (await thief.get("/api/session")).status_code == 401


async def test_after_sign_out_the_token_is_worth_nothing(house: House) -> None:
    tab = await house.signed_in("agent")
    old = dict(tab.cookies)
    assert (await tab.delete("/api/session")).status_code == 204
    tab.cookies.update(old)
    assert (await tab.get("/api/session")).status_code == 401


async def test_an_idle_session_ends(house: House) -> None:
    tab = await house.signed_in("agent")
    house.clock.pass_by(minutes=31)
    assert (await tab.get("/api/session")).status_code == 401


async def test_a_websocket_is_cut_when_its_session_is_revoked(house: House) -> None:
    tab = await house.signed_in("agent")
    async with AsgiSocket(house.app, "/api/live", cookie=cookie(tab)) as socket:
        await socket.receive_type("snapshot")
        async with house.services.pool.acquire() as conn:
            await organisation.set_password_hash(conn, house.users["agent"].id, QUICK.hash("another"))
        with pytest.raises(Closed) as closed:
            await socket.receive_type("never")
    assert closed.value.code == 4401


async def test_the_language_that_somebody_chose_is_remembered(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        assert (await tab.put("/api/session/language", json={"language": "en"})).status_code == 204
        assert (await tab.get("/api/session")).json()["language"] == "en"
        refused = await tab.put("/api/session/language", json={"language": "xx"})
        assert (refused.status_code, refused.json()["field"]) == (400, "language")


@pytest.mark.parametrize(
    ("body", "field"),
    [("{}", "login"), ('{"login": "a"}', "password"), ('{"login": 1, "password": "b"}', "login"), ("[]", None)],
)
async def test_a_malformed_sign_in_names_the_field(house: House, body: str, field: str | None) -> None:
    async with house.visitor() as tab:
        answer = await tab.post("/api/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json().get("field") == field
