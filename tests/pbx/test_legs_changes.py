"""Changes of a session: re-INVITE (RFC 3261 §14) and UPDATE (RFC 3311), from either side, and when they meet."""

from __future__ import annotations

import asyncio

import pytest

from pbx import transactions
from pbx.endpoint import CODECS
from pbx.leg import Identity, LegEnd
from pbx.sip.offer_answer import PCMU, TELEPHONE_EVENT, Direction
from pbx.sip.sdp import Sdp
from tests.pbx.peers import Callee, Caller, Header, Peer, reliable
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

ALLOWS_UPDATE: Header = ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE")
MOVED = SDP.replace("30000", "30002")


def version(body: bytes) -> int:
    return int(Sdp.parse(body).origin.version)


# ---- theirs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "answered", "direction"),
    [
        ("a=sendonly\r\n", "a=recvonly", "recvonly"),
        ("a=inactive\r\n", "a=inactive", "inactive"),
        ("a=recvonly\r\n", "a=sendonly", "sendonly"),
        ("c=IN IP4 0.0.0.0\r\n", "a=recvonly", "recvonly"),
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@virtual_time
async def test_hold_and_resume_by_the_caller(method: str, offered: str, answered: str, direction: str) -> None:
    caller = await Caller.talks(Switch())
    holds: list[bool] = []
    caller.leg.on_hold = holds.append
    held = caller.asks(method, body=SDP + offered)
    assert answered in held.body.decode()
    assert caller.told("direction") == direction
    if method == "INVITE":
        caller.acknowledges()
    resumed = caller.asks(method, body=SDP)
    assert "a=sendrecv" in resumed.body.decode()
    assert version(resumed.body) == version(held.body) + 1
    assert holds == ([] if direction == "sendonly" else [True, False])


@virtual_time
async def test_hold_by_the_callee() -> None:
    callee = await Callee.talks(Switch())
    assert b"a=recvonly" in callee.asks("INVITE", body=SDP + "a=sendonly\r\n").body
    assert callee.leg.held


@virtual_time
async def test_hold_by_a_late_offer_is_in_the_ack() -> None:
    caller = await Caller.talks(Switch())
    holds: list[bool] = []
    caller.leg.on_hold = holds.append
    offer = caller.asks("INVITE")
    assert b"a=sendrecv" in offer.body
    caller.acknowledges(body=SDP + "a=sendonly\r\n")
    assert holds == [True]


@virtual_time
async def test_an_offerless_reinvite_is_offered_everything_though_the_caller_is_on_hold() -> None:
    """RFC 6337 §5.3: so that music on hold can be taken back by whoever asks for an offer."""
    caller = await Caller.talks(Switch())
    caller.asks("INVITE", body=SDP + "a=sendonly\r\n")
    caller.acknowledges()
    offer = caller.asks("INVITE")
    assert b"a=sendrecv" in offer.body
    assert b"RTP/AVP 8 0 101" in offer.body


@virtual_time
async def test_a_refresh_with_the_same_description_keeps_our_version() -> None:
    caller = await Caller.talks(Switch())
    first = caller.asks("INVITE", body=SDP)
    caller.acknowledges()
    assert version(caller.asks("UPDATE", body=SDP).body) == version(first.body)


@virtual_time
async def test_a_new_address_of_the_media_is_followed() -> None:
    caller = await Caller.talks(Switch())
    caller.asks("INVITE", body=MOVED)
    assert caller.told("remote_port") == 30002


@virtual_time
async def test_a_change_of_codec_is_followed() -> None:
    caller = await Caller.talks(Switch())
    assert caller.told("codec") == "pcmu"
    caller.asks("INVITE", body=SDP.replace("RTP/AVP 0 8 101", "RTP/AVP 8 101"))
    assert caller.told("codec") == "pcma"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (SDP.replace("RTP/AVP 0 8 101", "RTP/AVP 9"), 488),
        (SDP.replace("m=audio 30000", "m=audio 0"), 488),
        (SDP.replace("IP4 192.0.2.11\r\nt=", "IP6 2001:db8::1\r\nt="), 488),
        ("v=0\r\nrubbish\r\n", 400),
        (SDP.replace("v=0", "v=1"), 400),
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@virtual_time
async def test_a_refused_change_leaves_the_session_as_it_was(method: str, body: str, status: int) -> None:
    caller = await Caller.talks(Switch())
    before = list(caller.media.updates)
    response = caller.asks(method, body=body)
    assert response.status == status
    assert (response.headers.get("Warning") is not None) is (status == 488)
    assert caller.media.updates == before
    assert not caller.leg.is_over
    if method == "INVITE":
        caller.acknowledges()
    assert caller.asks(method, body=SDP).status == 200


@virtual_time
async def test_a_change_we_cannot_read_is_415() -> None:
    caller = await Caller.talks(Switch())
    response = caller.asks("INVITE", body="hello", content_type="text/plain")
    assert (response.status, response.headers.get("Accept")) == (415, "application/sdp, multipart/mixed")


@virtual_time
async def test_a_description_among_other_parts_is_taken() -> None:
    caller = await Caller.talks(Switch())
    body = f"--b\r\nContent-Type: application/sdp\r\n\r\n{MOVED}\r\n--b--\r\n"
    assert caller.asks("INVITE", body=body, content_type="multipart/mixed;boundary=b").status == 200
    assert caller.told("remote_port") == 30002


@virtual_time
async def test_an_accepted_change_moves_the_remote_target_and_a_refused_one_does_not() -> None:
    """RFC 3261 §14.2 and §12.2.2."""
    caller = await Caller.talks(Switch())
    moved = "sip:1001@192.0.2.11:5999"
    for body, target in ((SDP.replace("0 8 101", "9"), "sip:1001@192.0.2.11:5062"), (SDP, moved)):
        text = caller.text("INVITE", body=body)
        caller.switch.hears(text.replace("Contact: <sip:1001@192.0.2.11:5062>", f"Contact: <{moved}>"))
        assert caller.leg.dialog is not None
        assert caller.leg.dialog.remote_target == target


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@virtual_time
async def test_a_change_whose_contact_cannot_be_read_is_400_and_changes_nothing(method: str) -> None:
    caller = await Caller.talks(Switch())
    before = list(caller.media.updates)
    text = caller.text(method, body=MOVED).replace("Contact: <sip:1001@192.0.2.11:5062>", "Contact: <sip:open")
    caller.switch.hears(text)
    assert caller.switch.last_response().status == 400
    assert caller.media.updates == before
    assert not caller.leg.is_over


@virtual_time
async def test_the_200_of_a_reinvite_is_sent_again_until_its_ack() -> None:
    switch = Switch()
    caller = await Caller.talks(switch)
    before = switch.statuses.count(200)
    caller.asks("INVITE", body=SDP)
    await asyncio.sleep(3.6)
    assert switch.statuses.count(200) - before == 4
    caller.acknowledges()
    await asyncio.sleep(40)
    assert switch.statuses.count(200) - before == 4
    assert not caller.leg.is_over


@virtual_time
async def test_a_reinvite_whose_200_is_never_acknowledged_ends_the_call_after_64_t1() -> None:
    switch = Switch()
    caller = await Caller.talks(switch)
    began = switch.timers.now()
    caller.asks("INVITE", body=SDP)
    assert (await caller.leg.ended).reason is LegEnd.TIMEOUT
    assert switch.timers.now() - began == pytest.approx(32.0)
    assert caller.heard("BYE")


@virtual_time
async def test_the_other_leg_hears_nothing_of_a_change() -> None:
    """A B2BUA answers for itself: hold is passed on as music, not as a re-INVITE."""
    switch = Switch()
    caller = await Caller.talks(switch)
    callee = await Callee.talks(switch)
    caller.leg.join(callee.leg)
    caller.asks("INVITE", body=SDP + "a=sendonly\r\n")
    assert len(callee.heard("INVITE")) == 1


# ---- ours ------------------------------------------------------------------------------------------------------------


async def asks_to_hold(peer: Peer) -> asyncio.Task[bool]:
    task = asyncio.get_running_loop().create_task(peer.leg.renegotiate(Direction.SENDONLY))
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("side", [Caller, Callee])
@virtual_time
async def test_our_hold_is_offered_and_its_answer_taken(side: type[Caller | Callee]) -> None:
    peer = await side.talks(Switch())
    first = len(peer.heard("ACK"))
    task = await asks_to_hold(peer)
    reinvite = peer.heard("INVITE")[-1]
    assert b"a=sendonly" in reinvite.body
    assert reinvite.content_type == "application/sdp"
    assert reinvite.contact is not None
    assert version(reinvite.body) == 2
    peer.answers(reinvite, 200, body=SDP + "a=recvonly\r\n")
    assert await task
    assert peer.told("direction") == "sendonly"
    ack = peer.heard("ACK")[first:]
    assert [request.cseq.number for request in ack] == [reinvite.cseq.number]


@virtual_time
async def test_a_reliable_answer_to_our_reinvite_gets_its_prack_and_the_200_needs_none() -> None:
    callee = await Callee.talks(Switch())
    task = await asks_to_hold(callee)
    reinvite = callee.heard("INVITE")[-1]
    callee.answers(reinvite, 183, headers=reliable(50), body=MOVED)
    callee.answers(reinvite, 183, headers=reliable(50), body=MOVED)
    (prack,) = callee.heard("PRACK")
    assert prack.headers.get("RAck") == f"50 {reinvite.cseq.number} INVITE"
    assert callee.told("remote_port") == 30002
    callee.answers(prack, 200)
    callee.answers(reinvite, 200)
    assert await task
    assert callee.heard("ACK")[-1].cseq.number == reinvite.cseq.number


@virtual_time
async def test_the_answer_to_our_reinvite_tells_whether_the_peer_still_holds() -> None:
    caller = await Caller.talks(Switch())
    holds: list[bool] = []
    caller.leg.on_hold = holds.append
    caller.asks("INVITE", body=SDP + "a=sendonly\r\n")
    caller.acknowledges()
    for answer in ("a=sendonly\r\n", ""):
        task = asyncio.get_running_loop().create_task(caller.leg.renegotiate(Direction.SENDRECV))
        await asyncio.sleep(0)
        caller.answers(caller.heard("INVITE")[-1], 200, body=SDP + answer)
        assert await task
    assert holds == [True, False]


@virtual_time
async def test_an_answer_to_our_change_whose_contact_cannot_be_read_is_acknowledged_and_taken() -> None:
    callee = await Callee.talks(Switch())
    task = await asks_to_hold(callee)
    callee.answers(callee.heard("INVITE")[-1], 200, body=SDP, contact=("Contact", "<sip:open"))
    assert await task
    assert len(callee.heard("ACK")) == 2


@virtual_time
async def test_our_change_that_cannot_be_sent_does_not_end_the_call() -> None:
    """RFC 3261 §8.1.3.1: it counts as a 503, and the way may be open again a moment later."""
    switch = Switch()
    callee = await Callee.talks(switch)
    switch.sender.broken = True
    assert not await callee.leg.renegotiate(Direction.SENDONLY)
    assert not callee.leg.is_over
    switch.sender.broken = False
    assert callee.asks("OPTIONS").status == 200


@virtual_time
async def test_when_no_more_can_be_under_way_a_change_is_given_up_and_a_bye_goes_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    callee = await Callee.talks(Switch())
    monkeypatch.setattr(transactions, "MAX_TRANSACTIONS", 0)
    assert not await callee.leg.renegotiate(Direction.SENDONLY)
    assert not callee.leg.is_over
    callee.leg.hang_up()
    (bye,) = callee.heard("BYE")
    assert bye.contact is None


@virtual_time
async def test_a_retransmitted_200_of_our_reinvite_is_acknowledged_again() -> None:
    callee = await Callee.talks(Switch())
    await asks_to_hold(callee)
    reinvite = callee.heard("INVITE")[-1]
    for _ in range(3):
        callee.answers(reinvite, 200, body=SDP)
    assert [ack.cseq.number for ack in callee.heard("ACK")] == [1, 2, 2, 2]


@pytest.mark.parametrize("status", [488, 403, 500, 606])
@virtual_time
async def test_our_change_that_is_refused_leaves_the_session_as_it_was(status: int) -> None:
    callee = await Callee.talks(Switch())
    before = list(callee.media.updates)
    task = await asks_to_hold(callee)
    callee.answers(callee.heard("INVITE")[-1], status)
    assert not await task
    assert callee.media.updates == before
    assert not callee.leg.is_over
    again = await asks_to_hold(callee)
    assert version(callee.heard("INVITE")[-1].body) == 2
    callee.answers(callee.heard("INVITE")[-1], 200, body=SDP)
    assert await again


@pytest.mark.parametrize("status", [408, 481])
@virtual_time
async def test_our_change_that_finds_no_dialog_ends_the_call(status: int) -> None:
    """RFC 3261 §12.2.1.2."""
    callee = await Callee.talks(Switch())
    task = await asks_to_hold(callee)
    callee.answers(callee.heard("INVITE")[-1], status)
    assert not await task
    assert (await callee.leg.ended).reason is LegEnd.TIMEOUT
    assert callee.heard("BYE")


@virtual_time
async def test_our_change_that_nobody_answers_ends_the_call() -> None:
    callee = await Callee.talks(Switch())
    assert not await callee.leg.renegotiate(Direction.SENDONLY)
    assert (await callee.leg.ended).reason is LegEnd.TIMEOUT


@pytest.mark.parametrize("status", [500, 503])
@virtual_time
async def test_our_change_waits_as_long_as_the_peer_asks(status: int) -> None:
    switch = Switch()
    callee = await Callee.talks(switch)
    task = await asks_to_hold(callee)
    callee.answers(callee.heard("INVITE")[-1], status, headers=[("Retry-After", "7 (busy)")])
    await asyncio.sleep(6.9)
    assert len(callee.heard("INVITE")) == 2
    await asyncio.sleep(0.2)
    assert len(callee.heard("INVITE")) == 3
    callee.answers(callee.heard("INVITE")[-1], 200, body=SDP)
    assert await task


@virtual_time
async def test_a_new_codec_is_offered_with_the_number_that_digits_have() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(200, body=SDP.replace("101", "97"))
    task = asyncio.get_running_loop().create_task(callee.leg.renegotiate(codecs=(PCMU, TELEPHONE_EVENT)))
    await asyncio.sleep(0)
    assert b"m=audio 40000 RTP/AVP 0 97\r\n" in callee.heard("INVITE")[-1].body
    callee.answers(callee.heard("INVITE")[-1], 200, body=SDP.replace("0 8 101", "0 97").replace(":101", ":97"))
    assert await task
    assert callee.told("codec") == "pcmu"


@virtual_time
async def test_changes_of_ours_go_one_after_the_other() -> None:
    callee = await Callee.talks(Switch())
    first = await asks_to_hold(callee)
    second = asyncio.get_running_loop().create_task(callee.leg.renegotiate(Direction.SENDRECV, CODECS))
    await asyncio.sleep(0)
    assert len(callee.heard("INVITE")) == 2
    callee.answers(callee.heard("INVITE")[-1], 200, body=SDP)
    assert len(callee.heard("INVITE")) == 3
    callee.answers(callee.heard("INVITE")[-1], 200, body=SDP)
    assert [await first, await second] == [True, True]


@virtual_time
async def test_an_answer_to_our_change_that_cannot_be_used_ends_the_call() -> None:
    callee = await Callee.talks(Switch())
    task = await asks_to_hold(callee)
    callee.answers(callee.heard("INVITE")[-1], 200, body=SDP.replace("0 8 101", "9"))
    assert not await task
    assert [request.method for request in callee.switch.requests[-2:]] == ["ACK", "BYE"]
    assert callee.heard("BYE")[0].headers.get("Reason") == 'SIP;cause=488;text="no codec in common"'


@virtual_time
async def test_who_is_on_the_line_now_is_told_by_update_to_a_phone_of_ours_that_takes_it() -> None:
    switch = Switch()
    caller = await Caller.talks(switch, headers=["Allow: INVITE, UPDATE"])
    caller.leg.show(Identity("1003", "Taras"))
    (update,) = caller.heard("UPDATE")
    assert update.headers.get("P-Asserted-Identity") == '"Taras" <sip:1003@example.com>'
    assert (update.body, update.content_type) == (b"", None)
    caller.leg.show(Identity("1004", withheld=True))
    caller.answers(update, 200)
    assert len(caller.heard("UPDATE")) == 1


@virtual_time
async def test_an_update_that_is_refused_as_unknown_is_sent_as_a_reinvite() -> None:
    caller = await Caller.talks(Switch(), headers=["Allow: INVITE, UPDATE"])
    caller.leg.show(Identity("1003", "Taras"))
    caller.answers(caller.heard("UPDATE")[0], 501)
    assert caller.heard("INVITE")[-1].headers.get("P-Asserted-Identity") == '"Taras" <sip:1003@example.com>'


# ---- glare -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "shortest", "longest"), [(Callee, 2.1, 4.0), (Caller, 0.0, 2.0)])
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
@virtual_time
async def test_after_a_491_we_wait_by_who_owns_the_call_id(
    side: type[Caller | Callee], shortest: float, longest: float, chance: float
) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    switch.endpoint.chance = lambda: chance
    task = await asks_to_hold(peer)
    sent = len(peer.heard("INVITE"))
    wait = shortest + (longest - shortest) * chance
    peer.answers(peer.heard("INVITE")[-1], 491)
    if wait:
        await asyncio.sleep(wait - 0.02)
        assert len(peer.heard("INVITE")) == sent
    await asyncio.sleep(0.04)
    assert len(peer.heard("INVITE")) == sent + 1
    peer.answers(peer.heard("INVITE")[-1], 200, body=SDP)
    assert await task


@virtual_time
async def test_a_peer_that_always_says_491_is_asked_five_times() -> None:
    callee = await Callee.talks(Switch())
    task = await asks_to_hold(callee)
    for _ in range(5):
        callee.answers(callee.heard("INVITE")[-1], 491)
        await asyncio.sleep(4.1)
    assert not await task
    assert {request.cseq.number for request in callee.heard("INVITE")} == {1, 2, 3, 4, 5, 6}
    assert not callee.leg.is_over


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@virtual_time
async def test_an_offer_against_ours_is_491_and_ours_goes_on(method: str) -> None:
    callee = await Callee.talks(Switch())
    task = await asks_to_hold(callee)
    assert callee.asks(method, body=MOVED).status == 491
    callee.answers(callee.heard("INVITE")[-1], 200, body=SDP)
    assert await task


@virtual_time
async def test_an_update_without_an_offer_is_answered_while_ours_is_under_way() -> None:
    callee = await Callee.talks(Switch())
    await asks_to_hold(callee)
    assert callee.asks("UPDATE").status == 200


@virtual_time
async def test_a_reinvite_beside_our_update_without_an_offer_is_answered() -> None:
    """RFC 5407 §3.3.2 lets only offers collide."""
    caller = await Caller.talks(Switch(), headers=["Allow: INVITE, UPDATE"])
    caller.leg.show(Identity("1003", "Taras"))
    assert caller.asks("INVITE", body=SDP).status == 200


@virtual_time
async def test_ours_waits_while_the_peers_late_offer_is_open() -> None:
    """RFC 3261 §14.1: no INVITE of ours while another is in progress in either direction."""
    caller = await Caller.talks(Switch())
    caller.asks("INVITE")
    task = await asks_to_hold(caller)
    assert caller.heard("INVITE") == []
    caller.acknowledges(body=SDP)
    await asyncio.sleep(0.6)
    caller.answers(caller.heard("INVITE")[-1], 200, body=SDP)
    assert await task
