"""INVITEs that parse but would trouble a call later; found by fuzzing the running product."""

from __future__ import annotations

import asyncio

import pytest

from pbx.leg.cookie import Cookie
from pbx.sip.dialog import Dialog
from tests.pbx.switch import SDP, Switch, a_request
from tests.pbx.test_legs import in_dialog
from tests.support.virtual_time import virtual_time

CONTACT = "Contact: <sip:1001@192.0.2.11:5062>"


@pytest.mark.parametrize(
    "line",
    [
        "Contact: <sip:1001@19 2.0.2.11>",
        "Contact: <sip:1001@192.0.2.11>" + ", <sip:1001@192.0.2.11>" * 10,
        "Contact: <nothing>",
        f"{CONTACT}\r\nRecord-Route: <sip:proxy.example.com;lr",
        f"{CONTACT}\r\nRecord-Route: " + ", ".join(["<sip:p;lr>"] * 71),
    ],
)
@virtual_time
async def test_what_no_dialog_can_be_made_of_is_refused_at_once(line: str) -> None:
    """It failed when somebody answered, and the caller's phone rang on."""
    switch = Switch()
    switch.hears_authenticated(a_request("INVITE", body=SDP).replace(CONTACT, line))
    assert switch.last_response().status == 400
    assert switch.calls == []
    assert len(switch.transactions) == 0


@virtual_time
async def test_a_name_in_windows_1251_does_not_end_the_call_and_the_next_core_can_read_its_cookie() -> None:
    """Old phones write such names; the cookie that a media worker keeps could not be encoded."""
    switch = Switch()
    name = "Олена".encode("cp1251").decode("utf-8", "surrogateescape")
    request = a_request("INVITE", body=SDP).replace("From: <sip:1001", f'From: "{name}" <sip:1001')
    switch.hears_authenticated(request)
    (leg,) = switch.calls
    await leg.open_media()
    assert leg.remote.name == "Олена"
    unanswered = Cookie.unpacked(leg.cookie())
    assert name.encode("utf-8", "surrogateescape") in unanswered.invite.encode("utf-8", "surrogateescape")
    leg.answer()
    confirmed = Cookie.unpacked(leg.cookie())
    assert confirmed.dialog is not None
    assert Dialog.from_state(confirmed.dialog) == leg.dialog
    leg.hang_up()
    await leg.close()


def test_what_is_no_cookie_is_told_as_such() -> None:
    for data in (b"", b"{", b"[]", b'{"call_id": 1, "leg": "x"}', b"\xff"):
        with pytest.raises(ValueError):
            Cookie.unpacked(data)


@virtual_time
async def test_a_late_copy_of_an_invite_whose_call_is_over_keeps_no_trace_open() -> None:
    """It is another call by the rules (its transaction is gone), with the Call-ID of the one that is still noted."""
    switch = Switch()
    switch.hears_authenticated(a_request("INVITE", body=SDP))
    (first,) = switch.calls
    await first.open_media()
    first.answer()
    switch.hears(in_dialog(first, "ACK", 2))
    await asyncio.sleep(33)
    switch.hears(in_dialog(first, "BYE", 3))
    await first.close()
    switch.hears_authenticated(a_request("INVITE", body=SDP))
    second = switch.calls[-1]
    assert second is not first
    second.refuse(486)
    await second.close()
    await asyncio.sleep(70)
    assert len(switch.transactions.traces) == 0
    assert len(switch.traces) == 2
