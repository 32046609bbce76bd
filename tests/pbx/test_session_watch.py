"""Session timers of a whole leg in virtual time (RFC 4028): refreshed in time, or ended in time."""

from __future__ import annotations

import asyncio

import pytest

from pbx.leg import LegEnd
from pbx.sip.session_timer import Policy
from tests.pbx.peers import Callee, Caller
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

TIMER = "Supported: timer"
UPDATES = "Allow: INVITE, ACK, BYE, UPDATE"


def asked(seconds: int, refresher: str) -> list[str]:
    return [TIMER, f"Session-Expires: {seconds};refresher={refresher}"]


# ---- the peer asks ---------------------------------------------------------------------------------------------------


@virtual_time
async def test_our_200_says_what_was_agreed() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, headers=asked(600, "uac"))
    caller.inbound.answer()
    response = switch.last_response()
    assert response.headers.get("Session-Expires") == "600;refresher=uac"
    assert response.headers.get("Require") == "timer"


@virtual_time
async def test_we_refresh_at_half_time_by_update_where_it_is_taken_and_the_session_lives_on() -> None:
    switch = Switch()
    caller = await Caller.talks(switch, headers=[*asked(600, "uas"), UPDATES])
    for refresh in range(1, 4):
        await asyncio.sleep(300.1)
        assert len(caller.heard("UPDATE")) == refresh
        update = caller.heard("UPDATE")[-1]
        # We are the UAC of the refresh, so that we stay the refresher (§7.4).
        assert update.headers.get("Session-Expires") == "600;refresher=uac"
        assert update.body == b""
        caller.answers(update, 200, headers=[("Session-Expires", "600;refresher=uac")])
    assert not caller.leg.is_over
    assert caller.heard("INVITE") == []


@virtual_time
async def test_we_refresh_by_reinvite_where_update_is_not_taken_with_the_same_description() -> None:
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.says(200, headers=[("Session-Expires", "600;refresher=uac")], body=SDP)
    await asyncio.sleep(300.1)
    first, refresh = callee.heard("INVITE")
    assert refresh.body == first.body
    callee.answers(refresh, 200, headers=[("Session-Expires", "600;refresher=uac")], body=SDP)
    assert callee.heard("ACK")[-1].cseq.number == refresh.cseq.number
    await asyncio.sleep(299)
    assert not callee.leg.is_over


@virtual_time
async def test_a_peer_that_refreshes_keeps_the_session_by_either_method() -> None:
    caller = await Caller.talks(Switch(), headers=asked(600, "uac"))
    for method in ("UPDATE", "INVITE", "UPDATE"):
        await asyncio.sleep(300)
        body = SDP if method == "INVITE" else ""
        response = caller.asks(method, headers=asked(600, "uac"), body=body)
        assert response.headers.get("Session-Expires") == "600;refresher=uac"
        if method == "INVITE":
            caller.acknowledges()
    await asyncio.sleep(500)
    assert not caller.leg.is_over


@virtual_time
async def test_a_peer_that_does_not_refresh_is_sent_bye_before_the_session_expires() -> None:
    switch = Switch()
    caller = await Caller.talks(switch, headers=asked(600, "uac"))
    began = switch.timers.now()
    ended = await caller.leg.ended
    assert switch.timers.now() - began == pytest.approx(600 - 32)
    assert ended.reason is LegEnd.TIMEOUT
    assert caller.heard("BYE")[0].headers.get("Reason") == 'SIP;cause=408;text="Session expired"'


@virtual_time
async def test_our_refresh_that_is_refused_does_not_end_the_session_at_once() -> None:
    """§10 ends it only on silence, 408 and 481; else it ends when nobody has refreshed it."""
    switch = Switch()
    caller = await Caller.talks(switch, headers=[*asked(600, "uas"), UPDATES])
    began = switch.timers.now()
    await asyncio.sleep(300.1)
    caller.answers(caller.heard("UPDATE")[0], 488)
    assert not caller.leg.is_over
    await caller.leg.ended
    assert switch.timers.now() - began == pytest.approx(600 - 32)
    assert len(caller.heard("BYE")) == 1


