"""Traces as bytes: whatever a peer has written can be kept, and is the same again."""

from __future__ import annotations

import pytest

from pbx.trace.file import (
    VERSION,
    DialogMark,
    LegHead,
    NotATrace,
    Received,
    Record,
    Trace,
    decode,
    encode,
    pack,
    unpack,
)

ODD = "\udcce\udcebопа\udcff"


def a_trace(text: str) -> Trace:
    records: list[Record] = [
        Received(0.0, 0, 0, b"\xce\xeb"),
        DialogMark(0.1, 0, "early", None, 1, f"sip:{text}@h", text),
    ]
    return Trace(VERSION, "c", 1.0, [LegHead("l", f"{text}@h", outbound=False)], ["udp:192.0.2.1:5060"], records)


@pytest.mark.parametrize("text", ["plain", "Олена", ODD, "".join(map(chr, range(0xDC80, 0xDD00)))])
def test_what_is_not_utf_8_is_the_same_again(text: str) -> None:
    """Found by fuzzing: a Call-ID in Windows-1251 made the trace of its call unwritable, in the middle of a timer."""
    trace = a_trace(text)
    assert decode(encode(trace)) == trace
    assert unpack(pack(trace)) == trace


def test_a_tuple_stands_for_a_trace_with_odd_text_too() -> None:
    trace = a_trace(ODD)
    legs = [("l", f"{ODD}@h", False)]
    records = [("<", 0.0, 0, 0, b"\xce\xeb"), ("d", 0.1, 0, "early", None, 1, f"sip:{ODD}@h", ODD)]
    assert decode(encode((VERSION, "c", 1.0, legs, trace.flows, records, 0))) == trace


@pytest.mark.parametrize("data", [b"", b"\xee\xbe\x80", b"\x97\x01\xee\xbe\x80", b"\xc1"])
def test_other_bytes_are_no_trace(data: bytes) -> None:
    with pytest.raises(NotATrace):
        decode(data)
