"""Whose a caller is, for lines that keep callers for the agent whom they know."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_core import clients, telephony
from crm_core.clients import NewClient
from crm_core.database import Connection
from crm_core.organisation import User
from tests.crm_core.company import MORNING, answered_call, found_company, tell

ANNA = "+380501112233"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def test_a_caller_is_of_the_clients_owner_and_else_of_who_spoke_last(
    conn: Connection, people: dict[str, User]
) -> None:
    owner = next(user for user in people.values() if user.extension and user.extension != "1003")
    await tell(conn, answered_call(ANNA, by="1002").facts)
    await tell(conn, answered_call(ANNA, by="1003", at=MORNING + timedelta(hours=1)).facts)
    both = ("owner", "last_agent")
    assert await telephony.agent_of(conn, ANNA, both) == "1003"
    await clients.create(conn, None, NewClient(name="Анна", phones=[ANNA], owner_id=owner.id))
    assert await telephony.agent_of(conn, ANNA, both) == owner.extension
    assert await telephony.agent_of(conn, ANNA, ("last_agent",)) == "1003"
    assert await telephony.agent_of(conn, "+380670000000", both) is None
