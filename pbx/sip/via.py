"""The Via header: the way back of a response (RFC 3261 §18.2, §20.42; RFC 3581)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError

MAX_VIAS = 70  # as many as Max-Forwards can have let through
MAGIC_COOKIE = "z9hG4bK"  # §8.1.1.7: a branch that starts so is unique over space and time

_TOKEN = lexical.TOKEN.pattern
_VIA = re.compile(
    rf"({_TOKEN})[ \t]*+/[ \t]*+({_TOKEN})[ \t]*+/[ \t]*+({_TOKEN})[ \t]++({lexical.HOST})[ \t]*+"
    r"(?::[ \t]*+([0-9]{1,5}))?[ \t]*+(?:;(.*+))?",
    re.DOTALL,
)


class Via(Struct, frozen=True, kw_only=True):
    """One Via value. sent_by_host is without the brackets of an IPv6 reference; transport is in upper case."""

    protocol: str = "SIP/2.0"
    transport: str = "UDP"
    sent_by_host: str
    sent_by_port: int | None = None
    parameters: Mapping[str, str | None] = {}

    @classmethod
    def parse(cls, text: str) -> Via:
        """Raises RemoteProtocolError."""
        match = _VIA.fullmatch(text)
        if not match:
            raise RemoteProtocolError("not a Via")
        name, version, transport, host, port, tail = match.groups()
        parameters = lexical.parse_parameters(tail) if tail else {}
        # We write it anew, with `received` and `rport`: what is no token could not be read again by whoever sent it.
        if not all(map(lexical.TOKEN.fullmatch, parameters)):
            raise RemoteProtocolError("a Via parameter that is no token")
        return cls(
            protocol=f"{name}/{version}",
            transport=transport.upper(),
            sent_by_host=lexical.unbracket(host),
            sent_by_port=lexical.integer(port, 65535, "Via port") if port else None,
            parameters=parameters,
        )

    @property
    def branch(self) -> str | None:
        return self.parameters.get("branch")

    @property
    def rport(self) -> int | None:
        """The port that the receiver filled in; None while it is empty, absent or nonsense."""
        value = self.parameters.get("rport")
        if not value or not value.isascii() or not value.isdigit() or len(value) > 5 or int(value) > 65535:
            return None
        return int(value)

    @property
    def received(self) -> str | None:
        """RFC 5118 §4.5: taken with brackets too, though the grammar forbids them."""
        value = self.parameters.get("received")
        return lexical.unbracket(value) if value else None

    @property
    def is_rfc3261(self) -> bool:
        """Whether the branch names the transaction (§17.2.3); the cookie alone names nothing (RFC 4475 §3.2.1)."""
        branch = self.branch
        return branch is not None and branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE)

    def __str__(self) -> str:
        port = f":{self.sent_by_port}" if self.sent_by_port is not None else ""
        sent_by = f"{lexical.bracket(self.sent_by_host)}{port}"
        return f"{self.protocol}/{self.transport} {sent_by}{lexical.format_parameters(self.parameters)}"


def parse_vias(values: list[str]) -> list[Via]:
    """Raises RemoteProtocolError, for more than 70 too."""
    return [Via.parse(item) for item in lexical.elements(values, MAX_VIAS, "Vias", 483)]


def stamped(via: Via, source_host: str, source_port: int) -> Via:
    """The top Via of a request as its receiver must leave it: what the sender wrote of its own address is no proof."""
    parameters = dict(via.parameters)
    wants_rport = "rport" in parameters
    # §18.2.1: "If the host portion of the "sent-by" parameter contains a domain name, or if it contains an IP address
    # that differs from the packet source address, the server MUST add a "received" parameter".
    # RFC 3581 §4: with rport, received is added even when the addresses are the same. One that came along is forged.
    if wants_rport or "received" in parameters or via.sent_by_host.lower() != source_host.lower():
        parameters["received"] = source_host
    if wants_rport:
        parameters["rport"] = str(source_port)
    return Via(
        protocol=via.protocol,
        transport=via.transport,
        sent_by_host=via.sent_by_host,
        sent_by_port=via.sent_by_port,
        parameters=parameters,
    )


def response_destination(via: Via) -> tuple[str, int]:
    """Where a response goes over an unreliable transport (§18.2.2, RFC 3581 §4), from a Via stamped by us.

    Deviation: `maddr` is not followed. It would let a stranger aim our answers at anybody.
    """
    default_port = 5061 if via.transport in ("TLS", "WSS") else 5060
    return via.received or via.sent_by_host, via.rport or via.sent_by_port or default_port
