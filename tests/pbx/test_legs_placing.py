"""The INVITEs that we send: who is shown, how far they may go, and what each refusal leads to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pbx.endpoint import CODECS
from pbx.leg import Diversion, Identity, LegEnd
from pbx.net.transport import Flow
from pbx.sip.digest import authorise
from pbx.sip.message import Request, Response
from pbx.sip.session_timer import Policy
from tests.pbx.peers import CALL, CALLED, OLENA, Callee, reliable
from tests.pbx.switch import PHONE, SDP, Switch
from tests.support.virtual_time import virtual_time

CHALLENGE = 'Digest realm="provider", nonce="n1", algorithm=MD5, qop="auth"'


def proof(request: Request, response: Response, source: Flow | None) -> tuple[str, str] | None:
    assert source == PHONE  # our password is for those who are asked, wherever else an answer comes from
    challenge = response.headers.get("WWW-Authenticate") or response.headers.get("Proxy-Authenticate") or ""
    value = authorise(challenge, method=request.method, uri=request.uri, username="we", password="secret", cnonce="c")
    return ("Authorization" if response.status == 401 else "Proxy-Authorization"), value


PROVING = replace(CALLED, proof=proof)


# ---- what it says ----------------------------------------------------------------------------------------------------


@virtual_time
async def test_our_invite_says_what_we_can_and_asks_for_nothing() -> None:
    invite = (await Callee.is_called(Switch())).invite
    assert {"INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "REFER"} <= set(
        (invite.headers.get("Allow") or "").split(", ")
    )
    assert {"100rel", "timer", "replaces"} <= invite.supported
    assert invite.headers.get("Require") is None
    assert invite.headers.get("Contact") == "<sip:1001@203.0.113.1:5060>"
    assert invite.headers.get("User-Agent") is None


@virtual_time
async def test_max_forwards_is_what_the_other_leg_has_left() -> None:
    """RFC 7332 §2: a B2BUA copies the decremented value, so that loops through it end."""
    assert (await Callee.is_called(Switch(), max_forwards=17)).invite.max_forwards == 17


@virtual_time
async def test_a_withheld_caller_is_anonymous_and_asks_for_privacy() -> None:
    """RFC 3323 §4.1.1.3, RFC 3325 §9.1."""
    invite = (await Callee.is_called(Switch(), caller=Identity("1001", "Olena", withheld=True))).invite
    assert (invite.from_.uri.user, invite.from_.uri.host) == ("anonymous", "anonymous.invalid")
    assert invite.headers.get("Privacy") == "id"
    assert invite.headers.get("P-Asserted-Identity") is None
    assert b"1001" not in invite.serialise().split(b"\r\n\r\n")[0]


@virtual_time
async def test_a_trusted_trunk_is_told_who_calls_though_from_hides_it() -> None:
    trusted = replace(CALLED, trusted=True)
    invite = (await Callee.is_called(Switch(), trusted, caller=Identity("+380441234567", withheld=True))).invite
    assert invite.from_.uri.host == "anonymous.invalid"
    assert invite.headers.get("P-Asserted-Identity") == "<sip:+380441234567@example.com>"


@virtual_time
async def test_an_untrusted_one_is_not_told_an_asserted_number() -> None:
    assert (await Callee.is_called(Switch())).invite.headers.get("P-Asserted-Identity") is None


@pytest.mark.parametrize(("phone", "told"), [(True, True), (False, False)])
@virtual_time
async def test_who_sent_the_call_on_is_for_our_phones_and_trusted_trunks(phone: bool, told: bool) -> None:
    switch = Switch()
    destination = replace(CALLED, phone=phone)
    sent_on = Diversion(Identity("1003", "Taras"), "no-answer")
    leg = switch.user_agent.leg_to(destination, call_id=CALL, caller=OLENA, diverted_by=sent_on)
    await leg.open_media()
    leg.dial(CODECS)
    diversion = switch.requests[-1].headers.get("Diversion")
    assert diversion == ('"Taras" <sip:1003@example.com>;reason=no-answer' if told else None)


@virtual_time
async def test_a_phone_that_shall_answer_by_itself_is_told_in_every_dialect() -> None:
    """RFC 5373 §4.1 and what older phones know."""
    switch = Switch()
    leg = switch.user_agent.leg_to(CALLED, call_id=CALL, caller=OLENA, auto_answer=True)
    await leg.open_media()
    leg.dial(CODECS)
    headers = switch.requests[-1].headers
    assert headers.get("Answer-Mode") == "Auto"
    assert "answer-after=0" in (headers.get("Call-Info") or "")
    assert "info=alert-autoanswer" in (headers.get("Alert-Info") or "")
    assert (await Callee.is_called(Switch())).invite.headers.get("Answer-Mode") is None


@virtual_time
async def test_an_outbound_proxy_stands_in_the_route() -> None:
    invite = (await Callee.is_called(Switch(), replace(CALLED, routes=("<sip:proxy.example;lr>",)))).invite
    assert (invite.uri, invite.headers.get("Route")) == ("sip:1002@192.0.2.11:5062", "<sip:proxy.example;lr>")


# ---- refusals --------------------------------------------------------------------------------------------------------


@virtual_time
async def test_a_redirection_names_its_targets_by_preference() -> None:
    """RFC 3261 §8.1.3.4. Whether to follow is the call's decision, by rule."""
    callee = await Callee.is_called(Switch())
    contact = "<sip:1003@example.com>;q=0.2, <tel:+380441234567>;q=0.9, <sip:1003@other.example>, <sip:other.example>"
    callee.says(302, contact=("Contact", contact))
    ended = await callee.leg.ended
    assert (ended.reason, ended.status) == (LegEnd.REFUSED, 302)
    assert callee.outbound.redirected == ("1003", "+380441234567")
    assert len(callee.heard("INVITE")) == 1
    assert len(callee.heard("ACK")) == 1


