"""What keeps other sites and hostile text out: origins, headers, refusals that say nothing they should not."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_core.database import Pool
from tests.web_panel.asgi_socket import AsgiSocket, Closed
from tests.web_panel.house import House, a_house, cookie
from web_panel.ports import PanelSettings


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://panel.test.evil.example"},
        {"Origin": "null"},
        {"Origin": "http://panel.test", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://panel.test:8080", "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_change_that_another_site_asks_for_is_refused(house: House, headers: dict[str, str]) -> None:
    async with await house.signed_in("agent") as tab:
        answer = await tab.put("/api/agents/me", json={"will": "paused"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "foreign_origin")
        assert (await tab.get("/api/session", headers=headers)).status_code == 200  # reading changes nothing
    assert house.control.done == []


@pytest.mark.parametrize("headers", [{"Origin": "http://panel.test"}, {"Sec-Fetch-Site": "same-origin"}])
async def test_our_own_pages_may_change_things(house: House, headers: dict[str, str]) -> None:
    async with await house.signed_in("agent") as tab:
        assert (await tab.put("/api/agents/me", json={"will": "paused"}, headers=headers)).status_code == 204


async def test_a_program_that_is_no_browser_needs_no_origin(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        del tab.headers["Origin"]
        assert (await tab.put("/api/agents/me", json={"will": "ready"})).status_code == 204


async def test_origins_that_the_settings_name_are_ours(pool: Pool) -> None:
    settings = PanelSettings(allowed_origins=frozenset({"https://office.example"}), public_url="https://panel.example/")
    house = await a_house(pool, settings)
    async with await house.signed_in("agent") as tab:
        for origin in ("https://office.example", "https://panel.example"):
            answer = await tab.put(
                "/api/agents/me", json={"will": "ready"}, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            )
            assert answer.status_code == 204


async def test_a_websocket_that_another_site_opens_is_refused(house: House) -> None:
    cookies = cookie(await house.signed_in("agent"))
    with pytest.raises(Closed):
        async with AsgiSocket(house.app, "/api/live", cookie=cookies, origin="https://evil.example"):
            pass
    async with AsgiSocket(house.app, "/api/live", cookie=cookies, origin="http://panel.test") as socket:
        assert (await socket.receive())["type"] == "snapshot"


@pytest.mark.parametrize("path", ["/", "/health", "/api/session", "/api/public/about", "/assets/none.js", "/nothing"])
async def test_every_answer_carries_the_protecting_headers(house: House, path: str) -> None:
    async with house.visitor() as tab:
        headers = (await tab.get(path)).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    if path.startswith("/api/"):
        assert headers["cache-control"] == "no-store"


async def test_a_refusal_speaks_the_language_of_the_browser(house: House) -> None:
    said = {}
    for language in ("uk", "en", "ru", "de"):
        async with house.visitor() as tab:
            answer = await tab.get("/api/session", headers={"Accept-Language": language})
        said[language] = answer.json()["message"]
    assert said == {
        "uk": "Спершу увійдіть.",
        "en": "Sign in first.",
        "ru": "Сначала войдите.",
        "de": "Спершу увійдіть.",
    }


async def test_an_unknown_path_and_a_wrong_method_are_refused_in_the_same_shape(house: House) -> None:
    async with house.visitor() as tab:
        assert (await tab.get("/api/nothing")).json()["error"] == "not_found"
        assert (await tab.patch("/api/session")).json()["error"] == "not_allowed"


async def test_a_body_has_a_bound(house: House) -> None:
    async with house.visitor() as tab:
        answer = await tab.post("/api/session", json={"login": "a", "password": "x" * 300_000})
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


@pytest.mark.req("R-OTHER-18")
async def test_the_schema_describes_the_api(house: House) -> None:
    async with house.visitor() as tab:
        schema = (await tab.get("/schema")).json()
    assert "/api/public/bookings" in schema["paths"]
    assert schema["info"]["title"] == "Dzvin"


async def test_a_panel_without_built_pages_says_so(house: House, tmp_path: Path) -> None:
    house.app.state["static"] = tmp_path
    async with house.visitor() as tab:
        answer = await tab.get("/")
    assert answer.status_code == 503
    assert "web_panel/static" in answer.text
