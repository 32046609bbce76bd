"""RFC 3261 figure 8: one test an arrow."""

import pytest

from pbx.sip.transaction import (
    Deliver,
    NonInviteServerTransaction,
    Reason,
    Respond,
    Send,
    StartTimer,
    Terminate,
    Timer,
    TimerFired,
    TransportFailed,
)
from pbx.sip.transaction.non_invite_server import State
from tests.pbx.sip.messages import a_request, a_response

OPTIONS = a_request("OPTIONS")
TRYING = a_response(OPTIONS, 100, to_tag=None)
OK = a_response(OPTIONS, 200)
BUSY = a_response(OPTIONS, 486)


@pytest.fixture
def over_udp() -> NonInviteServerTransaction:
    transaction = NonInviteServerTransaction(OPTIONS, reliable=False)
    transaction.start()
    return transaction


def test_starts_by_delivering_the_request() -> None:
    assert NonInviteServerTransaction(OPTIONS, reliable=False).start() == (Deliver(OPTIONS),)


def test_retransmissions_are_discarded_in_trying(over_udp: NonInviteServerTransaction) -> None:
    assert over_udp.handle(OPTIONS) == ()


def test_a_provisional_in_trying_is_sent(over_udp: NonInviteServerTransaction) -> None:
    assert over_udp.handle(Respond(TRYING)) == (Send(TRYING),)
    assert over_udp.state is State.PROCEEDING


def test_a_final_response_in_trying_completes(over_udp: NonInviteServerTransaction) -> None:
    assert over_udp.handle(Respond(OK)) == (Send(OK), StartTimer(Timer.J, 32.0))
    assert over_udp.state is State.COMPLETED


def test_further_provisionals_are_sent(over_udp: NonInviteServerTransaction) -> None:
    over_udp.handle(Respond(TRYING))
    assert over_udp.handle(Respond(TRYING)) == (Send(TRYING),)


def test_a_retransmission_in_proceeding_gets_the_last_provisional(over_udp: NonInviteServerTransaction) -> None:
    over_udp.handle(Respond(TRYING))
    assert over_udp.handle(OPTIONS) == (Send(TRYING),)


def test_a_final_response_in_proceeding_completes(over_udp: NonInviteServerTransaction) -> None:
    over_udp.handle(Respond(TRYING))
    assert over_udp.handle(Respond(BUSY)) == (Send(BUSY), StartTimer(Timer.J, 32.0))


def test_timer_j_is_zero_over_tcp() -> None:
    transaction = NonInviteServerTransaction(OPTIONS, reliable=True)
    assert transaction.handle(Respond(OK)) == (Send(OK), StartTimer(Timer.J, 0))


def test_a_retransmission_in_completed_gets_the_final_response(over_udp: NonInviteServerTransaction) -> None:
    over_udp.handle(Respond(OK))
    assert over_udp.handle(OPTIONS) == (Send(OK),)


def test_other_final_responses_are_discarded_in_completed(over_udp: NonInviteServerTransaction) -> None:
    over_udp.handle(Respond(OK))
    assert over_udp.handle(Respond(BUSY)) == ()
    assert over_udp.handle(OPTIONS) == (Send(OK),)


def test_a_transport_error_ends_proceeding(over_udp: NonInviteServerTransaction) -> None:
    over_udp.handle(Respond(TRYING))
    assert over_udp.handle(TransportFailed()) == (Terminate(Reason.TRANSPORT),)


def test_a_transport_error_ends_completed(over_udp: NonInviteServerTransaction) -> None:
    over_udp.handle(Respond(OK))
    assert over_udp.handle(TransportFailed()) == (Terminate(Reason.TRANSPORT),)


def test_timer_j_ends_completed(over_udp: NonInviteServerTransaction) -> None:
    over_udp.handle(Respond(OK))
    assert over_udp.handle(TimerFired(Timer.J)) == (Terminate(Reason.DONE),)
    assert over_udp.state is State.TERMINATED
    assert over_udp.handle(OPTIONS) == ()


def test_late_timers_change_nothing(over_udp: NonInviteServerTransaction) -> None:
    for timer in Timer:
        assert over_udp.handle(TimerFired(timer)) == ()
    assert over_udp.state is State.TRYING
