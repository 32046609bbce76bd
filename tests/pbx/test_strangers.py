"""What strangers, thieves and eavesdroppers get from the switchboard: as little as can be."""

from __future__ import annotations

import asyncio
import re

import pytest
from uuid_utils.compat import uuid7

from pbx.admission import Rates
from pbx.endpoint import CODECS
from pbx.inbound_leg import InboundLeg
from pbx.leg import Identity
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination
from pbx.sip.digest import Algorithm, authorise
from pbx.sip.message import Request, Response
from tests.pbx.switch import PHONE, SDP, TRUNK, Switch, a_request
from tests.support.virtual_time import virtual_time

THIEF = Flow("UDP", "198.51.100.66", 5060)


def a_register(user: str = "1001", branch: str = "z9hG4bKone", headers: str = "") -> str:
    return a_request(
        "REGISTER", "sip:example.com", from_user=user, branch=branch, sip_call_id=f"r{user}{branch}", headers=headers
    ).replace("To: <sip:example.com>", f"To: <sip:{user}@example.com>")


def guess(switch: Switch, number: int, *, user: str = "1001", password: str = "", flow: Flow = THIEF) -> int | None:
    """The status that a try met, None for silence. Each try asks for a challenge of its own, as svcrack does."""
    before = len(switch.sent)
    switch.hears(a_register(user, f"z9hG4bKa{number}"), flow)
    if len(switch.sent) == before:
        return None
    challenge = switch.last_response().headers.get("WWW-Authenticate") or ""
    value = authorise(
        challenge,
        method="REGISTER",
        uri="sip:example.com",
        username=user,
        password=password or f"no{number}",
        cnonce="c",
    )
    before = len(switch.sent)
    switch.hears(a_register(user, f"z9hG4bKb{number}", f"Authorization: {value}\r\n"), flow)
    return switch.last_response().status if len(switch.sent) > before else None


@virtual_time
async def test_a_thief_who_has_the_right_word_at_line_500_does_not_find_it() -> None:
    switch = Switch(trusted=())
    statuses = [guess(switch, number, password="pw1" if number == 500 else "") for number in range(600)]
    assert statuses == [401] * 5 + [None] * 595
    assert switch.lockouts == [("198.51.100.66", "1001", 600.0)]
    assert switch.kept == {}
    # The agent's phone elsewhere is unharmed.
    assert guess(switch, 1000, password="pw1", flow=PHONE) == 200


@virtual_time
async def test_a_forged_sender_locks_nobody_out() -> None:
    """The thief writes the phone's address on its packets, and so never sees a nonce that was made for it."""
    switch = Switch(trusted=())
    switch.hears(a_register(), THIEF)
    seen = switch.last_response().headers.get("WWW-Authenticate") or ""
    for number in range(50):
        value = authorise(
            seen, method="REGISTER", uri="sip:example.com", username="1001", password="no", cnonce=str(number)
        )
        switch.hears(a_register("1001", f"z9hG4bKf{number}", f"Authorization: {value}\r\n"), PHONE)
    assert "stale=true" in (switch.last_response().headers.get("WWW-Authenticate") or "")
    assert switch.lockouts == []
    assert guess(switch, 1, password="pw1", flow=PHONE) == 200


@virtual_time
async def test_an_account_under_attack_from_everywhere_is_slowed_and_never_locked() -> None:
    switch = Switch(trusted=())
    assert guess(switch, 0, password="pw1", flow=PHONE) == 200
    for number in range(200):
        guess(switch, number, flow=Flow("UDP", f"10.0.{number}.1", 5060))
    assert switch.admission.wrong_passwords < 30
    # Where it has proved its password the phone notices nothing; elsewhere it is heard within a second or two.
    assert guess(switch, 1001, password="pw1", flow=Flow("UDP", PHONE.host, 40000)) == 200
    await asyncio.sleep(1.1)
    assert guess(switch, 1002, password="pw1", flow=Flow("UDP", "203.0.113.99", 5060)) == 200


