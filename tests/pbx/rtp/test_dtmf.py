"""Telephone events: RFC 4733."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.rtp import dtmf
from pbx.rtp.dtmf import DIGITS, KeyPress, KeyPresses, TelephoneEvent, build
from pbx.rtp.errors import BadPacket
from pbx.rtp.packet import parse
from tests.pbx.rtp.captures import datagrams, packet


@given(st.sampled_from(DIGITS), st.integers(1, 5000))
def test_a_press_is_sent_with_growing_duration_and_three_ends(digit: str, milliseconds: int) -> None:
    events = [dtmf.parse(event.serialise()) for event in build(digit, milliseconds)]
    assert {event.digit for event in events} == {digit}
    assert [event.end for event in events[-3:]] == [True] * 3
    assert not any(event.end for event in events[:-3])
    durations = [event.duration for event in events[:-2]]
    assert durations == sorted(set(durations))
    assert events[-1].duration >= 8 * milliseconds


def test_what_is_no_digit_cannot_be_pressed() -> None:
    with pytest.raises(ValueError):
        list(build("x", 100))


def test_a_packet_of_others() -> None:
    event = dtmf.parse(parse(packet("aiortc-rtp_dtmf.bin")).payload)
    assert event == TelephoneEvent(event=1, end=True, volume=10, duration=960)


@given(st.binary(max_size=10))
def test_any_octets_are_an_event_or_a_bad_packet(payload: bytes) -> None:
    try:
        event = dtmf.parse(payload)
    except BadPacket:
        assert len(payload) < 4
        return
    assert event.serialise()[0] == payload[0]


def test_a_captured_call_has_its_digits_once_each() -> None:
    """Every press of the capture, by timestamp, against what the counter tells."""
    presses: dict[int, KeyPresses] = {}
    told: list[KeyPress] = []
    ended: set[tuple[int, int]] = set()
    for data in datagrams("rtpproxy-dtmf.pcap"):
        found = parse(data)
        if found.payload_type in (96, 101) and len(found.payload) == 4:
            event = dtmf.parse(found.payload)
            told += presses.setdefault(found.ssrc, KeyPresses()).receive(found.timestamp, event)
            if event.end:
                ended.add((found.ssrc, found.timestamp))
    assert len(told) == len(ended) > 0


def test_three_ends_are_one_press() -> None:
    known = KeyPresses()
    found = [press for event in build("5", 100) for press in known.receive(1000, event)]
    assert found == [KeyPress("5", 800)]
    assert known.flush() == []


def test_a_press_without_an_end_is_told_by_the_next_one() -> None:
    known = KeyPresses()
    assert known.receive(1000, next(build("5", 100))) == []
    assert known.receive(9000, next(build("6", 100))) == [KeyPress("5", 160)]
    assert known.flush() == [KeyPress("6", 160)]


def test_a_late_copy_is_no_press() -> None:
    known = KeyPresses()
    ends = [event for event in build("5", 100) if event.end]
    assert known.receive(0xFFFFFF00, ends[0])
    assert known.receive(0x100, ends[0])
    assert known.receive(0xFFFFFF00, ends[1]) == []


def test_flash_is_no_digit() -> None:
    assert KeyPresses().receive(1, TelephoneEvent(event=16, end=True, duration=800)) == []
