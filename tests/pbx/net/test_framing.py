"""Messages out of a stream, however it is cut (RFC 3261 §18.3)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.net.framing import MAX_MESSAGE, Framed, Framer, KeepAlive
from pbx.sip.errors import RemoteProtocolError


def a_message(body: bytes = b"", *, length: str | None = None, name: str = "Content-Length") -> bytes:
    number = str(len(body)) if length is None else length
    return f"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n{name}: {number}\r\n\r\n".encode() + body


def framed(*pieces: bytes) -> list[Framed]:
    framer, found = Framer(), list[Framed]()
    for piece in pieces:
        framer.feed(piece)
        found += list(framer)
    return found


def test_a_message_ends_where_its_content_length_says() -> None:
    one, two = a_message(b"v=0\r\n\r\nnot the end"), a_message()
    assert framed(one + two) == [one, two]


@given(st.lists(st.binary(max_size=40), max_size=5), st.lists(st.integers(0, 2000), max_size=20))
def test_it_does_not_matter_where_the_stream_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    messages = [a_message(body) for body in bodies]
    stream = b"".join(messages)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert framed(*pieces) == messages


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "l", "L", "Content-Length "])
def test_every_spelling_of_the_length_counts(name: str) -> None:
    message = a_message(b"abc", name=name)
    assert framed(message + b"OPT") == [message]


def test_a_length_on_a_folded_line_counts() -> None:
    message = a_message(b"abc", length="\r\n 3")
    assert framed(message) == [message]


@pytest.mark.parametrize(
    "message",
    [
        b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n",
        a_message(length="-1"),
        a_message(length="1e3"),
        a_message(length=""),
        a_message(length="99999999999999999999"),
        a_message(length="1\r\nl: 2"),
        a_message(length="١"),
    ],
    ids=["none", "negative", "no number", "empty", "huge", "two that differ", "other digits"],
)
def test_without_a_length_that_can_be_known_the_stream_is_lost(message: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        framed(message)


def test_the_same_length_twice_is_one_length() -> None:
    message = a_message(b"ab", length="2\r\nl: 2")
    assert framed(message) == [message]


def test_a_message_is_at_most_64_kib() -> None:
    head = len(a_message(length="65000"))
    longest = a_message(b"x" * (MAX_MESSAGE - head))
    assert len(longest) == MAX_MESSAGE
    assert framed(longest) == [longest]
    with pytest.raises(RemoteProtocolError):
        framed(a_message(b"x" * (MAX_MESSAGE - head + 1)))


def test_a_header_without_an_end_is_not_kept_for_ever() -> None:
    framer = Framer()
    with pytest.raises(RemoteProtocolError):
        for _ in range(100):
            framer.feed(b"X: " + b"y" * 1000 + b"\r\n")
            list(framer)


def test_two_line_ends_are_a_ping_and_one_is_nothing() -> None:
    assert framed(b"\r\n\r\n") == [KeepAlive.PING]
    assert framed(b"\r\n") == []
    assert framed(b"\r", b"\n", b"\r", b"\n") == [KeepAlive.PING]
    message = a_message()
    assert framed(b"\r\n\r\n\r\n" + message + b"\r\n" + message) == [KeepAlive.PING, message, message]


def test_line_ends_are_no_message_that_has_begun() -> None:
    framer = Framer()
    framer.feed(b"\r\n\r\n\r\n")
    list(framer)
    assert not framer.is_midway
    framer.feed(b"O")
    list(framer)
    assert framer.is_midway


def test_half_a_line_end_before_a_message_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        framed(b"\rOPTIONS")


@given(st.binary(max_size=3000))
def test_any_octets_are_framed_or_refused(data: bytes) -> None:
    try:
        framed(data[: len(data) // 2], data[len(data) // 2 :])
    except RemoteProtocolError:
        pass


def test_a_long_stream_in_small_pieces_costs_linear_time() -> None:
    """Each octet is looked at once: the search goes on where it stopped."""
    framer = Framer()
    message = a_message(b"", length="0\r\nX: " + "y" * 60_000)
    found = list[Framed]()
    for octet in message:
        framer.feed(bytes((octet,)))
        found += framer
    assert found == [message]
