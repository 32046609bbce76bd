"""What signalling needs of a network: a place to send bytes to, and where bytes came from."""

from __future__ import annotations

import re
from typing import Protocol

import msgspec

_FLOW = re.compile(r"([a-z]{2,4}):(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})(?:#([0-9]{1,20}))?", re.ASCII)


class Flow(msgspec.Struct, frozen=True, gc=False):
    """The way to one peer: protocol and remote address; for a stream also which connection.

    A phone is reached by the flow that it registered on, never by resolving its Contact (RFC 5626 §3.1). For UDP a
    flow is the remote address. A connection has a number that no other one had, in this process or in one before it,
    so a flow of a connection that is gone leads nowhere. A stream without a number is opened when something is sent.

    A call looks a hundred times for what belongs to a flow, which is why it is a struct: it hashes and compares in C.
    """

    protocol: str  # "UDP", "TCP", "TLS", "WS" or "WSS", as in Via
    host: str  # an address, without brackets; an IPv4 address is never written as an IPv6 one
    port: int
    connection: int = 0  # 0: none yet, or datagrams

    @property
    def is_stream(self) -> bool:
        return self.protocol != "UDP"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        number = f"#{self.connection}" if self.connection else ""
        return f"{self.protocol.lower()}:{host}:{self.port}{number}"

    @classmethod
    def parse(cls, text: str) -> Flow:
        """The inverse of `str`. Raises ValueError."""
        found = _FLOW.fullmatch(text)
        if found is None:
            raise ValueError(f"not a flow: {text!r}")
        protocol, ipv6, ipv4, port, connection = found.groups()
        return cls(protocol.upper(), ipv6 or ipv4, int(port), int(connection or 0))


class Sender(Protocol):
    """A transport as the transaction layer sees it."""

    @property
    def reliable(self) -> bool:
        """Whether what is sent arrives, or the loss is told: then nothing is sent twice."""
        ...

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message. Raises OSError when the flow cannot take it."""

    def sent_by(self, flow: Flow) -> str:
        """host:port for our Via and Contact: where the peer behind that flow reaches us."""
        ...


def plain(host: str) -> str:
    """An IPv4 address that a socket of both families wrote as `::ffff:192.0.2.1`, as itself."""
    return host[7:] if host.startswith("::ffff:") and "." in host else host


def host_port(host: str, port: int) -> str:
    """As SIP writes it. The zone of a link-local address means something to this machine only (RFC 6874)."""
    host = host.partition("%")[0]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
