"""The engine's counters of one leg."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.media import engine_numbers as numbers
from pbx.media.messages import LegStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFigures:
    """The engine's counters of one leg, all of one moment or nearly so."""

    received: int
    received_octets: int
    expected: int
    jitter: int  # timestamp units
    heard_ssrc: int
    highest_sequence: int  # extended; -1: nothing heard
    digits: int
    latch: int
    sent: int
    sent_octets: int
    send_failed: int
    ssrc: int
    timestamp: int  # of our stream at timestamp_ns
    timestamp_ns: int
    address: str
    port: int
    drops: tuple[int, ...]
    clock: int = 8  # RTP timestamp units in a millisecond
    joined_ms: int = 0
    talk_ms: int = 0
    overtalk_ms: int = 0
    silence_ms: int = 0

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.received)

    @property
    def jitter_ms(self) -> float:
        return self.jitter / self.clock

    def statistics(self) -> LegStatistics:
        """What is known on this side; what the far end says of us is for others to add."""
        return LegStatistics(
            received=self.received,
            received_octets=self.received_octets,
            lost=self.lost,
            jitter_ms=self.jitter_ms,
            sent=self.sent,
            sent_octets=self.sent_octets,
            digits=self.digits,
            malformed=self.drops[numbers.MALFORMED],
            oversized=self.drops[numbers.OVERSIZED],
            strangers=self.drops[numbers.STRANGER],
            unknown_payload=self.drops[numbers.UNKNOWN_PAYLOAD],
            unwanted=self.drops[numbers.UNWANTED],
            unroutable=self.drops[numbers.UNROUTABLE],
            unrecorded=self.drops[numbers.UNRECORDED],
            unkeyed=self.drops[numbers.UNKEYED],
            unauthenticated=self.drops[numbers.UNAUTHENTICATED],
            replayed=self.drops[numbers.REPLAYED],
            late=self.drops[numbers.LATE],
            send_failed=self.send_failed,
            remote_address=self.address,
            remote_port=self.port,
            learnt=self.latch == numbers.LEARNT,
            joined_seconds=self.joined_ms / 1000,
            talk_seconds=self.talk_ms / 1000,
            overtalk_seconds=self.overtalk_ms / 1000,
            silence_seconds=self.silence_ms / 1000,
        )
