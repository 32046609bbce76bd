"""RTP packets: RFC 3550 §5.1, on packets that others wrote and on made-up ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.rtp.errors import BadPacket
from pbx.rtp.packet import Packet, parse
from tests.pbx.rtp.captures import datagrams, packet

PACKETS = st.builds(
    Packet,
    payload_type=st.integers(0, 127),
    sequence_number=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=200),
    marker=st.booleans(),
    csrc=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none()
    | st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=8).map(lambda words: words + bytes(-len(words) % 4))),
    padding=st.integers(0, 255),
)


@given(PACKETS)
def test_what_is_written_is_read(written: Packet) -> None:
    assert parse(written.serialise()) == written


@given(st.binary(max_size=300))
def test_any_octets_parse_or_are_a_bad_packet(data: bytes) -> None:
    try:
        found = parse(data)
    except BadPacket:
        return
    assert len(found.payload) <= len(data)


@pytest.mark.parametrize(
    ("name", "payload_type", "octets", "padding"),
    [
        ("aiortc-rtp.bin", 0, 160, 0),
        ("aiortc-rtp_dtmf.bin", 101, 4, 0),
        ("aiortc-rtp_only_padding.bin", 120, 0, 224),
        ("aiortc-rtp_only_padding_with_header_extensions.bin", 98, 0, 224),
        ("aiortc-rtp_with_csrc.bin", 0, 160, 0),
        ("aiortc-rtp_with_sdes_mid.bin", 111, 54, 0),
    ],
)
def test_packets_of_others(name: str, payload_type: int, octets: int, padding: int) -> None:
    data = packet(name)
    found = parse(data)
    assert (found.payload_type, len(found.payload), found.padding) == (payload_type, octets, padding)
    assert parse(found.serialise()) == found


def test_contributing_sources_are_read() -> None:
    assert parse(packet("aiortc-rtp_with_csrc.bin")).csrc == (2882400001, 3735928559)


def test_a_captured_call_parses_to_the_last_packet() -> None:
    found = [parse(data) for data in datagrams("rtpproxy-dtmf.pcap")]
    assert len(found) > 50
    assert len({each.ssrc for each in found}) <= 4


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "octets"),
        (bytes(11), "octets"),
        (bytes(12), "version"),
        (b"\x81" + bytes(11), "header longer"),
        (b"\x90" + bytes(11), "extension"),
        (b"\x90" + bytes(13) + b"\x00\xff", "header longer"),
        (b"\xa0" + bytes(11), "padding"),
        (b"\xa0" + bytes(11) + b"\x05", "padding"),
        (b"\xa0" + bytes(11) + b"\x00", "padding"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BadPacket, match=reason):
        parse(data)
