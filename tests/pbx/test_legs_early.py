"""Before the answer: early media, reliable ringing (RFC 3262), UPDATE in early dialogs (RFC 3311) and forks."""

from __future__ import annotations

import asyncio

import pytest

from pbx.leg import LegEnd
from pbx.sip.message import Response
from tests.pbx.peers import Callee, Caller, reliable
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

REL = "Supported: 100rel"
OTHER_SDP = SDP.replace("30000", "30002")


def shape(response: Response) -> tuple[int, bool, bool]:
    """Status, whether it must be acknowledged, whether it has a description."""
    return response.status, response.headers.get("RSeq") is not None, bool(response.body)


def rack(response: Response) -> str:
    return f"RAck: {response.headers.get('RSeq')} {response.cseq.number} INVITE"


# ---- somebody calls us: early media ----------------------------------------------------------------------------------


@virtual_time
async def test_ringing_without_early_media_has_no_description() -> None:
    caller = await Caller.calls(Switch())
    caller.inbound.ring()
    caller.inbound.ring()
    assert [shape(response) for response in caller.provisionals()] == [(180, False, False)]


@virtual_time
async def test_early_media_go_out_as_183_with_our_description_and_the_200_repeats_it() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.ring(early_media=True)
    caller.inbound.ring()
    assert [shape(response) for response in caller.provisionals()] == [(183, False, True), (180, False, True)]
    caller.inbound.answer()
    assert switch.last_response().status == 200
    assert switch.last_response().body == caller.provisionals()[0].body
    assert caller.media.updates[0]["remote_port"] == 30000


@virtual_time
async def test_ringing_first_and_early_media_later() -> None:
    caller = await Caller.calls(Switch())
    caller.inbound.ring()
    caller.inbound.ring(early_media=True)
    assert [shape(response) for response in caller.provisionals()] == [(180, False, False), (183, False, True)]


@virtual_time
async def test_a_caller_without_an_offer_cannot_be_sent_early_media_unreliably() -> None:
    caller = await Caller.calls(Switch(), body="")
    caller.inbound.ring(early_media=True)
    assert [shape(response) for response in caller.provisionals()] == [(180, False, False)]


@virtual_time
async def test_every_provisional_response_tells_where_we_are_and_what_we_can() -> None:
    caller = await Caller.calls(Switch(), headers=["Record-Route: <sip:proxy.example;lr>"])
    caller.inbound.ring()
    (ringing,) = caller.provisionals()
    assert ringing.headers.get("Contact") == "<sip:1002@203.0.113.1:5060>"
    assert "UPDATE" in (ringing.headers.get("Allow") or "")
    assert ringing.headers.get("Record-Route") == "<sip:proxy.example;lr>"


@virtual_time
async def test_ringing_is_repeated_every_minute() -> None:
    """RFC 3261 §13.3.1.1."""
    caller = await Caller.calls(Switch())
    caller.inbound.ring()
    await asyncio.sleep(181)
    assert [response.status for response in caller.provisionals()] == [180] * 4


@virtual_time
async def test_an_invite_that_expires_is_487() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=["Expires: 20"])
    caller.inbound.ring()
    ended = await caller.leg.ended
    assert (ended.reason, switch.last_response().status) == (LegEnd.CANCEL, 487)


# ---- somebody calls us: 100rel ---------------------------------------------------------------------------------------


@virtual_time
async def test_a_description_goes_reliably_to_a_caller_that_supports_it() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=[REL])
    caller.inbound.ring()
    caller.inbound.ring(early_media=True)
    assert [shape(response) for response in caller.provisionals()] == [(180, False, False), (183, True, True)]
    assert caller.asks("PRACK", headers=[rack(caller.provisionals()[-1])]).status == 200
    caller.inbound.answer()
    # RFC 3262 §5: it was the answer, and is not sent twice.
    assert (switch.last_response().status, switch.last_response().body) == (200, b"")


