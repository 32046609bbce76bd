"""RTCP: RFC 3550 §6, on packets that others wrote and on made-up ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.rtp import packet as rtp
from pbx.rtp import rtcp
from pbx.rtp.errors import BadPacket
from pbx.rtp.rtcp import CanonicalName, Goodbye, ReceiverReport, ReportBlock, SenderReport
from tests.pbx.rtp.captures import datagrams, packet

WORD = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(
    st.builds(
        ReportBlock,
        ssrc=WORD,
        fraction_lost=st.integers(0, 255),
        lost=st.integers(-0x800000, 0x7FFFFF),
        highest_sequence=WORD,
        jitter=WORD,
        last_sender_report=WORD,
        delay=WORD,
    ),
    max_size=31,
).map(tuple)
SENDER_REPORTS = st.builds(
    SenderReport, ssrc=WORD, ntp=st.integers(0, 2**64 - 1), timestamp=WORD, packets=WORD, octets=WORD, blocks=BLOCKS
)
NAMES = st.builds(CanonicalName, WORD, st.text("abcdef0123456789@.", max_size=100))
GOODBYES = st.builds(Goodbye, st.lists(WORD, max_size=31).map(tuple))


@given(st.lists(SENDER_REPORTS | st.builds(ReceiverReport, ssrc=WORD, blocks=BLOCKS) | NAMES | GOODBYES, min_size=1))
def test_what_is_written_is_read(reports: list[rtcp.Report]) -> None:
    assert rtcp.parse(rtcp.serialise(reports)) == reports


@given(st.binary(max_size=300))
def test_any_octets_parse_or_are_a_bad_packet(data: bytes) -> None:
    try:
        rtcp.parse(data)
    except BadPacket:
        pass


def test_a_sender_report_of_others() -> None:
    (report,) = rtcp.parse(packet("aiortc-rtcp_sr.bin"))
    assert isinstance(report, SenderReport)
    assert (report.ssrc, report.timestamp, report.packets, report.octets) == (1831097322, 1722342718, 269, 13557)
    (block,) = report.blocks
    assert (block.ssrc, block.lost, block.highest_sequence, block.jitter) == (2398654957, 0, 246, 127)


def test_a_receiver_report_of_others() -> None:
    (report,) = rtcp.parse(packet("aiortc-rtcp_rr.bin"))
    assert isinstance(report, ReceiverReport)
    assert report.ssrc == 817267719
    assert report.blocks[0].highest_sequence == 630


def test_a_description_of_others() -> None:
    assert rtcp.parse(packet("aiortc-rtcp_sdes.bin")) == [
        CanonicalName(1831097322, "{63f459ea-41fe-4474-9d33-9707c9ee79d1}")
    ]


def test_a_goodbye_of_others() -> None:
    assert rtcp.parse(packet("aiortc-rtcp_bye.bin")) == [Goodbye((2924645187,))]
    assert rtcp.parse(packet("aiortc-rtcp_bye_no_sources.bin")) == [Goodbye(())]
    assert rtcp.parse(packet("aiortc-rtcp_bye_padding.bin")) == [Goodbye(())]


@pytest.mark.parametrize("name", ["aiortc-rtcp_psfb_pli.bin", "aiortc-rtcp_rtpfb.bin", "aiortc-rtcp_rtpfb_invalid.bin"])
def test_feedback_of_video_is_stepped_over(name: str) -> None:
    """RFC 4585 packets fit the frame of RTCP; what is in them is nothing to us."""
    assert rtcp.parse(packet(name)) == []


@pytest.mark.parametrize(
    "name",
    [
        "aiortc-rtcp_bye_invalid.bin",
        "aiortc-rtcp_rr_invalid.bin",
        "aiortc-rtcp_sr_invalid.bin",
        "aiortc-rtcp_sdes_source_truncated.bin",
        "aiortc-rtcp_sdes_item_truncated.bin",
    ],
)
def test_what_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(BadPacket):
        rtcp.parse(packet(name))


@pytest.mark.parametrize(
    "name",
    [
        "pion-rtcp-0b954a73147600a3.bin",
        "pion-rtcp-16c369bd58290097.bin",
        "pion-rtcp-5eaf215c68e1ddb3.bin",
        "pion-rtcp-60753346a105d3c3.bin",
        "pion-rtcp-6366fbb9980fa33a.bin",
        "pion-rtcp-e1a48af9f8e7db71.bin",
        "aiortc-rtcp_psfb_invalid.bin",
    ],
)
def test_fuzz_finds_parse_or_are_bad_packets(name: str) -> None:
    try:
        assert rtcp.parse(packet(name)) == []
    except BadPacket:
        pass


@pytest.mark.parametrize(("name", "reports"), [("rtpproxy-rtcp.a.pcap", 0), ("rtpproxy-rtcp.o.pcap", 1)])
def test_a_captured_call_parses_to_the_last_packet(name: str, reports: int) -> None:
    found: list[list[rtcp.Report]] = []
    packets = 0
    for data in datagrams(name):
        if 200 <= data[1] <= 204:
            found.append(rtcp.parse(data))
        else:
            assert len(rtp.parse(data).payload) == 240
            packets += 1
    assert (len(found), packets > 200) == (reports, True)


def test_the_round_trip_is_arrival_less_delay() -> None:
    block = ReportBlock(
        ssrc=1, fraction_lost=0, lost=0, highest_sequence=0, jitter=0, last_sender_report=0x10000, delay=0x8000
    )
    assert rtcp.round_trip(0x1C000, block) == 0.25
    assert rtcp.round_trip(0x10000, block) == 0.0, "a far end whose delay is too long by its clock"


def test_no_round_trip_without_a_report_of_ours() -> None:
    block = ReportBlock(ssrc=1, fraction_lost=0, lost=0, highest_sequence=0, jitter=0, last_sender_report=0, delay=0)
    assert rtcp.round_trip(5, block) is None


def test_ntp_time_counts_from_1900() -> None:
    assert rtcp.ntp_time(0.5) == 2208988800 << 32 | 0x80000000
