"""Flows over REST: nothing that would lose a caller is published, and what is published can be taken back."""

from __future__ import annotations

import asyncio
from typing import Any

from httpx import AsyncClient

from callflow.flows import model
from callflow.flows.book import FlowBook
from crm_core.telephony import flows
from dzvin.flows import FlowKeeper
from tests.callflow.flows.office import OFFICE
from tests.web_panel.house import House

SHORT: dict[str, Any] = {"start": "bye", "nodes": {"bye": {"verb": "hangup"}}}
LOST: dict[str, Any] = {"start": "a", "nodes": {"a": {"verb": "play", "prompts": ["nothing"]}}}
ASKING: dict[str, Any] = {
    "start": "a",
    "nodes": {"a": {"verb": "webhook", "url": "http://10.0.0.1/", "next": "b", "failed": "b"}, "b": {"verb": "hangup"}},
}
DRAFT, PUBLISH = "/api/flows/800/draft", "/api/flows/800/publish"


async def saves(tab: AsyncClient, flow: dict[str, Any], revision: int) -> int:
    answer = await tab.put(DRAFT, json={"flow": flow, "revision": revision})
    assert answer.status_code == 200, answer.text
    saved: int = answer.json()["revision"]
    return saved


async def met(house: House) -> dict[str, tuple[int, str]]:
    """What callers meet: version and first node."""
    async with house.services.pool.acquire() as conn:
        return {number: (each.version, each.flow.start) for number, each in (await flows.published(conn)).items()}


async def test_a_draft_is_met_by_nobody_until_it_is_published(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        revision = await saves(tab, OFFICE, 0)
        assert await met(house) == {}
        published = await tab.post(PUBLISH, json={"revision": revision})
        listed = (await tab.get("/api/flows")).json()
        draft = (await tab.get(DRAFT)).json()
    assert (published.status_code, published.json()) == (200, {"version": 1})
    assert await met(house) == {"800": (1, "hours")}
    assert [(each["number"], each["version"]) for each in listed] == [("800", 1)]
    assert list(draft["flow"]["nodes"]) == list(OFFICE["nodes"])  # in the order in which they were written


async def test_what_would_lose_a_caller_is_not_published_and_the_reasons_are_told(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        revision = await saves(tab, LOST, 0)
        refused = await tab.post(PUBLISH, json={"revision": revision})
        russian = await tab.post("/api/flows/800/validate", json={}, headers={"accept-language": "ru"})
    assert refused.status_code == 409
    keys = [(each["key"], each["node"]) for each in refused.json()["findings"]]
    assert keys == [("missing_exit", "a"), ("missing_prompt", "a")]
    assert all(each["text"] and each["hinders"] for each in russian.json()["findings"])
    assert await met(house) == {}


async def test_an_earlier_version_is_met_again(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        for flow, revision in ((OFFICE, 0), (SHORT, 1)):
            await tab.post(PUBLISH, json={"revision": await saves(tab, flow, revision)})
        assert await met(house) == {"800": (2, "bye")}
        assert (await tab.post("/api/flows/800/roll-back", json={"version": 1})).status_code == 200
        assert await met(house) == {"800": (1, "hours")}
        versions = (await tab.get("/api/flows/800/versions")).json()
        shown = (await tab.get("/api/flows/800/versions/2")).json()
        assert (await tab.post("/api/flows/800/roll-back", json={"version": 7})).status_code == 404
        assert (await tab.delete("/api/flows/800")).status_code == 204
    assert [(each["version"], each["published_by"], each["current"]) for each in versions] == [
        (2, "supervisor", False),
        (1, "supervisor", True),
    ]
    assert shown["start"] == "bye"
    assert await met(house) == {}


async def test_two_people_do_not_overwrite_each_other(house: House) -> None:
    async with await house.signed_in("supervisor") as tab, await house.signed_in("admin") as other:
        answers = await asyncio.gather(*(each.put(DRAFT, json={"flow": SHORT, "revision": 0}) for each in (tab, other)))
        stale = await tab.post(PUBLISH, json={"revision": 7})
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert stale.json()["error"] == "flow_changed"


async def test_only_an_administrator_lets_the_server_send_to_a_new_address(house: House) -> None:
    async with await house.signed_in("supervisor") as tab, await house.signed_in("admin") as admin:
        revision = await saves(tab, ASKING, 0)
        assert (await tab.post(PUBLISH, json={"revision": revision})).status_code == 403
        assert (await admin.post(PUBLISH, json={"revision": revision})).status_code == 200
        changed = {**ASKING, "name": "Debts"}
        revision = await saves(tab, changed, revision)
        assert (await tab.post(PUBLISH, json={"revision": revision})).status_code == 200


async def test_a_trial_tells_each_path(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        tried = (await tab.post("/api/flows/800/simulate", json={"flow": OFFICE})).json()
        missing = await tab.post("/api/flows/800/simulate", json={})
        malformed = (await tab.post("/api/flows/800/validate", json={"flow": {"start": 1}})).json()
    assert tried["findings"] == []
    assert {path["end"] for path in tried["paths"]} == {"line", "answered", "hangup", "joins"}
    assert tried["longest"] > 300
    assert missing.status_code == 404
    assert [each["key"] for each in malformed["findings"]] == ["malformed"]


async def test_what_is_no_flow_is_not_even_a_draft(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        wrong = await tab.put(DRAFT, json={"flow": {"start": "a"}, "revision": 0})
        nowhere = await tab.put("/api/flows/8%200/draft", json={"flow": SHORT, "revision": 0})
        schema = (await tab.get("/api/flows/schema")).json()
    assert (wrong.status_code, wrong.json()["field"]) == (400, "flow")
    assert nowhere.status_code == 400
    assert set(model.AnyNode.__args__) and "Menu" in schema["$defs"]


async def test_the_core_reads_what_is_published(house: House) -> None:
    keeper = FlowKeeper(house.services.pool, FlowBook())
    async with await house.signed_in("supervisor") as tab:
        await tab.post(PUBLISH, json={"revision": await saves(tab, OFFICE, 0)})
        await keeper.load()
        assert keeper.book.versions == {"800": 1}
        await tab.delete("/api/flows/800")
        await keeper.load()
    assert keeper.book.versions == {}


async def test_the_last_hundred_versions_are_kept(house: House) -> None:
    async with house.services.pool.acquire() as conn:
        user = house.users["admin"]
        flow = model.read(b'{"start": "a", "nodes": {"a": {"verb": "hangup"}}}')
        around, now = house.services.flow_surroundings, house.services.clock()
        revision = await flows.save_draft(conn, user, "800", flow, revision=0, now=now)
        for _ in range(flows.MOST_VERSIONS + 3):
            await flows.publish(conn, user, "800", around, revision=revision, now=now)
        kept = await flows.versions(conn, user, "800")
    assert [kept[0].version, kept[-1].version] == [103, 4]
