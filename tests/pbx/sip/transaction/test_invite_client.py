"""RFC 3261 figure 5 with RFC 6026's Accepted state: one test an arrow."""

import pytest

from pbx.sip.message import Response
from pbx.sip.transaction import (
    Cancelled,
    Deliver,
    Forsaken,
    InviteClientTransaction,
    Reason,
    Send,
    StartTimer,
    StopTimer,
    Terminate,
    Timer,
    TimerFired,
    Timings,
    TransportFailed,
    ack_for,
)
from pbx.sip.transaction.invite_client import State
from tests.pbx.sip.messages import a_request, a_response

INVITE = a_request("INVITE")
TRYING = a_response(INVITE, 100, to_tag=None)
RINGING = a_response(INVITE, 180)
OK = a_response(INVITE, 200)
OK_OF_ANOTHER_FORK = a_response(INVITE, 200, to_tag="another")
BUSY = a_response(INVITE, 486)
STOP = (StopTimer(Timer.A), StopTimer(Timer.B))


@pytest.fixture
def over_udp() -> InviteClientTransaction:
    transaction = InviteClientTransaction(INVITE, reliable=False)
    transaction.start()
    return transaction


@pytest.fixture
def proceeding(over_udp: InviteClientTransaction) -> InviteClientTransaction:
    over_udp.handle(RINGING)
    return over_udp


def test_starts_by_sending_with_timers_a_and_b_over_udp() -> None:
    effects = InviteClientTransaction(INVITE, reliable=False).start()
    assert effects == [Send(INVITE), StartTimer(Timer.B, 32.0), StartTimer(Timer.A, 0.5)]


def test_starts_without_timer_a_over_tcp() -> None:
    assert InviteClientTransaction(INVITE, reliable=True).start() == [Send(INVITE), StartTimer(Timer.B, 32.0)]


def test_timer_a_doubles_without_end(over_udp: InviteClientTransaction) -> None:
    for after in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0):
        assert over_udp.handle(TimerFired(Timer.A)) == (Send(INVITE), StartTimer(Timer.A, after))
    assert over_udp.state is State.CALLING


def test_timer_b_in_calling_is_a_timeout(over_udp: InviteClientTransaction) -> None:
    assert over_udp.handle(TimerFired(Timer.B)) == (Terminate(Reason.TIMEOUT),)
    assert over_udp.state is State.TERMINATED


@pytest.mark.parametrize("provisional", [TRYING, RINGING], ids=["100", "180"])
def test_a_provisional_in_calling_stops_the_retransmissions(
    over_udp: InviteClientTransaction, provisional: Response
) -> None:
    assert over_udp.handle(provisional) == (*STOP, Deliver(provisional))
    assert over_udp.state is State.PROCEEDING


def test_further_provisionals_are_delivered(proceeding: InviteClientTransaction) -> None:
    assert proceeding.handle(RINGING) == (Deliver(RINGING),)
    assert proceeding.state is State.PROCEEDING


def test_a_phone_may_ring_longer_than_timer_b(proceeding: InviteClientTransaction) -> None:
    assert proceeding.handle(TimerFired(Timer.B)) == ()
    assert proceeding.state is State.PROCEEDING


def test_a_2xx_in_calling_is_delivered_and_not_acked(over_udp: InviteClientTransaction) -> None:
    assert over_udp.handle(OK) == (*STOP, Deliver(OK), StartTimer(Timer.M, 32.0))
    assert over_udp.state is State.ACCEPTED


def test_a_2xx_in_proceeding_is_delivered_and_not_acked(proceeding: InviteClientTransaction) -> None:
    assert proceeding.handle(OK) == (*STOP, Deliver(OK), StartTimer(Timer.M, 32.0))
    assert proceeding.state is State.ACCEPTED


def test_a_failure_in_calling_is_acked_and_delivered(over_udp: InviteClientTransaction) -> None:
    assert over_udp.handle(BUSY) == (
        *STOP,
        Send(ack_for(INVITE, BUSY)),
        Deliver(BUSY),
        StartTimer(Timer.D, 32.0),
    )
    assert over_udp.state is State.COMPLETED


def test_a_failure_in_proceeding_is_acked_and_delivered(proceeding: InviteClientTransaction) -> None:
    effects = proceeding.handle(BUSY)
    assert Send(ack_for(INVITE, BUSY)) in effects
    assert Deliver(BUSY) in effects
    assert proceeding.state is State.COMPLETED


