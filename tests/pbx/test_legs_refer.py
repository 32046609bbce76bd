"""REFER on a leg, both roles: what is answered, what NOTIFYs tell and when they end (RFC 3515, 4488, 6665)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from pbx.leg import Referral
from pbx.leg.referrals import MAX_REFERRALS, UNDECIDED
from pbx.sip import refer
from pbx.sip.message import Request, Response
from tests.pbx.peers import Callee, Caller, Peer
from tests.pbx.switch import Switch
from tests.support.virtual_time import virtual_time

SIDES = pytest.mark.parametrize("side", [Caller, Callee])
CAROL = "Refer-To: <sip:1003@example.com>"
SIPFRAG = "message/sipfrag"


@dataclass(slots=True)
class Room:
    """The room above: it keeps what it is asked, and decides when the test says so."""

    peer: Peer
    asked: list[Referral] = field(default_factory=list)

    def refer(self, *headers: str) -> Referral:
        """The phone sends REFER; nothing is answered yet."""
        self.peer.switch.hears(self.peer.text("REFER", headers=headers or (CAROL,)), self.peer.flow)
        return self.asked[-1]

    @property
    def answers(self) -> list[Response]:
        return [sent for sent in self.peer.switch.sent if isinstance(sent, Response) and sent.cseq.method == "REFER"]

    @property
    def notifies(self) -> list[Request]:
        return self.peer.heard("NOTIFY")

    @property
    def told(self) -> list[tuple[int, str]]:
        """Status and subscription state of each NOTIFY."""
        return [
            (refer.status_of(notify.body), notify.headers.get("Subscription-State") or "") for notify in self.notifies
        ]

    def hears(self, count: int = 1) -> None:
        """The phone answers the last NOTIFYs."""
        for notify in self.notifies[-count:]:
            self.peer.answers(notify, 200)


async def a_room(side: type[Caller | Callee]) -> Room:
    peer = await side.talks(Switch())
    room = Room(peer)
    peer.leg.on_refer = room.asked.append
    return room


# ---- we are asked ----------------------------------------------------------------------------------------------------


@SIDES
@virtual_time
async def test_accepted_is_202_and_at_once_a_notify_of_100(side: type[Caller | Callee]) -> None:
    """RFC 3515 §2.4.4."""
    room = await a_room(side)
    referral = room.refer()
    assert room.answers == []
    referral.accept()
    (answer,) = room.answers
    assert answer.status == 202
    assert answer.contact is not None
    (notify,) = room.notifies
    assert notify.headers.get("Event") == "refer"
    assert notify.headers.get("Content-Type") == "message/sipfrag;version=2.0"
    assert notify.contact is not None
    assert room.told == [(100, "active;expires=180")]
    referral.progress(200)


@virtual_time
async def test_each_notify_waits_for_the_answer_to_the_one_before() -> None:
    """Over UDP two could change places."""
    room = await a_room(Caller)
    referral = room.refer()
    referral.accept()
    referral.progress(180)
    referral.progress(200)
    assert len(room.notifies) == 1
    room.hears()
    assert len(room.notifies) == 2
    room.hears()
    assert room.told == [
        (100, "active;expires=180"),
        (180, "active;expires=180"),
        (200, "terminated;reason=noresource"),
    ]
    numbers = [notify.cseq.number for notify in room.notifies]
    assert numbers == sorted(set(numbers))


@virtual_time
async def test_the_same_progress_is_told_once() -> None:
    """Several phones of the target ring."""
    room = await a_room(Caller)
    referral = room.refer()
    referral.accept()
    room.hears()
    referral.progress(180)
    room.hears()
    referral.progress(180)
    assert len(room.notifies) == 2
    referral.progress(486)


@virtual_time
async def test_after_the_end_nothing_is_told() -> None:
    room = await a_room(Caller)
    referral = room.refer()
    referral.accept()
    room.hears()
    referral.progress(486)
    room.hears()
    referral.progress(200)
    assert [status for status, _ in room.told] == [100, 486]
    assert referral.is_over


@virtual_time
async def test_the_end_is_told_after_the_calls_bye_too() -> None:
    """RFC 5057 §4: the subscription outlives the INVITE's usage of the dialog."""
    room = await a_room(Callee)
    referral = room.refer()
    referral.accept()
    room.hears()
    assert room.peer.asks("BYE").status == 200
    referral.progress(200)
    assert room.told[-1] == (200, "terminated;reason=noresource")
    room.hears()


@virtual_time
async def test_a_refusal_has_its_status_and_nothing_follows() -> None:
    room = await a_room(Caller)
    referral = room.refer()
    referral.refuse(403)
    referral.accept()
    referral.progress(200)
    assert [answer.status for answer in room.answers] == [403]
    assert room.notifies == []
    assert not room.peer.leg.is_over


@virtual_time
async def test_refer_sub_false_makes_no_subscription() -> None:
    """RFC 4488 §4: the 202 says so, and no NOTIFY comes."""
    room = await a_room(Caller)
    referral = room.refer(CAROL, "Refer-Sub: false", "Supported: norefersub")
    referral.accept()
    assert room.answers[-1].headers.get("Refer-Sub") == "false"
    referral.progress(180)
    referral.progress(200)
    assert room.notifies == []
    assert referral.is_over


