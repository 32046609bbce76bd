"""The 2xx is sent again until its ACK comes: RFC 3261 §13.3.1.4."""

import pytest

from pbx.sip.dialog import GiveUp, StopWaiting, SuccessRetransmission, Wait
from pbx.sip.transaction import Send
from tests.pbx.sip.messages import a_request, a_response

OK = a_response(a_request("INVITE"), 200)


def test_the_gaps_double_from_t1_to_t2() -> None:
    again = SuccessRetransmission(OK)
    assert again.start() == (Wait(0.5),)
    for gap in (1.0, 2.0, 4.0, 4.0):
        assert again.fired() == (Send(OK), Wait(gap))


def test_it_gives_up_after_64_t1() -> None:
    again = SuccessRetransmission(OK)
    effects = again.start()
    waited, sent = 0.0, 0
    while GiveUp() not in effects:
        wait = effects[-1]
        assert isinstance(wait, Wait)
        waited += wait.seconds
        effects = again.fired()
        sent += sum(isinstance(effect, Send) for effect in effects)
    assert waited == pytest.approx(32.0)
    assert sent == 10
    assert again.fired() == ()


def test_the_ack_ends_it() -> None:
    again = SuccessRetransmission(OK)
    again.start()
    assert again.acknowledged() == (StopWaiting(),)
    assert again.acknowledged() == ()
    assert again.fired() == ()
