"""RTCP of all legs: sender and receiver reports about every 5 s (RFC 3550 §6), and what the far ends say of us.

Rare packets, so plain Python on the control thread: the engine never sees them. A stranger's packets cost a bounded
number of looks a second; reports go only to where the leg's RTP goes. Nothing that comes by RTCP ends anything or moves
any sound, a BYE neither: that is signalling's.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pbx.media.engine_numbers import LEARNT
from pbx.media.leg_figures import LegFigures
from pbx.rtp import rtcp
from pbx.rtp.errors import BadPacket
from pbx.rtp.rtcp import CanonicalName, Goodbye, ReceiverReport, Report, ReportBlock, SenderReport
from pbx.rtp.sequence import fraction_lost

INTERVAL = 5.0  # seconds; §6.2
TICK = 0.25
LOOKS = 20  # datagrams read on one leg's RTCP port between two ticks
BUFFER = 2048
ANSWERABLE = 4  # sender reports of ours that the far end may still answer


class Seal(Protocol):
    """What makes a leg's RTCP secret, and proves who sent it (SRTCP)."""

    def is_secure(self, number: int) -> bool: ...

    def sealed_rtcp(self, number: int, data: bytes) -> bytes | None: ...

    def opened_rtcp(self, number: int, data: bytes) -> bytes | None: ...


class NoSeal:
    """Every leg is plain."""

    def is_secure(self, number: int) -> bool:
        return False

    def sealed_rtcp(self, number: int, data: bytes) -> bytes | None:
        return data

    def opened_rtcp(self, number: int, data: bytes) -> bytes | None:
        return data


@dataclass(slots=True)
class ReportState:
    """One leg's RTCP."""

    leg: int
    sock: socket.socket
    due: float
    name: str
    address: str = ""
    port: int = 0
    named: tuple[str, int] = ("", 0)
    shared: socket.socket | None = None  # the RTP's own, when both share it (RFC 5761)
    looks: int = LOOKS
    deaf: bool = False  # has used up its looks
    sent_before: int = 0
    expected_before: int = 0
    received_before: int = 0
    last_sender_report: int = 0
    last_sender_report_at: float = 0.0
    sent_reports: deque[int] = field(default_factory=lambda: deque(maxlen=ANSWERABLE))  # middles of their NTP times
    is_reported: bool = False  # the far end has said what it receives
    remote_lost: int = 0
    remote_fraction: float = 0.0  # of what we sent since its report before, 0 to 1
    remote_jitter: int = 0  # timestamp units
    round_trip: float | None = None


