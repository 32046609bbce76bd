"""One INVITE of ours, several phones behind it: each that rings is a dialog of its own (RFC 3261 §12.1)."""

from __future__ import annotations

from pbx.leg import Leg, LegEnd
from tests.pbx.peers import Callee, reliable
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

OTHER_SDP = SDP.replace("30000", "30002")


@virtual_time
async def test_each_fork_has_its_own_order_of_reliable_responses() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(180, tag="one", headers=reliable(7))
    callee.says(180, tag="two", headers=reliable(700))
    pracks = callee.heard("PRACK")
    assert [(prack.to.tag, prack.headers.get("RAck")) for prack in pracks] == [
        ("one", "7 1 INVITE"),
        ("two", "700 1 INVITE"),
    ]


@virtual_time
async def test_the_latest_fork_with_a_description_is_heard_and_the_one_that_answers_is_talked_to() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(183, tag="one", body=SDP)
    callee.says(183, tag="two", body=OTHER_SDP)
    assert callee.told("remote_port") == 30002
    callee.says(200, tag="one", body=SDP)
    assert callee.told("remote_port") == 30000
    callee.says(200, tag="two", body=OTHER_SDP)
    assert [(request.method, request.to.tag) for request in callee.switch.requests[1:]] == [
        ("ACK", "one"),
        ("ACK", "two"),
        ("BYE", "two"),
    ]
    assert callee.heard("BYE")[0].headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'


@virtual_time
async def test_a_fork_that_lost_has_no_dialog_any_more() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(183, tag="one", headers=reliable(1), body=SDP)
    callee.says(200, tag="two", body=SDP)
    assert callee.asks("UPDATE", tag="one").status == 481


@virtual_time
async def test_a_199_ends_one_fork_and_not_the_call() -> None:
    """RFC 6228."""
    callee = await Callee.is_called(Switch())
    callee.says(183, tag="one", headers=reliable(1), body=SDP)
    callee.says(180, tag="two")
    callee.says(199, tag="one")
    assert callee.asks("UPDATE", tag="one").status == 481
    callee.says(200, tag="two", body=SDP)
    assert callee.outbound.answered.done()


@virtual_time
async def test_forks_are_bounded() -> None:
    """More than 32 early dialogs of one INVITE: the others ring on, but nothing is kept of them."""
    callee = await Callee.is_called(Switch())
    for number in range(40):
        callee.says(180, tag=f"t{number}", headers=reliable(1))
    assert len(callee.heard("PRACK")) == 32


@virtual_time
async def test_a_bye_of_the_last_early_dialog_ends_the_call() -> None:
    """RFC 3261 §15 forbids it, and RFC 5407 §3.1.3 shows how it comes all the same."""
    callee = await Callee.is_called(Switch())
    callee.says(180)
    assert callee.asks("BYE").status == 200
    assert (await callee.leg.ended).reason is LegEnd.BYE
    assert callee.switch.requests[-1].method == "CANCEL"


@virtual_time
async def test_an_answer_of_another_fork_that_cannot_be_read_is_nothing_to_the_call() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(200, tag="one", body=SDP)
    callee.says(200, tag="two", body=SDP, contact=("Contact", "<sip:open"))
    assert not callee.leg.is_over
    assert shown(callee.leg) == "one"


@virtual_time
async def test_ringing_whose_contact_cannot_be_read_is_ringing() -> None:
    callee = await Callee.is_called(Switch())
    callee.says(180, contact=("Contact", "<sip:open"))
    assert callee.outbound.rang
    assert callee.leg.dialog is None


@virtual_time
async def test_ringing_without_a_tag_makes_no_dialog_and_yet_somebody_is_there() -> None:
    """RFC 2543 peers give none before they answer."""
    callee = await Callee.is_called(Switch())
    ringing = callee.invite.serialise().replace(b"INVITE sip:1002@192.0.2.11:5062 SIP/2.0", b"SIP/2.0 180 Ringing", 1)
    callee.switch.hears(ringing)
    assert callee.outbound.rang
    assert callee.leg.dialog is None
    callee.says(200, body=SDP)
    assert callee.outbound.answered.done()


def shown(leg: Leg) -> str:
    """The tag of the dialog that a lamp would show."""
    assert leg.dialog is not None
    return leg.dialog.remote_tag


@virtual_time
async def test_the_dialog_that_is_shown_is_that_of_the_latest_to_ring_until_one_is_heard() -> None:
    callee = await Callee.is_called(Switch())
    tags = []
    for tag, body in (("one", ""), ("two", ""), ("three", SDP), ("four", "")):
        callee.says(183, tag=tag, body=body)
        tags.append(shown(callee.leg))
    assert tags == ["one", "two", "three", "three"]


@virtual_time
async def test_whoever_watches_hears_once_that_it_rings_however_many_do() -> None:
    callee = await Callee.is_called(Switch())
    changes: list[object] = []
    callee.leg.on_changed(changes.append)
    for tag in ("one", "two"):
        callee.says(180, tag=tag)
    assert changes == [callee.leg]
