"""The hall: bookings from any website, walk-ins, the operator's window, the board."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm_core.database import Pool
from tests.web_panel.asgi_socket import AsgiSocket
from tests.web_panel.house import House, a_house, cookie
from tests.web_panel.story import BEGIN
from web_panel.ports import PanelSettings


def a_booking(**changes: object) -> dict[str, object]:
    booking: dict[str, object] = {
        "service_code": "consult",
        "starts_at": (BEGIN + timedelta(minutes=5)).isoformat(),
        "name": "Тарас Шевчук",
        "phone": "067 123 45 67",
        "company_count": 2,
        "language": "uk",
    }
    return booking | changes


async def test_anybody_sees_what_can_be_booked(house: House) -> None:
    async with house.visitor() as tab:
        services = (await tab.get("/api/public/services")).json()
    assert [(service["code"], service["slot_minutes"]) for service in services] == [("consult", 15)]
    assert services[0]["name"]["uk"] == "Консультація"


@pytest.mark.req("R-QUEUE-12", "R-QUEUE-13", "R-QUEUE-14")
async def test_a_website_books_and_gets_a_number(house: House) -> None:
    async with house.visitor(Origin="https://shop.example") as website:
        answer = await website.post("/api/public/bookings", json=a_booking())
    assert answer.status_code == 201
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["number"] == "A-001"
    assert answer.json()["ends_at"] == "2030-01-07T10:05:00Z"  # two companies, fifteen minutes each
    async with await house.signed_in("supervisor") as tab:
        (event,) = (await tab.get("/api/events")).json()["rows"]
    assert (event["type"], event["e164"]) == ("electronic_queue", "+380671234567")


@pytest.mark.req("R-QUEUE-01", "R-QUEUE-10")
async def test_both_ways_into_the_queue_lead_to_events_of_one_project_and_each_turn_to_a_task(house: House) -> None:
    async with house.visitor() as website:
        booked = (await website.post("/api/public/bookings", json=a_booking())).json()["number"]
    async with await house.signed_in("hall") as desk:
        walked_in = (await desk.post("/api/hall/tickets", json={"service_code": "consult"})).json()["number"]
    async with await house.signed_in("agent") as operator:
        assert (await operator.post("/api/hall/call-next")).json()["number"] == walked_in, "is here already"
    async with house.services.pool.acquire() as conn:
        queued = await conn.fetch(
            "SELECT e.number, e.type, p.uses_queue FROM event e JOIN project p ON p.id = e.project_id"
        )
        tasks = await conn.fetch("SELECT e.number FROM task t JOIN event e ON e.id = t.event_id")
    assert {(row["number"], row["type"], row["uses_queue"]) for row in queued} == {
        (booked, "electronic_queue", True),
        (walked_in, "queue", True),
    }
    assert [row["number"] for row in tasks] == [walked_in]


@pytest.mark.req("R-QUEUE-02", "R-QUEUE-03")
@pytest.mark.parametrize("parameter", ["auto_numbering", "event_numbers_per_project"])
async def test_the_queue_works_only_while_numbering_is_on(house: House, parameter: str) -> None:
    async def switch(value: str) -> None:
        async with await house.signed_in("admin") as tab:
            assert (await tab.put(f"/api/settings/{parameter}", json={"value": value})).status_code == 204

    await switch("off")
    async with house.visitor() as website, await house.signed_in("hall") as desk:
        booked = await website.post("/api/public/bookings", json=a_booking())
        walked_in = await desk.post("/api/hall/tickets", json={"service_code": "consult"})
        for refused in (booked, walked_in):
            assert (refused.status_code, refused.json()["error"]) == (400, "numbering_off")
            assert refused.json()["field"] == parameter
        await switch("on")
        assert (await website.post("/api/public/bookings", json=a_booking())).json()["number"] == "A-001"


async def test_another_websites_page_may_ask_before_it_posts(house: House) -> None:
    async with house.visitor(Origin="https://shop.example") as website:
        answer = await website.options("/api/public/bookings", headers={"Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.req("R-QUEUE-16", "R-QUEUE-19")
@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"name": None}, "name", "required"),
        ({"name": "  "}, "name", "required"),
        ({"phone": None}, "phone", "required"),
        ({"phone": ""}, "phone", "required"),
        ({"phone": "call me"}, "phone", "invalid"),
        ({"service_code": None}, "service_code", "required"),
        ({"service_code": "tea"}, "service_code", "unknown"),
        ({"starts_at": None}, "starts_at", "required"),
        ({"starts_at": "tomorrow"}, "starts_at", "invalid"),
        ({"starts_at": "2029-01-01T10:00:00Z"}, "starts_at", "in_the_past"),
        ({"company_count": "two"}, "company_count", "invalid"),
        ({"company_count": 0}, "company_count", "invalid"),
    ],
)
async def test_a_booking_that_lacks_or_garbles_a_field_names_it(
    house: House, changes: dict[str, object], field: str, error: str
) -> None:
    booking = {name: value for name, value in a_booking(**changes).items() if value is not None}
    async with house.visitor() as website:
        answer = await website.post("/api/public/bookings", json=booking, headers={"Accept-Language": "en"})
    assert answer.status_code == 400
    assert (answer.json()["field"], answer.json()["error"]) == (field, error)
    assert not answer.json()["message"].startswith(field)  # the field by its name for people


async def test_a_time_without_an_offset_is_the_companys(house: House) -> None:
    async with house.visitor() as website:
        answer = await website.post("/api/public/bookings", json=a_booking(starts_at="2030-01-08T09:00:00"))
    assert answer.json()["starts_at"] == "2030-01-08T07:00:00Z"  # Kyiv, winter


async def test_the_same_key_books_once_however_often_it_is_sent(house: House) -> None:
    async with house.visitor(address="192.0.2.1") as website:
        numbers = set()
        for _ in range(12):
            answer = await website.post("/api/public/bookings", json=a_booking(), headers={"Idempotency-Key": "form-1"})
            numbers.add(answer.json()["number"])
        reused = await website.post(
            "/api/public/bookings", json=a_booking(name="Інший"), headers={"Idempotency-Key": "form-1"}
        )
    assert numbers == {"A-001"}
    assert (reused.status_code, reused.json()["error"]) == (400, "reused")


async def test_ten_attempts_a_minute_from_one_address(house: House) -> None:
    async with house.visitor() as robot, house.visitor(address="198.51.100.9") as somebody:
        for _ in range(10):
            assert (await robot.post("/api/public/bookings", json=a_booking(service_code="tea"))).status_code == 400
        slowed = await robot.post("/api/public/bookings", json=a_booking())
        assert slowed.status_code == 429
        assert 0 < int(slowed.headers["retry-after"]) <= 61
        assert (await somebody.post("/api/public/bookings", json=a_booking())).status_code == 201
        house.clock.pass_by(seconds=61)
        assert (await robot.post("/api/public/bookings", json=a_booking())).status_code == 201


async def test_three_bookings_an_hour_for_one_phone_and_a_repeated_one_counts_once(house: House) -> None:
    async def book(key: str, address: str, phone: str = "0671234567") -> int:
        async with house.visitor(address=address) as website:
            answer = await website.post(
                "/api/public/bookings", json=a_booking(phone=phone), headers={"Idempotency-Key": key}
            )
        return answer.status_code

    first = [await book(key, "203.0.113.1") for key in ("a", "b", "b", "c")]
    assert first == [201, 201, 201, 201]
    assert await book("d", "203.0.113.2", "+380 67 123 45 67") == 429  # another spelling, another address
    assert await book("c", "203.0.113.3") == 201  # sent again: the same booking
    assert await book("e", "203.0.113.4", "0501112233") == 201
    house.clock.pass_by(minutes=61)
    assert await book("f", "203.0.113.5") in (201, 400)  # in the past by now, but not too many


async def test_a_trusted_address_has_no_limits(house: House) -> None:
    async with house.visitor(address="192.0.2.1") as kiosk:
        for _ in range(12):
            assert (await kiosk.post("/api/public/bookings", json=a_booking())).status_code == 201


@pytest.mark.req("R-QUEUE-20", "R-QUEUE-24")
async def test_the_hall_administrator_gives_a_walk_in_a_number(house: House) -> None:
    async with await house.signed_in("hall") as desk:
        first = await desk.post("/api/hall/tickets", json={"service_code": "consult", "name": "Юрій"})
        second = await desk.post("/api/hall/tickets", json={"service_code": "consult"})
        refused = await desk.post("/api/hall/tickets", json={"service_code": "tea"})
    assert (first.json()["number"], second.json()["number"]) == ("A-001", "A-002")
    assert (refused.status_code, refused.json()["field"]) == (400, "service_code")


@pytest.mark.req("R-QUEUE-28", "R-QUEUE-32", "R-QUEUE-33", "R-QUEUE-41", "R-PANEL-16")
async def test_next_please_goes_to_the_board_and_to_the_operator(house: House) -> None:
    async with await house.signed_in("hall") as desk, await house.signed_in("agent") as operator:
        await desk.post("/api/hall/tickets", json={"service_code": "consult", "name": "Юрій", "phone": "0671234567"})
        await house.deliver()
        waiting = (await operator.get("/api/hall/tickets")).json()
        assert [(ticket["number"], ticket["name"]) for ticket in waiting] == [("A-001", "Юрій")]
        async with AsgiSocket(house.app, "/api/public/board/live") as board:
            assert (await board.receive())["board"] == []
            called = await operator.post("/api/hall/call-next")
            await house.deliver()
            shown = await board.receive_type("board.changed")
        assert (called.json()["number"], called.json()["window"]) == ("A-001", "2")
        assert [(line["number"], line["window"]) for line in shown["board"]] == [("A-001", "2")]
        assert "Юрій" not in str(shown)
        async with house.visitor() as anybody:
            assert (await anybody.get("/api/public/board")).json() == shown["board"]
        assert (await operator.post("/api/hall/call-next")).status_code == 204  # one visitor at a time
        served = await operator.post(f"/api/hall/tickets/{called.json()['id']}/serve")
        assert served.status_code == 204
        await house.deliver()
    assert house.live.board() == ()


async def test_a_colleagues_visitor_is_not_mine_to_serve(house: House) -> None:
    async with await house.signed_in("hall") as desk, await house.signed_in("agent") as operator:
        await desk.post("/api/hall/tickets", json={"service_code": "consult"})
        called = (await operator.post("/api/hall/call-next")).json()
    async with await house.signed_in("colleague") as colleague:
        answer = await colleague.post(f"/api/hall/tickets/{called['id']}/serve")
    assert (answer.status_code, answer.json()["error"]) == (409, "not_yours")


@pytest.mark.req("R-QUEUE-18")
async def test_a_booked_visitor_reports_at_the_desk(house: House) -> None:
    async with house.visitor() as website:
        booked = (
            await website.post(
                "/api/public/bookings", json=a_booking(starts_at=(BEGIN + timedelta(hours=3)).isoformat())
            )
        ).json()
    async with await house.signed_in("agent") as operator, await house.signed_in("hall") as desk:
        assert (await operator.post("/api/hall/call-next")).status_code == 204  # the time has not come
        assert (await desk.post(f"/api/hall/tickets/{booked['id']}/check-in")).status_code == 204
        assert (await operator.post("/api/hall/call-next")).json()["number"] == booked["number"]


@pytest.mark.req("R-PANEL-11", "R-PANEL-13")
async def test_the_operators_panel_hears_of_a_new_ticket(house: House) -> None:
    tab = await house.signed_in("agent")
    desk = await house.signed_in("hall")
    async with AsgiSocket(house.app, "/api/live", cookie=cookie(tab)) as socket:
        await socket.receive_type("snapshot")
        await desk.post("/api/hall/tickets", json={"service_code": "consult"})
        await house.deliver()
        ticket: dict[str, Any] = (await socket.receive_type("ticket.changed"))["ticket"]
    assert (ticket["number"], ticket["state"]) == ("A-001", "waiting")


async def test_who_serves_the_hall_has_a_row_on_the_panel(house: House) -> None:
    tab = await house.signed_in("hall")
    async with AsgiSocket(house.app, "/api/live", cookie=cookie(tab)) as socket:
        snapshot = await socket.receive_type("snapshot")
    assert [agent["window"] for agent in snapshot["agents"]] == ["5"]


async def test_the_panel_says_whose_it_is(pool: Pool) -> None:
    house = await a_house(pool, PanelSettings(company="Ромашка", language="en"))
    async with house.visitor() as anybody:
        about = (await anybody.get("/api/public/about")).json()
    assert about == {"company": "Ромашка", "language": "en", "time_zone": "Europe/Kyiv"}