@virtual_time
async def test_what_nobody_decides_is_declined_before_its_transaction_ends() -> None:
    """By a status that leaves the dialog alone (RFC 5057 §5.1)."""
    room = await a_room(Caller)
    room.refer()
    await asyncio.sleep(UNDECIDED + 1)
    assert [answer.status for answer in room.answers] == [603]


@virtual_time
async def test_a_subscription_lasts_three_minutes_and_the_last_notify_says_why_it_ends() -> None:
    room = await a_room(Caller)
    referral = room.refer()
    referral.accept()
    room.hears()
    referral.progress(180)
    room.hears()
    await asyncio.sleep(refer.LIFE + 1)
    assert room.told[-1] == (180, "terminated;reason=timeout")
    room.hears()
    referral.progress(200)
    assert room.told[-1] == (180, "terminated;reason=timeout")


@virtual_time
async def test_who_wants_to_hear_no_more_gets_one_last_notify() -> None:
    """RFC 3515 §2.4.7, RFC 6665 §4.2.1.4: a SUBSCRIBE with Expires 0 in the dialog."""
    room = await a_room(Caller)
    referral = room.refer()
    referral.accept()
    room.hears()
    response = room.peer.asks("SUBSCRIBE", headers=["Event: refer", "Expires: 0"])
    assert (response.status, response.headers.get("Expires")) == (200, "0")
    assert room.told[-1] == (100, "terminated;reason=timeout")
    room.hears()
    referral.progress(200)
    assert len(room.notifies) == 2


@virtual_time
async def test_a_subscription_may_be_renewed_but_not_found_anew() -> None:
    room = await a_room(Caller)
    assert room.peer.asks("SUBSCRIBE", headers=["Event: refer"]).status == 481
    referral = room.refer()
    referral.accept()
    assert room.peer.asks("SUBSCRIBE", headers=["Event: refer", "Expires: 60"]).headers.get("Expires") == "60"
    assert room.peer.asks("SUBSCRIBE", headers=["Event: refer;id=77"]).status == 481
    referral.progress(200)


@pytest.mark.parametrize("status", [481, 489, 500])
@virtual_time
async def test_a_notify_that_fails_ends_the_telling_and_not_the_call(status: int) -> None:
    """RFC 6665 §4.2.2; RFC 5057 §5.1 would end the call with some, but whoever transfers may have forgotten it."""
    room = await a_room(Caller)
    referral = room.refer()
    referral.accept()
    referral.progress(180)
    room.peer.answers(room.notifies[-1], status)
    referral.progress(200)
    assert len(room.notifies) == 1
    assert referral.is_over
    assert not room.peer.leg.is_over


@virtual_time
async def test_a_phone_that_never_answers_a_notify_hears_no_second_one() -> None:
    room = await a_room(Caller)
    referral = room.refer()
    referral.accept()
    referral.progress(180)
    await asyncio.sleep(33)
    referral.progress(200)
    assert {notify.cseq.number for notify in room.notifies} == {room.notifies[0].cseq.number}


@virtual_time
async def test_later_refers_of_a_call_are_told_apart_by_their_cseq() -> None:
    """RFC 3515 §2.4.6."""
    room = await a_room(Caller)
    first, second = room.refer(), room.refer()
    first.accept()
    second.accept()
    events = [notify.headers.get("Event") for notify in room.notifies]
    assert events == ["refer", f"refer;id={room.peer.cseq}"]
    first.progress(603)
    second.progress(200)


@virtual_time
async def test_too_many_at_once_are_500_with_retry_after() -> None:
    room = await a_room(Caller)
    for _ in range(MAX_REFERRALS):
        room.refer()
    response = room.peer.asks("REFER", headers=[CAROL])
    assert (response.status, response.headers.get("Retry-After")) == (500, "10")
    for referral in room.asked:
        referral.refuse(603)
    room.refer().refuse(603)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 400),
        (("Refer-To: <sip:1003@example.com>, <sip:1004@example.com>",), 400),
        (("Refer-To: <sip:1003@example.com;method=MESSAGE>",), 405),
        (("Refer-To: <sip:1003@example.com?Replaces=broken>",), 400),
    ],
)
@virtual_time
async def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(headers: Sequence[str], status: int) -> None:
    room = await a_room(Caller)
    assert room.peer.asks("REFER", headers=headers).status == status
    assert room.asked == []
    assert not room.peer.leg.is_over


@SIDES
@virtual_time
async def test_where_nobody_transfers_a_refer_is_declined(side: type[Caller | Callee]) -> None:
    """The leg of a trunk."""
    peer = await side.talks(Switch())
    assert peer.asks("REFER", headers=[CAROL]).status == 603
    assert not peer.leg.is_over


