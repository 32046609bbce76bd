"""Dialogs: RFC 3261 §12, §13.2.2.4."""

import json

import pytest

from pbx.sip.dialog import Dialog, DialogState, request_key, response_key
from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply
from tests.pbx.sip.messages import a_request

VIA = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours"
RECORDED = (
    "Contact: <sip:alice@192.0.2.101;X=y>;q=1",
    "Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>",
)
INVITE = a_request("INVITE", cseq="7 INVITE", more=RECORDED)


def an_answer(status: int, *, tag: str = "bob", contact: str = "<sip:bob@192.0.2.4>") -> Response:
    return reply(INVITE, status, to_tag=tag, headers=[("Contact", contact)])


@pytest.fixture
def uas() -> Dialog:
    return Dialog.from_uas(INVITE, an_answer(200))


@pytest.fixture
def uac() -> Dialog:
    return Dialog.from_uac(INVITE, an_answer(200))


def in_dialog(method: str, number: int, contact: str = "<sip:alice@moved>") -> Request:
    return a_request(
        method, to="<sip:bob@example.com>;tag=bob", cseq=f"{number} {method}", more=[f"Contact: {contact}"]
    )


def test_the_uas_view(uas: Dialog) -> None:
    assert uas.key == ("3848276298220188511@example.com", "bob", "9fxced76sl")
    assert (uas.local_uri, uas.remote_uri) == ("sip:bob@example.com", "sip:alice@example.com")
    assert (uas.local_cseq, uas.remote_cseq) == (None, 7)
    assert uas.remote_target == "sip:alice@192.0.2.101;X=y"
    assert uas.route_set == ("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>")
    assert uas.state is DialogState.CONFIRMED


def test_the_uac_view(uac: Dialog) -> None:
    assert uac.key == ("3848276298220188511@example.com", "9fxced76sl", "bob")
    assert (uac.local_uri, uac.remote_uri) == ("sip:alice@example.com", "sip:bob@example.com")
    assert (uac.local_cseq, uac.remote_cseq) == (7, None)
    assert uac.remote_target == "sip:bob@192.0.2.4"
    assert uac.route_set == ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")


def test_messages_find_their_dialog(uas: Dialog, uac: Dialog) -> None:
    assert request_key(in_dialog("BYE", 8)) == uas.key
    assert response_key(an_answer(200)) == uac.key


def test_a_provisional_makes_an_early_dialog_and_the_2xx_confirms_it() -> None:
    dialog = Dialog.from_uac(INVITE, an_answer(180, contact="<sip:bob@early>"))
    states = [dialog.state]
    dialog.confirm(an_answer(200, contact="<sip:bob@late>"))
    states.append(dialog.state)
    assert states == [DialogState.EARLY, DialogState.CONFIRMED]
    assert dialog.remote_target == "sip:bob@late"


def test_our_2xx_confirms_the_early_dialog() -> None:
    dialog = Dialog.from_uas(INVITE, an_answer(180))
    states = [dialog.state]
    dialog.confirm()
    states.append(dialog.state)
    assert states == [DialogState.EARLY, DialogState.CONFIRMED]


def test_the_2xx_sets_the_route_anew() -> None:
    dialog = Dialog.from_uac(INVITE, an_answer(180))
    answer = an_answer(200)
    answer.headers.remove("record-route")
    answer.headers.add("Record-Route", "<sip:only;lr>")
    dialog.confirm(answer)
    assert dialog.route_set == ("<sip:only;lr>",)


def test_the_route_of_a_confirmed_dialog_stays(uac: Dialog) -> None:
    answer = an_answer(200, contact="<sip:bob@moved>")
    answer.headers.remove("record-route")
    uac.confirm(answer)
    assert len(uac.route_set) == 2


def test_each_fork_makes_a_dialog_of_its_own() -> None:
    forks = [Dialog.from_uac(INVITE, an_answer(180, tag=tag)) for tag in ("one", "two")]
    assert forks[0].key != forks[1].key


def test_an_rfc_2543_peer_has_no_tags_and_no_contact() -> None:
    old = a_request("INVITE", from_="<sip:old@example.com>", more=[])
    dialog = Dialog.from_uas(old, reply(old, 200, to_tag="bob"))
    assert (dialog.remote_tag, dialog.remote_target) == ("", "sip:old@example.com")
    bye = dialog.request("BYE", via=VIA)
    assert bye.headers.get("to") == "<sip:old@example.com>"


def test_a_2xx_without_contact_leaves_the_address_that_was_called() -> None:
    assert Dialog.from_uac(INVITE, reply(INVITE, 200, to_tag="bob")).remote_target == "sip:bob@example.com"


def test_a_response_without_a_tag_makes_no_dialog_of_ours() -> None:
    with pytest.raises(LocalProtocolError):
        Dialog.from_uas(INVITE, reply(INVITE, 100))


def test_requests_go_to_the_remote_target_through_loose_routers(uac: Dialog) -> None:
    bye = uac.request("BYE", via=VIA)
    assert bye.uri == "sip:bob@192.0.2.4"
    assert bye.headers.all("route") == ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    assert bye.headers.get("from") == "<sip:alice@example.com>;tag=9fxced76sl"
    assert bye.headers.get("to") == "<sip:bob@example.com>;tag=bob"
    assert bye.cseq == (8, "BYE")
    assert bye.max_forwards == 70
    assert parse(bye.serialise()) == bye