@virtual_time
async def test_a_phone_with_an_old_password_does_not_silence_its_neighbours() -> None:
    switch = Switch(trusted=())
    neighbour = Flow("UDP", PHONE.host, 5099)
    assert guess(switch, 0, password="pw1") == 200
    assert guess(switch, 1, password="pw1", flow=PHONE) == 200
    for number in range(10):
        guess(switch, 10 + number, user="1002", flow=neighbour)
    assert guess(switch, 30, user="1002", password="pw2", flow=neighbour) is None
    assert guess(switch, 31, password="pw1", flow=PHONE) == 200


@virtual_time
async def test_nonces_serve_only_the_address_that_they_were_sent_to() -> None:
    switch = Switch(trusted=())
    switch.hears_authenticated(a_register())
    assert switch.last_response().status == 200
    # An eavesdropper repeats it before the phone did, as it were: another count, the same nonce, another address.
    switch.hears(switch.heard.replace("z9hG4bKauth", "z9hG4bKreplay"), THIEF)
    assert switch.last_response().status == 401
    assert "stale=true" in (switch.last_response().headers.get("WWW-Authenticate") or "")


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE", "PUBLISH", "OPTIONS"])
@virtual_time
async def test_known_and_unknown_users_differ_in_nothing_but_the_nonce(method: str) -> None:
    switch = Switch(trusted=())
    switch.user_agent.answers("SUBSCRIBE", lambda request, flow, user: None)
    switch.user_agent.answers("MESSAGE", lambda request, flow, user: None)
    answers = []
    for user in ("1001", "4711"):
        body = SDP if method == "INVITE" else ""
        for uri in ("sip:1002@example.com", "sip:4712@example.com"):  # who is asked for
            request = a_request(method, uri, from_user=user, body=body, sip_call_id="same")
            switch.hears(request, THIEF)
            answers.append(shape(switch.last_response(), user, uri))
    assert len(set(answers)) == 1


@virtual_time
async def test_an_account_with_algorithms_of_its_own_is_not_told_by_them() -> None:
    """Some of those who do not exist are offered the same, and each of them always."""
    users = {"1001": "pw1", "1002": "pw2", "1009": "pw9"}
    switch = Switch(trusted=(), users=users, digests={"1009": (Algorithm.SHA_256,)})
    offered = {user: offers(switch, user) for user in ("1009", *map(str, range(2000, 2100)))}
    assert offered["1009"] == ("SHA-256",)
    assert {offered[user] for user in offered if user != "1009"} == {("MD5", "SHA-256"), ("SHA-256",)}
    assert offered == {user: offers(switch, user) for user in offered}


@virtual_time
async def test_strangers_learn_neither_name_nor_version() -> None:
    switch = Switch(trusted=())
    for method in ("OPTIONS", "REGISTER", "INVITE", "FROBNICATE", "BYE"):
        switch.hears(a_request(method, body=SDP if method == "INVITE" else ""), THIEF)
        headers = switch.last_response().headers
        assert not {"server", "user-agent", "x-powered-by", "organization"} & {name.lower() for name, _ in headers}
    assert switch.statuses == [200, 401, 401, 501, 481]


@virtual_time
async def test_a_method_of_another_room_is_answered_to_proven_users_only() -> None:
    switch = Switch()
    heard: list[str] = []
    switch.user_agent.answers("SUBSCRIBE", lambda request, flow, user: heard.append(user))
    switch.hears(a_request("SUBSCRIBE"))
    assert (switch.statuses, heard) == ([401], [])
    switch.hears_authenticated(a_request("SUBSCRIBE", sip_call_id="two", from_user="1002"), "1001", "pw1")
    assert (switch.last_response().status, heard) == (403, [])
    switch.hears_authenticated(a_request("SUBSCRIBE", sip_call_id="three"), "1001", "pw1")
    assert heard == ["1001"]


# ---- inside a dialog -------------------------------------------------------------------------------------------------


async def an_answered_call(switch: Switch, flow: Flow = PHONE) -> InboundLeg:
    request = a_request("INVITE", body=SDP)
    if flow is TRUNK:
        switch.hears(request.replace("From: <sip:1001", "From: <sip:+380501112233"), flow)
    else:
        switch.hears_authenticated(request, flow=flow)
    (leg,) = switch.calls
    await leg.open_media()
    leg.answer()
    return leg