@virtual_time
async def test_everything_goes_reliably_to_a_caller_that_requires_it() -> None:
    caller = await Caller.calls(Switch(), headers=["Require: 100rel"])
    caller.inbound.ring()
    caller.inbound.ring(early_media=True)
    assert [shape(response) for response in caller.provisionals()] == [(180, True, False)]
    caller.asks("PRACK", headers=[rack(caller.provisionals()[0])])
    first, second = caller.provisionals()
    assert shape(second) == (183, True, True)
    assert int(second.headers.get("RSeq") or 0) == int(first.headers.get("RSeq") or 0) + 1


@virtual_time
async def test_a_reliable_response_comes_again_until_its_prack() -> None:
    caller = await Caller.calls(Switch(), headers=["Require: 100rel"])
    caller.inbound.ring()
    await asyncio.sleep(3.6)  # after 0.5, 1.5 and 3.5 s
    assert len(caller.provisionals()) == 4
    assert len({response.headers.get("RSeq") for response in caller.provisionals()}) == 1
    caller.asks("PRACK", headers=[rack(caller.provisionals()[0])])
    await asyncio.sleep(30)
    assert len(caller.provisionals()) == 4


@virtual_time
async def test_ringing_that_must_arrive_is_repeated_every_minute_under_the_next_number() -> None:
    caller = await Caller.calls(Switch(), headers=["Require: 100rel"])
    caller.inbound.ring()
    for repetition in range(1, 4):
        caller.asks("PRACK", headers=[rack(caller.provisionals()[-1])])
        await asyncio.sleep(60.1)
        assert len(caller.provisionals()) == 1 + repetition
    numbers = [int(response.headers.get("RSeq") or 0) for response in caller.provisionals()]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


@virtual_time
async def test_a_caller_that_never_pracks_gets_504_after_64_t1() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=["Require: 100rel"])
    caller.inbound.ring()
    began = switch.timers.now()
    ended = await caller.leg.ended
    assert switch.timers.now() - began == pytest.approx(32.0)
    assert (ended.reason, ended.status, switch.last_response().status) == (LegEnd.TIMEOUT, 504, 504)


@virtual_time
async def test_a_prack_for_nothing_is_481() -> None:
    caller = await Caller.calls(Switch(), headers=["Require: 100rel"])
    caller.inbound.ring()
    assert caller.asks("PRACK", headers=["RAck: 1 1 INVITE"]).status == 481
    assert caller.asks("PRACK").status == 400
    assert not caller.leg.is_over


@virtual_time
async def test_the_200_waits_for_the_prack_of_a_description() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=[REL])
    caller.inbound.ring(early_media=True)
    caller.inbound.answer()
    assert 200 not in switch.statuses
    assert caller.asks("PRACK", headers=[rack(caller.provisionals()[0])]).status == 200
    assert [message.cseq.method for message in switch.sent[-2:]] == ["PRACK", "INVITE"]
    assert switch.last_response().status == 200


@virtual_time
async def test_a_cancel_while_the_200_waits_for_the_prack_ends_the_call() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=[REL])
    caller.inbound.ring(early_media=True)
    caller.inbound.answer()
    caller.cancels()
    assert switch.statuses[-2:] == [200, 487]
    assert (await caller.leg.ended).reason is LegEnd.CANCEL


@virtual_time
async def test_our_offer_in_a_reliable_183_is_answered_in_the_prack() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=[REL], body="")
    caller.inbound.ring(early_media=True)
    (progress,) = caller.provisionals()
    assert b"m=audio 40000 RTP/AVP 8 0 101" in progress.body
    response = caller.asks("PRACK", headers=[rack(progress)], body=SDP)
    assert (response.status, response.body) == (200, b"")
    assert caller.told("remote_port") == 30000
    caller.inbound.answer()
    assert switch.last_response().body == b""


@virtual_time
async def test_our_offer_that_waits_behind_another_response_is_not_answered_by_that_ones_prack() -> None:
    caller = await Caller.calls(Switch(), headers=["Require: 100rel"], body="")
    caller.inbound.ring()
    caller.inbound.ring(early_media=True)
    assert caller.asks("PRACK", headers=[rack(caller.provisionals()[0])]).status == 200
    progress = caller.provisionals()[1]
    assert caller.asks("PRACK", headers=[rack(progress)], body=SDP).status == 200
    assert caller.leg.negotiated is not None


