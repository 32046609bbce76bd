"""What we say that we can do, what the peer says, and what nobody here can: RFC 3261 §8.2.2.3, §11.2 and §20."""

from __future__ import annotations

import pytest

from pbx.sip.capabilities import Capabilities, PeerCapabilities
from pbx.sip.errors import RemoteProtocolError
from tests.pbx.sip.messages import a_request, a_response


def unsupported(request_header: str, method: str = "INVITE") -> str | None:
    try:
        Capabilities().check_required(a_request(method, more=[request_header]))
    except RemoteProtocolError as error:
        assert error.status == 420
        return dict(error.headers)["Unsupported"]
    return None


@pytest.mark.parametrize("tag", ["100rel", "timer", "replaces", "norefersub", "100REL"])
def test_what_we_support_may_be_required(tag: str) -> None:
    assert unsupported(f"Require: {tag}") is None


@pytest.mark.parametrize("header", ["Require", "Proxy-Require"])
def test_the_refusal_names_only_what_is_not_supported(header: str) -> None:
    assert unsupported(f"{header}: timer, precondition, foo") == "foo, precondition"


@pytest.mark.parametrize("method", ["CANCEL", "ACK"])
def test_require_is_ignored_in_cancel_and_ack(method: str) -> None:
    assert unsupported("Require: foo", method) is None


def test_a_dialog_tells_methods_extensions_and_events() -> None:
    said = dict(Capabilities().of_dialog())
    assert {"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "REFER"} <= set(said["Allow"].split(", "))
    assert said["Supported"] == "100rel, norefersub, replaces, timer"
    assert said["Allow-Events"] == "refer"


def test_the_answer_to_options_adds_what_bodies_are_read() -> None:
    said = dict(Capabilities().of_options())
    assert {"Allow", "Supported", "Accept", "Accept-Encoding", "Accept-Language"} <= set(said)
    assert "application/sdp" in said["Accept"]


def test_a_room_adds_its_method_once() -> None:
    ours = Capabilities()
    ours.add_method("MESSAGE")
    ours.add_method("MESSAGE")
    assert ours.allow[1].split(", ").count("MESSAGE") == 1
    assert "MESSAGE" not in Capabilities().allow[1]


def test_a_peer_takes_what_its_allow_says() -> None:
    peer = PeerCapabilities()
    assert not peer.takes("UPDATE")
    peer.learn(a_request(more=["Allow: INVITE, update", "Supported: 100REL, timer"]))
    assert peer.takes("UPDATE")
    assert peer.extensions == {"100rel", "timer"}


def test_a_message_that_says_nothing_changes_nothing() -> None:
    peer = PeerCapabilities()
    peer.learn(a_request(more=["Allow: UPDATE", "Supported: timer"]))
    peer.learn(a_response(a_request(), 180))
    assert peer.takes("UPDATE")
    assert peer.extensions == {"timer"}


def test_a_later_allow_replaces_the_earlier_one() -> None:
    peer = PeerCapabilities()
    peer.learn(a_request(more=["Allow: UPDATE"]))
    peer.learn(a_request(more=["Allow: INVITE"]))
    assert not peer.takes("UPDATE")


def test_an_allow_that_cannot_be_read_says_nothing() -> None:
    peer = PeerCapabilities()
    peer.learn(a_request(more=['Allow: "INVITE']))
    assert peer.methods == frozenset()