def test_requests_go_to_a_strict_router_with_the_remote_target_as_last_route(uac: Dialog) -> None:
    uac.route_set = ("<sip:strict.example.com;method=BYE;x=1>", "<sip:p2;lr>")
    bye = uac.request("BYE", via=VIA)
    assert bye.uri == "sip:strict.example.com;x=1"
    assert bye.headers.all("route") == ["<sip:p2;lr>", "<sip:bob@192.0.2.4>"]


def test_without_a_route_set_there_is_no_route(uac: Dialog) -> None:
    uac.route_set = ()
    bye = uac.request("BYE", via=VIA)
    assert (bye.uri, bye.headers.all("route")) == ("sip:bob@192.0.2.4", [])


def test_a_target_refresh_of_ours_names_our_contact(uac: Dialog) -> None:
    again = uac.request(
        "INVITE", via=VIA, contact="<sip:alice@192.0.2.101>", body=b"v=0", content_type="application/sdp"
    )
    assert again.contact is not None
    assert (again.content_type, again.body) == ("application/sdp", b"v=0")


def test_a_refresh_without_contact_leaves_the_target(uas: Dialog) -> None:
    uas.refresh(a_request("INVITE", to="<sip:bob@example.com>;tag=bob", cseq="8 INVITE", more=[]))
    assert uas.remote_target == "sip:alice@192.0.2.101;X=y"


def test_what_a_request_uri_cannot_have_is_left_out(uac: Dialog) -> None:
    uac.remote_target = "sip:bob@192.0.2.4;transport=tcp?Route=%3Csip:x%3E"
    assert uac.request("BYE", via=VIA).uri == "sip:bob@192.0.2.4;transport=tcp"


def test_each_request_takes_the_next_number(uas: Dialog) -> None:
    assert [uas.request(method, via=VIA).cseq.number for method in ("INFO", "INVITE", "BYE")] == [1, 2, 3]


def test_the_ack_takes_the_number_of_its_invite(uac: Dialog) -> None:
    uac.request("INFO", via=VIA)
    ack = uac.ack(7, via=VIA, headers=[("Authorization", "Digest x")], body=b"v=0", content_type="application/sdp")
    assert ack.cseq == (7, "ACK")
    assert ack.uri == "sip:bob@192.0.2.4"
    assert ack.headers.get("authorization") == "Digest x"
    assert uac.local_cseq == 8


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_hop_by_hop_requests_are_not_made_here(uac: Dialog, method: str) -> None:
    with pytest.raises(LocalProtocolError):
        uac.request(method, via=VIA)


@pytest.mark.parametrize("number", [7, 6, 0])
def test_a_request_out_of_order_is_500(uas: Dialog, number: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        uas.receive(in_dialog("BYE", number))
    assert caught.value.status == 500
    assert uas.remote_cseq == 7


def test_numbers_may_have_gaps(uas: Dialog) -> None:
    uas.receive(in_dialog("INFO", 100))
    assert uas.remote_cseq == 100


def test_the_peers_first_number_may_be_any(uac: Dialog) -> None:
    uac.receive(in_dialog("BYE", 0))
    assert uac.remote_cseq == 0


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_are_always_in_order(uas: Dialog, method: str) -> None:
    uas.receive(in_dialog(method, 7))
    assert uas.remote_cseq == 7


@pytest.mark.parametrize(("method", "moves"), [("INVITE", True), ("UPDATE", True), ("INFO", False), ("BYE", False)])
def test_target_refresh_requests_move_the_target(uas: Dialog, method: str, moves: bool) -> None:
    request = in_dialog(method, 8)
    uas.receive(request)
    assert uas.remote_target == "sip:alice@192.0.2.101;X=y", "it may still be refused"
    uas.refresh(request)
    assert (uas.remote_target == "sip:alice@moved") is moves


def test_a_refused_request_moves_nothing(uas: Dialog) -> None:
    with pytest.raises(RemoteProtocolError):
        uas.receive(in_dialog("INVITE", 3))
    assert uas.remote_target == "sip:alice@192.0.2.101;X=y"


def test_a_2xx_to_our_refresh_moves_the_target(uac: Dialog) -> None:
    uac.refresh(an_answer(200, contact="<sip:bob@moved>"))
    assert uac.remote_target == "sip:bob@moved"


def test_terminated_stays_terminated(uac: Dialog) -> None:
    uac.terminate()
    uac.confirm(an_answer(200))
    assert uac.state is DialogState.TERMINATED


def test_the_state_outlives_the_process(uas: Dialog, uac: Dialog) -> None:
    for dialog in (uas, uac):
        text = json.dumps(dialog.to_state())
        assert len(text) < 2048
        assert Dialog.from_state(json.loads(text)) == dialog


@pytest.mark.parametrize("change", [{"local_tag": 1}, {"route_set": "x"}, {"state": "odd"}, {"local_cseq": "1"}])
def test_a_state_that_we_did_not_write_is_refused(uas: Dialog, change: dict[str, str | int | list[str]]) -> None:
    with pytest.raises(LocalProtocolError):
        Dialog.from_state({**uas.to_state(), **change})
    with pytest.raises(LocalProtocolError):
        Dialog.from_state({})
