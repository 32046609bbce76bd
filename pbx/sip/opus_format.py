"""The format parameters of Opus: RFC 7587 §6.1. They say what their writer wants to receive.

Pure. Of what cannot be read, or lies outside of the limits of §6.1, the default counts. `stereo`, `sprop-stereo`, `cbr`
and `sprop-maxcapturerate` change nothing for the one channel of speech that we send anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

RATES = range(8000, 48001)
BITRATES = range(6000, 510001)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpusFormat:
    """rate: the sampling rate that the receiver plays at. bitrate: the most bits a second; None: no limit. repeats:
    lost packets shall be said again in later ones (in-band FEC). pauses: nothing rather than silence (DTX)."""

    rate: int = 48000
    bitrate: int | None = None
    repeats: bool = False
    pauses: bool = False


def parse(fmtp: str | None) -> OpusFormat:
    """Never raises."""
    found = {name.strip().lower(): value.strip() for name, _, value in _pairs(fmtp or "")}
    return OpusFormat(
        rate=_number(found.get("maxplaybackrate"), RATES) or 48000,
        bitrate=_number(found.get("maxaveragebitrate"), BITRATES),
        repeats=found.get("useinbandfec") == "1",
        pauses=found.get("usedtx") == "1",
    )


def _pairs(fmtp: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in fmtp.split(";")]


def _number(text: str | None, limits: range) -> int | None:
    number = int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 6 else None
    return number if number in limits else None
