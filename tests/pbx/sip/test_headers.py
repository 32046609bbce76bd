"""Header lines: RFC 3261 §7.3."""

import pytest

from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.headers import Headers, key_of


def test_looks_up_by_any_spelling() -> None:
    headers = Headers([("Call-ID", "1"), ("v", "2")])
    assert headers.get("call-id") == headers.get("i") == headers.get("CALL-ID") == "1"
    assert headers.get("Via") == headers.get("via") == "2"
    assert "I" in headers
    assert "x" not in headers
    assert headers.get("Subject") is None
    assert headers.all("Subject") == []


def test_keeps_order_and_lines() -> None:
    headers = Headers([("A", "1"), ("B", "2, 3"), ("A", "4")])
    assert headers.all("a") == ["1", "4"]
    assert headers.all("b") == ["2, 3"]
    assert list(headers) == [("A", "1"), ("B", "2, 3"), ("A", "4")]
    assert len(headers) == 3


def test_prepend_goes_above_all() -> None:
    headers = Headers([("A", "1"), ("Via", "2")])
    headers.prepend("Via", "3")
    assert headers.all("via") == ["3", "2"]
    assert next(iter(headers)) == ("Via", "3")


def test_set_takes_the_place_of_the_first() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("A", "3"), ("C", "4")])
    headers.set("a", "5")
    assert list(headers) == [("a", "5"), ("B", "2"), ("C", "4")]
    headers.set("D", "6")
    assert list(headers)[-1] == ("D", "6")


def test_replace_first_leaves_the_others() -> None:
    headers = Headers([("Via", "1"), ("Via", "2")])
    headers.replace_first("via", "3")
    assert headers.all("via") == ["3", "2"]
    with pytest.raises(LocalProtocolError):
        headers.replace_first("Route", "x")


def test_remove() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])
    headers.remove("A")
    headers.remove("Absent")
    assert list(headers) == [("B", "2")]
    assert "a" not in headers


def test_a_copy_is_independent() -> None:
    headers = Headers([("A", "1")])
    twin = headers.copy()
    twin.add("A", "2")
    assert headers.all("A") == ["1"]
    assert twin.all("A") == ["1", "2"]


def test_equal_when_they_say_the_same_in_the_same_order() -> None:
    assert Headers([("Via", "1"), ("To", "2")]) == Headers([("v", "1"), ("t", "2")])
    assert Headers([("Via", "1"), ("To", "2")]) != Headers([("To", "2"), ("Via", "1")])
    assert Headers([("Via", "1"), ("Content-Length", "5")]) == Headers([("Via", "1")])
    assert Headers() != object()


def test_a_repr_shows_the_lines() -> None:
    assert repr(Headers([("A", "1")])) == "Headers([('A', '1')])"


@pytest.mark.parametrize("value", ["a\r\nEvil: b", "a\nb", "a\rb"])
def test_a_value_cannot_make_another_header(value: str) -> None:
    headers = Headers([("A", "1")])
    for write in (headers.add, headers.set, headers.prepend, headers.replace_first):
        with pytest.raises(LocalProtocolError):
            write("A", value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "é"])
def test_our_own_header_names_are_tokens(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        Headers().add(name, "x")


def test_the_peers_header_names_are_tokens() -> None:
    with pytest.raises(RemoteProtocolError):
        key_of("a b")


def test_of_lines_with_a_fault_the_others_are_taken() -> None:
    headers = Headers()
    fault = headers.take(["To: <sip:a@b>", "no colon", "a b: c", "Call-ID : 1"])
    assert fault is not None
    assert list(headers) == [("To", "<sip:a@b>"), ("Call-ID", "1")]