def inside(leg: InboundLeg, method: str, cseq: int = 9, body: str = "", headers: str = "") -> str:
    assert leg.dialog is not None
    return a_request(
        method, cseq=cseq, to_tag=leg.local_tag, sip_call_id=leg.sip_call_id, body=body, headers=headers,
        branch=f"z9hG4bK{method}{cseq}", from_user="+380501112233" if leg.arrival.trunk else "1001",
    )  # fmt: skip


@virtual_time
async def test_who_overheard_a_dialog_cannot_end_it_from_elsewhere() -> None:
    switch = Switch()
    leg = await an_answered_call(switch)
    switch.hears(inside(leg, "BYE"), THIEF)
    assert switch.last_response().status == 401
    switch.hears(inside(leg, "INVITE", 10, SDP.replace("192.0.2.11", "198.51.100.66")), THIEF)
    assert switch.last_response().status == 401
    assert not leg.is_over
    assert leg.flow == PHONE
    switch.hears(inside(leg, "BYE", 11))
    assert switch.last_response().status == 200
    assert leg.is_over


@virtual_time
async def test_a_port_that_a_nat_changed_is_no_other_place() -> None:
    switch = Switch()
    leg = await an_answered_call(switch)
    switch.hears(inside(leg, "BYE"), Flow("UDP", PHONE.host, 61000))
    assert leg.is_over


@virtual_time
async def test_a_phone_that_moved_proves_who_it_is_and_takes_its_call_along() -> None:
    switch = Switch()
    leg = await an_answered_call(switch)
    moved = Flow("UDP", "203.0.113.50", 5062)
    switch.hears(inside(leg, "BYE"), moved)
    challenge = switch.last_response().headers.get("WWW-Authenticate") or ""
    value = authorise(challenge, method="BYE", uri="sip:1002@example.com", username="1001", password="pw1", cnonce="c")
    switch.hears(inside(leg, "BYE", 10, headers=f"Authorization: {value}\r\n"), moved)
    assert leg.is_over
    assert leg.flow == moved


@virtual_time
async def test_another_extension_cannot_end_it_either() -> None:
    switch = Switch()
    leg = await an_answered_call(switch)
    switch.hears(inside(leg, "BYE"), THIEF)
    challenge = switch.last_response().headers.get("WWW-Authenticate") or ""
    value = authorise(challenge, method="BYE", uri="sip:1002@example.com", username="1002", password="pw2", cnonce="c")
    switch.hears(inside(leg, "BYE", 10, headers=f"Authorization: {value}\r\n"), THIEF)
    assert switch.last_response().status == 403
    assert not leg.is_over


@virtual_time
async def test_a_trunks_dialog_is_the_trunks() -> None:
    switch = Switch()
    leg = await an_answered_call(switch, TRUNK)
    switch.hears(inside(leg, "BYE"), THIEF)
    assert switch.last_response().status == 403
    assert not leg.is_over
    switch.hears(inside(leg, "BYE", 10), Flow("UDP", TRUNK.host, 5099))
    assert leg.is_over


@virtual_time
async def test_a_cancel_comes_from_where_its_invite_came_from() -> None:
    switch = Switch()
    switch.hears_authenticated(a_request("INVITE", body=SDP))
    (leg,) = switch.calls
    cancel = (
        switch.heard.replace("INVITE sip", "CANCEL sip").replace("2 INVITE", "2 CANCEL").partition("Content-Type")[0]
    )
    cancel = cancel.partition("Authorization")[0] + "Content-Length: 0\r\n\r\n"
    switch.hears(cancel, THIEF)
    assert switch.last_response().status == 481
    assert not leg.is_over
    switch.hears(cancel)
    assert leg.is_over


@virtual_time
async def test_an_ack_from_elsewhere_does_not_move_the_audio() -> None:
    switch = Switch()
    switch.hears_authenticated(a_request("INVITE"))
    (leg,) = switch.calls
    await leg.open_media()
    leg.answer()
    ack = a_request("ACK", cseq=2, to_tag=leg.local_tag, sip_call_id=leg.sip_call_id, branch="z9hG4bKack", body=SDP)
    switch.hears(ack.replace("192.0.2.11", "198.51.100.66"), THIEF)
    media = switch.media.legs[0]
    assert [what for what, _ in media.told] == []
    switch.hears(ack)
    assert [what for what, _ in media.told] == ["update"]
    leg.hang_up()


