"""A provider that we register with: our password, and the calls that come to our registration.

All tests share one event loop, in which the provider lives: a registration outlasts a test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from pbx.sip.digest import Algorithm, Credentials, challenge, ha1, verify
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from tests.pbx.trunks.provider import ACCOUNT, PASSWORD, REALM, registrar
from tests.scenarios.company import Company, hear_each_other
from tests.scenarios.test_trunks import CONFIG
from tests.support.deadlines import until
from tests.support.phone import FakePhone
from tests.support.server import Server, running_dzvin

pytestmark = pytest.mark.asyncio(loop_scope="module")
MOBILE = "0671112233"


class Membership:
    """The provider's registrar."""

    def __init__(self, phone: FakePhone) -> None:
        self.phone = phone
        self.contacts: list[str] = []  # at which calls for us are to be placed
        phone.answering |= {"REGISTER": self._register, "OPTIONS": lambda request: reply(request, 200)}
        self._registrar = registrar(expires=120)

    def _register(self, request: Request) -> Response:
        response = self._registrar(request)
        assert response is not None
        if response.is_success and request.contact is not None:
            self.contacts.append(request.contact.uri_text)
        return response


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("member") / "data", config=CONFIG) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def member(server: Server) -> AsyncIterator[Membership]:
    async with Company(server) as company:
        member = Membership(await company.trunk(5090, "member"))
        await until("registered", lambda: member.contacts, 30)
        yield member


@pytest_asyncio.fixture(loop_scope="module")
async def company(server: Server) -> AsyncIterator[Company]:
    async with Company(server) as company:
        yield company


def demand(realm: str) -> list[tuple[str, str]]:
    return [("Proxy-Authenticate", challenge(realm, "0nce", Algorithm.MD5))]


async def test_a_registered_account_calls_out_with_its_password(company: Company, member: Membership) -> None:
    agent = await company.phone("1001")
    call = await agent.dial(MOBILE)
    await (await member.phone.rings()).refuse(407, demand(REALM))
    incoming = await member.phone.rings()
    assert incoming.invite is not None
    assert (incoming.invite.request_uri.host, incoming.invite.from_.uri.host) == ("provider.example",) * 2
    given = incoming.invite.headers.get("Proxy-Authorization")
    assert given is not None
    assert verify(Credentials.parse(given), "INVITE", ha1(ACCOUNT, REALM, PASSWORD, Algorithm.MD5))
    await incoming.answer()
    await call.answered()
    await hear_each_other(call, incoming)
    await call.hang_up()
    await incoming.ended()


async def test_our_password_answers_no_other_realm(company: Company, member: Membership) -> None:
    """CVE-2021-41158: a callee's own challenge is not ours to answer."""
    agent = await company.phone("1001")
    call = await agent.dial(MOBILE)
    await (await member.phone.rings()).refuse(407, demand("evil.example"))
    assert await call.refused() == 503
    assert member.phone.is_quiet  # no second INVITE, with or without a proof


async def test_a_call_for_our_account_is_known_by_the_number_in_to(company: Company, member: Membership) -> None:
    """§10.2: the registrar's calls come to the Contact that we gave; which number was dialled stands in To."""
    agent = await company.phone("1003")
    call = await member.phone.dial("441234567", caller="0503330055", uri=member.contacts[-1])
    incoming = await agent.rings()
    await incoming.answer()
    await call.answered()
    await hear_each_other(call, incoming)
    await call.hang_up()
    await incoming.ended()
