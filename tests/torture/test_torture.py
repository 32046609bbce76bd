"""RFC 4475 and RFC 5118: every message of ours has one verdict, and it is one that the RFC allows."""

import csv
from pathlib import Path

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response, parse
from pbx.sip.registrar import Limits, register
from tests.pbx.sip.messages import DATA, files
from tests.torture.judge import verdict

FOLDERS = ("torture-rfc4475", "torture-rfc5118")


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row for row in csv.DictReader(lines, delimiter="\t")}


OURS = rows(Path(__file__).with_name("verdicts.tsv"))
EXPECTED = {name: row for folder in FOLDERS for name, row in rows(DATA / folder / "expected.tsv").items()}
MESSAGES = {path.name: path for folder in FOLDERS for path in files(folder, ".*") if path.suffix != ".tsv"}


def message_of(name: str) -> Request | Response:
    return parse(MESSAGES[name].read_bytes())


def request_of(name: str) -> Request:
    message = message_of(name)
    assert isinstance(message, Request)
    return message


def test_no_message_is_left_out() -> None:
    assert set(OURS) == set(EXPECTED) == set(MESSAGES)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_the_verdict_is_ours_and_allowed(name: str) -> None:
    assert verdict(MESSAGES[name].read_bytes()) == OURS[name]["verdict"]
    assert OURS[name]["verdict"] in EXPECTED[name]["acceptable"].split(",")


def test_a_verdict_against_a_valid_message_or_for_an_invalid_one_has_a_reason() -> None:
    for name, row in OURS.items():
        accepted = row["verdict"] == "accept"
        if EXPECTED[name]["class"] == ("invalid" if accepted else "valid"):
            assert row["reason"], name


def test_wsinv_says_what_it_means() -> None:
    request = request_of("wsinv.dat")
    assert request.to.tag == "1918181833n"
    assert request.from_.display_name == 'J Rosenberg \\"'
    assert request.max_forwards == 68
    assert request.cseq == (9, "INVITE")
    assert [(via.transport, via.sent_by_host, via.branch) for via in request.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert request.headers.get("subject") == ""
    assert request.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    contact = request.contact
    assert contact is not None
    assert contact.display_name == 'Quoted string ""'
    assert contact.parameters == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}


def test_escapes_are_decoded_in_uris_and_nowhere_else() -> None:
    request = request_of("esc01.dat")
    assert (request.request_uri.user, request.request_uri.host) == ("sips:user@example.com", "example.net")
    assert request.to.uri.user == "user"
    assert request.from_.uri.user == "I have spaces"
    contact = request.contact
    assert contact is not None
    assert contact.uri.parameters == {"lr": None, "name": "value%41"}
    method = request_of("esc02.dat")
    assert method.method == "RE%47IST%45R"
    assert method.to.display_name == "%Z%45"
    assert len(method.contacts) == 2


def test_a_semicolon_may_be_part_of_the_user() -> None:
    assert request_of("semiuri.dat").request_uri.user == "user;par=u@example.net"


def test_an_empty_reason_is_a_reason() -> None:
    response = message_of("noreason.dat")
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (100, "")


def test_a_parameter_outside_brackets_is_the_headers() -> None:
    contact = request_of("cparam01.dat").contact
    assert contact is not None
    assert (contact.uri.parameters, contact.parameters) == ({}, {"unknownparam": None})


def test_an_escaped_route_comes_back_in_the_contact() -> None:
    result = register((), request_of("regescrt.dat"), now=0.0, source="udp", limits=Limits())
    name, value = result.response_headers[0]
    assert (name, value.partition(">")[0]) == ("Contact", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E")


def test_a_body_of_bytes_survives() -> None:
    body = request_of("mpart01.dat").body
    assert len(body) == 553
    assert body.endswith(b"--7a9cbec02ceef655--\r\n")


def test_the_port_stands_outside_the_brackets() -> None:
    uri = request_of("port-ambiguous.sip").request_uri
    assert (uri.host, uri.port) == ("2001:db8::10:5070", None)


def test_received_may_stand_in_brackets() -> None:
    assert request_of("via-received-param-with-delim.sip").via.received == "2001:db8::9:255"


def test_a_long_message_keeps_its_values() -> None:
    request = request_of("longreq.dat")
    assert len(request.vias) > 20
    assert request.to.uri.port == 6000


@pytest.mark.parametrize("name", [name for name in sorted(OURS) if OURS[name]["verdict"] == "accept"])
def test_what_is_accepted_survives_writing(name: str) -> None:
    message = message_of(name)
    assert parse(message.serialise()) == message


@pytest.mark.parametrize("path", files("sip-fuzz", ".bin"), ids=lambda path: path.stem)
def test_the_finds_of_other_fuzzers_are_discarded(path: Path) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(path.read_bytes())
    assert caught.value.status is None


@pytest.mark.parametrize("path", files("scanners", ".sip"), ids=lambda path: path.stem)
def test_scanners_speak_proper_sip(path: Path) -> None:
    assert verdict(path.read_bytes()) == "accept"
