"""A subscription as its notifier keeps it: RFC 6665 §4.2. Time is a number here."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.subscription import (
    GATHER,
    Alarm,
    Effect,
    Limits,
    Notify,
    Over,
    SetAlarm,
    Subscription,
    Wanted,
    Why,
    event_header,
    wanted,
)
from tests.pbx.sip.messages import a_request

PACKAGES = {"presence": "application/pidf+xml", "dialog": "application/dialog-info+xml"}
LIMITS = Limits(minimum=60, default=600, maximum=3600)


def asked(*more: str) -> Wanted:
    return wanted(a_request("SUBSCRIBE", more=more), PACKAGES, LIMITS)


def refused(*more: str) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        asked(*more)
    return caught.value


def notifies(effects: Sequence[Effect]) -> list[str]:
    return [effect.state for effect in effects if isinstance(effect, Notify)]


@pytest.fixture
def live() -> Subscription:
    """Its first NOTIFY has been answered."""
    subscription = Subscription()
    subscription.subscribed(600, now=0.0)
    subscription.answered(200, now=0.1)
    return subscription


# ---- what a SUBSCRIBE asks for ---------------------------------------------------------------------------------------


def test_without_expires_the_default_is_given() -> None:
    assert asked("Event: presence") == Wanted(package="presence", event_id="", expires=600)


def test_the_duration_is_never_lengthened_and_may_be_shortened() -> None:
    assert asked("Event: presence", "Expires: 120").expires == 120
    assert asked("Event: presence", "Expires: 7200").expires == 3600


def test_too_brief_an_interval_gets_423_with_the_minimum() -> None:
    error = refused("Event: presence", "Expires: 10")
    assert (error.status, error.headers) == (423, (("Min-Expires", "60"),))


def test_zero_is_not_too_brief() -> None:
    assert asked("Event: presence", "Expires: 0").expires == 0


@pytest.mark.parametrize("event", ["Event: weather", "Event:", "Subject: no event at all"])
def test_an_unknown_package_gets_489_with_those_we_know(event: str) -> None:
    error = refused(event)
    assert (error.status, error.headers) == (489, (("Allow-Events", "dialog, presence"),))


def test_the_compact_form_and_any_case_of_a_package_are_known() -> None:
    assert asked("o: Presence").package == "presence"


def test_who_would_not_read_our_documents_gets_406() -> None:
    assert refused("Event: presence", "Accept: text/html").status == 406
    assert asked("Event: presence", "Accept: application/*").package == "presence"


def test_the_id_of_an_event_goes_back_in_each_notify() -> None:
    assert event_header(asked("Event: dialog;id=7;sla")) == "dialog;id=7"
    assert event_header(asked("Event: dialog")) == "dialog"


def test_a_huge_event_id_is_refused() -> None:
    assert refused(f"Event: dialog;id={'7' * 200}").status == 400


# ---- its life --------------------------------------------------------------------------------------------------------


def test_who_subscribes_is_told_everything_at_once() -> None:
    effects = Subscription().subscribed(600, now=0.0)
    assert effects == (SetAlarm(Alarm.EXPIRY, 600), Notify(expires=600, whole=True))


def test_a_refresh_is_told_everything_at_once_too(live: Subscription) -> None:
    assert live.subscribed(300, now=50.0) == (SetAlarm(Alarm.EXPIRY, 300), Notify(expires=300, whole=True))
    assert live.expires_at == 350.0


def test_to_ask_once_is_to_be_told_once() -> None:
    subscription = Subscription()
    assert subscription.subscribed(0, now=0.0) == (Notify(why=Why.TIMEOUT), Over())
    assert subscription.is_over


def test_to_unsubscribe_ends_in_terminated(live: Subscription) -> None:
    effects = live.subscribed(0, now=10.0)
    assert notifies(effects) == ["terminated;reason=timeout"]
    assert Over() in effects


def test_what_is_not_refreshed_lapses(live: Subscription) -> None:
    assert live.fired(Alarm.EXPIRY, now=600.0) == (Notify(why=Why.TIMEOUT), Over())


def test_a_change_is_told_after_a_moment_with_the_time_that_is_left(live: Subscription) -> None:
    assert live.changed(now=100.0) == (SetAlarm(Alarm.GATHERED, GATHER),)
    assert live.fired(Alarm.GATHERED, now=100.1) == (Notify(expires=500, whole=False),)


def test_changes_that_follow_at_once_are_told_together(live: Subscription) -> None:
    live.changed(now=100.0)
    assert live.changed(now=100.05) == ()
    assert len(notifies(live.fired(Alarm.GATHERED, now=100.1))) == 1


def test_one_notify_is_on_its_way_at_a_time(live: Subscription) -> None:
    live.changed(now=100.0)
    live.fired(Alarm.GATHERED, now=100.1)
    assert live.changed(now=101.0) == ()
    assert live.answered(200, now=102.0) == (SetAlarm(Alarm.GATHERED, GATHER),)


def test_a_refresh_meanwhile_is_told_everything_as_soon_as_the_other_is_answered() -> None:
    subscription = Subscription()
    subscription.subscribed(600, now=0.0)
    assert subscription.subscribed(600, now=1.0) == (SetAlarm(Alarm.EXPIRY, 600),)
    subscription.changed(now=1.5)
    assert subscription.answered(200, now=2.0) == (Notify(expires=599, whole=True),)


def test_nothing_new_is_not_told_and_blocks_nothing(live: Subscription) -> None:
    live.changed(now=100.0)
    live.fired(Alarm.GATHERED, now=100.1)
    assert live.unsaid(now=100.1) == ()
    assert live.changed(now=101.0) == (SetAlarm(Alarm.GATHERED, GATHER),)


def test_the_last_word_waits_for_the_notify_that_is_on_its_way() -> None:
    subscription = Subscription()
    subscription.subscribed(600, now=0.0)
    assert subscription.end(Why.NORESOURCE, now=1.0) == ()
    assert subscription.is_ending
    assert not subscription.is_over
    assert subscription.answered(200, now=2.0) == (Notify(why=Why.NORESOURCE), Over())


def test_the_first_reason_to_end_is_the_one_that_is_told() -> None:
    subscription = Subscription()
    subscription.subscribed(600, now=0.0)
    subscription.end(Why.REJECTED, now=1.0)
    subscription.fired(Alarm.EXPIRY, now=600.0)
    assert notifies(subscription.answered(200, now=601.0)) == ["terminated;reason=rejected"]


@pytest.mark.parametrize("status", [408, 481, 489, 500, 503, 603])
def test_a_notify_that_fails_ends_it_in_silence(status: int) -> None:
    subscription = Subscription()
    subscription.subscribed(600, now=0.0)
    assert subscription.answered(status, now=1.0) == (Over(),)
    assert subscription.is_over


def test_who_asks_us_to_come_again_is_told_everything_then() -> None:
    subscription = Subscription()
    subscription.subscribed(600, now=0.0)
    assert subscription.answered(503, now=1.0, retry_after=5) == (SetAlarm(Alarm.RETRY, 5),)
    assert subscription.changed(now=2.0) == ()
    assert subscription.fired(Alarm.RETRY, now=6.0) == (Notify(expires=594, whole=True),)


def test_who_asks_us_to_come_again_next_year_is_not_waited_for() -> None:
    subscription = Subscription()
    subscription.subscribed(600, now=0.0)
    assert subscription.answered(503, now=1.0, retry_after=86400) == (Over(),)


def test_after_the_end_nothing_happens(live: Subscription) -> None:
    live.end(Why.DEACTIVATED, now=1.0)
    assert live.changed(now=2.0) == ()
    assert live.fired(Alarm.GATHERED, now=2.0) == ()
    assert live.answered(200, now=3.0) == ()
    assert live.end(Why.REJECTED, now=4.0) == ()
