"""How calls sounded and how their time was spent, as it is kept."""

from __future__ import annotations

import pytest
from uuid_utils.compat import uuid7

from crm_core.calls import sound
from crm_core.database import Connection
from crm_core.organisation import User
from tests.crm_core.company import Telling, found_company, tell

ANNA = "+380501112233"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


def a_talk() -> Telling:
    return Telling().inbound(ANNA).to_line().rings("1003").answered("1003")


@pytest.mark.usefixtures("people")
async def test_a_call_is_as_good_as_its_worst_leg(conn: Connection) -> None:
    call = a_talk().talked("1003", 60).ended()
    call.measured(None, mos=4.4, remote_mos=3.9).measured("1003", mos=4.3, worst_mos=2.5, received=100, lost=7)
    await tell(conn, call.facts)
    told = await sound.of_call(conn, call.call_id)
    assert told is not None
    assert (told.worst_mos, told.silence_share, told.overtalk_share) == (2.5, 0.2, 0.05)
    assert [(leg.extension, leg.mos, leg.received, leg.lost) for leg in told.legs] == [
        (None, 4.4, 3000, 0),
        ("1003", 4.3, 100, 7),
    ]


@pytest.mark.usefixtures("people")
async def test_hold_counts_once_however_many_hold_each_other(conn: Connection) -> None:
    """10 s and 20 s of the agent, in batches of their own; then 30 s in which the customer holds too."""
    call = a_talk()
    for by, seconds in (("1003", 10), ("1003", 20)):
        call.held(by, seconds)
        await tell(conn, call.facts)
        call.facts.clear()
    told = call.held("1003", 30).facts
    await tell(conn, told[:1], call.held(None, 1).facts[-2:], told[1:2])
    call.facts.clear()
    await tell(conn, call.talked("1003", 40).ended().facts)
    found = await sound.of_call(conn, call.call_id)
    assert found is not None
    assert found.held_seconds == pytest.approx(60, abs=3)
    assert found.hold_share == pytest.approx(found.held_seconds / found.talk_seconds)


@pytest.mark.usefixtures("people")
async def test_a_hold_that_nobody_ended_ends_with_the_call(conn: Connection) -> None:
    call = a_talk()
    held = call.held("1003", 30).facts[:-1]
    await tell(conn, held)
    call.facts.clear()
    await tell(conn, call.ended().facts)
    found = await sound.of_call(conn, call.call_id)
    assert found is not None
    assert found.held_seconds == pytest.approx(31, abs=0.1)


@pytest.mark.usefixtures("people")
async def test_a_call_of_which_nothing_was_measured_has_no_score(conn: Connection) -> None:
    call = Telling().inbound(ANNA).to_line().ended()
    await tell(conn, call.facts)
    told = await sound.of_call(conn, call.call_id)
    assert told is not None
    assert (told.worst_mos, told.silence_share, told.hold_share, told.legs) == (None, None, None, ())
    assert await sound.of_call(conn, uuid7()) is None


@pytest.mark.usefixtures("people")
async def test_a_leg_of_a_call_that_nobody_knows_is_not_kept(conn: Connection) -> None:
    call = a_talk().measured("1003")
    await tell(conn, call.facts[-1:])
    assert await conn.fetchval("SELECT count(*) FROM leg_sound") == 0
