"""The INVITEs that we get: what each must hold, and how it is refused."""

from __future__ import annotations

import asyncio
import re

import pytest

from pbx.leg import LegEnd
from tests.pbx.peers import Caller, local_tag
from tests.pbx.switch import PHONE, SDP, TRUNK, Switch, a_request
from tests.support.virtual_time import virtual_time

MULTIPART = "multipart/mixed;boundary=b"


def invite(*, headers: str = "", body: str = SDP, content_type: str = "application/sdp") -> str:
    text = a_request("INVITE", headers=headers, body=body)
    return text.replace("Content-Type: application/sdp", f"Content-Type: {content_type}", 1)


def part(content_type: str, body: str, more: str = "") -> str:
    return f"--b\r\nContent-Type: {content_type}\r\n{more}\r\n{body}\r\n"


async def arrives(switch: Switch, text: str) -> int:
    """The last status; calls that were let in are answered."""
    switch.hears_authenticated(text)
    if switch.calls:
        await switch.calls[-1].open_media()
        switch.calls[-1].answer()
    return switch.last_response().status


@virtual_time
async def test_a_description_among_other_parts_is_the_offer() -> None:
    switch = Switch()
    body = part("text/plain", "hello", "Content-Disposition: render;handling=optional\r\n")
    body += part("application/sdp", SDP) + "--b--\r\n"
    assert await arrives(switch, invite(body=body, content_type=MULTIPART)) == 200
    assert switch.calls[0].offered is not None


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        (invite(body="hello", content_type="text/plain"), 415, ("Accept", "application/sdp, multipart/mixed")),
        (invite(headers="Content-Encoding: gzip\r\n"), 415, ("Accept-Encoding", "identity")),
        (
            invite(body=part("application/isup", "x") + part("application/sdp", SDP) + "--b--", content_type=MULTIPART),
            415,
            ("Accept", "application/sdp, multipart/mixed"),
        ),
        (invite(body="--b\r\n", content_type=MULTIPART), 400, None),
        (invite(body="v=0\r\nrubbish"), 400, None),
        (invite(body=SDP.replace("IN IP4 192.0.2.11\r\nt", "IN IP6 2001:db8::1\r\nt")), 488, ("Warning", None)),
        (invite(headers="Accept: text/plain\r\n"), 406, None),
        (invite(headers="Require: precondition\r\n"), 420, ("Unsupported", "precondition")),
        (invite(headers="Session-Expires: 60\r\nSupported: timer\r\n"), 422, ("Min-SE", "90")),
        (invite(headers="Replaces: nobody;to-tag=a;from-tag=b\r\n"), 481, None),
    ],
)
@virtual_time
async def test_what_cannot_be_taken_is_refused_before_anybody_is_rung(
    text: str, status: int, says: tuple[str, str | None] | None
) -> None:
    switch = Switch()
    if status == 420:
        switch.hears(text)
    else:
        switch.hears_authenticated(text)
    response = switch.last_response()
    assert response.status == status
    assert switch.calls == []
    if says is not None:
        assert says[1] in (None, response.headers.get(says[0]))
        assert response.headers.get(says[0]) is not None


@virtual_time
async def test_an_offer_without_a_codec_in_common_has_no_codecs_and_its_refusal_says_why() -> None:
    """R-PHONE-19 is proven end to end in the scenarios; this is the leg's part in it."""
    caller = await Caller.calls(Switch(), body=SDP.replace("0 8 101", "9"))
    assert caller.inbound.codecs() == ()


@virtual_time
async def test_max_forwards_of_zero_is_483_and_one_goes_on_with_none_left() -> None:
    switch = Switch()
    switch.hears(invite().replace("Max-Forwards: 70", "Max-Forwards: 0"))
    assert switch.statuses == [483]
    switch.hears_authenticated(invite().replace("Max-Forwards: 70", "Max-Forwards: 1").replace("Kone", "Ktwo"))
    assert switch.calls[0].max_forwards == 0


