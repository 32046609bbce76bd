"""How a stream sounds to who hears it: the E-model of ITU-T G.107, with everything at its default that a server cannot
know (noise, loudness, echo).

    R = 93.2 - Idd - Ie,eff        MOS from R: G.107 Annex B

Idd is the impairment by delay alone (G.107 §7.3.3; there is no echo), Ie,eff that by coding and loss (§7.5). The
codecs' figures are those of G.113 Appendix I; where it has none the line says where they are from. Wideband codecs are
judged on the same narrowband scale, so that legs of a call can be compared: their greater bandwidth earns nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import log2
from types import MappingProxyType

R_DEFAULT = 93.2  # G.107 §7.1: all parameters at their default values, no delay, no loss
WORST, BEST = 1.0, 4.5
FRAME_MS = 20.0  # a packet's own time: sound waits for its end before it is sent


class Grade(StrEnum):
    """What ITU-T G.109 table 1 calls the users: satisfied; some dissatisfied; many or nearly all dissatisfied."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


GOOD_FROM, FAIR_FROM = 80.0, 60.0  # of R


@dataclass(frozen=True, slots=True)
class Impairment:
    """`ie`: by the coding itself. `bpl`: how well losses are borne (G.113: packet-loss robustness)."""

    ie: float
    bpl: float


CODECS: Mapping[str, Impairment] = MappingProxyType(
    {
        # G.113 Appendix I table I.4: G.711 with concealment (G.711 Appendix I), as all phones have it by now.
        "pcmu": Impairment(0.0, 25.1),
        "pcma": Impairment(0.0, 25.1),
        # G.113 table I.1 has 20 for GSM full rate; the robustness is that of EFR (table I.4).
        "gsm": Impairment(20.0, 10.0),
        # G.113 Appendix IV judges G.722 at 64 kbit/s by Ie,wb = 13 of 129, less than what 3.1 kHz cost there (35).
        "g722": Impairment(0.0, 10.0),
        # No recommendation has Opus or Speex. Opus: as G.711, with its own concealment; Speex: as G.729 (table I.1).
        "opus": Impairment(0.0, 25.1),
        "speex": Impairment(11.0, 19.0),
        "speex16": Impairment(11.0, 19.0),
    }
)


@dataclass(frozen=True, slots=True)
class Quality:
    """`r`: 0 to 93.2. `mos`: 1 to 4.5."""

    r: float

    @property
    def mos(self) -> float:
        """G.107 Annex B."""
        r = min(max(self.r, 0.0), 100.0)
        return min(max(1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6, WORST), BEST)

    @property
    def grade(self) -> Grade:
        if self.r >= GOOD_FROM:
            return Grade.GOOD
        return Grade.FAIR if self.r >= FAIR_FROM else Grade.POOR


def quality(codec: str, *, loss: float, delay_ms: float, burst: float = 1.0) -> Quality:
    """`loss`: the part of the packets that did not arrive, 0 to 1. `delay_ms`: from mouth to ear. `burst`: G.107's
    BurstR, 1 for losses at random. A codec that nobody knows is judged as G.711."""
    impairment = CODECS.get(codec, CODECS["pcmu"])
    return Quality(max(0.0, R_DEFAULT - _by_delay(delay_ms) - _by_coding(impairment, 100 * loss, burst)))


def mouth_to_ear(*, round_trip_ms: float | None, jitter_ms: float) -> float:
    """An estimate: half the way there and back, the packet's own time, and a jitter buffer of twice the jitter."""
    return (round_trip_ms or 0.0) / 2 + FRAME_MS + 2 * jitter_ms


def _by_delay(milliseconds: float) -> float:
    """G.107 §7.3.3, equation 7-27: nothing up to 100 ms."""
    if milliseconds <= 100:
        return 0.0
    x = log2(milliseconds / 100)
    return float(25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))


def _by_coding(impairment: Impairment, percent: float, burst: float) -> float:
    """G.107 §7.5, equation 7-29."""
    if percent <= 0:
        return impairment.ie
    return impairment.ie + (95 - impairment.ie) * percent / (percent / burst + impairment.bpl)
