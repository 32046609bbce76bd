"""Providers: which of them carries a call, what they are shown, and what becomes of a call that none carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pbx.sip.message import Request
from tests.scenarios.company import DID, Company, Talk, connect, hear_each_other, heard
from tests.support import tones
from tests.support.deadlines import eventually
from tests.support.leaks import nothing_left
from tests.support.panel import Row
from tests.support.phone import FakePhone
from tests.support.server import Server, running_dzvin

CONFIG = Path(__file__).with_name("trunks.toml")
CUSTOMER = "+380503330011"
AS_DIALLED = "0503330011"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("trunks") / "data", config=CONFIG) as server:
        yield server


@pytest.fixture
async def company(server: Server) -> AsyncIterator[Company]:
    async with nothing_left(server), Company(server) as company:
        yield company


@pytest.fixture
async def first(company: Company) -> FakePhone:
    return await company.trunk(5070, "first")


@pytest.fixture
async def second(company: Company) -> FakePhone:
    return await company.trunk(5080, "second")


@pytest.fixture
async def agent(company: Company) -> FakePhone:
    return await company.phone("1001")


async def hung_up(talk: Talk) -> None:
    await talk.caller.hang_up()
    await talk.callee.ended()


def asserted(request: Request | None) -> str | None:
    assert request is not None
    return request.headers.get("P-Asserted-Identity")


# ---- what goes out ---------------------------------------------------------------------------------------------------


async def test_the_number_goes_out_as_the_trunk_wants_it_and_shows_the_extensions_own(
    agent: FakePhone, first: FakePhone
) -> None:
    talk = await connect(agent, first, AS_DIALLED)
    invite = talk.callee.invite
    assert invite is not None
    assert (invite.request_uri.user, invite.to.uri.user) == (CUSTOMER, CUSTOMER)
    assert talk.callee.caller == "+380440001001"
    assert "+380440001001" in (asserted(invite) or "")
    await hear_each_other(talk.caller, talk.callee)
    await hung_up(talk)


async def test_nothing_of_the_inside_is_seen_outside(agent: FakePhone, first: FakePhone) -> None:
    """Topology hidden: no address, Via, Call-ID, extension or name of the phone that dialled."""
    talk = await connect(agent, first, AS_DIALLED, name="Олена Коваль")
    invite = talk.callee.invite
    assert invite is not None
    text = invite.serialise().decode()
    for inside in (":1001@", "Олена", talk.caller.sip_call_id, f":{agent.port}", "Dzvin test phone", "User-Agent"):
        assert inside not in text
    assert len(invite.headers.all("via")) == 1
    await hung_up(talk)


async def test_an_extension_that_shows_no_number_is_anonymous_and_the_network_alone_knows_it(
    company: Company, first: FakePhone
) -> None:
    talk = await connect(await company.phone("1002"), first, AS_DIALLED)
    invite = talk.callee.invite
    assert invite is not None
    assert (invite.from_.uri.host, invite.headers.get("Privacy")) == ("anonymous.invalid", "id")
    assert "+380440000001" in (asserted(invite) or "")
    await hung_up(talk)


async def test_a_caller_may_withhold_the_number_of_one_call(agent: FakePhone, first: FakePhone) -> None:
    talk = await connect(agent, first, f"#31#{AS_DIALLED}")
    assert talk.callee.invite is not None
    assert talk.callee.invite.from_.uri.host == "anonymous.invalid"
    assert talk.callee.invite.request_uri.user == CUSTOMER
    await hung_up(talk)


async def test_sound_from_before_the_answer_reaches_the_caller(agent: FakePhone, first: FakePhone) -> None:
    """RFC 3960: an announcement of the network, such as "the number has changed"."""
    call = await agent.dial(AS_DIALLED)
    incoming = await first.rings()
    incoming.early()
    incoming.audio.play(1000)
    progress = await call.ringing()
    assert progress.status == 183
    call.hears_early()
    assert tones.level(await heard(call), 1000) > -3.0
    await incoming.answer()
    await call.answered()
    await hear_each_other(call, incoming)
    await call.hang_up()
    await incoming.ended()


# ---- the next trunk --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 407, 408, 500, 503])
async def test_a_trunk_that_cannot_carry_the_call_is_followed_by_the_next(
    agent: FakePhone, first: FakePhone, second: FakePhone, status: int
) -> None:
    call = await agent.dial(AS_DIALLED)
    await (await first.rings()).refuse(status)
    incoming = await second.rings()
    assert incoming.caller == "380440001001"
    assert incoming.invite is not None
    assert incoming.invite.request_uri.user == AS_DIALLED  # it has rules of its own
    await incoming.answer()
    await call.answered()
    await hear_each_other(call, incoming)
    await call.hang_up()
    await incoming.ended()


async def test_a_silent_trunk_is_followed_by_the_next(agent: FakePhone, second: FakePhone) -> None:
    """Nobody listens at the first trunk's address: no answer of any kind within its patience."""
    talk = await connect(agent, second, AS_DIALLED)
    await hear_each_other(talk.caller, talk.callee)
    await hung_up(talk)


