"""How people want to be reached is kept from the facts; a forwarded call leaves an event with both numbers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import (
    CallForwarded,
    ForwardingChanged,
    ForwardKind,
    PartyIntroduced,
    PhoneSettingsChanged,
)
from crm_core import events, telephony
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.telephony import KeptWishes
from tests.crm_core.company import MORNING, Telling, found_company, tell

OUTSIDE = "+380503337799"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


def setting(minute: int = 0, **changed: int | bool) -> PhoneSettingsChanged:
    return PhoneSettingsChanged(
        id=uuid7(),
        at=MORNING + timedelta(minutes=minute),
        extension="1001",
        **changed,  # type: ignore[arg-type]  # fields by name
    )


def forward(kind: ForwardKind, target: str | None, minute: int = 0) -> ForwardingChanged:
    return ForwardingChanged(
        id=uuid7(), at=MORNING + timedelta(minutes=minute), extension="1001", kind=kind, target=target
    )


async def test_each_setting_is_kept_by_itself(conn: Connection) -> None:
    await tell(conn, [setting(lines=2), setting(1, do_not_disturb=True)], [setting(2, do_not_disturb=False)])
    assert await telephony.kept_wishes(conn) == {"1001": KeptWishes(do_not_disturb=False, lines=2)}


async def test_an_older_fact_changes_nothing(conn: Connection) -> None:
    await tell(conn, [setting(5, lines=4), forward(ForwardKind.BUSY, "1002", 5)])
    await tell(conn, [setting(1, lines=1), forward(ForwardKind.BUSY, "1003", 1)])
    (kept,) = (await telephony.kept_wishes(conn)).values()
    assert (kept.lines, kept.forwards) == (4, {ForwardKind.BUSY: "1002"})


async def test_a_forwarding_that_was_ended_is_remembered_as_ended(conn: Connection) -> None:
    """Else the configuration's seed would come back at the next start."""
    await tell(conn, [forward(ForwardKind.ALWAYS, "1002"), forward(ForwardKind.ALWAYS, None, 1)])
    assert (await telephony.kept_wishes(conn))["1001"].forwards == {ForwardKind.ALWAYS: ""}


async def test_an_outside_number_stands_behind_a_party_and_goes_with_it(conn: Connection) -> None:
    party = uuid7()
    told = ForwardingChanged(id=uuid7(), at=MORNING, extension="1001", kind=ForwardKind.BUSY, party=party)
    await tell(conn, [PartyIntroduced(id=uuid7(), at=MORNING, party=party, number=OUTSIDE), told])
    assert (await telephony.kept_wishes(conn))["1001"].forwards == {ForwardKind.BUSY: OUTSIDE}
    assert OUTSIDE not in str(await conn.fetch("SELECT payload FROM ledger"))
    await conn.execute("UPDATE party SET number = '', e164 = NULL, erased_at = now()")
    assert (await telephony.kept_wishes(conn))["1001"].forwards == {ForwardKind.BUSY: ""}


@pytest.mark.req("R-CALL-11")
@pytest.mark.parametrize("outside", [False, True])
async def test_a_forwarding_is_an_event_of_whose_calls_go_on(
    conn: Connection, people: dict[str, User], outside: bool
) -> None:
    call = Telling().internal("1003", "1001").to_extension("1001")
    party = uuid7()
    introduced = [PartyIntroduced(id=uuid7(), at=call.at, party=party, number=OUTSIDE)] if outside else []
    forwarded = CallForwarded(
        id=uuid7(), at=call.at, call_id=call.call_id, kind=ForwardKind.BUSY, by="1001", original="1001",
        target=None if outside else "1002", party=party if outside else None,
    )  # fmt: skip
    await tell(conn, call.facts, [*introduced, forwarded], [forwarded])
    page = await events.register(conn, people["olena"])
    (event,) = [row for row in page.rows if row.type == "call_forwarding"]
    assert (event.forwarded_from, event.forwarded_to) == ("1001", OUTSIDE if outside else "1002")
    assert (event.phone, event.owner_name, event.display_name) == ("1003", "Олена Коваль", "Ірина Гай")
    assert event.number
    assert event.ended_at == event.started_at == forwarded.at


async def test_a_call_that_is_not_logged_leaves_no_forwarding(conn: Connection) -> None:
    await found_company(conn, min_number_length="5")
    call = Telling().internal("1003", "1001").to_extension("1001")
    forwarded = CallForwarded(
        id=uuid7(), at=call.at, call_id=call.call_id, kind=ForwardKind.BUSY, by="1001", original="1001", target="1002"
    )
    await tell(conn, call.facts, [forwarded])
    assert await conn.fetchval("SELECT count(*) FROM event") == 0