@virtual_time
async def test_a_prack_that_owes_an_answer_and_has_none_acknowledges_nothing() -> None:
    caller = await Caller.calls(Switch(), headers=[REL], body="")
    caller.inbound.ring(early_media=True)
    progress = caller.provisionals()[0]
    assert caller.asks("PRACK", headers=[rack(progress)]).status == 400
    assert caller.asks("PRACK", headers=[rack(progress)], body=SDP).status == 200


@virtual_time
async def test_an_offer_in_a_prack_is_answered_in_its_200() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=[REL])
    caller.inbound.ring(early_media=True)
    response = caller.asks("PRACK", headers=[rack(caller.provisionals()[0])], body=OTHER_SDP)
    assert response.status == 200
    assert b"m=audio 40000" in response.body
    assert caller.told("remote_port") == 30002


@virtual_time
async def test_an_offer_in_a_prack_that_cannot_be_taken_is_488_and_the_ringing_is_acknowledged() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=[REL])
    caller.inbound.ring(early_media=True)
    caller.inbound.answer()
    bad = SDP.replace("RTP/AVP 0 8 101", "RTP/AVP 9")
    assert caller.switch.statuses.count(200) == 0
    text = caller.text("PRACK", headers=[rack(caller.provisionals()[0])], body=bad)
    switch.hears(text)
    assert switch.statuses[-2:] == [488, 200]  # PRACK, then the INVITE that waited
    await asyncio.sleep(0.1)
    assert not caller.leg.is_over


@virtual_time
async def test_an_offer_in_a_prack_before_the_first_is_answered_is_500() -> None:
    caller = await Caller.calls(Switch(), headers=["Require: 100rel"])
    caller.inbound.ring()
    response = caller.asks("PRACK", headers=[rack(caller.provisionals()[0])], body=OTHER_SDP)
    assert response.status == 500
    assert response.headers.get("Retry-After") is not None


# ---- somebody calls us: UPDATE before the answer ---------------------------------------------------------------------


@virtual_time
async def test_an_update_with_an_offer_before_ours_was_answered_is_500_with_retry_after() -> None:
    """RFC 3311 §5.2: the INVITE's own offer is still open."""
    caller = await Caller.calls(Switch())
    caller.inbound.ring()
    response = caller.asks("UPDATE", body=OTHER_SDP)
    assert response.status == 500
    assert response.headers.get("Retry-After") is not None


@virtual_time
async def test_an_early_update_changes_the_session_once_it_is_agreed_upon() -> None:
    caller = await Caller.calls(Switch(), headers=[REL])
    caller.inbound.ring(early_media=True)
    caller.asks("PRACK", headers=[rack(caller.provisionals()[0])])
    response = caller.asks("UPDATE", body=OTHER_SDP + "a=sendonly\r\n")
    assert response.status == 200
    assert b"a=recvonly" in response.body
    assert caller.told("remote_port") == 30002


@virtual_time
async def test_an_update_with_an_offer_after_an_unreliable_answer_is_500() -> None:
    """RFC 6337 §2.1: the 183 was only a preview; the caller may not even have it."""
    caller = await Caller.calls(Switch())
    caller.inbound.ring(early_media=True)
    assert caller.asks("UPDATE", body=OTHER_SDP).status == 500


@virtual_time
async def test_an_update_without_an_offer_is_always_answered() -> None:
    caller = await Caller.calls(Switch())
    caller.inbound.ring()
    assert (caller.asks("UPDATE").status, caller.asks("UPDATE").body) == (200, b"")


# ---- we call somebody: early media -----------------------------------------------------------------------------------


@virtual_time
async def test_the_callees_early_media_are_heard_and_180_goes_on_ringing() -> None:
    callee = await Callee.is_called(Switch())
    heard: list[str] = []
    callee.outbound.on_early_media = lambda: heard.append("media")
    callee.outbound.on_ringing = lambda: heard.append("ringing")
    callee.says(183, body=SDP)
    callee.says(180)
    assert heard == ["media", "ringing"]
    assert callee.told("remote_port") == 30000
    assert callee.outbound.early


