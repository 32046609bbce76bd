"""What is tried with each foreign phone: the lines of the table in `docs/interop.md`, in its order."""

from __future__ import annotations

from enum import Enum, StrEnum


class Transport(StrEnum):
    """Of signalling, by its name in a SIP URI (RFC 3261 §19.1.1, RFC 7118 §5.2); `tls` and `wss` are over TLS."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    WS = "ws"
    WSS = "wss"


class Digits(Enum):
    """How a phone sends the keys that are pressed."""

    EVENTS = "RFC 4733"
    INFO = "INFO"


class Sound(Enum):
    """How secret a phone's audio has to be, and where its keys come from."""

    PLAIN = "plain"
    SDES = "SDES"
    DTLS = "DTLS-SRTP"


class Capability(Enum):
    REGISTERS_UDP = "registers over UDP"
    REGISTERS_TCP = "registers over TCP"
    REGISTERS_TLS = "registers over TLS"
    REGISTERS_WS = "registers over WebSocket"
    REGISTERS_WSS = "registers over secure WebSocket"
    CALLS = "calls"
    CALLS_TCP = "calls over TCP"
    CALLS_TLS = "calls over TLS"
    CALLS_SDES = "calls over TLS with SRTP by SDES"
    CALLS_DTLS = "calls with SRTP by DTLS"
    IS_CALLED = "is called"
    IS_CALLED_TLS = "is called over TLS"
    IS_CALLED_SDES = "is called over TLS with SRTP by SDES"
    GIVES_UP = "gives up a call that rings"
    REFUSES = "refuses a call"
    HOLDS = "holds"
    RESUMES = "resumes"
    IS_HELD = "is held and resumed"
    SENDS_EVENTS = "sends digits by RFC 4733"
    SENDS_INFO = "sends digits by INFO"
    HEARS_DIGITS = "hears digits"
    TRANSFERS = "transfers blindly"
    TRANSFERS_ATTENDED = "transfers after a talk"
    IS_TRANSFERRED = "is transferred"
    AGREES_TIMER = "agrees on a session timer"
    REFRESHES = "refreshes the session"
    RECONNECTS = "comes back when its connection is lost"


REGISTERS = {
    Transport.UDP: Capability.REGISTERS_UDP,
    Transport.TCP: Capability.REGISTERS_TCP,
    Transport.TLS: Capability.REGISTERS_TLS,
    Transport.WS: Capability.REGISTERS_WS,
    Transport.WSS: Capability.REGISTERS_WSS,
}
CALLS_OVER = {Transport.TCP: Capability.CALLS_TCP, Transport.TLS: Capability.CALLS_TLS}
SENDS = {Digits.EVENTS: Capability.SENDS_EVENTS, Digits.INFO: Capability.SENDS_INFO}
