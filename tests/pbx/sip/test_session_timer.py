"""Session timers: RFC 4028, both roles, with and without a peer that knows them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from pbx.sip.session_timer import (
    Agreed,
    Expire,
    Policy,
    Refresh,
    Refresher,
    SessionExpires,
    SessionTimer,
    agreed,
    answer,
    raised_minimum,
    request_headers,
)
from pbx.sip.success_retransmission import StopWaiting, Wait
from tests.pbx.sip.messages import a_request

POLICY = Policy(interval=1800, minimum=90)
ABLE = "Supported: timer"


def invite(*headers: str) -> Request:
    return a_request(more=headers)


def accepted(*headers: tuple[str, str]) -> Response:
    return reply(a_request(), 200, to_tag="theirs", headers=headers)


def refusal(request: Request, policy: Policy = POLICY) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        answer(request, policy)
    return caught.value


# ---- the header: §4 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds", "refresher"),
    [
        ("1800", 1800, None),
        ("1800;refresher=uac", 1800, Refresher.UAC),
        ("1800 ;Refresher=UAS", 1800, Refresher.UAS),
        ("90;refresher=proxy", 90, None),
        ("4294967295", 2**32 - 1, None),
    ],
)
def test_session_expires_is_read(text: str, seconds: int, refresher: Refresher | None) -> None:
    assert SessionExpires.of(invite(f"Session-Expires: {text}")) == SessionExpires(seconds, refresher)


def test_the_compact_form_is_the_same_header() -> None:
    assert SessionExpires.of(invite("x: 1800;refresher=uac")) == SessionExpires(1800, Refresher.UAC)
    assert SessionExpires.of(invite()) is None


@pytest.mark.parametrize("text", ["", "soon", "-1", "4294967296", "1800.5"])
def test_a_session_expires_that_cannot_be_read_is_400(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        SessionExpires.of(invite(f"Session-Expires: {text}"))
    assert caught.value.status == 400


# ---- the UAC: §7 -----------------------------------------------------------------------------------------------------


def test_the_first_request_leaves_the_refresher_open() -> None:
    assert request_headers(1800, 90) == (("Session-Expires", "1800"),)


def test_within_a_dialog_the_refresher_is_named() -> None:
    assert request_headers(1800, 90, Refresher.UAS) == (("Session-Expires", "1800;refresher=uas"),)


def test_a_raised_minimum_is_told_and_kept() -> None:
    assert request_headers(1800, 3600) == (("Session-Expires", "3600"), ("Min-SE", "3600"))


def test_without_a_wish_for_a_timer_nothing_is_said() -> None:
    assert request_headers(0, 90) == ()


@pytest.mark.parametrize(
    ("headers", "settled"),
    [
        ([("Session-Expires", "1800;refresher=uac")], Agreed(1800, ours=True)),
        ([("Session-Expires", "1800;refresher=uas")], Agreed(1800, ours=False)),
        ([("Session-Expires", "1800")], Agreed(1800, ours=True)),
        ([], None),  # a peer that knows no timers
        ([("Session-Expires", "0")], None),
        ([("Session-Expires", "soon")], None),
    ],
)
def test_what_the_2xx_settles(headers: list[tuple[str, str]], settled: Agreed | None) -> None:
    assert agreed(accepted(*headers)) == settled


@pytest.mark.parametrize(
    ("told", "minimum"), [("3600", 3600), ("90", None), ("91", 91), ("", None), ("soon", None), ("4294967296", None)]
)
def test_after_a_422_only_a_higher_minimum_is_worth_another_try(told: str, minimum: int | None) -> None:
    refused = reply(a_request(), 422, to_tag="theirs", headers=[("Min-SE", told)])
    assert raised_minimum(refused, 90) == minimum


# ---- the UAS: §9 -----------------------------------------------------------------------------------------------------


def test_too_short_a_session_is_422_with_our_minimum() -> None:
    error = refusal(invite("Session-Expires: 60", ABLE), Policy(minimum=120))
    assert (error.status, dict(error.headers)) == (422, {"Min-SE": "120"})


def test_the_minimum_itself_is_long_enough() -> None:
    assert answer(invite("Session-Expires: 120", ABLE), Policy(minimum=120))[0] == Agreed(120, ours=False)


def test_a_caller_without_timers_is_not_refused_for_what_a_proxy_asked() -> None:
    settled, headers = answer(invite("Session-Expires: 100"), Policy(minimum=120))
    assert settled == Agreed(100, ours=True)
    assert headers == (("Session-Expires", "100;refresher=uas"),)


@pytest.mark.parametrize(
    ("asked", "able", "settled", "headers"),
    [
        # §9, table 2, row by row.
        ("1000", False, Agreed(1000, ours=True), {"Session-Expires": "1000;refresher=uas"}),
        ("1000;refresher=uac", False, Agreed(1000, ours=True), {"Session-Expires": "1000;refresher=uas"}),
        ("1000", True, Agreed(1000, ours=False), {"Session-Expires": "1000;refresher=uac", "Require": "timer"}),
        (
            "1000;refresher=uac",
            True,
            Agreed(1000, ours=False),
            {"Session-Expires": "1000;refresher=uac", "Require": "timer"},
        ),
        ("1000;refresher=uas", True, Agreed(1000, ours=True), {"Session-Expires": "1000;refresher=uas"}),
    ],
)
def test_who_refreshes(asked: str, able: bool, settled: Agreed, headers: dict[str, str]) -> None:
    request = invite(f"Session-Expires: {asked}", *([ABLE] if able else []))
    told, said = answer(request, POLICY)
    assert told == settled
    assert dict(said) == headers


def test_a_timer_of_our_own_is_added_for_a_caller_that_knows_them() -> None:
    settled, headers = answer(invite(ABLE), POLICY)
    assert settled == Agreed(1800, ours=False)
    assert dict(headers) == {"Session-Expires": "1800;refresher=uac", "Require": "timer"}


def test_our_own_timer_respects_the_callers_minimum() -> None:
    settled, _ = answer(invite(ABLE, "Min-SE: 3600"), POLICY)
    assert settled == Agreed(3600, ours=False)


def test_a_caller_without_timers_gets_none() -> None:
    assert answer(invite(), POLICY) == (None, ())


def test_without_an_interval_of_our_own_we_only_go_along() -> None:
    assert answer(invite(ABLE), Policy(interval=0)) == (None, ())
    assert answer(invite(ABLE, "Session-Expires: 600"), Policy(interval=0))[0] == Agreed(600, ours=False)


# ---- the timer: §10 --------------------------------------------------------------------------------------------------


def fired(timer: SessionTimer) -> Sequence[object]:
    return timer.fired()


def test_the_refresher_refreshes_at_half_time() -> None:
    timer = SessionTimer()
    assert timer.agree(Agreed(1800, ours=True)) == (Wait(900.0),)
    assert fired(timer) == (Wait(868.0), Refresh())  # 32 seconds before the end


def test_a_refresh_that_succeeds_starts_time_anew() -> None:
    timer = SessionTimer()
    timer.agree(Agreed(1800, ours=True))
    timer.fired()
    assert timer.agree(Agreed(1800, ours=True)) == (Wait(900.0),)
    assert Refresh() in timer.fired()


def test_a_refresher_whose_refresh_fails_ends_the_session_in_time() -> None:
    timer = SessionTimer()
    timer.agree(Agreed(1800, ours=True))
    timer.fired()
    assert fired(timer) == (Expire(),)


@pytest.mark.parametrize(("seconds", "end"), [(1800, 1768.0), (96, 64.0), (90, 60.0)])
def test_who_waits_for_a_refresh_ends_the_session_a_third_or_32_seconds_before(seconds: int, end: float) -> None:
    timer = SessionTimer()
    assert timer.agree(Agreed(seconds, ours=False)) == (Wait(end),)
    assert fired(timer) == (Expire(),)


def test_the_roles_are_those_of_the_last_refresh() -> None:
    timer = SessionTimer()
    timer.agree(Agreed(1800, ours=True))
    timer.agree(Agreed(1800, ours=False))
    assert fired(timer) == (Expire(),)


def test_a_refresh_without_a_timer_ends_the_timer() -> None:
    timer = SessionTimer()
    timer.agree(Agreed(1800, ours=True))
    assert timer.agree(None) == (StopWaiting(),)
    assert fired(timer) == ()
