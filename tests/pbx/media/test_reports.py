"""RTCP: reports to the far end, what it reports of us, and nothing to strangers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from pbx.media import reports
from pbx.media.engine_numbers import CAUSES, LEARNT, NAMED
from pbx.media.leg_figures import LegFigures
from pbx.media.reports import LOOKS, Reports
from pbx.rtp import rtcp
from pbx.rtp.rtcp import CanonicalName, Goodbye, ReceiverReport, ReportBlock, SenderReport
from tests.pbx.media.rig import HOST, udp

OURS = 0x11111111
THEIRS = 0x22222222


def figures() -> LegFigures:
    return LegFigures(
        received=90,
        received_octets=14400,
        expected=100,
        jitter=24,
        heard_ssrc=THEIRS,
        highest_sequence=70099,
        digits=0,
        latch=NAMED,
        sent=50,
        sent_octets=8000,
        send_failed=0,
        ssrc=OURS,
        timestamp=1000,
        timestamp_ns=time.monotonic_ns(),
        address=HOST,
        port=4000,
        drops=(0,) * CAUSES,
    )


class Mirror:
    """A seal that anybody can see: what is sealed stands backwards, what does not is of nobody."""

    keys = True

    def is_secure(self, number: int) -> bool:
        return True

    def sealed_rtcp(self, number: int, data: bytes) -> bytes | None:
        return b"sealed" + data[::-1] if self.keys else None

    def opened_rtcp(self, number: int, data: bytes) -> bytes | None:
        return data[:5:-1] if data.startswith(b"sealed") else None


@dataclass
class Setting:
    """A leg whose RTCP comes and goes over real sockets."""

    far: socket.socket = field(default_factory=udp)
    ours: socket.socket = field(default_factory=udp)
    figures: LegFigures = field(default_factory=figures)
    seal: Mirror | None = None

    def __post_init__(self) -> None:
        self.reports = Reports(lambda _leg: self.figures, self.seal)
        self.reports.open(0, self.ours)
        self.reports.point(0, HOST, self.far.getsockname()[1])

    def report(self) -> None:
        """The time for a report has come."""
        self.reports.state(0).due = 0.0
        self.reports.tick()

    def got(self) -> list[rtcp.Report]:
        found: list[rtcp.Report] = []
        while True:
            try:
                found += rtcp.parse(self.far.recv(2048))
            except BlockingIOError:
                return found

    async def say(self, *said: rtcp.Report, by: socket.socket | None = None) -> None:
        (by or self.far).sendto(rtcp.serialise(said), self.ours.getsockname())
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture
async def sealed() -> AsyncIterator[Setting]:
    made = Setting(seal=Mirror())
    yield made
    made.reports.close(0)
    made.far.close()
    made.ours.close()


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    made = Setting()
    yield made
    made.reports.close(0)
    made.far.close()
    made.ours.close()


async def test_a_leg_that_sends_sends_sender_reports(setting: Setting) -> None:
    setting.report()
    sender, name = setting.got()
    assert isinstance(sender, SenderReport)
    assert (sender.ssrc, sender.packets, sender.octets) == (OURS, 50, 8000)
    assert abs((sender.ntp >> 32) - 2208988800 - time.time()) < 60
    assert sender.timestamp >= 1000
    (block,) = sender.blocks
    assert (block.ssrc, block.lost, block.fraction_lost, block.jitter) == (THEIRS, 10, 25, 24)
    assert block.highest_sequence == 70099
    assert isinstance(name, CanonicalName)
    assert len(name.name) == 24, "RFC 7022: it says nothing of the host"


async def test_a_leg_that_sends_nothing_sends_receiver_reports(setting: Setting) -> None:
    setting.report()
    setting.got()
    setting.report()
    receiver, _ = setting.got()
    assert isinstance(receiver, ReceiverReport)
    assert receiver.blocks[0].fraction_lost == 0, "nothing was lost since the last report"


async def test_a_report_answers_the_last_sender_report(setting: Setting) -> None:
    await setting.say(SenderReport(ssrc=THEIRS, ntp=0xAAAA_BBBB_CCCC_DDDD, timestamp=0, packets=1, octets=160))
    setting.report()
    report = setting.got()[0]
    assert isinstance(report, SenderReport)
    assert report.blocks[0].last_sender_report == 0xBBBB_CCCC
    assert report.blocks[0].delay < 65536 * 10


def block_about_us(*, answers: int, delay: int = 0) -> ReportBlock:
    """What a far end says of our stream; `answers`: the middle of our sender report's NTP time."""
    return ReportBlock(
        ssrc=OURS,
        fraction_lost=64,
        lost=7,
        highest_sequence=0,
        jitter=80,
        last_sender_report=answers,
        delay=delay,
    )


