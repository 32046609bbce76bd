"""What signalling needs of a network: a place to send bytes to, and where bytes came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Flow:
    """The way to one peer: protocol and remote address.

    A phone is reached by the flow that it registered on, never by resolving its Contact (RFC 5626 §3.1). For UDP a
    flow is the remote address; for connections (later) it also names the connection.
    """

    protocol: str  # "UDP"; as in Via
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol.lower()}:{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Flow:
        """The inverse of `str`. Raises ValueError."""
        protocol, _, rest = text.partition(":")
        host, _, port = rest.rpartition(":")
        if not protocol or not host or not port.isascii() or not port.isdigit():
            raise ValueError(f"not a flow: {text!r}")
        return cls(protocol.upper(), host.strip("[]"), int(port))


class Sender(Protocol):
    """A transport as the transaction layer sees it."""

    protocol: str
    reliable: bool
    sent_by: str  # host:port for our Via and Contact

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message. Raises OSError when the flow cannot take it."""