@pytest.mark.parametrize("status", [404, 486, 603])
async def test_the_callees_own_refusal_ends_the_call(
    agent: FakePhone, first: FakePhone, second: FakePhone, status: int
) -> None:
    call = await agent.dial(AS_DIALLED)
    await (await first.rings()).refuse(status)
    assert await call.refused() == status
    assert second.log.times_rung == 0


async def test_no_other_trunk_is_tried_once_somebody_has_rung(
    agent: FakePhone, first: FakePhone, second: FakePhone
) -> None:
    call = await agent.dial(AS_DIALLED)
    incoming = await first.rings()
    incoming.ring()
    await call.ringing()
    await incoming.refuse(500)
    assert await call.refused() == 500
    assert second.log.times_rung == 0


async def test_a_full_trunk_is_passed_over(
    company: Company, agent: FakePhone, first: FakePhone, second: FakePhone
) -> None:
    one = await connect(agent, first, AS_DIALLED)
    other = await connect(await company.phone("1003"), second, "0503330022")
    await hung_up(one)
    await hung_up(other)
    again = await connect(agent, first, AS_DIALLED)  # the channel has been given back
    await hung_up(again)


async def test_a_caller_who_gives_up_stops_the_search(agent: FakePhone, first: FakePhone, second: FakePhone) -> None:
    call = await agent.dial(AS_DIALLED)
    incoming = await first.rings()
    await call.cancel()
    await incoming.cancelled()
    assert second.log.times_rung == 0


@pytest.mark.req("R-CALL-08")
async def test_all_trunks_busy_is_a_fact_and_a_missed_contact(
    server: Server, agent: FakePhone, first: FakePhone, second: FakePhone
) -> None:
    number = "0503330044"
    async with server.sign_in("admin") as panel:
        call = await agent.dial(number)
        await (await first.rings()).refuse(503)
        await (await second.rings()).refuse(503)
        assert await call.refused() == 503
        event = await panel.event(lambda row: row["phone"] in (number, "+380503330044") and row["ended_at"])
    assert (event["type"], event["owner_name"]) == ("missed_outgoing_call", "Олена Коваль")
    async with server.database() as conn:
        ended = await conn.fetchval(
            "SELECT payload->>'outcome' FROM ledger WHERE kind = 'CallEnded' ORDER BY seq DESC LIMIT 1"
        )
    assert ended == "all_trunks_busy"


# ---- what comes in ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def incoming(company: Company) -> FakePhone:
    return await company.trunk(5091, "incoming")


async def test_a_range_of_numbers_leads_to_the_extensions_of_the_same_digits(
    company: Company, agent: FakePhone, incoming: FakePhone
) -> None:
    talk = await connect(incoming, agent, "+380441230001", shown="0503330066")
    assert talk.callee.caller == "+380503330066"  # as the trunk's rule makes it
    await hung_up(talk)


async def test_who_called_is_what_a_trusted_trunk_asserts(company: Company, incoming: FakePhone) -> None:
    agent = await company.phone("1003")
    asserting = [("P-Asserted-Identity", "<sip:+380503330077@provider.example>"), ("Diversion", "<sip:+380671@p>")]
    call = await incoming.dial(DID, caller="+15550100", headers=asserting)
    rung = await agent.rings()
    assert rung.caller == "+380503330077"
    await rung.answer()
    await call.answered()
    await call.hang_up()
    await rung.ended()


async def test_a_caller_whom_the_network_must_not_name_is_anonymous(company: Company, incoming: FakePhone) -> None:
    agent = await company.phone("1003")
    private = [("P-Asserted-Identity", "<sip:+380503330088@provider.example>"), ("Privacy", "id")]
    call = await incoming.dial(DID, caller="anonymous", headers=private)
    rung = await agent.rings()
    assert rung.invite is not None
    assert "+380503330088" not in rung.invite.serialise().decode()
    await rung.answer()
    await call.answered()
    await call.hang_up()
    await rung.ended()


async def test_a_call_beyond_the_channels_is_busy_and_owed_a_call_back(
    server: Server, company: Company, incoming: FakePhone
) -> None:
    agent = await company.phone("1003")
    talk = await connect(incoming, agent, DID, shown="0503330091")
    late = await incoming.dial(DID, caller="0503330092")
    assert await late.refused() == 486
    await hung_up(talk)
    async with server.sign_in("admin") as panel:

        async def owed() -> list[Row]:
            return [row for row in await panel.follow_ups() if row["phone"] == "+380503330092"]

        assert len(await eventually("a follow-up", owed)) == 1


async def test_a_trunk_reaches_nothing_but_our_numbers(agent: FakePhone, incoming: FakePhone) -> None:
    """Neither an extension nor the way out of another trunk, whatever it dials."""
    for number in ("1001", "7000", CUSTOMER, "first"):
        assert await (await incoming.dial(number, caller="0503330093")).refused() == 404
    assert agent.is_quiet