@pytest.mark.parametrize("status", [408, 481])
@virtual_time
async def test_our_refresh_that_finds_no_dialog_ends_the_session(status: int) -> None:
    caller = await Caller.talks(Switch(), headers=[*asked(600, "uas"), UPDATES])
    await asyncio.sleep(300.1)
    caller.answers(caller.heard("UPDATE")[0], status)
    assert (await caller.leg.ended).reason is LegEnd.TIMEOUT
    assert len(caller.heard("BYE")) == 1


@virtual_time
async def test_our_refresh_that_nobody_answers_ends_the_session_after_64_t1() -> None:
    switch = Switch()
    caller = await Caller.talks(switch, headers=[*asked(600, "uas"), UPDATES])
    began = switch.timers.now()
    await caller.leg.ended
    assert switch.timers.now() - began == pytest.approx(300 + 32)


@virtual_time
async def test_our_refresh_that_meets_the_peers_change_is_sent_again() -> None:
    caller = await Caller.talks(Switch(), headers=[*asked(600, "uas"), UPDATES])
    await asyncio.sleep(300.1)
    caller.answers(caller.heard("UPDATE")[0], 491)
    await asyncio.sleep(2.1)
    again = caller.heard("UPDATE")[1]
    caller.answers(again, 200, headers=[("Session-Expires", "600;refresher=uac")])
    await asyncio.sleep(290)
    assert not caller.leg.is_over


@virtual_time
async def test_a_refresh_that_is_too_short_is_422_and_the_session_goes_on() -> None:
    caller = await Caller.talks(Switch(), headers=asked(600, "uac"))
    response = caller.asks("UPDATE", headers=asked(60, "uac"))
    assert (response.status, response.headers.get("Min-SE")) == (422, "90")
    assert not caller.leg.is_over


@virtual_time
async def test_our_refresh_that_is_too_short_for_the_peer_is_sent_again_with_its_minimum() -> None:
    caller = await Caller.talks(Switch(), headers=[*asked(600, "uas"), UPDATES])
    await asyncio.sleep(300.1)
    caller.answers(caller.heard("UPDATE")[0], 422, headers=[("Min-SE", "900")])
    again = caller.heard("UPDATE")[1]
    assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == ("900;refresher=uac", "900")


@virtual_time
async def test_a_refresh_without_a_timer_ends_the_timer() -> None:
    caller = await Caller.talks(Switch(), headers=asked(600, "uac"))
    caller.asks("UPDATE")
    await asyncio.sleep(3600)
    assert not caller.leg.is_over


# ---- peers without timers --------------------------------------------------------------------------------------------


@virtual_time
async def test_a_caller_without_timers_talks_for_ever() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    assert switch.last_response().headers.get("Session-Expires") is None
    caller.acknowledges()
    await asyncio.sleep(86_400)
    assert not caller.leg.is_over


@virtual_time
async def test_a_callee_without_timers_talks_for_ever() -> None:
    callee = await Callee.talks(Switch())
    await asyncio.sleep(86_400)
    assert not callee.leg.is_over


@virtual_time
async def test_for_a_caller_without_timers_we_refresh_what_its_proxy_asked_for() -> None:
    caller = await Caller.talks(Switch(), headers=["Session-Expires: 600"])
    await asyncio.sleep(300.1)
    assert len(caller.heard("INVITE")) == 1  # it said nothing of UPDATE


@virtual_time
async def test_a_timer_of_our_own_is_by_setting() -> None:
    switch = Switch()
    switch.endpoint.session_policy = Policy(interval=240)
    caller = await Caller.talks(switch, headers=[TIMER])
    began = switch.timers.now()
    await caller.leg.ended
    assert switch.timers.now() - began == pytest.approx(240 - 32)


@virtual_time
async def test_nothing_of_the_timer_is_left_when_the_call_is_over() -> None:
    switch = Switch()
    caller = await Caller.talks(switch, headers=[*asked(600, "uas"), UPDATES])
    assert caller.asks("BYE").status == 200
    await caller.leg.close()
    await asyncio.sleep(70)
    assert (len(switch.timers), len(switch.transactions)) == (0, 0)