async def test_what_the_far_end_says_of_us_is_kept(setting: Setting) -> None:
    setting.report()
    sent = setting.got()[0]
    assert isinstance(sent, SenderReport)
    block = block_about_us(answers=sent.middle_ntp)
    await setting.say(ReceiverReport(ssrc=THEIRS, blocks=(replace(block, ssrc=5), block)))
    state = setting.reports.state(0)
    assert (state.remote_lost, state.remote_jitter, state.remote_fraction) == (7, 80, 0.25)
    assert state.round_trip is not None
    assert 0 <= state.round_trip < 10


async def test_the_time_that_the_far_end_kept_our_report_is_no_round_trip(setting: Setting) -> None:
    """§6.4.1: A - LSR - DLSR. It had it for a minute, so that nothing of the way is left."""
    setting.report()
    sent = setting.got()[0]
    assert isinstance(sent, SenderReport)
    await setting.say(ReceiverReport(ssrc=THEIRS, blocks=(block_about_us(answers=sent.middle_ntp, delay=60 << 16),)))
    assert setting.reports.state(0).round_trip == 0.0


async def test_an_answer_to_a_report_that_we_never_sent_measures_nothing(setting: Setting) -> None:
    setting.report()
    now = rtcp.ntp_time(time.time()) >> 16 & 0xFFFFFFFF
    await setting.say(ReceiverReport(ssrc=THEIRS, blocks=(block_about_us(answers=now - 65536),)))
    assert setting.reports.state(0).round_trip is None


async def test_a_sender_report_of_another_source_is_not_answered(setting: Setting) -> None:
    await setting.say(SenderReport(ssrc=THEIRS ^ 1, ntp=1 << 40, timestamp=0, packets=1, octets=160))
    assert setting.reports.state(0).last_sender_report == 0


async def test_the_end_of_a_leg_is_told(setting: Setting) -> None:
    """§6.6: BYE, in a compound packet with report and CNAME."""
    setting.reports.close(0)
    report, name, bye = setting.got()
    assert isinstance(report, SenderReport)
    assert isinstance(name, CanonicalName)
    assert bye == Goodbye((OURS,))
    setting.reports.open(0, setting.ours)  # for the fixture


async def test_a_leg_without_sound_says_no_good_bye(setting: Setting) -> None:
    setting.figures = replace(setting.figures, sent=0, received=0)
    setting.reports.close(0)
    assert setting.got() == []
    setting.reports.open(0, setting.ours)


async def test_a_forged_good_bye_or_report_changes_nothing(setting: Setting) -> None:
    """From a stranger's port of the right host, and from another host: with every number of the call right."""
    setting.report()
    sent = setting.got()[0]
    assert isinstance(sent, SenderReport)
    before = replace(setting.reports.state(0))
    forged = (
        SenderReport(ssrc=THEIRS, ntp=1 << 40, timestamp=0, packets=1, octets=160),
        ReceiverReport(ssrc=THEIRS, blocks=(block_about_us(answers=sent.middle_ntp),)),
        Goodbye((THEIRS, OURS)),
    )
    for host in (HOST, "127.0.0.77"):
        with udp(host) as stranger:
            for _ in range(10):
                await setting.say(*forged, by=stranger)
    assert replace(setting.reports.state(0), looks=before.looks, deaf=False) == before
    await setting.say(*forged)  # by the far end itself it is heard, and its BYE ends nothing
    setting.reports.tick()
    await setting.say(*forged)
    assert setting.reports.state(0).is_reported
    setting.report()
    assert setting.got()


async def test_strangers_are_neither_heard_nor_told(setting: Setting) -> None:
    with udp() as stranger:
        await setting.say(SenderReport(ssrc=9, ntp=1 << 40, timestamp=0, packets=1, octets=1), by=stranger)
        setting.report()
        with pytest.raises(BlockingIOError):
            stranger.recv(2048)
    assert setting.reports.state(0).last_sender_report == 0
    assert setting.got()


