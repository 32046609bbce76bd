"""Calls become Events: which type, whose, with what in it. Rows R-CALL-03..24 and the short-number rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import CallEnded, Outcome, PhoneOffline, PhoneOnline
from crm_core import calls, clients, dictionaries, events
from crm_core.clients import NewClient
from crm_core.database import Connection
from crm_core.dictionaries import Dictionary
from crm_core.events import EventFilter, EventRow, View
from crm_core.organisation import User
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
BOHDAN = "+380671234567"


async def the_event(conn: Connection, user: User) -> EventRow:
    page = await events.register(conn, user)
    assert page.total == 1
    return page.rows[0]


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


@pytest.mark.req("R-CALL-03", "R-CALL-05", "R-CALL-14", "R-CALL-15", "R-CALL-19")
async def test_an_answered_incoming_call_is_an_event_of_who_took_it(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, answered_call(ANNA, by="1003", seconds=60).facts)
    event = await the_event(conn, people["borys"])
    assert (event.type, event.phone, event.owner_name) == ("incoming_call", ANNA, "Ірина Гай")
    assert (event.started_at, event.talk_seconds) == (MORNING, 60)
    assert event.answered_at == MORNING + timedelta(seconds=5)
    assert event.ended_at == MORNING + timedelta(seconds=66)
    assert event.number == "1"


@pytest.mark.req("R-CALL-06", "R-CALL-19")
async def test_an_outgoing_call_that_is_answered_is_an_event_of_who_placed_it(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, call_back(ANNA, by="1001").facts)
    event = await the_event(conn, people["borys"])
    assert (event.type, event.phone, event.owner_name) == ("outgoing_call", ANNA, "Олена Коваль")


@pytest.mark.req("R-CALL-07")
@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.ANSWERED])
async def test_an_incoming_call_that_nobody_took_is_missed(
    conn: Connection, people: dict[str, User], outcome: Outcome
) -> None:
    await tell(conn, Telling().inbound(ANNA).to_line().rings("1003").ended(outcome).facts)
    event = await the_event(conn, people["borys"])
    assert (event.type, event.owner_name, event.answered_at) == ("missed_incoming_call", "Ірина Гай", None)


@pytest.mark.req("R-CALL-08")
async def test_an_outgoing_call_that_is_not_answered_is_missed_by_the_other_side(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, Telling().outbound("1001", ANNA).ended(Outcome.NO_ANSWER).facts)
    event = await the_event(conn, people["borys"])
    assert (event.type, event.owner_name) == ("missed_outgoing_call", "Олена Коваль")
    assert await conn.fetchval("SELECT count(*) FROM task") == 0


async def test_the_event_is_there_while_the_phone_still_rings(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, Telling().inbound(ANNA).to_line().rings("1003").facts)
    event = await the_event(conn, people["borys"])
    assert (event.type, event.ended_at) == ("incoming_call", None)


@pytest.mark.req("R-CALL-12", "R-CALL-13", "R-SETTINGS-04")
async def test_every_system_type_of_calls_and_phones_is_given_by_itself(
    conn: Connection, people: dict[str, User]
) -> None:
    online = PhoneOnline(id=uuid7(), at=MORNING, extension="1003", user_agent="test")
    offline = PhoneOffline(id=uuid7(), at=MORNING + timedelta(hours=9), extension="1003")
    ours_missed = Telling(MORNING).outbound("1003", BOHDAN).ended(Outcome.NO_ANSWER)
    await tell(conn, [online], answered_call(BOHDAN).facts, ours_missed.facts, missed_call(ANNA).facts)
    await tell(conn, call_back(ANNA).facts, call_back(BOHDAN).facts, [offline])
    rows = (await events.register(conn, people["borys"])).rows
    assert sorted(row.type for row in rows) == [
        "incoming_call",
        "missed_call_answer",
        "missed_incoming_call",
        "missed_outgoing_call",
        "outgoing_call",
        "phone_off",
        "phone_on",
    ]
    system = {entry.key for entry in await dictionaries.entries(conn, Dictionary.EVENT_TYPES) if entry.system}
    assert {row.type for row in rows} <= system
    assert {row.owner_name for row in rows if row.type.startswith("phone_")} == {"Ірина Гай"}


@pytest.mark.req("R-CALL-20")
async def test_what_an_agent_types_during_the_call_stays(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003")
    told = list(call.facts)
    await tell(conn, told)
    event = await the_event(conn, people["iryna"])
    await events.write_content(conn, people["iryna"], event.id, "Просить рахунок")
    await tell(conn, call.talked("1003", 20).ended().facts)
    event = await the_event(conn, people["iryna"])
    assert (event.content, event.talk_seconds) == ("Просить рахунок", 20)


async def test_an_internal_call_is_one_event_of_the_callees_kind(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().internal("1001", "1002").to_extension("1002").rings("1002").answered("1002").talked("1002", 5)
    await tell(conn, call.ended().facts)
    event = await the_event(conn, people["borys"])
    assert (event.type, event.internal, event.phone) == ("incoming_call", True, "1001")
    assert (event.owner_name, event.display_name) == ("Тарас Шум", "Олена Коваль")


async def test_an_extension_that_dials_nobody_misses_nobody(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, Telling().internal("1001", "9999").ended(Outcome.UNKNOWN_NUMBER).facts)
    event = await the_event(conn, people["borys"])
    assert (event.type, event.owner_name) == ("missed_outgoing_call", "Олена Коваль")
    assert await conn.fetchval("SELECT count(*) FROM task") == 0


@pytest.mark.req("R-CALL-16", "R-CALL-17")
@pytest.mark.parametrize("kept_as", ["+38 (050) 111-22-33", "050 111 22 33", "380501112233", "00380501112233"])
async def test_the_client_is_found_by_number_however_it_is_written(
    conn: Connection, people: dict[str, User], kept_as: str
) -> None:
    await clients.create(conn, people["olena"], NewClient(name="ТОВ Анна", phones=[kept_as]))
    await tell(conn, answered_call("0501112233").facts)
    event = await the_event(conn, people["borys"])
    assert (event.client_name, event.e164, event.phone) == ("ТОВ Анна", ANNA, "0501112233")


@pytest.mark.req("R-CALL-16")
async def test_a_number_of_two_clients_fills_neither(conn: Connection, people: dict[str, User]) -> None:
    for name in ("ТОВ Анна", "ТОВ Борис"):
        await clients.create(conn, None, NewClient(name=name, phones=[ANNA]))
    await tell(conn, answered_call(ANNA).facts)
    assert (await the_event(conn, people["borys"])).client_id is None
    assert [match.name for match in await clients.candidates(conn, people["borys"], ANNA)] == ["ТОВ Анна", "ТОВ Борис"]


@pytest.mark.req("R-CALL-18")
async def test_a_number_that_nobody_has_is_kept(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, answered_call("sip:weird user@host").facts)
    event = await the_event(conn, people["borys"])
    assert (event.phone, event.e164, event.client_id) == ("sip:weird user@host", None, None)


async def test_the_name_that_the_wire_gave_is_kept_as_text(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, Telling().inbound(ANNA, name="<b>Anna</b>'; --").to_line().ended(Outcome.ABANDONED).facts)
    assert (await the_event(conn, people["borys"])).display_name == "<b>Anna</b>'; --"


@pytest.mark.req("R-CALL-21", "R-CALL-22", "R-CALL-23")
@pytest.mark.parametrize(
    ("project", "unit", "expected"),
    [(False, False, (False, "home")), (True, False, (True, None)), (False, True, (False, "branch"))],
)
async def test_project_and_unit_come_from_the_responsible_persons_settings(
    conn: Connection, people: dict[str, User], project: bool, unit: bool, expected: tuple[bool, str | None]
) -> None:
    await conn.execute("""
        INSERT INTO org_unit (id, name) VALUES ('00000000-0000-0000-0000-00000000000a', 'home'),
                                               ('00000000-0000-0000-0000-00000000000b', 'branch')
    """)
    await conn.execute(
        """
        UPDATE app_user SET org_unit_id = '00000000-0000-0000-0000-00000000000a',
               telephony_project_id = CASE WHEN $1 THEN (SELECT id FROM project ORDER BY id LIMIT 1) END,
               telephony_org_unit_id = CASE WHEN $2 THEN '00000000-0000-0000-0000-00000000000b'::uuid END
         WHERE login = 'iryna'
        """,
        project,
        unit,
    )
    await tell(conn, answered_call(ANNA, by="1003").facts)
    row = await conn.fetchrow("""
        SELECT e.project_id IS NOT NULL AS project, o.name FROM event e LEFT JOIN org_unit o ON o.id = e.org_unit_id
    """)
    assert row is not None
    assert (row["project"], row["name"]) == expected


@pytest.mark.req("R-CALL-24")
async def test_the_recording_is_an_attachment_of_its_event(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").recorded().talked("1003", 12)
    await tell(conn, call.ended().facts)
    event = await the_event(conn, people["iryna"])
    assert event.recording_id is None  # not yet closed
    await tell(conn, call.recording_ready(12.5).facts)
    card = await events.card(conn, people["iryna"], event.id)
    assert [(link.id, link.seconds, link.cut) for link in card.attachments] == [(call.recording, 12.5, False)]
    assert card.row.recording_id == call.recording
    file = await events.recording(conn, people["iryna"], call.recording)
    assert (file.file, file.call_id) == (f"2030/01/07/{call.recording}.dzr", call.call_id)
    assert await conn.fetchval("SELECT user_id FROM audit WHERE action = 'listened'") == people["iryna"].id


async def test_a_transfer_stays_one_call_of_who_took_it_first(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").talked("1003", 10)
    call.rings("1001").answered("1001").talked("1001", 30).ended()
    await tell(conn, call.facts)
    event = await the_event(conn, people["borys"])
    assert (event.owner_name, event.talk_seconds) == ("Ірина Гай", 40)
    assert (await the_event(conn, people["olena"])).id == event.id  # she took part


async def test_a_call_cut_by_a_server_death_stays_answered_if_it_had_been(
    conn: Connection, people: dict[str, User]
) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003")
    await tell(conn, call.facts)
    assert [each.call_id for each in await calls.unfinished(conn)] == [call.call_id]
    call.at += timedelta(seconds=99)
    await tell(conn, call.ended(Outcome.INTERRUPTED).facts)
    event = await the_event(conn, people["borys"])
    assert (event.type, event.ended_at, event.talk_seconds) == ("incoming_call", call.at, 100)
    assert await calls.unfinished(conn) == []
    assert await conn.fetchval("SELECT count(*) FROM task") == 0


async def test_missed_is_decided_once(conn: Connection, people: dict[str, User]) -> None:
    call = missed_call(ANNA, rang="1003")
    again = CallEnded(
        id=Telling().call_id, at=call.at + timedelta(hours=1), call_id=call.call_id, outcome=Outcome.INTERRUPTED
    )
    await tell(conn, call.facts, [again])
    await tell(conn, call.answered("1003").facts)  # a late fact of a call that is over
    event = await the_event(conn, people["borys"])
    assert (event.type, event.ended_at, event.answered_at) == ("missed_incoming_call", call.facts[-2].at, None)


async def test_facts_told_twice_change_nothing(conn: Connection, people: dict[str, User]) -> None:
    facts = missed_call(ANNA, rang="1003").facts
    for _ in range(3):
        await tell(conn, facts, facts)
    await the_event(conn, people["borys"])
    assert await conn.fetchval("SELECT missed_count FROM task") == 1
    assert await conn.fetchval("SELECT count(*) FROM ledger") == len(facts)


async def test_facts_that_come_one_by_one_make_the_same_event_as_a_batch(
    conn: Connection, people: dict[str, User]
) -> None:
    for fact in answered_call(ANNA).facts:
        await tell(conn, [fact])
    event = await the_event(conn, people["borys"])
    assert (event.type, event.talk_seconds, event.owner_name) == ("incoming_call", 60, "Ірина Гай")


async def test_facts_of_a_call_whose_start_is_not_known_make_nothing(conn: Connection, people: dict[str, User]) -> None:
    facts = [fact for fact in missed_call(ANNA).facts if type(fact).__name__ != "CallStarted"]
    await tell(conn, facts)
    assert (await events.register(conn, people["borys"])).total == 0
    assert await conn.fetchval("SELECT count(*) FROM ledger") == len(facts)


async def test_the_ledger_knows_people_only_by_reference(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, Telling().inbound(ANNA, name="Анна").to_line().ended(Outcome.ABANDONED).facts)
    payloads = await conn.fetchval("SELECT string_agg(payload::text, ' ') FROM ledger")
    assert "1112233" not in payloads
    assert "Анна" not in payloads
    assert await conn.fetchval("SELECT number || name FROM party") == ANNA + "Анна"


@pytest.mark.req("R-CALL-31", "R-CALL-32", "R-CALL-33", "R-CALL-34", "R-CALL-35", "R-CALL-36")
@pytest.mark.parametrize(
    ("shortest", "number", "logged"),
    [
        ("5", "1001", False),
        ("4", "1001", True),
        ("", "7", True),
        ("0", "7", True),
        ("5", "10-01", False),
        ("12", ANNA, True),
        ("13", ANNA, False),
        ("5", "anonymous", True),
    ],
)
async def test_short_numbers_leave_neither_event_nor_follow_up(
    conn: Connection, shortest: str, number: str, logged: bool
) -> None:
    people = await found_company(conn, min_number_length=shortest)
    await tell(conn, missed_call(number).facts)
    assert (await events.register(conn, people["borys"])).total == int(logged)
    assert await conn.fetchval("SELECT count(*) FROM task") == int(logged)


@pytest.mark.req("R-CALL-34")
async def test_internal_calls_stay_out_of_the_log_when_extensions_are_short(conn: Connection) -> None:
    people = await found_company(conn, min_number_length="5")
    await tell(conn, Telling().internal("1001", "1002").to_extension("1002").ended(Outcome.NO_ANSWER).facts)
    await tell(conn, Telling().internal("1001", "1002").answered("1002").ended().facts)
    assert (await events.register(conn, people["borys"])).total == 0
    assert await conn.fetchval("SELECT count(*) FROM task") == 0


@pytest.mark.req("R-CALL-38", "R-CALL-39", "R-CALL-40")
async def test_the_register_has_four_kinds(conn: Connection, people: dict[str, User]) -> None:
    other = "+380671234567"
    hour = timedelta(hours=1)
    await tell(conn, missed_call(ANNA).facts, missed_call(ANNA, at=MORNING + hour).facts)
    await tell(conn, missed_call(other, at=MORNING + 2 * hour).facts, answered_call("+380931234567").facts)

    async def kinds(view: View) -> list[tuple[str, int]]:
        page = await events.register(conn, people["borys"], EventFilter(view=view))
        assert page.total == len(page.rows)
        return [(row.phone, row.group_size) for row in page.rows]

    assert len(await kinds(View.STANDARD)) == 4
    assert await kinds(View.UNANSWERED) == [(other, 1), (ANNA, 1), (ANNA, 1)]
    assert await kinds(View.UNANSWERED_GROUPED) == [(other, 1), (ANNA, 2)]
    assert await kinds(View.ANSWERED) == [("+380931234567", 1)]

    await tell(conn, answered_call(ANNA, at=MORNING + 3 * hour).facts)
    assert await kinds(View.UNANSWERED_GROUPED) == [(other, 1)]


async def test_the_register_is_searched_and_paged(conn: Connection, people: dict[str, User]) -> None:
    for minute in range(7):
        await tell(conn, answered_call(f"+38050111220{minute}", at=MORNING + timedelta(minutes=minute)).facts)
    page = await events.register(conn, people["borys"], page=2, size=3)
    assert [row.phone[-1] for row in page.rows] == ["3", "2", "1"]
    assert (page.page, page.pages, page.total) == (2, 3, 7)
    assert (await events.register(conn, people["borys"], EventFilter(text="050 111-22-04"))).total == 1
    assert (await events.register(conn, people["borys"], EventFilter(text="100%"))).total == 0
    since = MORNING + timedelta(minutes=2)
    assert (await events.register(conn, people["borys"], EventFilter(since=since, until=MORNING))).total == 0
    assert (await events.register(conn, people["borys"], EventFilter(since=since))).total == 5
