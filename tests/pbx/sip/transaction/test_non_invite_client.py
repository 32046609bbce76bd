"""RFC 3261 figure 6: one test an arrow."""

import pytest

from pbx.sip.transaction import (
    Deliver,
    Forsaken,
    NonInviteClientTransaction,
    Reason,
    Send,
    StartTimer,
    StopTimer,
    Terminate,
    Timer,
    TimerFired,
    TransportFailed,
)
from pbx.sip.transaction.non_invite_client import State
from tests.pbx.sip.messages import a_request, a_response

BYE = a_request("BYE")
TRYING = a_response(BYE, 100, to_tag=None)
OK = a_response(BYE, 200)
GONE = a_response(BYE, 481)


@pytest.fixture
def over_udp() -> NonInviteClientTransaction:
    transaction = NonInviteClientTransaction(BYE, reliable=False)
    transaction.start()
    return transaction


@pytest.fixture
def proceeding(over_udp: NonInviteClientTransaction) -> NonInviteClientTransaction:
    over_udp.handle(TRYING)
    return over_udp


def test_starts_by_sending_with_timers_e_and_f_over_udp() -> None:
    effects = NonInviteClientTransaction(BYE, reliable=False).start()
    assert effects == [Send(BYE), StartTimer(Timer.F, 32.0), StartTimer(Timer.E, 0.5)]


def test_starts_without_timer_e_over_tcp() -> None:
    assert NonInviteClientTransaction(BYE, reliable=True).start() == [Send(BYE), StartTimer(Timer.F, 32.0)]


def test_timer_e_doubles_up_to_t2(over_udp: NonInviteClientTransaction) -> None:
    for after in (1.0, 2.0, 4.0, 4.0, 4.0):
        assert over_udp.handle(TimerFired(Timer.E)) == (Send(BYE), StartTimer(Timer.E, after))


def test_timer_e_is_t2_in_proceeding(proceeding: NonInviteClientTransaction) -> None:
    assert proceeding.handle(TimerFired(Timer.E)) == (Send(BYE), StartTimer(Timer.E, 4.0))


def test_timer_f_in_trying_is_a_timeout(over_udp: NonInviteClientTransaction) -> None:
    assert over_udp.handle(TimerFired(Timer.F)) == (Terminate(Reason.TIMEOUT),)


def test_timer_f_in_proceeding_is_a_timeout(proceeding: NonInviteClientTransaction) -> None:
    assert proceeding.handle(TimerFired(Timer.F)) == (Terminate(Reason.TIMEOUT),)


def test_a_transport_error_ends_trying(over_udp: NonInviteClientTransaction) -> None:
    assert over_udp.handle(TransportFailed()) == (Terminate(Reason.TRANSPORT),)


def test_a_transport_error_ends_proceeding(proceeding: NonInviteClientTransaction) -> None:
    assert proceeding.handle(TransportFailed()) == (Terminate(Reason.TRANSPORT),)


def test_a_provisional_in_trying_is_delivered_and_the_retransmissions_go_on(
    over_udp: NonInviteClientTransaction,
) -> None:
    assert over_udp.handle(TRYING) == (Deliver(TRYING),)
    assert over_udp.state is State.PROCEEDING


def test_further_provisionals_are_delivered(proceeding: NonInviteClientTransaction) -> None:
    assert proceeding.handle(TRYING) == (Deliver(TRYING),)


def test_a_final_response_in_trying_completes(over_udp: NonInviteClientTransaction) -> None:
    assert over_udp.handle(OK) == (
        StopTimer(Timer.E),
        StopTimer(Timer.F),
        Deliver(OK),
        StartTimer(Timer.K, 5.0),
    )
    assert over_udp.state is State.COMPLETED


def test_a_final_response_in_proceeding_completes(proceeding: NonInviteClientTransaction) -> None:
    assert Deliver(GONE) in proceeding.handle(GONE)
    assert proceeding.state is State.COMPLETED


def test_timer_k_is_zero_over_tcp() -> None:
    transaction = NonInviteClientTransaction(BYE, reliable=True)
    transaction.start()
    assert transaction.handle(OK)[-1] == StartTimer(Timer.K, 0)


def test_retransmitted_responses_are_absorbed_in_completed(over_udp: NonInviteClientTransaction) -> None:
    over_udp.handle(OK)
    assert over_udp.handle(OK) == ()
    assert over_udp.handle(TransportFailed()) == ()


def test_timer_k_ends_completed(over_udp: NonInviteClientTransaction) -> None:
    over_udp.handle(OK)
    assert over_udp.handle(TimerFired(Timer.K)) == (Terminate(Reason.DONE),)
    assert over_udp.state is State.TERMINATED
    assert over_udp.handle(OK) == ()


def test_late_timers_change_nothing(over_udp: NonInviteClientTransaction) -> None:
    over_udp.handle(OK)
    assert over_udp.handle(TimerFired(Timer.E)) == ()
    assert over_udp.handle(TimerFired(Timer.F)) == ()


def test_a_forsaken_request_is_over_at_once(proceeding: NonInviteClientTransaction) -> None:
    assert proceeding.handle(Forsaken()) == (Terminate(Reason.TIMEOUT),)