async def test_behind_nat_the_port_is_learnt_once_from_the_address_of_the_sound(setting: Setting) -> None:
    setting.figures = replace(setting.figures, latch=LEARNT)
    setting.reports.point(0, "192.168.1.20", 5005)
    setting.report()
    assert setting.got() == []
    await setting.say(ReceiverReport(ssrc=THEIRS))
    with udp() as stranger:
        await setting.say(ReceiverReport(ssrc=THEIRS), by=stranger)
        setting.report()
        with pytest.raises(BlockingIOError):
            stranger.recv(2048)
    assert setting.got()


async def test_nothing_is_sent_before_there_is_sound(setting: Setting) -> None:
    setting.figures = replace(setting.figures, sent=0, received=0)
    setting.report()
    assert setting.got() == []


async def test_a_flood_is_looked_at_a_few_times_a_tick(setting: Setting) -> None:
    for _ in range(10 * LOOKS):
        await setting.say(ReceiverReport(ssrc=THEIRS))
    assert setting.reports.state(0).deaf
    setting.reports.tick()
    await setting.say(SenderReport(ssrc=THEIRS, ntp=1 << 40, timestamp=0, packets=1, octets=160))
    for _ in range(10 * LOOKS):
        await asyncio.sleep(0)
    assert setting.reports.state(0).deaf, "what the flood left in the socket used the looks up again"


async def test_nothing_plain_leaves_a_secure_leg_and_nothing_plain_is_heard(sealed: Setting) -> None:
    sealed.report()
    data = sealed.far.recv(2048)
    assert data.startswith(b"sealed")
    assert isinstance(rtcp.parse(data[:5:-1])[0], SenderReport)
    forged = SenderReport(ssrc=THEIRS, ntp=1 << 40, timestamp=0, packets=1, octets=160)
    await sealed.say(forged)
    assert sealed.reports.state(0).last_sender_report == 0
    sealed.far.sendto(b"sealed" + rtcp.serialise((forged,))[::-1], sealed.ours.getsockname())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sealed.reports.state(0).last_sender_report == forged.middle_ntp


async def test_a_secure_leg_without_keys_says_nothing(sealed: Setting) -> None:
    assert sealed.seal is not None
    sealed.seal.keys = False
    sealed.report()
    assert sealed.got() == []
    sealed.seal.keys = True


async def test_reports_share_the_port_of_the_sound_where_that_was_agreed(setting: Setting) -> None:
    """RFC 5761: they leave by the RTP's socket, to where the RTP goes, and what comes there is heard."""
    with udp() as rtp, udp() as far_rtp:
        setting.figures = replace(setting.figures, port=far_rtp.getsockname()[1])
        setting.reports.share(0, rtp)
        setting.report()
        data, source = far_rtp.recvfrom(2048)
        assert source == rtp.getsockname()
        assert isinstance(rtcp.parse(data)[0], SenderReport)
        assert setting.got() == []
        said = SenderReport(ssrc=THEIRS, ntp=1 << 40, timestamp=0, packets=1, octets=160)
        setting.reports.came_with_rtp(0, rtcp.serialise((said,)))
        assert setting.reports.state(0).last_sender_report == said.middle_ntp
        setting.reports.share(0, None)
        setting.report()
        assert setting.got()


async def test_rtcp_on_the_port_of_the_sound_is_not_heard_where_that_was_not_agreed(setting: Setting) -> None:
    said = SenderReport(ssrc=THEIRS, ntp=1 << 40, timestamp=0, packets=1, octets=160)
    setting.reports.came_with_rtp(0, rtcp.serialise((said,)))
    assert setting.reports.state(0).last_sender_report == 0


async def test_garbage_is_ignored(setting: Setting) -> None:
    for garbage in (b"", b"\x80", b"x" * 2000):
        setting.far.sendto(garbage, setting.ours.getsockname())
    await asyncio.sleep(0.01)
    setting.report()
    assert setting.got()


def test_reports_are_spread_around_five_seconds() -> None:
    pauses = [reports._pause() for _ in range(1000)]
    assert min(pauses) >= 2.5
    assert max(pauses) <= 7.5
    assert 4.7 < sum(pauses) / 1000 < 5.3
