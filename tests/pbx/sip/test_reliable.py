"""Provisional responses that must arrive: RFC 3262, arrow by arrow, both roles."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.reliable import (
    FIRST_RSEQ,
    Acknowledged,
    Provide,
    ProvisionalOrder,
    RAck,
    ReliableEffect,
    ReliableProvisionals,
    numbered,
    rseq_of,
)
from pbx.sip.reply import reply
from pbx.sip.success_retransmission import GiveUp, StopWaiting, Wait
from pbx.sip.transaction.effects import Send
from tests.pbx.sip.messages import SDP, a_request

INVITE = a_request("INVITE", cseq="314 INVITE")
RINGING = reply(INVITE, 180, to_tag="mine")
PROGRESS = reply(INVITE, 183, to_tag="mine", body=SDP, content_type="application/sdp")


@pytest.fixture
def uas() -> ReliableProvisionals:
    return ReliableProvisionals(rseq=100)


def provided(effects: Sequence[ReliableEffect]) -> list[Response]:
    return [effect.response for effect in effects if isinstance(effect, Provide)]


def prack(rseq: int, cseq: int = 314, method: str = "INVITE") -> RAck:
    return RAck(rseq, cseq, method)


# ---- the UAS: §3 -----------------------------------------------------------------------------------------------------


def test_a_reliable_response_says_so_and_is_numbered(uas: ReliableProvisionals) -> None:
    provide, wait = uas.send(RINGING)
    assert wait == Wait(0.5)
    assert isinstance(provide, Provide)
    assert (provide.response.headers.get("Require"), provide.response.headers.get("RSeq")) == ("100rel", "100")
    assert RINGING.headers.get("RSeq") is None


def test_it_is_sent_again_with_gaps_that_double_without_end(uas: ReliableProvisionals) -> None:
    (sent,) = provided(uas.send(RINGING))
    for gap in (1.0, 2.0, 4.0, 8.0):
        assert uas.fired() == (Send(sent), Wait(gap))


def test_it_gives_up_after_64_t1(uas: ReliableProvisionals) -> None:
    effects = uas.send(RINGING)
    waited = 0.0
    while effects[-1] != GiveUp():
        wait = effects[-1]
        assert isinstance(wait, Wait)
        waited += wait.seconds
        effects = uas.fired()
    assert waited == pytest.approx(32.0)
    assert uas.fired() == ()


def test_its_prack_ends_the_retransmissions(uas: ReliableProvisionals) -> None:
    (sent,) = provided(uas.send(RINGING))
    assert uas.acknowledged(prack(100)) == (StopWaiting(), Acknowledged(sent))
    assert uas.fired() == ()


@pytest.mark.parametrize("rack", [prack(101), prack(99), prack(100, 315), prack(100, 314, "UPDATE")])
def test_a_prack_that_matches_nothing_is_481(uas: ReliableProvisionals, rack: RAck) -> None:
    uas.send(RINGING)
    with pytest.raises(RemoteProtocolError) as caught:
        uas.acknowledged(rack)
    assert caught.value.status == 481


def test_a_prack_before_anything_was_sent_is_481(uas: ReliableProvisionals) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        uas.acknowledged(prack(100))
    assert caught.value.status == 481


def test_a_second_prack_for_the_same_response_is_481(uas: ReliableProvisionals) -> None:
    uas.send(RINGING)
    uas.acknowledged(prack(100))
    with pytest.raises(RemoteProtocolError) as caught:
        uas.acknowledged(prack(100))
    assert caught.value.status == 481


def test_the_second_response_waits_for_the_prack_of_the_first(uas: ReliableProvisionals) -> None:
    uas.send(RINGING)
    assert uas.send(PROGRESS) == ()
    *_, provide, wait = uas.acknowledged(prack(100))
    assert isinstance(provide, Provide)
    assert (provide.response.status, provide.response.headers.get("RSeq"), wait) == (183, "101", Wait(0.5))


def test_what_cannot_be_queued_is_dropped(uas: ReliableProvisionals) -> None:
    for _ in range(20):
        uas.send(RINGING)
    acknowledged = 0
    while uas.expects(prack(100 + acknowledged)):
        uas.acknowledged(prack(100 + acknowledged))
        acknowledged += 1
    assert acknowledged == 9  # the first, and eight that waited


def test_a_2xx_waits_for_the_prack_of_a_description(uas: ReliableProvisionals) -> None:
    waits = []
    for response in (RINGING, PROGRESS):
        uas.send(response)
        waits.append(uas.waits_for_session)
    for rseq in (100, 101):
        uas.acknowledged(prack(rseq))
        waits.append(uas.waits_for_session)
    assert waits == [False, True, True, False]


def test_a_final_response_ends_the_retransmissions_and_what_waited_is_not_sent(uas: ReliableProvisionals) -> None:
    uas.send(RINGING)
    uas.send(PROGRESS)
    assert uas.answered() == (StopWaiting(),)
    assert uas.fired() == ()
    assert provided(uas.acknowledged(prack(100))) == []
    assert uas.send(RINGING) == ()


def test_a_late_prack_after_the_final_response_is_still_known(uas: ReliableProvisionals) -> None:
    (sent,) = provided(uas.send(RINGING))
    uas.answered()
    assert Acknowledged(sent) in uas.acknowledged(prack(100))


def test_the_largest_first_number_leaves_room_to_count() -> None:
    uas = ReliableProvisionals(rseq=FIRST_RSEQ)
    uas.send(RINGING)
    uas.send(RINGING)
    effects = uas.acknowledged(prack(FIRST_RSEQ))
    assert provided(effects)[0].headers.get("RSeq") == str(2**31)


# ---- RAck: §7.2 ------------------------------------------------------------------------------------------------------


def a_prack(value: str) -> Request:
    return a_request("PRACK", more=[f"RAck: {value}"])


def test_the_rack_is_read_and_written() -> None:
    assert RAck.of(a_prack("776656 1 INVITE")) == RAck(776656, 1, "INVITE")
    assert str(RAck(776656, 1, "INVITE")) == "776656 1 INVITE"


@pytest.mark.parametrize("value", ["", "1 INVITE", "1 1 INVITE x", "-1 1 INVITE", "x 1 INVITE", "4294967296 1 INVITE"])
def test_a_rack_that_cannot_be_read_is_400(value: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        RAck.of(a_prack(value))
    assert caught.value.status == 400


# ---- the UAC: §4 -----------------------------------------------------------------------------------------------------


def test_the_uac_acknowledges_the_first_whatever_its_number() -> None:
    order = ProvisionalOrder()
    assert order.take(numbered(RINGING, 4711)) == RAck(4711, 314, "INVITE")


def test_the_uac_acknowledges_the_next_number_only() -> None:
    order = ProvisionalOrder()
    order.take(numbered(RINGING, 10))
    assert order.take(numbered(PROGRESS, 12)) is None  # overtook another: it will come again
    assert order.take(numbered(PROGRESS, 11)) == RAck(11, 314, "INVITE")
    assert order.take(numbered(PROGRESS, 12)) == RAck(12, 314, "INVITE")


def test_the_uac_drops_a_retransmission() -> None:
    order = ProvisionalOrder()
    order.take(numbered(RINGING, 10))
    assert order.take(numbered(RINGING, 10)) is None


@pytest.mark.parametrize(
    ("status", "headers", "number"),
    [
        (180, [("Require", "100rel"), ("RSeq", "7")], 7),
        (183, [("Require", "foo, 100REL"), ("RSeq", "7")], 7),
        (180, [("RSeq", "7")], None),  # "Supported" at most: not sent reliably
        (180, [("Require", "100rel")], None),
        (180, [("Require", "100rel"), ("RSeq", "0")], None),
        (180, [("Require", "100rel"), ("RSeq", "soon")], None),
        (180, [("Require", "100rel"), ("RSeq", "4294967296")], None),
        (100, [("Require", "100rel"), ("RSeq", "7")], None),  # a 100 is hop by hop
        (200, [("Require", "100rel"), ("RSeq", "7")], None),
    ],
)
def test_which_responses_are_reliable(status: int, headers: list[tuple[str, str]], number: int | None) -> None:
    assert rseq_of(reply(INVITE, status, to_tag="theirs", headers=headers)) == number
