"""Lists of numbers over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from callflow.line_book import Kept, LineBook
from callflow.line_settings import LineSettings
from callflow.previews import Previews
from crm_core.dialling import calling, lists
from tests.web_panel.house import House

NUMBER = "+380501112233"


@pytest.fixture(autouse=True)
def sales(house: House) -> None:
    """The company has a line."""
    book = LineBook(own={"7000": Kept(settings=LineSettings(name="Sales", agents=("1001",)))})
    house.app.state["services"] = replace(house.services, line_book=book)


async def test_a_list_is_made_filled_and_opened_and_its_results_are_told(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        made = await tab.post("/api/dial-lists", json={"name": "Spring", "line": "7000"})
        path = f"/api/dial-lists/{made.json()['id']}"
        json = await tab.post(
            f"{path}/entries", json={"rows": [{"number": "0501112233", "name": "Anna"}, {"number": "x"}]}
        )
        csv = await tab.post(f"{path}/entries.csv", content="number;name\n067 111 22 33;Богдан\n".encode())
        opened = await tab.post(f"{path}/open")
        results = (await tab.get(f"{path}/results")).json()
        calls = (await tab.get(f"{path}/calls", params={"result": "busy"})).json()
        (shown,) = (await tab.get("/api/dial-lists")).json()
    assert (made.status_code, opened.status_code, shown["is_open"], calls) == (201, 204, True, [])
    assert json.json() == {"added": 1, "left_out": [{"row": 2, "number": "x", "reason": "bad_number"}]}
    assert csv.json() == {"added": 1, "left_out": []}
    assert results == {"entries": {"waiting": 2}, "calls": {}}


async def test_a_list_is_changed_and_keeps_its_numbers(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        made = (await tab.post("/api/dial-lists", json={"name": "Spring", "line": "7000", "tries": 2})).json()["id"]
        await tab.post("/api/dial-lists", json={"name": "Summer", "line": "7000"})
        path = f"/api/dial-lists/{made}"
        await tab.post(f"{path}/entries", json={"rows": [{"number": "0501112233"}]})
        new = {"name": "Spring", "line": "7000", "hours": "mon-sun 08:00-21:00", "tries": 5, "pauses": {"busy": 7}}
        put = await tab.put(path, json=new)
        shown = next(each for each in (await tab.get("/api/dial-lists")).json() if each["id"] == made)
        results = (await tab.get(f"{path}/results")).json()
        refused = [
            (await tab.put(each, json={**new, **wrong})).status_code
            for each, wrong in ((path, {"name": "Summer"}), (path, {"hours": ""}), (path, {"line": "7999"}),
                                (f"/api/dial-lists/{UUID(int=7)}", {}))
        ]  # fmt: skip
    assert put.status_code == 204
    assert new.items() <= shown.items()
    assert results["entries"] == {"waiting": 1}
    assert refused == [409, 400, 400, 404]


async def test_what_makes_no_sense_is_named(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        hours = await tab.post("/api/dial-lists", json={"name": "Spring", "line": "7000", "hours": "at night"})
        nowhere = await tab.post("/api/dial-lists", json={"name": "Spring", "line": "7999"})
        made = await tab.post("/api/dial-lists", json={"name": "Spring", "line": "7000"})
        again = await tab.post("/api/dial-lists", json={"name": "spring", "line": "7000"})
        path = f"/api/dial-lists/{made.json()['id']}/entries.csv"
        binary = await tab.post(path, content=b"number\n\xff\xfe\n")
        headless = await tab.post(path, content=b"name\nAnna\n")
    assert (hours.status_code, hours.json()["field"]) == (400, "hours")
    assert (nowhere.status_code, nowhere.json()["field"]) == (400, "line")
    assert (again.status_code, again.json()["error"]) == (409, "entry_taken")
    assert (binary.status_code, headless.json()["field"]) == (400, "number")


async def test_an_agent_bars_a_number_and_a_supervisor_lifts_it(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        barred = await tab.post("/api/do-not-call", json={"number": "050 111 22 33", "reason": "asked"})
        (shown,) = (await tab.get("/api/do-not-call", params={"digits": "501112"})).json()
        refused = await tab.delete(f"/api/do-not-call/{NUMBER}")
        bad = await tab.post("/api/do-not-call", json={"number": "nonsense"})
    async with await house.signed_in("supervisor") as tab:
        lifted = await tab.delete(f"/api/do-not-call/{NUMBER}")
    assert (barred.status_code, refused.status_code, bad.status_code, lifted.status_code) == (204, 403, 400, 204)
    assert (shown["e164"], shown["reason"]) == (NUMBER, "asked")


async def test_dispositions_are_named_in_three_languages_and_added_to(house: House) -> None:
    new = {"key": "bought", "uk": "Купив", "en": "Bought", "ru": "Купил", "act": "done"}
    async with await house.signed_in("supervisor") as tab:
        added = await tab.post("/api/dispositions", json=new)
        again = await tab.post("/api/dispositions", json=new)
        shown = (await tab.get("/api/dispositions")).json()
    assert (added.status_code, again.status_code) == (204, 409)
    assert all(set(each["name"]) == {"uk", "en", "ru"} for each in shown)
    assert [each["key"] for each in shown if not each["system"]] == ["bought"]


async def test_an_agent_sees_whom_to_call_and_calls_or_leaves_it(house: House) -> None:
    now = datetime(2030, 1, 7, 10, tzinfo=UTC)
    previews = Previews(lambda: now)
    house.app.state["services"] = replace(house.app.state["services"], previews=previews, clock=lambda: now)
    async with await house.signed_in("supervisor") as tab:
        list_id = (await tab.post("/api/dial-lists", json={"name": "Spring", "line": "7000"})).json()["id"]
        await tab.post(f"/api/dial-lists/{list_id}/entries", json={"rows": [{"number": NUMBER, "name": "Anna"}]})
    async with house.services.pool.acquire() as conn:
        (entry,) = await calling.reserve(conn, await lists.list_of(conn, UUID(list_id)), 1, now)
    async with await house.signed_in("agent") as tab:
        nobody = (await tab.get("/api/previews/mine")).json()
        extension = (await tab.get("/api/session")).json()["extension"]
        for verb, body, reason in (("dial", {}, None), ("skip", {"reason": "at lunch"}, "at lunch")):
            looking = asyncio.create_task(previews.show(extension, entry.id, 60))
            await asyncio.sleep(0)
            shown = (await tab.get("/api/previews/mine")).json()
            done = await tab.post(f"/api/previews/{entry.id}/{verb}", json=body)
            late = await tab.post(f"/api/previews/{entry.id}/{verb}", json=body)
            assert (shown["card"]["e164"], shown["card"]["name"]) == (NUMBER, "Anna")
            assert (done.status_code, late.status_code, await looking) == (204, 404, reason)
    assert nobody is None
