"""Who sees what: agents their own, supervisors all, the hall nothing of the calls."""

from __future__ import annotations

from uuid import UUID

import pytest

from callflow.facts import Outcome
from crm_core import clients, events, follow_ups
from crm_core.access import Forbidden, NotFound, Right, allowed, require
from crm_core.clients import NewClient
from crm_core.database import Connection
from crm_core.events import EventFilter
from crm_core.organisation import Role, User
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
NOBODY = UUID(int=1)


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def seen_by(conn: Connection, user: User) -> int:
    return (await events.register(conn, user)).total


@pytest.mark.parametrize(
    ("call", "who"),
    [
        (answered_call(ANNA, by="1003"), {"iryna"}),
        (call_back(ANNA, by="1001"), {"olena"}),
        (Telling().outbound("1001", ANNA).ended(Outcome.BUSY), {"olena"}),
        (missed_call(ANNA), {"taras", "iryna"}),
        (missed_call(ANNA, rang="1001"), {"olena", "taras", "iryna"}),
        (Telling().internal("1001", "1002").answered("1002").ended(), {"olena", "taras"}),
    ],
    ids=["taken", "placed", "placed in vain", "missed on a line", "missed after ringing me", "between colleagues"],
)
async def test_an_agent_sees_the_own_calls_and_the_lines_missed_ones(
    conn: Connection, people: dict[str, User], call: Telling, who: set[str]
) -> None:
    await tell(conn, call.facts)
    seen = {login for login in ("olena", "taras", "iryna") if await seen_by(conn, people[login])}
    assert seen == who
    assert await seen_by(conn, people["borys"]) == await seen_by(conn, people["admin"]) == 1


async def test_the_hall_sees_no_calls(conn: Connection, people: dict[str, User]) -> None:
    with pytest.raises(Forbidden):
        await events.register(conn, people["hanna"])
    with pytest.raises(Forbidden):
        await follow_ups.open_list(conn, people["hanna"])
    with pytest.raises(Forbidden):
        await follow_ups.missed_today(conn, people["hanna"], since=MORNING)


async def test_a_card_and_a_recording_of_others_are_not_found(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").recorded().ended().recording_ready()
    await tell(conn, call.facts)
    event_id = (await events.register(conn, people["borys"])).rows[0].id
    for stranger in ("olena", "taras"):
        with pytest.raises(NotFound):
            await events.card(conn, people[stranger], event_id)
        with pytest.raises(NotFound):
            await events.recording(conn, people[stranger], call.recording)
        with pytest.raises(NotFound):
            await events.write_content(conn, people[stranger], event_id, "x")
    assert await conn.fetchval("SELECT count(*) FROM audit WHERE action = 'listened'") == 0
    assert (await events.recording(conn, people["iryna"], call.recording)).id == call.recording


async def test_an_agent_sees_the_follow_ups_of_the_own_lines(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts)
    await tell(conn, Telling().inbound("+380671112233").to_extension("1001").ended(Outcome.UNREACHABLE).facts)
    assert [each.phone for each in await follow_ups.open_list(conn, people["olena"])] == ["+380671112233"]
    assert [each.phone for each in await follow_ups.open_list(conn, people["iryna"])] == [ANNA]
    assert len(await follow_ups.open_list(conn, people["borys"])) == 2


@pytest.mark.parametrize("role", list(Role))
def test_rights_go_by_role(role: Role) -> None:
    user = User(
        id=NOBODY, login="x", full_name="X", role=role, locale="uk", extension=None, window=None, org_unit_id=None
    )
    assert allowed(user, Right.CHANGE_SETTINGS) == (role is Role.ADMIN)
    assert allowed(user, Right.SUPERVISE) == (role in (Role.ADMIN, Role.SUPERVISOR))
    assert allowed(user, Right.SEE_HALL)
    if role is Role.HALL:
        with pytest.raises(Forbidden):
            require(user, Right.CALL)


async def finds(conn: Connection, user: User, call: Telling) -> list[bool]:
    """Whether the person has the event in the register, in a search for its number, opens it and hears the message."""
    listed = [row.id for row in (await events.register(conn, user)).rows]
    found = [row.id for row in (await events.register(conn, user, EventFilter(text="111 22"))).rows]
    event_id = await conn.fetchval("SELECT id FROM event WHERE call_id = $1", call.call_id)
    opened = []
    for reading in (events.card(conn, user, event_id), events.recording(conn, user, call.recording)):
        try:
            await reading
        except NotFound:
            opened.append(False)
        else:
            opened.append(True)
    return [event_id in listed, event_id in found, *opened]


async def test_who_owes_a_call_back_sees_and_hears_what_was_missed(conn: Connection, people: dict[str, User]) -> None:
    """Not only the agents of the line: the client's own agent, and whoever it is handed over to."""
    await clients.create(conn, None, NewClient(name="Анна", phones=[ANNA], owner_id=people["olena"].id))
    call = Telling().inbound(ANNA).to_line("7001").rings("1003").stops_ringing("1003")
    await tell(conn, call.recorded().ended(Outcome.NO_ANSWER).recording_ready().facts)
    (owed,) = await follow_ups.open_list(conn, people["olena"])
    assert owed.owner_id == people["olena"].id
    assert await finds(conn, people["olena"], call) == [True] * 4
    assert await finds(conn, people["taras"], call) == [False] * 4
    await follow_ups.hand_over(conn, people["olena"], owed.id, people["taras"].id)
    assert await finds(conn, people["taras"], call) == [True] * 4
    assert await finds(conn, people["olena"], call) == [False] * 4
