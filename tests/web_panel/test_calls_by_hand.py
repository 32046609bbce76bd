"""Calls that people register, calls back that they plan, and the register by phone number: over REST."""

from __future__ import annotations

import pytest

from tests.web_panel.house import House
from tests.web_panel.story import Story


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.mark.req("R-CALL-46")
async def test_a_call_that_was_taken_elsewhere_is_registered_as_done(house: House, story: Story) -> None:
    await house.tell(story.missed("a", "+380501112233"))
    house.clock.pass_by(hours=1)
    async with await house.signed_in("agent") as tab:
        body = {"direction": "outgoing", "phone": "050 111 22 33", "minutes": 5, "content": "З мобільного"}
        made = await tab.post("/api/events/phone-calls", json=body)
        assert made.status_code == 201
        card = (await tab.get(f"/api/events/{made.json()['id']}")).json()["row"]
        left = (await tab.get("/api/follow-ups")).json()
    assert (card["e164"], card["content"], card["owner_name"]) == ("+380501112233", "З мобільного", "Іван Мельник")
    assert (card["started_at"], card["ended_at"]) == ("2030-01-07T10:25:00Z", "2030-01-07T10:30:00Z")
    assert (card["type"], card["number"]) == ("missed_call_answer", "2")
    assert left == []  # it made good what was owed
    async with house.services.pool.acquire() as conn:
        done = await conn.fetchrow("SELECT status, closed_by, result FROM task WHERE event_id = $1", made.json()["id"])
    assert done is not None
    assert tuple(done) == ("done", house.users["agent"].id, "З мобільного")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"direction": "incoming"}, "phone"),
        ({"direction": "incoming", "phone": "100", "started_at": "2030-01-08T09:30:00Z"}, "started_at"),
        ({"direction": "incoming", "phone": "100", "started_at": "2030-01-07T09:20:00Z", "minutes": 60}, "minutes"),
        ({"direction": "sideways", "phone": "100"}, "direction"),
    ],
)
async def test_what_makes_no_sense_is_named(house: House, body: dict[str, object], field: str) -> None:
    async with await house.signed_in("agent") as tab:
        answer = await tab.post("/api/events/phone-calls", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_a_client_who_does_not_exist_is_not_found(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        body = {"direction": "incoming", "client_id": str(house.users["agent"].id)}
        assert (await tab.post("/api/events/phone-calls", json=body)).status_code == 404


@pytest.mark.req("R-CALL-10")
async def test_a_call_back_is_planned_on_the_event_of_a_call(house: House, story: Story) -> None:
    await house.tell(story.started("a"), story.queued("a"), story.offered("a", "1002"), story.answered("a", "1002"))
    async with await house.signed_in("agent") as tab:
        (event,) = (await tab.get("/api/events")).json()["rows"]
        path = f"/api/events/{event['id']}/call-back"
        assert (await tab.post(path, json={"at": "2029-01-01T00:00:00Z"})).json()["field"] == "at"
        assert (await tab.post(path, json={"at": "2030-01-08T08:00:00Z"})).status_code == 201
        (owed,) = (await tab.get("/api/follow-ups")).json()
    assert (owed["asked"], owed["due_at"], owed["owner_name"]) == (True, "2030-01-08T08:00:00Z", "Іван Мельник")


@pytest.mark.req("R-CALL-37")
async def test_by_phone_number_what_belongs_to_one_number_stands_together(house: House, story: Story) -> None:
    for call, number in (("a", "+380931112233"), ("b", "+380501112233"), ("c", "093 111 22 33")):
        await house.tell(story.missed(call, number))
    async with await house.signed_in("supervisor") as tab:

        async def phones(**wanted: str) -> list[str]:
            return [row["phone"] for row in (await tab.get("/api/events", params=wanted)).json()["rows"]]

        assert await phones() == ["093 111 22 33", "+380501112233", "+380931112233"]
        assert await phones(by_phone="true") == ["+380501112233", "093 111 22 33", "+380931112233"]
        assert await phones(by_phone="true", view="unanswered_grouped") == ["+380501112233", "093 111 22 33"]


@pytest.mark.req("R-CALL-41")
async def test_a_follow_up_is_postponed_and_its_card_tells_what_was_done(house: House, story: Story) -> None:
    await house.tell(story.missed("a"))
    async with await house.signed_in("agent") as tab:
        (owed,) = (await tab.get("/api/follow-ups")).json()
        path = f"/api/follow-ups/{owed['id']}"
        assert (await tab.post(f"{path}/claim")).status_code == 204
        assert (await tab.post(f"{path}/postpone", json={"until": "2030-01-07T08:00:00Z"})).json()["field"] == "until"
        assert (await tab.post(f"{path}/postpone", json={"until": "2999-01-07T15:00:00Z"})).json()["field"] == "until"
        assert (await tab.post(f"{path}/postpone", json={"until": "2030-01-07T15:00:00Z"})).status_code == 204
        card = (await tab.get(path)).json()
    assert (card["follow_up"]["due_at"], card["follow_up"]["state"]) == ("2030-01-07T15:00:00Z", "claimed")
    assert [deed["action"] for deed in card["history"]] == ["claimed", "postponed"]


@pytest.mark.req("R-CALL-25", "R-CALL-31", "R-SETTINGS-32", "R-SETTINGS-33")
async def test_an_administrator_reads_and_changes_the_parameters(house: House) -> None:
    async with await house.signed_in("admin") as tab:
        source = "postgresql://reader:secret@pbx.example/asterisk"
        for key, value in (("telephony_load", "on"), ("telephony_source", source), ("min_number_length", "6")):
            assert (await tab.put(f"/api/settings/{key}", json={"value": value})).status_code == 204
        found = (await tab.get("/api/settings")).json()
        for key, value in (("telephony_load", "yes"), ("telephony_table", "a; b"), ("no_such", "1")):
            assert (await tab.put(f"/api/settings/{key}", json={"value": value})).status_code == 400
    parameters = found["parameters"]
    assert (parameters["telephony_load"], parameters["min_number_length"]) == (True, 6)
    assert parameters["telephony_source"] == "postgresql://pbx.example/asterisk"
    assert parameters["queue_creates_task"] is False
    assert found["telephony_server"] == []


@pytest.mark.req("R-CALL-16", "R-CALL-18")
async def test_a_caller_becomes_a_client_in_one_click(house: House, story: Story) -> None:
    await house.tell(story.missed("a", "+380501112233"))
    async with await house.signed_in("agent") as tab:
        (event,) = (await tab.get("/api/events")).json()["rows"]
        assert [stub["e164"] for stub in (await tab.get("/api/clients/unknown-callers")).json()] == ["+380501112233"]
        made = await tab.post("/api/clients", json={"name": "Анна", "event_id": event["id"]})
        assert made.status_code == 201
        card = (await tab.get(f"/api/events/{event['id']}")).json()["row"]
        whose = (await tab.get("/api/clients/by-phone", params={"number": "050 111-22-33"})).json()
        left = (await tab.get("/api/clients/unknown-callers")).json()
        (owed,) = (await tab.get("/api/follow-ups")).json()
    assert (card["client_id"], card["client_name"], left) == (made.json()["id"], "Анна", [])
    assert [(each["name"], each["confidence"]) for each in whose["candidates"]] == [("Анна", 1.0)]
    assert (whose["e164"], owed["client_name"]) == ("+380501112233", "Анна")


async def test_which_of_several_clients_it_was_is_said_in_one_click(house: House, story: Story) -> None:
    await house.tell(story.missed("a", "+380501112233"))
    async with await house.signed_in("supervisor") as tab:
        contacts = [{"name": "Анна Зоря", "job_title": "Директор", "phones": ["0501112233"]}]
        first = (await tab.post("/api/clients", json={"name": "ТОВ А", "contacts": contacts})).json()["id"]
        second = (await tab.post("/api/clients", json={"name": "ТОВ Б", "phones": ["0501112233"]})).json()["id"]
        whose = (await tab.get("/api/clients/by-phone", params={"number": "0501112233"})).json()["candidates"]
        assert [(each["id"], each["confidence"]) for each in whose] == [(first, 0.5), (second, 0.5)]
        (event,) = (await tab.get("/api/events")).json()["rows"]
        path, contact = f"/api/events/{event['id']}", whose[0]["contacts"][0]["id"]
        wrong = await tab.put(f"{path}/client", json={"client_id": second, "contact_id": contact})
        assert wrong.status_code == 404
        right = await tab.put(f"{path}/client", json={"client_id": first, "contact_id": contact})
        assert right.status_code == 204
        card = (await tab.get(path)).json()["row"]
    assert (card["client_name"], card["contact_name"]) == ("ТОВ А", "Анна Зоря")