@virtual_time
async def test_a_183_without_a_description_is_ringing() -> None:
    callee = await Callee.is_called(Switch())
    heard: list[str] = []
    callee.outbound.on_ringing = lambda: heard.append("ringing")
    callee.says(183)
    assert heard == ["ringing"]
    assert callee.outbound.rang


@virtual_time
async def test_a_100_is_no_ringing() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(100)
    assert not callee.outbound.rang


@virtual_time
async def test_an_answer_without_a_description_keeps_that_of_the_183() -> None:
    """RFC 3261 §13.2.1: the first description is the answer; gateways leave it out of the 200."""
    callee = await Callee.is_called(Switch())
    callee.says(183, body=SDP)
    callee.says(200)
    assert callee.outbound.answered.done()
    assert not callee.leg.is_over
    assert callee.told("remote_port") == 30000


@virtual_time
async def test_an_answer_without_any_description_is_acknowledged_and_ended() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(200)
    assert [request.method for request in callee.switch.requests] == ["INVITE", "ACK", "BYE"]
    assert callee.heard("BYE")[0].headers.all("Reason") == ['SIP;cause=400;text="no answer to our offer"']


@virtual_time
async def test_an_early_description_that_cannot_be_used_is_silence_until_the_answer() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(183, body=SDP.replace("RTP/AVP 0 8 101", "RTP/AVP 9"))
    assert not callee.outbound.early
    callee.says(200, body=SDP)
    assert callee.outbound.answered.done()


# ---- we call somebody: PRACK -----------------------------------------------------------------------------------------


@virtual_time
async def test_our_invite_offers_100rel_and_does_not_require_it() -> None:
    callee = await Callee.is_called(Switch())
    assert "100rel" in callee.invite.supported
    assert not callee.invite.require


@virtual_time
async def test_each_reliable_response_gets_its_prack_once() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(180, headers=reliable(7))
    callee.says(180, headers=reliable(7))
    callee.says(183, headers=reliable(8), body=SDP)
    pracks = callee.heard("PRACK")
    assert [prack.headers.get("RAck") for prack in pracks] == ["7 1 INVITE", "8 1 INVITE"]
    assert [prack.cseq.number for prack in pracks] == [2, 3]


@virtual_time
async def test_a_reliable_response_that_overtook_another_is_not_acknowledged() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(180, headers=reliable(7))
    callee.says(183, headers=reliable(9), body=SDP)
    assert len(callee.heard("PRACK")) == 1
    assert not callee.outbound.early


@virtual_time
async def test_a_prack_that_is_lost_is_sent_again() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(180, headers=reliable(7))
    await asyncio.sleep(1.6)  # 0.5 and 1.5 s
    assert len(callee.heard("PRACK")) == 3
    assert len({prack.via.branch for prack in callee.heard("PRACK")}) == 1


@virtual_time
async def test_the_description_in_a_reliable_183_is_the_answer_and_the_200_needs_none() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(183, headers=reliable(7), body=SDP)
    callee.says(200, body=OTHER_SDP)  # RFC 3261 §13.2.1: to be ignored
    assert callee.outbound.answered.done()
    assert callee.told("remote_port") == 30000
    # RFC 3261 §13.2.2.4: the ACK takes the INVITE's number, though PRACK has counted on.
    assert callee.heard("ACK")[0].cseq == (1, "ACK")


@virtual_time
async def test_the_callee_may_change_the_session_by_update_before_it_answers() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(183, headers=reliable(7), body=SDP)
    response = callee.asks("UPDATE", body=OTHER_SDP)
    assert response.status == 200
    assert callee.told("remote_port") == 30002


@virtual_time
async def test_an_update_of_the_callee_against_our_open_offer_is_491() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(183)
    assert callee.asks("UPDATE", body=OTHER_SDP).status == 491