@virtual_time
async def test_a_call_that_is_not_answered_cannot_be_transferred() -> None:
    caller = await Caller.calls(Switch())
    caller.leg.on_refer = lambda _: pytest.fail("asked")
    caller.inbound.ring()
    assert caller.asks("REFER", headers=[CAROL]).status == 603


@virtual_time
async def test_the_end_of_the_call_refuses_what_was_not_decided() -> None:
    room = await a_room(Caller)
    room.refer()
    room.peer.leg.hang_up()
    assert [answer.status for answer in room.answers] == [481]


@pytest.mark.parametrize("swapped", [False, True])
@virtual_time
async def test_a_leg_is_found_by_the_dialog_that_replaces_names(swapped: bool) -> None:
    room = await a_room(Caller)
    other = await Callee.talks(room.peer.switch)
    ours, theirs = other.outbound.local_tag, other.tag
    if swapped:
        ours, theirs = theirs, ours
    dialog = f"{other.sip_call_id}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}"
    referral = room.refer(f"Refer-To: <sip:1002@example.com?Replaces={dialog}>")
    assert referral.replaces is other.leg
    assert not referral.replaces_unknown
    referral.refuse(603)
    unknown = room.refer("Refer-To: <sip:1002@example.com?Replaces=gone%3Bto-tag%3Da%3Bfrom-tag%3Db>")
    assert unknown.replaces is None
    assert unknown.replaces_unknown
    unknown.refuse(603)


# ---- we ask ----------------------------------------------------------------------------------------------------------


@SIDES
@virtual_time
async def test_we_ask_and_hear_how_it_went(side: type[Caller | Callee]) -> None:
    peer = await side.talks(Switch())
    told = peer.leg.refer("sip:1003@example.com")
    (request,) = peer.heard("REFER")
    assert request.headers.get("Refer-To") == "<sip:1003@example.com>"
    assert (request.headers.get("Referred-By") or "").startswith("<sip:")
    peer.answers(request, 202)
    active, last = "Subscription-State: active;expires=60", "Subscription-State: terminated;reason=noresource"
    notify = {"headers": ["Event: refer", active], "body": "SIP/2.0 180 Ringing", "content_type": SIPFRAG}
    assert peer.asks("NOTIFY", **notify).status == 200  # type: ignore[arg-type]  # as the words say
    assert not told.done()
    assert (
        peer.asks("NOTIFY", headers=["Event: refer", last], body="SIP/2.0 200 OK", content_type=SIPFRAG).status == 200
    )
    assert await told == 200


@virtual_time
async def test_in_place_of_another_dialog_it_is_named_as_the_other_side_sees_it() -> None:
    switch = Switch()
    peer, other = await Caller.talks(switch), await Callee.talks(switch)
    told = peer.leg.refer("sip:1002@example.com", replaces=other.leg)
    found = refer.ReferTo.of(peer.heard("REFER")[0]).replaces
    assert found is not None
    assert (found.sip_call_id, found.to_tag, found.from_tag) == (
        other.sip_call_id,
        other.tag,
        other.outbound.local_tag,
    )
    peer.answers(peer.heard("REFER")[0], 603)
    assert await told == 603


@virtual_time
async def test_a_refusal_of_ours_is_the_result() -> None:
    peer = await Caller.talks(Switch())
    told = peer.leg.refer("sip:1003@example.com")
    peer.answers(peer.heard("REFER")[0], 405)
    assert await told == 405


@virtual_time
async def test_silence_is_408() -> None:
    peer = await Caller.talks(Switch())
    assert await peer.leg.refer("sip:1003@example.com") == 408


@virtual_time
async def test_without_a_subscription_the_answer_is_the_result() -> None:
    peer = await Caller.talks(Switch())
    told = peer.leg.refer("sip:1003@example.com")
    peer.answers(peer.heard("REFER")[0], 202, headers=[("Refer-Sub", "false")])
    assert await told == 202


@virtual_time
async def test_the_end_of_the_call_ends_the_waiting() -> None:
    peer = await Caller.talks(Switch())
    told = peer.leg.refer("sip:1003@example.com")
    peer.answers(peer.heard("REFER")[0], 202)
    peer.asks("BYE")
    assert await told == 100
    assert await peer.leg.refer("sip:1003@example.com") == 481


@virtual_time
async def test_a_notify_that_nobody_asked_for_is_481() -> None:
    peer = await Caller.talks(Switch())
    headers = ["Event: refer", "Subscription-State: active"]
    assert peer.asks("NOTIFY", headers=headers, body="SIP/2.0 200 OK", content_type=SIPFRAG).status == 481
    assert not peer.leg.is_over


@virtual_time
async def test_a_notify_without_a_status_line_is_400_and_changes_nothing() -> None:
    peer = await Caller.talks(Switch())
    told = peer.leg.refer("sip:1003@example.com")
    peer.answers(peer.heard("REFER")[0], 202)
    headers = ["Event: refer", "Subscription-State: active"]
    assert peer.asks("NOTIFY", headers=headers, body="hello", content_type=SIPFRAG).status == 400
    assert not told.done()
    peer.asks("BYE")
    await told
