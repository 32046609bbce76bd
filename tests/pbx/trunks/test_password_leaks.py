"""CVE-2021-41158: whoever is called must not get a proof of the trunk's password by asking for it."""

from __future__ import annotations

import pytest

from pbx.endpoint import CODECS
from pbx.leg import Identity
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.sip.message import Request
from pbx.sip.reply import reply
from pbx.trunks.credentials import Credentials
from tests.pbx.switch import PHONE, TRUNK, Switch
from tests.pbx.test_legs import CALL, answered
from tests.support.virtual_time import virtual_time

ASKED = ("WWW-Authenticate", 'Digest realm="city.example", nonce="chosen", algorithm=MD5, qop="auth"')
THIEF = Flow("UDP", "198.51.100.66", 5060)


async def called(switch: Switch, flow: Flow) -> tuple[OutboundLeg, Request]:
    """A leg to that flow; the trunk's own knows its password."""
    ours = Credentials(
        trunk="city", username="us", password="secret", realm="city.example", is_ours=lambda source: source == TRUNK
    )
    proof = ours.proof if flow == TRUNK else None
    destination = Destination(f"sip:1002@{flow.host}", flow, "1002", phone=flow == PHONE, proof=proof)
    leg = switch.user_agent.leg_to(destination, call_id=CALL, caller=Identity("1001"))
    await leg.open_media()
    leg.dial(CODECS)
    return leg, switch.requests[-1]


def proofs(switch: Switch) -> list[str]:
    return [request.method for request in switch.requests if "authorization" in request.headers]


@pytest.mark.parametrize("when", ["INVITE", "BYE"])
@virtual_time
async def test_a_phone_that_asks_in_the_trunks_realm_gets_nothing(when: str) -> None:
    switch = Switch()
    leg, invite = await called(switch, PHONE)
    if when == "BYE":
        switch.hears(answered(invite))
        leg.hang_up()
    switch.hears(reply(switch.requests[-1] if when == "BYE" else invite, 401, to_tag="callee", headers=[ASKED]))
    assert leg.is_over
    assert proofs(switch) == []
    await leg.close()


@pytest.mark.parametrize(("source", "given"), [(TRUNK, ["INVITE"]), (THIEF, []), (PHONE, [])])
@virtual_time
async def test_a_challenge_is_answered_to_the_trunks_own_address_only(source: Flow, given: list[str]) -> None:
    """The thief knows the branch, having seen the INVITE somewhere."""
    switch = Switch()
    leg, invite = await called(switch, TRUNK)
    switch.hears(reply(invite, 401, to_tag="x", headers=[ASKED]), source)
    assert proofs(switch) == given
    leg.hang_up()
    await leg.close()
