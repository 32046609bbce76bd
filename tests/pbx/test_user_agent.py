"""What a stranger, a phone and a trunk get when they knock."""

from __future__ import annotations

import pytest

from tests.pbx.switch import PHONE, SDP, TRUNK, Switch, a_request
from tests.support.virtual_time import virtual_time


@virtual_time
async def test_a_stranger_is_challenged_and_leaves_nothing_behind() -> None:
    switch = Switch()
    for method in ("INVITE", "REGISTER"):
        switch.hears(a_request(method, body=SDP if method == "INVITE" else ""))
    assert switch.statuses == [401, 401]
    assert len(switch.transactions) == 0
    assert len(switch.timers) == 0
    assert switch.calls == []


@virtual_time
async def test_each_algorithm_has_its_own_challenge_with_the_preferred_one_first() -> None:
    switch = Switch()
    switch.hears(a_request("REGISTER"))
    challenges = switch.last_response().headers.all("WWW-Authenticate")
    assert ["algorithm=MD5" in challenges[0], "algorithm=SHA-256" in challenges[1]] == [True, True]


@virtual_time
async def test_a_phone_that_stumbles_over_a_second_algorithm_is_offered_md5_alone() -> None:
    """libre 1 gives up at the first challenge that is not MD5, JsSIP 3 reads the last one only."""
    switch = Switch()
    switch.hears(a_request("REGISTER", headers="User-Agent: JsSIP 3.13.8\r\n"))
    (challenge,) = switch.last_response().headers.all("WWW-Authenticate")
    assert "algorithm=MD5" in challenge


@virtual_time
async def test_an_unknown_user_and_a_wrong_password_get_the_same_answer() -> None:
    switch = Switch()
    answers = []
    for user, password in (("1001", "wrong"), ("4711", "any")):
        request = a_request("REGISTER", "sip:example.com", from_user=user)
        switch.hears_authenticated(request, user, password)
        response = switch.last_response()
        answers.append((response.status, response.reason, sorted({name for name, _ in response.headers})))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


@virtual_time
async def test_a_replayed_authorisation_is_refused_as_stale() -> None:
    switch = Switch()
    switch.hears_authenticated(a_request("REGISTER", "sip:example.com").replace("To: <sip:", "To: <sip:1001@"))
    assert switch.last_response().status == 200
    # The same credentials in a new request: nc=1 of that nonce has been used.
    switch.hears(switch.heard.replace("z9hG4bKauth", "z9hG4bKreplay"))
    assert switch.last_response().status == 401
    assert "stale=true" in (switch.last_response().headers.get("WWW-Authenticate") or "")


@virtual_time
async def test_nobody_may_call_in_anothers_name() -> None:
    switch = Switch()
    switch.hears_authenticated(a_request("INVITE", body=SDP, from_user="1002"), "1001", "pw1")
    assert switch.last_response().status == 403
    assert switch.calls == []


@pytest.mark.req("R-PHONE-53")
@virtual_time
async def test_nobody_may_register_for_another() -> None:
    switch = Switch()
    request = a_request("REGISTER", "sip:example.com").replace("To: <sip:example.com>", "To: <sip:1002@example.com>")
    switch.hears_authenticated(request, "1001", "pw1")
    assert switch.last_response().status == 403
    assert switch.kept == {}


@virtual_time
async def test_a_call_with_credentials_arrives_and_is_told_to_wait() -> None:
    switch = Switch()
    switch.hears_authenticated(a_request("INVITE", body=SDP))
    assert switch.statuses == [401, 100]
    assert [leg.arrival.dialled for leg in switch.calls] == ["1002"]
    assert switch.calls[0].arrival.user == "1001"


@virtual_time
async def test_a_trunk_known_by_its_address_is_not_challenged_and_its_caller_keeps_the_number() -> None:
    switch = Switch()
    switch.hears(a_request("INVITE", "sip:+380441234567@example.com", from_user="+380501112233", body=SDP), TRUNK)
    assert switch.statuses == [100]
    (leg,) = switch.calls
    assert (leg.arrival.trunk, leg.arrival.user, leg.remote.number) == ("city", None, "+380501112233")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (a_request("OPTIONS", "sip:example.com"), 200),
        (a_request("FROBNICATE"), 501),
        (a_request("MESSAGE"), 405),
        (a_request("SUBSCRIBE"), 405),
        (a_request("REFER"), 405),
        (a_request("BYE"), 481),
        (a_request("BYE", to_tag="nosuch"), 481),
        (a_request("CANCEL"), 481),
        (a_request("INVITE", headers="Require: foo\r\n", body=SDP), 420),
        (a_request("INVITE", "mailto:x@y", body=SDP), 416),
        (a_request("INVITE", body=SDP).replace("Max-Forwards: 70", "Max-Forwards: 0"), 483),
    ],
)
@virtual_time
async def test_requests_out_of_place_are_answered_without_state(request_text: str, status: int) -> None:
    switch = Switch()
    switch.hears(request_text)
    assert switch.statuses == [status]
    assert len(switch.transactions) == 0


@virtual_time
async def test_an_answer_to_a_body_that_is_not_sdp_names_what_is_accepted() -> None:
    switch = Switch()
    request = a_request("INVITE", body="hello").replace("application/sdp", "text/plain")
    switch.hears_authenticated(request)
    response = switch.last_response()
    assert (response.status, response.headers.get("Accept")) == (415, "application/sdp, multipart/mixed")


@virtual_time
async def test_new_calls_are_refused_while_the_server_stops() -> None:
    switch = Switch()
    switch.user_agent.accepting = False
    switch.hears(a_request("INVITE", body=SDP), TRUNK)
    assert switch.last_response().status == 503
    assert switch.last_response().headers.get("Retry-After")


@virtual_time
async def test_a_keep_alive_and_rubbish_are_not_answered() -> None:
    switch = Switch()
    for data in (b"", b"\r\n\r\n", b"\0\0\0\0", b"\xff" * 300, b"GET / HTTP/1.1\r\n\r\n"):
        switch.hears(data)
    assert switch.sent == []


@virtual_time
async def test_answers_go_where_the_packet_came_from() -> None:
    switch = Switch()
    request = a_request("OPTIONS", "sip:example.com").replace("192.0.2.11:5062;branch", "10.255.255.1:5099;branch")
    switch.hears(request)
    message, flow = switch.sender.sent[0]
    assert flow == PHONE
    assert "received=192.0.2.11" in (message.headers.get("Via") or "")
    assert "rport=5062" in (message.headers.get("Via") or "")


@virtual_time
async def test_one_broken_message_ends_itself_only() -> None:
    switch = Switch()
    switch.hears(a_request("OPTIONS", "sip:example.com").replace("Max-Forwards: 70", "Max-Forwards: 999"))
    switch.hears(a_request("OPTIONS", "sip:example.com"))
    assert switch.statuses == [400, 200]
