"""Whose a number is: clients and contact persons, several with a confidence, a stub for whom nobody knows."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import Outcome
from crm_core import clients, events, follow_ups
from crm_core.access import Forbidden, NotFound
from crm_core.clients import NewClient, NewContact
from crm_core.database import Connection
from crm_core.events import EventFilter, EventRow, View
from crm_core.organisation import User
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
BOHDAN = "+380671234567"
OFFICE = "+380443334455"
HOUR = timedelta(hours=1)


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def newest(conn: Connection, user: User) -> EventRow:
    return (await events.register(conn, user)).rows[0]


async def a_firm(conn: Connection, name: str = "ТОВ Анна", *contacts: NewContact) -> UUID:
    return await clients.create(conn, None, NewClient(name=name, phones=[OFFICE], contacts=contacts))


HEAD = NewContact(name="Анна Зоря", job_title="Директор", phones=["050 111 22 33"])
CLERK = NewContact(name="Богдан Рись", phones=[BOHDAN, "067-123-45-67"])


@pytest.mark.req("R-CALL-16", "R-CALL-17", "R-CALL-43")
async def test_the_contact_person_is_found_by_number_and_the_follow_up_inherits_it(
    conn: Connection, people: dict[str, User]
) -> None:
    client_id = await a_firm(conn, "ТОВ Анна", HEAD, CLERK)
    await tell(conn, missed_call("0671234567").facts)
    event = await newest(conn, people["borys"])
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (event.client_id, event.client_name, event.contact_name) == (client_id, "ТОВ Анна", "Богдан Рись")
    assert (owed.client_id, owed.contact_id, owed.contact_name) == (client_id, event.contact_id, "Богдан Рись")
    assert owed.party_key == f"client:{client_id}"


@pytest.mark.req("R-CALL-16")
async def test_of_several_contact_persons_none_is_guessed(conn: Connection, people: dict[str, User]) -> None:
    client_id = await a_firm(conn, "ТОВ Анна", HEAD, CLERK)
    await tell(conn, answered_call(OFFICE).facts)
    event = await newest(conn, people["borys"])
    assert (event.client_id, event.contact_id) == (client_id, None)


@pytest.mark.req("R-CALL-16")
async def test_the_only_contact_person_is_meant_at_the_firms_number(conn: Connection, people: dict[str, User]) -> None:
    await a_firm(conn, "ТОВ Анна", HEAD)
    await tell(conn, answered_call(OFFICE).facts)
    assert (await newest(conn, people["borys"])).contact_name == "Анна Зоря"


async def test_two_persons_of_one_firm_at_one_number_are_one_client(conn: Connection, people: dict[str, User]) -> None:
    client_id = await a_firm(conn, "ТОВ Анна", HEAD, NewContact(name="Секретар", phones=[ANNA]))
    await tell(conn, answered_call(ANNA).facts)
    event = await newest(conn, people["borys"])
    assert (event.client_id, event.contact_id) == (client_id, None)
    (candidate,) = await clients.candidates(conn, people["borys"], ANNA)
    assert (candidate.confidence, [contact.name for contact in candidate.contacts]) == (1.0, ["Анна Зоря", "Секретар"])


@pytest.mark.req("R-CALL-16")
async def test_a_choice_makes_one_of_several_surer_and_fills_no_other_event(
    conn: Connection, people: dict[str, User]
) -> None:
    first, second = [await a_firm(conn, name) for name in ("ТОВ Анна", "ТОВ Борис")]
    await tell(conn, answered_call(OFFICE).facts)
    event = await newest(conn, people["iryna"])
    found = await clients.candidates(conn, people["iryna"], OFFICE)
    assert [(each.id, each.confidence) for each in found] == [(first, 0.5), (second, 0.5)]
    await clients.choose(conn, people["iryna"], event.id, second, None)
    assert (await newest(conn, people["iryna"])).client_name == "ТОВ Борис"
    found = await clients.candidates(conn, people["iryna"], OFFICE)
    assert [(each.id, each.confidence) for each in found] == [(second, 0.75), (first, 0.25)]
    await tell(conn, answered_call(OFFICE, at=MORNING + HOUR).facts)
    assert (await newest(conn, people["iryna"])).client_id is None  # more than one has it still


async def test_choosing_gives_the_client_the_number_and_what_it_owes(conn: Connection, people: dict[str, User]) -> None:
    client_id = await a_firm(conn)
    await tell(conn, missed_call(ANNA).facts)
    await clients.choose(conn, people["borys"], (await newest(conn, people["borys"])).id, client_id, None)
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (owed.client_id, owed.party_key) == (client_id, f"client:{client_id}")
    await tell(conn, call_back(OFFICE, at=MORNING + HOUR).facts)  # the other number of that client
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert (await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))).total == 0
    await tell(conn, answered_call(ANNA, at=MORNING + 2 * HOUR).facts)
    assert (await newest(conn, people["borys"])).client_id == client_id


async def test_what_does_not_exist_or_belong_together_is_not_found(conn: Connection, people: dict[str, User]) -> None:
    first = await a_firm(conn, "ТОВ Анна", HEAD)
    second = await a_firm(conn, "ТОВ Борис")
    contact = await conn.fetchval("SELECT id FROM contact_person WHERE client_id = $1", first)
    await tell(conn, answered_call(BOHDAN).facts)
    event = await newest(conn, people["iryna"])
    for event_id, client_id, contact_id in (
        (event.id, uuid7(), None),
        (event.id, second, contact),
        (uuid7(), first, contact),
    ):
        with pytest.raises(NotFound):
            await clients.choose(conn, people["iryna"], event_id, client_id, contact_id)
    with pytest.raises(NotFound):
        await clients.choose(conn, people["olena"], event.id, first, contact)  # not her call
    with pytest.raises(Forbidden):
        await clients.choose(conn, people["hanna"], event.id, first, contact)
    assert (await newest(conn, people["iryna"])).client_id is None


@pytest.mark.req("R-CALL-18")
async def test_who_is_nobodys_gets_a_stub_until_he_is_a_client(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call("050 111 22 33").facts, missed_call(ANNA, at=MORNING + HOUR).facts)
    await tell(conn, missed_call("").facts, answered_call(BOHDAN, at=MORNING + HOUR).facts)
    await tell(conn, answered_call(ANNA, at=MORNING + 2 * HOUR).facts)
    found = await clients.unknown_callers(conn, people["borys"])
    assert [(stub.e164, stub.calls, stub.first_seen_at) for stub in found] == [
        (ANNA, 3, MORNING),
        (BOHDAN, 1, MORNING + HOUR),
    ]
    assert (await newest(conn, people["borys"])).client_id is None
    await clients.create(conn, people["olena"], NewClient(name="Анна", phones=[ANNA]))
    assert [stub.e164 for stub in await clients.unknown_callers(conn, people["borys"])] == [BOHDAN]
    await tell(conn, answered_call(ANNA, at=MORNING + 3 * HOUR).facts)
    assert [stub.e164 for stub in await clients.unknown_callers(conn, people["borys"])] == [BOHDAN]


async def test_the_name_that_the_wire_gave_stands_on_the_stub(conn: Connection, people: dict[str, User]) -> None:
    named = Telling().inbound(ANNA, name="<b>Анна</b>").to_line().ended(Outcome.ABANDONED)
    await tell(conn, named.facts, missed_call(ANNA, at=MORNING + HOUR).facts)
    (stub,) = await clients.unknown_callers(conn, people["borys"])
    assert (stub.name, stub.calls) == ("<b>Анна</b>", 2)