def test_timer_d_is_zero_over_tcp() -> None:
    transaction = InviteClientTransaction(INVITE, reliable=True)
    transaction.start()
    assert transaction.handle(BUSY)[-1] == StartTimer(Timer.D, 0)


def test_a_redirection_is_acked_too(over_udp: InviteClientTransaction) -> None:
    moved = a_response(INVITE, 302)
    assert Send(ack_for(INVITE, moved)) in over_udp.handle(moved)


def test_a_retransmitted_failure_is_acked_again_and_not_delivered(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(BUSY)
    assert over_udp.handle(BUSY) == (Send(ack_for(INVITE, BUSY)),)


def test_a_success_or_provisional_in_completed_changes_nothing(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(BUSY)
    assert over_udp.handle(RINGING) == ()
    assert over_udp.handle(OK) == ()
    assert over_udp.state is State.COMPLETED


def test_timer_d_ends_completed(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(BUSY)
    assert over_udp.handle(TimerFired(Timer.D)) == (Terminate(Reason.DONE),)
    assert over_udp.state is State.TERMINATED


def test_each_2xx_in_accepted_is_delivered(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(OK)
    assert over_udp.handle(OK) == (Deliver(OK),)
    assert over_udp.handle(OK_OF_ANOTHER_FORK) == (Deliver(OK_OF_ANOTHER_FORK),)


def test_a_failure_in_accepted_changes_nothing(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(OK)
    assert over_udp.handle(BUSY) == ()
    assert over_udp.handle(RINGING) == ()


def test_timer_m_ends_accepted(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(OK)
    assert over_udp.handle(TimerFired(Timer.M)) == (Terminate(Reason.DONE),)


def test_a_transport_error_ends_calling(over_udp: InviteClientTransaction) -> None:
    assert over_udp.handle(TransportFailed()) == (Terminate(Reason.TRANSPORT),)


def test_a_transport_error_ends_proceeding(proceeding: InviteClientTransaction) -> None:
    assert proceeding.handle(TransportFailed()) == (Terminate(Reason.TRANSPORT),)


def test_a_transport_error_ends_completed(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(BUSY)
    assert over_udp.handle(TransportFailed()) == (Terminate(Reason.TRANSPORT),)


def test_a_cancelled_invite_without_a_final_answer_ends_after_64_t1(proceeding: InviteClientTransaction) -> None:
    assert proceeding.handle(Cancelled()) == (StartTimer(Timer.B, 32.0),)
    assert proceeding.handle(TimerFired(Timer.B)) == (Terminate(Reason.TIMEOUT),)


def test_a_cancelled_invite_may_still_be_accepted(proceeding: InviteClientTransaction) -> None:
    proceeding.handle(Cancelled())
    assert proceeding.handle(OK) == (*STOP, Deliver(OK), StartTimer(Timer.M, 32.0))


def test_late_timers_change_nothing(proceeding: InviteClientTransaction) -> None:
    for timer in Timer:
        assert proceeding.handle(TimerFired(timer)) == ()
    assert proceeding.state is State.PROCEEDING


def test_nothing_follows_the_end(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(TimerFired(Timer.B))
    assert over_udp.handle(OK) == ()
    assert over_udp.handle(TimerFired(Timer.A)) == ()


def test_timings_are_a_value() -> None:
    quick = Timings(t1=0.01, t2=0.04, t4=0.05)
    transaction = InviteClientTransaction(INVITE, reliable=False, timings=quick)
    assert transaction.start()[1:] == [StartTimer(Timer.B, 0.64), StartTimer(Timer.A, 0.01)]


def test_a_forsaken_invite_is_not_sent_again_but_its_late_answers_are_heard(over_udp: InviteClientTransaction) -> None:
    assert over_udp.handle(Forsaken()) == (StopTimer(Timer.A),)
    assert over_udp.handle(RINGING) == (*STOP, Deliver(RINGING))


def test_a_forsaken_invite_that_stays_unanswered_ends_by_timer_b(over_udp: InviteClientTransaction) -> None:
    over_udp.handle(Forsaken())
    assert over_udp.handle(TimerFired(Timer.B)) == (Terminate(Reason.TIMEOUT),)


def test_a_forsaken_invite_that_rings_is_not_waited_for_without_end(proceeding: InviteClientTransaction) -> None:
    assert proceeding.handle(Forsaken()) == (StartTimer(Timer.B, 32.0),)
    assert proceeding.handle(TimerFired(Timer.B)) == (Terminate(Reason.TIMEOUT),)