# ---- contacts and loops ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "contact",
    [
        "<sip:1001@203.0.113.1:5060>",  # ourselves
        "<sip:1001@203.0.113.1>",
        "<sip:1001@255.255.255.255>",
        "<sip:1001@224.0.1.75>",
        "<sip:1001@0.0.0.0>",
        "<sip:1001@[ff02::1]>",
        "<sip:1001@[::]:5060>",
        "<sip:1001@192.0.2.11:0>",
    ],
)
@virtual_time
async def test_a_contact_that_is_no_phones_address_is_refused(contact: str) -> None:
    switch = Switch()
    switch.hears_authenticated(a_register().replace("<sip:1001@192.0.2.11:5062>", contact))
    assert switch.last_response().status == 403
    assert switch.kept == {}


@pytest.mark.parametrize("contact", ["<sip:1001@x7f3.invalid;transport=ws>", "<sip:1001@10.0.0.5:5062>"])
@virtual_time
async def test_calls_go_where_the_phone_registered_from_whatever_its_contact_says(contact: str) -> None:
    switch = Switch()
    switch.hears_authenticated(a_register().replace("<sip:1001@192.0.2.11:5062>", contact))
    assert switch.last_response().status == 200
    assert [destination.flow for destination in switch.user_agent.phones_of("1001")] == [PHONE]


@virtual_time
async def test_our_own_call_that_comes_back_is_a_loop() -> None:
    switch = Switch()
    leg = switch.user_agent.leg_to(
        Destination("sip:+380441112233@198.51.100.5", TRUNK, "+380441112233"), call_id=uuid7(), caller=Identity("1001")
    )
    await leg.open_media()
    leg.dial(CODECS)
    (invite,) = switch.requests
    switch.hears(invite, TRUNK)
    assert switch.last_response().status == 482
    # Another number: somebody on the way forwarded it. Max-Forwards ends that.
    switch.hears(Request("INVITE", "sip:+380449999999@example.com", invite.headers, invite.body), TRUNK)
    assert switch.last_response().status == 100
    leg.hang_up()
    await leg.close()


@virtual_time
async def test_a_message_from_our_own_address_ends_with_its_answer() -> None:
    switch = Switch(trusted=())
    ourselves = Flow("UDP", "203.0.113.1", 5060)
    switch.hears(a_request("INVITE", body=SDP), ourselves)
    (answer,) = switch.sent
    switch.hears(answer, ourselves)
    assert len(switch.sent) == 1
    assert len(switch.transactions) == 0


@virtual_time
async def test_a_flood_is_cut_and_a_registered_phone_is_heard_through_it() -> None:
    switch = Switch(trusted=(), rates=Rates(a_second=50, burst=100))
    assert guess(switch, 0, password="pw1", flow=PHONE) == 200
    before = len(switch.sent)
    for number in range(2000):
        switch.hears(a_request("INVITE", body=SDP, branch=f"z9hG4bK{number}"), Flow("UDP", PHONE.host, 1024 + number))
    assert len(switch.sent) - before <= 101
    assert guess(switch, 1, password="pw1", flow=PHONE) == 200
    assert len(switch.transactions) <= 2


def offers(switch: Switch, user: str) -> tuple[str, ...]:
    switch.hears(a_register(user, f"z9hG4bK{user}"), THIEF)
    values = switch.last_response().headers.all("WWW-Authenticate")
    return tuple(value.partition("algorithm=")[2].partition(",")[0] for value in values)


def shape(response: Response, user: str, uri: str) -> str:
    """The answer without what differs by right: nonce, and what was copied from the request."""
    text = response.serialise().decode().replace(user, "USER").replace(uri, "URI")
    return re.sub(r'nonce="[^"]{44}"|;tag=[0-9a-f]{16}\r', "", text)
