"""Digits in INFO requests: application/dtmf-relay and application/dtmf, as phones and gateways agreed without an RFC.

dtmf-relay is lines of name=value, `Signal` and `Duration` in milliseconds; dtmf is the bare digit, or the same lines.
"""

from __future__ import annotations

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"
TYPES = frozenset({RELAY, PLAIN})
DIGITS = "0123456789*#ABCD"
MAX_BODY = 256
SHORTEST, USUAL, LONGEST = 40, 100, 5000  # milliseconds
_NAMES = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "star": "*", "pound": "#", "hash": "#"}
_FLASH = frozenset({"16", "!", "flash", "hf"})
"""The hook flash: RFC 4733's event 16. It is no digit; here transfers go by REFER."""


def digits_of(info: Request) -> tuple[str, int]:
    """The digits, none for a hook flash, and the milliseconds of each. RFC 6086 §4.2.2: raises RemoteProtocolError
    with 415 for another body; 400 for one that holds no digit."""
    if info.content_type not in TYPES:
        raise RemoteProtocolError("an INFO of another kind", 415, headers=(("Accept", f"{RELAY}, {PLAIN}"),))
    if len(info.body) > MAX_BODY:
        raise RemoteProtocolError("too long for a digit", 413)
    signal, duration = "", USUAL
    text = info.body.decode("utf-8", "surrogateescape").replace("\r", "\n")
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals and not signal:
            signal = name
        elif name.lower() in ("signal", "d"):
            signal = value
        elif name.lower() in ("duration", "dur"):
            duration = lexical.integer(value, 60_000, "duration")
    duration = min(max(duration, SHORTEST), LONGEST)
    if signal.lower() in _FLASH:
        return "", duration
    digits = _NAMES.get(signal.lower(), signal.upper())
    if not digits or len(digits) > 32 or any(digit not in DIGITS for digit in digits):
        raise RemoteProtocolError("no digit")
    return digits, duration


def relay_body(digit: str, milliseconds: int) -> bytes:
    """The body of an INFO of ours."""
    return f"Signal={digit}\r\nDuration={milliseconds}\r\n".encode()
