"""The electronic queue: bookings, walk-ins, numbers, next please. Rows R-QUEUE-03..39."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from crm_core import clients, events, follow_ups, hall
from crm_core.access import Forbidden, NotFound
from crm_core.clients import NewClient
from crm_core.database import Connection, Pool
from crm_core.hall import Booking, NotYours, Refused, Ticket, TicketState, WalkIn
from crm_core.organisation import User
from queue_engine.facts import TicketCalled, TicketIssued
from tests.crm_core.company import MORNING, found_company, missed_call, tell

MINUTE = timedelta(minutes=1)
ANNA = "+380501112233"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


def a_booking(
    minutes: float = 0, *, key: str | None = None, service: str = "docs", phone: str = ANNA, companies: int = 1
) -> Booking:
    return Booking(
        service_code=service,
        starts_at=MORNING + minutes * MINUTE,
        name="Анна",
        phone=phone,
        company_count=companies,
        idempotency_key=key,
    )


async def walk_in(conn: Connection, people: dict[str, User], minutes: float = 0, service: str = "docs") -> Ticket:
    return await hall.issue(
        conn, people["hanna"], WalkIn(service_code=service, name="Богдан"), now=MORNING + minutes * MINUTE
    )


# Booking


@pytest.mark.req("R-QUEUE-07", "R-QUEUE-14", "R-QUEUE-22", "O-08")
async def test_a_booking_is_an_event_of_type_electronic_queue_at_the_chosen_time(
    conn: Connection, people: dict[str, User]
) -> None:
    ticket = await hall.book(conn, a_booking(120), now=MORNING)
    event = (await events.register(conn, people["borys"])).rows[0]
    assert (event.type, event.id, event.number) == ("electronic_queue", ticket.event_id, "A001")
    assert (event.started_at, event.ended_at) == (MORNING + 120 * MINUTE, MORNING + 135 * MINUTE)
    assert (event.phone, event.display_name) == (ANNA, "Анна")


@pytest.mark.req("R-QUEUE-20")
async def test_a_walk_in_is_an_event_of_type_queue(conn: Connection, people: dict[str, User]) -> None:
    ticket = await walk_in(conn, people)
    event = (await events.register(conn, people["borys"])).rows[0]
    assert (event.type, event.id, event.started_at) == ("queue", ticket.event_id, MORNING)


@pytest.mark.req("R-QUEUE-15", "R-QUEUE-17", "R-QUEUE-23", "O-07")
async def test_the_length_of_a_visit_goes_by_the_number_of_companies(conn: Connection, people: dict[str, User]) -> None:
    ticket = await hall.book(conn, a_booking(companies=3), now=MORNING)
    assert ticket.ends_at - ticket.starts_at == 45 * MINUTE
    await conn.execute("""
        INSERT INTO service_duration (service_id, companies_from, minutes)
        SELECT id, x.companies, x.minutes FROM service, (VALUES (1, 10), (3, 25)) x (companies, minutes)
    """)
    for companies, minutes in ((1, 10), (2, 10), (3, 25), (9, 25)):
        ticket = await hall.book(conn, a_booking(companies=companies), now=MORNING)
        assert ticket.ends_at - ticket.starts_at == minutes * MINUTE
    desk = await hall.issue(conn, people["hanna"], WalkIn(service_code="docs", company_count=4), now=MORNING)
    assert desk.ends_at - desk.starts_at == 25 * MINUTE


@pytest.mark.req("R-QUEUE-19")
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("service_code", "", "required"),
        ("service_code", "nothing", "unknown"),
        ("name", "  ", "required"),
        ("name", "a\nb", "invalid"),
        ("phone", "", "required"),
        ("phone", "call me", "invalid"),
        ("phone", "1001", "invalid"),
        ("company_count", 0, "invalid"),
        ("company_count", 51, "invalid"),
        ("language", "de", "unknown"),
        ("idempotency_key", "", "invalid"),
        ("idempotency_key", "a\0b", "invalid"),
        ("starts_at", MORNING - timedelta(hours=1), "in_the_past"),
        ("starts_at", MORNING + timedelta(days=400), "too_far"),
        ("starts_at", datetime(2030, 1, 7, 9, 30), "invalid"),  # noqa: DTZ001 - whose clock? is what is tested
    ],
)
async def test_a_booking_that_lacks_something_is_refused_by_field(
    conn: Connection, people: dict[str, User], field: str, value: object, reason: str
) -> None:
    changed = {field: value}
    with pytest.raises(Refused) as refused:
        await hall.book(conn, replace(a_booking(), **changed), now=MORNING)  # type: ignore[arg-type] # one field
    assert (refused.value.field, refused.value.reason) == (field, reason)
    assert await conn.fetchval("SELECT count(*) FROM event") == 0


async def test_fifty_equal_posts_give_one_booking(conn: Connection, pool: Pool, people: dict[str, User]) -> None:
    async def post() -> Ticket:
        async with pool.acquire() as own:
            return await hall.book(own, a_booking(30, key="one"), now=MORNING)

    tickets = await asyncio.gather(*(post() for _ in range(50)))
    assert len({ticket.id for ticket in tickets}) == 1
    assert await conn.fetchval("SELECT count(*) FROM ticket") == await conn.fetchval("SELECT count(*) FROM event") == 1
    assert await conn.fetchval("SELECT count(*) FROM outbox WHERE kind = 'ticket.issued'") == 1
    assert (await hall.book(conn, a_booking(30, key="two"), now=MORNING)).number == "A002"  # none was wasted


async def test_a_key_is_not_for_another_booking(conn: Connection, people: dict[str, User]) -> None:
    await hall.book(conn, a_booking(30, key="one"), now=MORNING)
    with pytest.raises(Refused, match="idempotency_key: reused"):
        await hall.book(conn, a_booking(60, key="one"), now=MORNING)
    assert (await hall.book(conn, a_booking(30, key="one"), now=MORNING + 90 * MINUTE)).number == "A001"


@pytest.mark.req("R-QUEUE-04", "R-QUEUE-24", "R-SETTINGS-20")
async def test_each_project_has_its_own_numbers(conn: Connection, pool: Pool, people: dict[str, User]) -> None:
    async def post(number: int) -> str:
        async with pool.acquire() as own:
            service = "docs" if number % 2 else "pay"
            return (await hall.book(own, a_booking(number, service=service), now=MORNING)).number

    numbers = await asyncio.gather(*(post(number) for number in range(20)))
    assert sorted(numbers) == [f"{prefix}{number:03}" for prefix in "AB" for number in range(1, 11)]


async def test_numbers_begin_anew_on_each_local_day(conn: Connection, people: dict[str, User]) -> None:
    before_midnight = datetime(2030, 7, 1, 20, 30, tzinfo=UTC)  # 23:30 in Kyiv, in summer time
    numbers = []
    for hours in (0, 1, 2, 24):
        booking = replace(a_booking(), starts_at=before_midnight + timedelta(hours=hours))
        numbers.append((await hall.book(conn, booking, now=MORNING)).number)
    assert numbers == ["A001", "A001", "A002", "A003"]  # the last is still on the second day there


async def test_the_day_is_the_branchs_own(conn: Connection, people: dict[str, User]) -> None:
    await conn.execute("""
        INSERT INTO org_unit (id, parent_id, name, timezone) VALUES
            ('00000000-0000-0000-0000-00000000000a', NULL, 'overseas', 'America/New_York'),
            ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-00000000000a', 'desk', NULL)
    """)
    await conn.execute("UPDATE project SET org_unit_id = '00000000-0000-0000-0000-00000000000b'")
    night = datetime(2030, 1, 8, 1, 0, tzinfo=UTC)  # the evening of the 7th in New York, the 8th in Kyiv
    await hall.book(conn, replace(a_booking(), starts_at=night), now=MORNING)
    assert await conn.fetchval("SELECT day::text FROM ticket") == "2030-01-07"


async def test_the_client_of_a_booking_is_found_by_number(conn: Connection, people: dict[str, User]) -> None:
    client_id = await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA]))
    await hall.book(conn, a_booking(phone="050 111-22-33"), now=MORNING)
    assert (await events.register(conn, people["borys"])).rows[0].client_id == client_id


# Serving


@pytest.mark.req("R-QUEUE-28", "R-QUEUE-32", "R-QUEUE-33", "O-10")
async def test_the_earliest_is_called_and_shown_with_number_and_window(
    conn: Connection, people: dict[str, User]
) -> None:
    for minutes in (20, 10, 0):
        await walk_in(conn, people, minutes)
    ticket = await hall.call_next(conn, people["taras"], now=MORNING + 30 * MINUTE)
    assert ticket is not None
    assert (ticket.number, ticket.window, ticket.state) == ("A003", "2", TicketState.CALLED)
    assert [(line.number, line.window) for line in await hall.board(conn)] == [("A003", "2")]


@pytest.mark.req("R-QUEUE-39")
async def test_bookings_and_walk_ins_stand_in_one_order_of_time(conn: Connection, people: dict[str, User]) -> None:
    await hall.book(conn, a_booking(7), now=MORNING)
    await walk_in(conn, people, 5)
    await hall.book(conn, a_booking(3), now=MORNING)
    called = []
    for _ in range(3):
        ticket = await hall.call_next(conn, people["olena"], now=MORNING + 10 * MINUTE)
        assert ticket is not None
        called.append(ticket.number)
        await hall.serve(conn, people["olena"], ticket.id, now=MORNING + 10 * MINUTE)
    assert called == ["A003", "A002", "A001"]


@pytest.mark.req("R-QUEUE-29", "R-QUEUE-30", "R-QUEUE-31", "R-QUEUE-34", "O-42")
async def test_the_call_makes_a_task_of_the_operator_with_what_the_event_knows(
    conn: Connection, people: dict[str, User]
) -> None:
    client_id = await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA]))
    booked = await hall.book(conn, a_booking(), now=MORNING)
    await hall.call_next(conn, people["olena"], now=MORNING)
    task = await conn.fetchrow("SELECT * FROM task WHERE kind = 'queue'")
    assert task is not None
    assert (task["event_id"], task["event_type"], task["client_id"]) == (booked.event_id, "electronic_queue", client_id)
    assert (task["starts_at"], task["ends_at"], task["status"]) == (booked.starts_at, booked.ends_at, "assigned")
    assert task["assignee_id"] == people["olena"].id
    await hall.serve(conn, people["olena"], booked.id, now=MORNING + 9 * MINUTE, result="Видано довідку")
    task = await conn.fetchrow("SELECT * FROM task WHERE kind = 'queue'")
    assert task is not None
    assert (task["status"], task["result"], task["closed_at"]) == ("done", "Видано довідку", MORNING + 9 * MINUTE)


@pytest.mark.req("R-QUEUE-08", "R-QUEUE-09", "O-04")
async def test_a_task_made_on_saving_is_handed_over_not_made_twice(conn: Connection) -> None:
    people = await found_company(conn, queue_creates_task="on")
    await hall.book(conn, a_booking(), now=MORNING)
    assert await conn.fetchval("SELECT assignee_id IS NULL FROM task") is True
    await hall.call_next(conn, people["taras"], now=MORNING)
    assert [row["assignee_id"] for row in await conn.fetch("SELECT assignee_id FROM task")] == [people["taras"].id]


async def test_whom_an_operator_serves_at_midnight_is_served_to_the_end(
    conn: Connection, people: dict[str, User]
) -> None:
    """The operator is called to nobody else until then, and is offered no calls."""
    await walk_in(conn, people)
    ticket = await hall.call_next(conn, people["olena"], now=MORNING)
    assert ticket is not None
    await walk_in(conn, people)
    (shown,) = await hall.waiting(conn, people["olena"], now=MORNING + timedelta(days=1))
    assert (shown.id, shown.state) == (ticket.id, TicketState.CALLED)


@pytest.mark.req("R-QUEUE-05", "R-QUEUE-26")
async def test_a_project_without_the_queue_is_not_searched(conn: Connection, people: dict[str, User]) -> None:
    await walk_in(conn, people)
    await conn.execute("UPDATE project SET uses_queue = false")
    assert await hall.call_next(conn, people["olena"], now=MORNING) is None
    assert await hall.services(conn) == []


@pytest.mark.req("R-QUEUE-06", "R-QUEUE-27")
async def test_an_operator_serves_only_the_own_working_groups(conn: Connection, people: dict[str, User]) -> None:
    ticket = await walk_in(conn, people, service="pay")
    assert await hall.call_next(conn, people["olena"], now=MORNING) is None
    assert await hall.waiting(conn, people["olena"], now=MORNING) == []
    called = await hall.call_next(conn, people["iryna"], now=MORNING)
    assert called is not None
    assert called.id == ticket.id


@pytest.mark.req("R-QUEUE-35", "R-QUEUE-36")
async def test_operators_who_ask_at_once_never_get_the_same_visitor(
    conn: Connection, pool: Pool, people: dict[str, User]
) -> None:
    issued = [await walk_in(conn, people, minutes / 10) for minutes in range(20)]
    operators = [people["olena"], people["taras"]]
    called: list[str] = []

    async def work(operator: User) -> None:
        async with pool.acquire() as own:
            while ticket := await hall.call_next(own, operator, now=MORNING + 5 * MINUTE):
                called.append(ticket.number)
                await hall.serve(own, operator, ticket.id, now=MORNING + 5 * MINUTE)

    await asyncio.gather(*(work(operator) for operator in operators))
    assert sorted(called) == [ticket.number for ticket in issued]
    assert await conn.fetchval("SELECT count(DISTINCT event_id) FROM task WHERE kind = 'queue'") == 20


@pytest.mark.req("R-QUEUE-38")
async def test_an_operator_with_a_visitor_is_not_free(conn: Connection, pool: Pool, people: dict[str, User]) -> None:
    for minutes in range(3):
        await walk_in(conn, people, minutes)

    async def press() -> Ticket | None:
        async with pool.acquire() as own:
            return await hall.call_next(own, people["olena"], now=MORNING + 5 * MINUTE)

    pressed = await asyncio.gather(*(press() for _ in range(5)))
    (ticket,) = [each for each in pressed if each]
    assert await hall.current(conn, people["olena"]) == ticket
    await hall.serve(conn, people["olena"], ticket.id, now=MORNING + 6 * MINUTE)
    assert await hall.current(conn, people["olena"]) is None
    assert await press() is not None


@pytest.mark.req("R-QUEUE-18", "O-05")
async def test_who_is_booked_for_later_is_called_when_due_or_when_reported_in(
    conn: Connection, people: dict[str, User]
) -> None:
    booked = await hall.book(conn, a_booking(60), now=MORNING)
    assert await hall.call_next(conn, people["olena"], now=MORNING) is None
    await hall.check_in(conn, people["hanna"], booked.id, now=MORNING)
    called = await hall.call_next(conn, people["olena"], now=MORNING + MINUTE)
    assert called is not None
    with pytest.raises(NotFound):
        await hall.check_in(conn, people["hanna"], booked.id, now=MORNING)

    await hall.book(conn, a_booking(60), now=MORNING)
    assert await hall.call_next(conn, people["taras"], now=MORNING + 44 * MINUTE) is None
    assert await hall.call_next(conn, people["taras"], now=MORNING + 45 * MINUTE) is not None


@pytest.mark.req("O-05")
async def test_a_queue_with_check_in_calls_only_who_reported_in(conn: Connection) -> None:
    people = await found_company(conn, queue_check_in="on")
    booked = await hall.book(conn, a_booking(), now=MORNING)
    assert await hall.call_next(conn, people["olena"], now=MORNING + 5 * MINUTE) is None
    await walk_in(conn, people, 2)
    await hall.check_in(conn, people["hanna"], booked.id, now=MORNING + 4 * MINUTE)
    called = await hall.call_next(conn, people["olena"], now=MORNING + 5 * MINUTE)
    assert called is not None
    assert called.id == booked.id


async def test_yesterdays_visitor_is_not_called_today(conn: Connection, people: dict[str, User]) -> None:
    await walk_in(conn, people)
    tomorrow = MORNING + timedelta(days=1)
    assert await hall.call_next(conn, people["olena"], now=tomorrow) is None
    assert await hall.waiting(conn, people["hanna"], now=tomorrow) == []


async def test_only_who_called_serves(conn: Connection, people: dict[str, User]) -> None:
    first, _ = await walk_in(conn, people), await walk_in(conn, people, 1)
    with pytest.raises(NotYours):
        await hall.serve(conn, people["olena"], first.id, now=MORNING)
    await hall.call_next(conn, people["olena"], now=MORNING)
    with pytest.raises(NotYours):
        await hall.serve(conn, people["taras"], first.id, now=MORNING)
    await hall.serve(conn, people["borys"], first.id, now=MORNING)  # a supervisor
    served = await hall.serve(conn, people["olena"], first.id, now=MORNING + MINUTE)  # twice is harmless
    assert served.state is TicketState.SERVED
    assert await conn.fetchval("SELECT count(*) FROM outbox WHERE kind = 'ticket.served'") == 1


@pytest.mark.req("R-PANEL-16")
async def test_names_are_for_who_serves_never_for_the_display(conn: Connection, people: dict[str, User]) -> None:
    await hall.book(conn, a_booking(), now=MORNING)
    (waiting,) = await hall.waiting(conn, people["hanna"], now=MORNING)
    assert (waiting.name, waiting.phone, waiting.company_count) == ("Анна", ANNA, 1)
    await hall.call_next(conn, people["olena"], now=MORNING)
    told = "".join([row["payload"] for row in await conn.fetch("SELECT payload FROM outbox")])
    assert "Анна" not in told
    assert "1112233" not in told
    assert "Анна" not in repr(await hall.board(conn))


async def test_who_hears_of_tickets_hears_the_facts_of_the_ledger(conn: Connection, people: dict[str, User]) -> None:
    issued = await hall.book(conn, a_booking(), now=MORNING)
    await hall.call_next(conn, people["olena"], now=MORNING)
    rows = await conn.fetch("SELECT kind, payload FROM outbox ORDER BY id")
    first = msgspec.json.decode(rows[0]["payload"], type=TicketIssued)
    second = msgspec.json.decode(rows[1]["payload"], type=TicketCalled)
    assert [row["kind"] for row in rows] == ["ticket.issued", "ticket.called"]
    assert (first.ticket, second.ticket, second.window) == (issued.id, issued.id, "1")
    assert [row["id"] for row in await conn.fetch("SELECT id FROM ledger ORDER BY seq")] == [first.id, second.id]


async def test_a_visit_makes_up_for_a_missed_call(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts)
    ticket = await hall.book(conn, a_booking(30), now=MORNING)
    await hall.call_next(conn, people["olena"], now=MORNING + 30 * MINUTE)
    assert len(await follow_ups.open_list(conn, people["borys"])) == 1
    await hall.serve(conn, people["olena"], ticket.id, now=MORNING + 40 * MINUTE)
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert await conn.fetchval("SELECT result FROM task WHERE kind = 'follow_up'") == "visited"


async def test_a_visit_makes_up_for_a_missed_call_from_another_number_of_the_client(
    conn: Connection, people: dict[str, User]
) -> None:
    office = "+380441112233"
    await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA, office]))
    await tell(conn, missed_call(office).facts)
    ticket = await hall.book(conn, a_booking(30), now=MORNING)
    await hall.call_next(conn, people["olena"], now=MORNING + 30 * MINUTE)
    await hall.serve(conn, people["olena"], ticket.id, now=MORNING + 40 * MINUTE)
    assert await follow_ups.open_list(conn, people["borys"]) == []


async def test_only_the_desk_issues_tickets(conn: Connection, people: dict[str, User]) -> None:
    with pytest.raises(Forbidden):
        await hall.issue(conn, people["olena"], WalkIn(service_code="docs"), now=MORNING)
    with pytest.raises(Forbidden):
        await hall.check_in(conn, people["olena"], people["olena"].id, now=MORNING)
    with pytest.raises(Refused, match="service_code"):
        await hall.issue(conn, people["hanna"], WalkIn(service_code="x"), now=MORNING)


@pytest.mark.req("R-QUEUE-24")
async def test_the_schema_refuses_a_number_twice_in_a_day(conn: Connection, people: dict[str, User]) -> None:
    await walk_in(conn, people)
    await walk_in(conn, people)
    with pytest.raises(asyncpg.UniqueViolationError):
        await conn.execute("UPDATE ticket SET number = 'A001'")
