"""Other programs read facts and the queue log over REST."""

from __future__ import annotations

import pytest

from tests.web_panel.house import House
from tests.web_panel.story import Story, named


@pytest.fixture
def story() -> Story:
    return Story()


async def test_facts_are_read_page_by_page(house: House, story: Story) -> None:
    await house.tell(story.missed("a", "+380501112233"))
    async with await house.signed_in("supervisor") as tab:
        first = (await tab.get("/api/facts", params={"size": "2"})).json()
        rest = (await tab.get("/api/facts", params={"after": first["next"]})).json()
        ended = (await tab.get("/api/facts", params={"kind": "CallEnded"})).json()
        assert (await tab.get("/api/facts", params={"after": "-1"})).status_code == 400
    assert (len(first["facts"]), first["more"], rest["more"]) == (2, True, False)
    assert [fact["kind"] for fact in rest["facts"]][-1] == "CallEnded"
    assert ended["facts"][0]["data"]["outcome"] == "abandoned"
    assert ended["facts"][0]["call_id"] == str(named("a"))
    assert [party["number"] for party in first["parties"].values()] == ["+380501112233"]


async def test_a_day_is_read_as_a_queue_log(house: House, story: Story) -> None:
    await house.tell(story.missed("a", "+380501112233"))
    async with await house.signed_in("supervisor") as tab:
        answer = await tab.get("/api/exports/queue-log", params={"day": "2030-01-07"})
        other = await tab.get("/api/exports/queue-log", params={"day": "2030-01-08"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert [line.split("|")[4] for line in answer.text.splitlines()] == ["ENTERQUEUE", "ABANDON"]
    assert other.text == ""


async def test_an_administrator_keeps_webhooks(house: House) -> None:
    async with await house.signed_in("admin") as tab:
        for url in (
            "ftp://a.example",
            "https://",
            "https://me:secret@a.example/",
            "https://a.example/ b",
            "https://a:x/",
        ):
            assert (await tab.post("/api/webhooks", json={"url": url})).json()["field"] == "url"
        added = await tab.post("/api/webhooks", json={"url": "https://crm.example/dzvin", "kinds": ["CallEnded"]})
        assert added.json()["secret"].startswith("whsec_")
        (shown,) = (await tab.get("/api/webhooks")).json()
        path = f"/api/webhooks/{added.json()['id']}"
        assert (shown["url"], shown["kinds"], shown["failures"]) == ("https://crm.example/dzvin", ["CallEnded"], 0)
        assert added.json()["secret"] not in str(shown)
        assert (await tab.post(f"{path}/resume")).status_code == 204
        assert [(await tab.delete(path)).status_code for _ in range(2)] == [204, 404]
        for _ in range(20):
            assert (await tab.post("/api/webhooks", json={"url": "http://a.example"})).status_code == 201
        full = await tab.post("/api/webhooks", json={"url": "http://a.example"})
    assert (full.status_code, full.json()["error"]) == (409, "too_many_webhooks")
