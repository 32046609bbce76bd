"""RFC 6026 figure 7 (RFC 3261's figure 7 with the Accepted state): one test an arrow."""

import pytest

from pbx.sip.transaction import (
    Deliver,
    Inform,
    InviteServerTransaction,
    Reason,
    Respond,
    Send,
    StartTimer,
    StopTimer,
    Terminate,
    Timer,
    TimerFired,
    TransportFailed,
)
from pbx.sip.transaction.invite_server import State
from tests.pbx.sip.messages import a_request, a_response

INVITE = a_request("INVITE")
ACK = a_request("ACK", to="<sip:bob@example.com>;tag=314159")
TRYING = a_response(INVITE, 100, to_tag=None)
RINGING = a_response(INVITE, 180)
OK = a_response(INVITE, 200)
BUSY = a_response(INVITE, 486)


@pytest.fixture
def over_udp() -> InviteServerTransaction:
    transaction = InviteServerTransaction(INVITE, reliable=False)
    transaction.start()
    return transaction


@pytest.fixture
def completed(over_udp: InviteServerTransaction) -> InviteServerTransaction:
    over_udp.handle(Respond(BUSY))
    return over_udp


@pytest.fixture
def accepted(over_udp: InviteServerTransaction) -> InviteServerTransaction:
    over_udp.handle(Respond(OK))
    return over_udp


def test_starts_by_delivering_the_invite() -> None:
    assert InviteServerTransaction(INVITE, reliable=False).start() == (Deliver(INVITE),)


def test_a_retransmission_before_any_response_is_absorbed(over_udp: InviteServerTransaction) -> None:
    assert over_udp.handle(INVITE) == ()


def test_a_provisional_is_sent(over_udp: InviteServerTransaction) -> None:
    assert over_udp.handle(Respond(TRYING)) == (Send(TRYING),)
    assert over_udp.state is State.PROCEEDING


def test_a_retransmission_in_proceeding_gets_the_last_provisional(over_udp: InviteServerTransaction) -> None:
    over_udp.handle(Respond(TRYING))
    over_udp.handle(Respond(RINGING))
    assert over_udp.handle(INVITE) == (Send(RINGING),)


def test_a_transport_error_in_proceeding_informs_the_tu(over_udp: InviteServerTransaction) -> None:
    assert over_udp.handle(TransportFailed()) == (Inform(Reason.TRANSPORT),)
    assert over_udp.state is State.PROCEEDING


def test_a_2xx_is_sent_and_accepted(over_udp: InviteServerTransaction) -> None:
    assert over_udp.handle(Respond(OK)) == (Send(OK), StartTimer(Timer.L, 32.0))
    assert over_udp.state is State.ACCEPTED


def test_a_failure_is_sent_with_timers_h_and_g_over_udp(over_udp: InviteServerTransaction) -> None:
    assert over_udp.handle(Respond(BUSY)) == [Send(BUSY), StartTimer(Timer.H, 32.0), StartTimer(Timer.G, 0.5)]
    assert over_udp.state is State.COMPLETED


def test_a_failure_is_sent_without_timer_g_over_tcp() -> None:
    transaction = InviteServerTransaction(INVITE, reliable=True)
    assert transaction.handle(Respond(BUSY)) == [Send(BUSY), StartTimer(Timer.H, 32.0)]


def test_timer_g_doubles_up_to_t2(completed: InviteServerTransaction) -> None:
    for after in (1.0, 2.0, 4.0, 4.0):
        assert completed.handle(TimerFired(Timer.G)) == (Send(BUSY), StartTimer(Timer.G, after))


def test_a_retransmission_in_completed_gets_the_final_response(completed: InviteServerTransaction) -> None:
    assert completed.handle(INVITE) == (Send(BUSY),)


def test_answers_after_the_final_one_are_dropped(completed: InviteServerTransaction) -> None:
    assert completed.handle(Respond(OK)) == ()
    assert completed.handle(Respond(RINGING)) == ()


def test_an_ack_confirms(completed: InviteServerTransaction) -> None:
    assert completed.handle(ACK) == (StopTimer(Timer.G), StopTimer(Timer.H), StartTimer(Timer.I, 5.0))
    assert completed.state is State.CONFIRMED


def test_timer_i_is_zero_over_tcp() -> None:
    transaction = InviteServerTransaction(INVITE, reliable=True)
    transaction.handle(Respond(BUSY))
    assert transaction.handle(ACK)[-1] == StartTimer(Timer.I, 0)


def test_timer_h_means_that_no_ack_came(completed: InviteServerTransaction) -> None:
    assert completed.handle(TimerFired(Timer.H)) == (Terminate(Reason.TIMEOUT),)


def test_a_transport_error_in_completed_informs_the_tu(completed: InviteServerTransaction) -> None:
    assert completed.handle(TransportFailed()) == (Inform(Reason.TRANSPORT),)
    assert completed.state is State.COMPLETED


def test_confirmed_absorbs_acks_and_retransmissions(completed: InviteServerTransaction) -> None:
    completed.handle(ACK)
    assert completed.handle(ACK) == ()
    assert completed.handle(INVITE) == ()
    assert completed.handle(TimerFired(Timer.G)) == ()


def test_timer_i_ends_confirmed(completed: InviteServerTransaction) -> None:
    completed.handle(ACK)
    assert completed.handle(TimerFired(Timer.I)) == (Terminate(Reason.DONE),)
    assert completed.state is State.TERMINATED
    assert completed.handle(INVITE) == ()


def test_a_retransmitted_invite_is_absorbed_in_accepted(accepted: InviteServerTransaction) -> None:
    assert accepted.handle(INVITE) == ()


def test_an_ack_in_accepted_is_delivered(accepted: InviteServerTransaction) -> None:
    assert accepted.handle(ACK) == (Deliver(ACK),)


def test_the_tu_resends_its_2xx_through_accepted(accepted: InviteServerTransaction) -> None:
    assert accepted.handle(Respond(OK)) == (Send(OK),)
    assert accepted.handle(Respond(BUSY)) == ()


def test_a_transport_error_in_accepted_informs_the_tu(accepted: InviteServerTransaction) -> None:
    assert accepted.handle(TransportFailed()) == (Inform(Reason.TRANSPORT),)


def test_timer_l_ends_accepted(accepted: InviteServerTransaction) -> None:
    assert accepted.handle(TimerFired(Timer.L)) == (Terminate(Reason.DONE),)


def test_late_timers_change_nothing(over_udp: InviteServerTransaction) -> None:
    for timer in Timer:
        assert over_udp.handle(TimerFired(timer)) == ()
    assert over_udp.state is State.PROCEEDING