@pytest.mark.parametrize(("header", "left"), [("Max-Forwards: 70\r\n", 69), ("Max-Forwards: 5\r\n", 4), ("", 69)])
@virtual_time
async def test_each_call_through_us_costs_one_hop(header: str, left: int) -> None:
    switch = Switch()
    switch.hears_authenticated(invite().replace("Max-Forwards: 70\r\n", header))
    assert switch.calls[0].max_forwards == left


@virtual_time
async def test_a_tel_uri_is_dialled_and_shown_like_any_number() -> None:
    """RFC 3966: providers write their numbers so."""
    switch = Switch()
    text = a_request("INVITE", "tel:+380-44-123-45-67;phone-context=+380", from_user="x", body=SDP)
    text = text.replace("From: <sip:x@example.com>", "From: <tel:+380501112233>")
    switch.hears(text, TRUNK)
    (leg,) = switch.calls
    assert leg.arrival.dialled == "+380441234567"
    assert leg.remote.number == "+380501112233"


@virtual_time
async def test_an_offerless_invite_whose_ack_has_no_answer_ends_with_bye() -> None:
    caller = await Caller.calls(Switch(), body="")
    caller.inbound.answer()
    caller.acknowledges()
    assert (await caller.leg.ended).reason is LegEnd.REFUSED
    assert caller.heard("BYE")[0].headers.get("Reason") == 'SIP;cause=400;text="no answer to our offer"'


@virtual_time
async def test_an_ack_with_an_answer_that_cannot_be_used_ends_with_bye() -> None:
    caller = await Caller.calls(Switch(), body="")
    caller.inbound.answer()
    caller.acknowledges(body=SDP.replace("0 8 101", "9"))
    assert (await caller.leg.ended).reason is LegEnd.REFUSED
    assert len(caller.heard("BYE")) == 1


@virtual_time
async def test_a_copy_of_an_invite_that_came_another_way_is_482() -> None:
    """RFC 3261 §8.2.2.2: merged requests."""
    switch = Switch()
    caller = await Caller.calls(switch)
    switch.hears(switch.heard.replace("z9hG4bKauth", "z9hG4bKother"))
    assert switch.last_response().status == 482
    assert switch.calls == [caller.leg]


@virtual_time
async def test_an_invite_without_a_contact_is_answered_to_whom_it_came_from() -> None:
    """RFC 2543 peers send none."""
    switch = Switch()
    switch.hears_authenticated(invite().replace("Contact: <sip:1001@192.0.2.11:5062>\r\n", ""))
    (leg,) = switch.calls
    await leg.open_media()
    leg.answer()
    assert leg.dialog is not None
    assert leg.dialog.remote_target == "sip:1001@example.com"
    assert switch.sender.sent[-1][1] == PHONE


@pytest.mark.parametrize(
    ("headers", "number", "withheld"),
    [
        ("P-Asserted-Identity: <tel:+380441234567>\r\n", "+380441234567", False),
        ("P-Asserted-Identity: <tel:+380441234567>\r\nPrivacy: id\r\n", "anonymous", True),
        ("", "+380501112233", False),
    ],
)
@virtual_time
async def test_an_asserted_identity_of_a_phone_is_not_believed(headers: str, number: str, withheld: bool) -> None:
    """RFC 3325 §5: only from inside the trust domain. The same headers from a phone change nothing about its number."""
    switch = Switch()
    switch.hears_authenticated(a_request("INVITE", headers=headers, body=SDP))
    assert switch.calls[0].remote.number == "1001"
    assert switch.calls[0].remote.withheld is withheld


@virtual_time
async def test_an_ack_with_the_branch_of_the_invite_is_known_by_it() -> None:
    """RFC 6026 §7.1: it matches the INVITE's transaction, which hands it on; pyVoIP makes up a To tag for it."""
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    ack = caller.text("ACK", cseq=caller.cseq).replace(f";tag={local_tag(caller.leg)}", ";tag=made-up")
    switch.hears(re.sub("branch=[^;]+", f"branch={switch.last_response().via.branch}", ack))
    sent = len(switch.sent)
    await asyncio.sleep(40)
    assert switch.sent[sent:] == [], "the 200 was sent again, or the call was given up"
    assert not caller.leg.is_over