class Reports:
    """Contract: `open` and `close` frame a leg's life; `tick` is called every TICK seconds."""

    def __init__(self, figures: Callable[[int], LegFigures], seal: Seal | None = None) -> None:
        self._figures = figures
        self._seal = seal or NoSeal()
        self._states: dict[int, ReportState] = {}
        self._loop = asyncio.get_running_loop()

    def open(self, leg: int, sock: socket.socket) -> None:
        # RFC 7022 §4.2: a canonical name that says nothing of the host, new for each call. RFC 3550 §6.2: the first
        # report after half the interval.
        name = f"{random.getrandbits(96):024x}"
        self._states[leg] = ReportState(leg, sock, due=time.monotonic() + _pause() / 2, name=name)
        self._loop.add_reader(sock, self._readable, leg)

    def point(self, leg: int, address: str, port: int) -> None:
        """Where SDP says that the far end's RTCP is."""
        state = self._states[leg]
        if (address, port) != state.named:
            state.named = address, port
            state.address, state.port = address, port

    def share(self, leg: int, rtp: socket.socket | None) -> None:
        """RTCP goes over the RTP's socket from now on, to where the RTP goes; None: over its own again."""
        self._states[leg].shared = rtp

    def came_with_rtp(self, leg: int, data: bytes) -> None:
        """RTCP that came on the RTP's port, opened: its keys have proven whose it is."""
        if leg in self._states and self._states[leg].shared is not None:
            self._read(self._states[leg], data)

    def close(self, leg: int) -> ReportState:
        """Says good-bye to the far end. Returns what was learnt; the socket may be closed now."""
        state = self._states.pop(leg)
        self._send(state, time.monotonic(), goodbye=True)
        if not state.deaf:
            self._loop.remove_reader(state.sock)
        return state

    def state(self, leg: int) -> ReportState:
        return self._states[leg]

    def tick(self) -> None:
        now = time.monotonic()
        for state in self._states.values():
            state.looks = LOOKS
            if state.deaf:
                state.deaf = False
                self._loop.add_reader(state.sock, self._readable, state.leg)
            if state.due <= now:
                state.due = now + _pause()
                self._send(state, now)

    def _send(self, state: ReportState, now: float, *, goodbye: bool = False) -> None:
        figures = self._figures(state.leg)
        to = self._destination(state, figures)
        if to is None or not (figures.sent or figures.received):
            return
        blocks = (self._block(state, figures, now),) if figures.received else ()
        report: Report
        if figures.sent > state.sent_before:
            elapsed = (time.monotonic_ns() - figures.timestamp_ns) * figures.clock // 1_000_000
            ntp = rtcp.ntp_time(time.time())
            state.sent_reports.append(ntp >> 16 & 0xFFFFFFFF)
            report = SenderReport(
                ssrc=figures.ssrc,
                ntp=ntp,
                timestamp=(figures.timestamp + elapsed) & 0xFFFFFFFF,
                packets=figures.sent,
                octets=figures.sent_octets,
                blocks=blocks,
            )
        else:
            report = ReceiverReport(ssrc=figures.ssrc, blocks=blocks)
        state.sent_before = figures.sent
        try:
            # §6.1: a report first, the CNAME in every compound packet; §6.6: BYE "SHOULD be the last packet sent".
            last = (Goodbye((figures.ssrc,)),) if goodbye else ()
            data = rtcp.serialise((report, CanonicalName(figures.ssrc, state.name), *last))
            if self._seal.is_secure(state.leg):
                data = self._seal.sealed_rtcp(state.leg, data) or b""
            if data:
                (state.shared or state.sock).sendto(data, to)
        except OSError:
            pass  # the far end's network is its own; the next report is due in 5 s

    def _destination(self, state: ReportState, figures: LegFigures) -> tuple[str, int] | None:
        if state.shared is not None:
            return (figures.address, figures.port) if figures.port else None
        if not state.port or not figures.port:
            return None
        # A phone behind NAT: its RTCP port is known only once it has spoken on it.
        if figures.latch == LEARNT and state.address != figures.address:
            return None
        return state.address, state.port

    def _block(self, state: ReportState, figures: LegFigures, now: float) -> ReportBlock:
        expected = figures.expected - state.expected_before
        lost = expected - (figures.received - state.received_before)
        state.expected_before, state.received_before = figures.expected, figures.received
        delay = now - state.last_sender_report_at if state.last_sender_report else 0.0
        return ReportBlock(
            ssrc=figures.heard_ssrc,
            fraction_lost=fraction_lost(expected, lost),
            lost=figures.expected - figures.received,
            highest_sequence=figures.highest_sequence,
            jitter=figures.jitter,
            last_sender_report=state.last_sender_report,
            delay=int(delay * 65536),
        )

    def _readable(self, leg: int) -> None:
        state = self._states[leg]
        try:
            data, (host, port) = state.sock.recvfrom(BUFFER)
        except OSError:
            return
        state.looks -= 1
        if state.looks <= 0:
            # A flood: the kernel throws the rest away until the next tick.
            state.deaf = True
            self._loop.remove_reader(state.sock)
        # Proven first, learnt from then.
        opened = self._seal.opened_rtcp(leg, data) if self._seal.is_secure(leg) else data
        if opened is not None and self._is_known(state, str(host), int(port)):
            self._read(state, opened)

    def _read(self, state: ReportState, data: bytes) -> None:
        try:
            reports = rtcp.parse(data)
        except BadPacket:
            return
        for report in reports:
            self._heard(state, report)

    def _is_known(self, state: ReportState, host: str, port: int) -> bool:
        if host == state.address and port == state.port:
            return True
        figures = self._figures(state.leg)
        if figures.latch != LEARNT or host != figures.address or state.address == figures.address:
            return False
        # The first RTCP from the address that the leg's RTP was learnt from; once, like the RTP.
        state.address, state.port = host, port
        return True

    def _heard(self, state: ReportState, report: Report) -> None:
        if not isinstance(report, SenderReport | ReceiverReport):
            return
        figures = self._figures(state.leg)
        if isinstance(report, SenderReport) and report.ssrc == figures.heard_ssrc:
            state.last_sender_report = report.middle_ntp
            state.last_sender_report_at = time.monotonic()
        for block in report.blocks:
            if block.ssrc == figures.ssrc:
                self._reported(state, block)

    def _reported(self, state: ReportState, block: ReportBlock) -> None:
        state.is_reported = True
        state.remote_lost, state.remote_jitter = max(0, block.lost), block.jitter
        state.remote_fraction = block.fraction_lost / 256
        if block.last_sender_report in state.sent_reports:  # one that we never sent measures nothing
            arrival = rtcp.ntp_time(time.time()) >> 16 & 0xFFFFFFFF
            state.round_trip = rtcp.round_trip(arrival, block)


def _pause() -> float:
    """§6.2: the interval is drawn between half and one and a half of the calculated one, against synchrony."""
    return INTERVAL * (0.5 + random.random())