@pytest.mark.parametrize("q", ["soon", "-0.1", "0.33333", "1.5", "\u0660", "0..5", ""])
@virtual_time
async def test_a_preference_that_cannot_be_read_is_the_highest(q: str) -> None:
    """RFC 3261 §20.10 has it so where none is said."""
    callee = await Callee.is_called(Switch())
    callee.says(302, contact=("Contact", f"<sip:1003@example.com>;q=0.9, <sip:1004@example.com>;q={q}"))
    assert callee.outbound.redirected == ("1004", "1003")


@pytest.mark.parametrize("contact", ["", "<sip:open", ", ".join(f"<sip:{n}@a.example>" for n in range(11))])
@virtual_time
async def test_a_redirection_to_nowhere_is_a_refusal(contact: str) -> None:
    callee = await Callee.is_called(Switch())
    callee.says(302, contact=("Contact", contact))
    assert (await callee.leg.ended).status == 302
    assert callee.outbound.redirected == ()


@pytest.mark.parametrize(
    ("status", "asks", "proves"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
@virtual_time
async def test_a_challenge_is_met_by_the_same_call_with_the_next_number(status: int, asks: str, proves: str) -> None:
    callee = await Callee.is_called(Switch(), PROVING)
    callee.says(status, headers=[(asks, CHALLENGE)])
    first, second = callee.heard("INVITE")
    assert second.headers.get(proves) is not None
    assert (second.cseq.number, second.sip_call_id, second.from_.tag) == (2, first.sip_call_id, first.from_.tag)
    assert second.via.branch != first.via.branch
    assert second.body == first.body
    callee.says(200, body=SDP)
    # RFC 3261 §13.2.2.4: "The ACK MUST contain the same credentials as the INVITE."
    ack = callee.heard("ACK")[-1]
    assert (ack.cseq.number, ack.headers.get(proves)) == (2, second.headers.get(proves))


@virtual_time
async def test_a_wrong_password_is_tried_twice_and_no_more() -> None:
    callee = await Callee.is_called(Switch(), PROVING)
    for _ in range(3):
        callee.says(401, headers=[("WWW-Authenticate", CHALLENGE)])
    assert len(callee.heard("INVITE")) == 3
    assert (await callee.leg.ended).status == 401


@virtual_time
async def test_without_a_password_a_challenge_is_a_refusal() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(407, headers=[("Proxy-Authenticate", CHALLENGE)])
    assert (await callee.leg.ended).status == 407
    assert len(callee.heard("INVITE")) == 1


@virtual_time
async def test_a_challenge_inside_the_call_is_met_too() -> None:
    callee = await Callee.is_called(Switch(), PROVING)
    callee.says(200, body=SDP)
    await callee.leg.close()
    callee.answers(callee.heard("BYE")[0], 407, headers=[("Proxy-Authenticate", CHALLENGE)])
    first, second = callee.heard("BYE")
    assert second.headers.get("Proxy-Authorization") is not None
    assert second.cseq.number == first.cseq.number + 1
    assert callee.switch.user_agent.legs == 1
    callee.answers(second, 200)
    assert callee.switch.user_agent.legs == 0


@virtual_time
async def test_a_challenge_after_a_prack_takes_a_number_above_it() -> None:
    """The numbers of a dialog only rise, whichever requests took them."""
    callee = await Callee.is_called(Switch(), PROVING)
    callee.says(183, headers=reliable(1))
    callee.says(407, headers=[("Proxy-Authenticate", CHALLENGE)])
    assert callee.heard("PRACK")[0].cseq.number == 2
    assert callee.invite.cseq.number == 3


@virtual_time
async def test_too_short_a_session_is_asked_for_again_with_the_peers_minimum() -> None:
    """RFC 4028 §7.3."""
    switch = Switch()
    callee = await Callee.is_called(switch)
    assert callee.invite.headers.get("Session-Expires") == "1800"
    callee.says(422, headers=[("Min-SE", "3600")])
    assert callee.invite.headers.get("Session-Expires") == "3600"
    assert callee.invite.headers.get("Min-SE") == "3600"
    assert callee.invite.cseq.number == 2


@pytest.mark.parametrize("minimum", ["90", "", "soon"])
@virtual_time
async def test_a_422_that_asks_for_nothing_more_is_a_refusal(minimum: str) -> None:
    callee = await Callee.is_called(Switch())
    callee.says(422, headers=[("Min-SE", minimum)])
    assert (await callee.leg.ended).status == 422


@virtual_time
async def test_a_peer_that_always_wants_longer_sessions_is_asked_four_times() -> None:
    callee = await Callee.is_called(Switch())
    for minimum in range(2000, 2010):
        callee.says(422, headers=[("Min-SE", str(minimum))])
    assert len(callee.heard("INVITE")) == 4
    assert (await callee.leg.ended).status == 422


@virtual_time
async def test_without_a_wish_for_a_timer_none_is_asked_for() -> None:
    switch = Switch()
    switch.endpoint.session_policy = Policy(interval=0)
    assert (await Callee.is_called(switch)).invite.headers.get("Session-Expires") is None


@pytest.mark.parametrize("status", [404, 480, 486, 488, 503, 600, 603])
@virtual_time
async def test_a_refusal_is_acknowledged_and_told_with_its_reason(status: int) -> None:
    callee = await Callee.is_called(Switch())
    callee.says(180)
    callee.says(status, headers=[("Reason", 'Q.850;cause=17;text="User busy"'), ("Retry-After", "10")])
    ended = await callee.leg.ended
    assert (ended.reason, ended.status) == (LegEnd.REFUSED, status)
    assert ended.cause is not None
    assert (ended.cause.protocol, ended.cause.code) == ("Q.850", 17)
    (ack,) = callee.heard("ACK")
    assert ack.via.branch == callee.invite.via.branch
    assert len(callee.heard("INVITE")) == 1


@virtual_time
async def test_a_refusal_is_acknowledged_each_time_it_comes() -> None:
    callee = await Callee.is_called(Switch())
    for _ in range(3):
        callee.says(486)
    assert len(callee.heard("ACK")) == 3


@virtual_time
async def test_an_answer_whose_contact_cannot_be_read_ends_the_call_at_once() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(200, body=SDP, contact=("Contact", "<sip:open"))
    assert callee.leg.is_over
    assert (await callee.leg.ended).reason is LegEnd.REFUSED


@virtual_time
async def test_a_late_response_to_the_invite_before_the_proof_changes_nothing() -> None:
    callee = await Callee.is_called(Switch(), PROVING)
    first = callee.invite
    callee.says(407, headers=[("Proxy-Authenticate", CHALLENGE)])
    callee.says(180, invite=first)
    assert not callee.outbound.rang
    callee.says(180)
    assert callee.outbound.rang


# ---- nobody there ----------------------------------------------------------------------------------------------------


@virtual_time
async def test_a_forsaken_invite_is_not_sent_again() -> None:
    """The next trunk is tried meanwhile: one that wakes up late must not be called as well."""
    callee = await Callee.is_called(Switch())
    await asyncio.sleep(1.0)
    sent = len(callee.heard("INVITE"))
    assert sent > 1
    callee.outbound.forsake()
    await asyncio.sleep(40)
    assert len(callee.heard("INVITE")) == sent
    assert callee.leg.is_over


@virtual_time
async def test_one_that_rings_late_for_a_forsaken_invite_is_cancelled() -> None:
    callee = await Callee.is_called(Switch())
    await asyncio.sleep(1.0)
    callee.outbound.forsake()
    callee.says(180)
    assert len(callee.heard("CANCEL")) == 1


@virtual_time
async def test_one_that_answers_a_forsaken_invite_late_is_hung_up() -> None:
    callee = await Callee.is_called(Switch())
    callee.outbound.forsake()
    callee.says(200, body=SDP)
    assert len(callee.heard("ACK")) == len(callee.heard("BYE")) == 1
