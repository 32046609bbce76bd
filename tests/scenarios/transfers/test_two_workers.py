"""Two calls that live in different media workers become one: one of them moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.company import DID, Company, hear_each_other
from tests.scenarios.transfers.people import end, talking
from tests.support.phone_transfer import refer, replaces_of
from tests.support.server import Server, running_dzvin


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("two-workers")
    with running_dzvin(folder / "data", overrides={"DZVIN_MEDIA__WORKERS": "2"}) as server:
        yield server


@pytest.mark.parametrize("told", ["the customer's call", "the colleague's call"])
async def test_a_customer_is_joined_with_a_colleague_who_has_called_meanwhile(company: Company, told: str) -> None:
    """Boris calls Carol on her second line. His call began in the worker with fewer legs, which is not hers."""
    carol, boris, provider = await company.phone("1003"), await company.phone("1002"), await company.provider()
    talk = await talking(provider, carol, DID, shown="+380503338805")
    await talk.callee.hold()
    colleague = await talking(boris, carol, "1003")
    asked, replaced = talk.callee, colleague.callee
    if told != "the customer's call":
        asked, replaced = replaced, asked
    reference = await refer(asked, "1002", replaces=replaces_of(replaced))
    assert await reference.ended() == 200
    await hear_each_other(talk.caller, colleague.caller, (500, 1300))
    assert len(colleague.caller.reinvites) == 1, "one re-INVITE moved it"
    await end(talk.caller, colleague.caller)
