"""What a transfer leaves in the register: an Event of type Call forwarding, and one call that stays one."""

from __future__ import annotations

import pytest

from callflow.facts import EndedBy, TransferEnd, TransferKind
from crm_core import events, follow_ups
from crm_core.database import Connection
from crm_core.events import EventRow
from crm_core.organisation import User
from tests.crm_core.company import MORNING, Telling, found_company, tell

ANNA = "+380501112233"
LAWYER = "+380671112233"


@pytest.fixture
async def borys(conn: Connection) -> User:
    return (await found_company(conn))["borys"]


async def rows(conn: Connection, user: User) -> dict[str, EventRow]:
    """The register's rows by type; one of each at most."""
    page = await events.register(conn, user)
    by_type = {row.type: row for row in page.rows}
    assert len(by_type) == page.total
    return by_type


def taken() -> Telling:
    return Telling().inbound(ANNA).to_line().rings("1003").answered("1003")


@pytest.mark.parametrize("kind", TransferKind)
@pytest.mark.req("R-CALL-11", "R-CALL-15", "R-CALL-19")
async def test_a_transfer_keeps_the_original_and_the_target_number(
    conn: Connection, borys: User, kind: TransferKind
) -> None:
    call = taken().hands_on("1003", "1001", kind).talked("1003", 60).rings("1001").answered("1001").handed_on()
    await tell(conn, call.talked("1001", 30).ended().facts)
    found = await rows(conn, borys)
    transfer, visit = found["call_forwarding"], found["incoming_call"]
    assert (transfer.forwarded_from, transfer.forwarded_to) == ("1003", "1001")
    assert (transfer.phone, transfer.owner_name) == (ANNA, "Ірина Гай")
    assert MORNING < transfer.started_at == transfer.ended_at < visit.ended_at  # type: ignore[operator]  # it is over
    assert (visit.owner_name, visit.talk_seconds) == ("Ірина Гай", 92)  # a second passes between two facts


@pytest.mark.req("R-CALL-11")
async def test_an_outside_target_is_kept_too(conn: Connection, borys: User) -> None:
    call = taken().hands_on("1003", LAWYER, outside=True).talked("1003", 60).answered("").handed_on()
    await tell(conn, call.talked("", 30).ended().facts)
    found = (await rows(conn, borys))["call_forwarding"]
    assert (found.forwarded_from, found.forwarded_to) == ("1003", LAWYER)


@pytest.mark.parametrize("end", [end for end in TransferEnd if end is not TransferEnd.COMPLETED])
async def test_a_transfer_that_fails_leaves_no_event(conn: Connection, borys: User, end: TransferEnd) -> None:
    call = taken().hands_on("1003", "1001").talked("1003", 60).handed_on(end).answered("1003").talked("1003", 5)
    await tell(conn, call.ended().facts)
    found = await rows(conn, borys)
    assert set(found) == {"incoming_call"}
    assert found["incoming_call"].talk_seconds == 66


async def test_a_batch_may_end_between_the_start_and_the_end(conn: Connection, borys: User) -> None:
    call = taken().hands_on("1003", "1001").talked("1003", 60)
    begun = len(call.facts)
    call.answered("1001").handed_on().talked("1001", 30).ended()
    await tell(conn, call.facts[:begun])
    await tell(conn, call.facts[begun:])
    await tell(conn, call.facts)  # told again after a crash
    assert (await rows(conn, borys))["call_forwarding"].forwarded_to == "1001"


async def test_whom_nobody_takes_after_an_answer_is_not_missed(conn: Connection, borys: User) -> None:
    """Somebody spoke with them, so nobody owes a call back."""
    call = taken().hands_on("1003", "1001").talked("1003", 60).handed_on(TransferEnd.NO_ANSWER)
    await tell(conn, call.ended(by=EndedBy.SYSTEM).facts)
    found = (await rows(conn, borys))["incoming_call"]
    assert (found.owner_name, found.follow_up_id) == ("Ірина Гай", None)
    assert await follow_ups.open_list(conn, borys) == []
