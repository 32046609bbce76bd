"""The shapes of `[[trunks]]` and `[[dids]]`; what their values may be together is in `config_trunk_rules`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta

from dzvin.config_table import Address, Limit, Positive, Table

SIP_PORT = 5060
Status = Annotated[int, Meta(ge=400, le=699)]
Seconds = Annotated[float, Meta(ge=0.5, le=32)]


class NumberRule(Table, frozen=True, kw_only=True):
    """A number that fits `match` loses its first `strip` characters and gets `prepend` before it."""

    match: str
    strip: Annotated[int, Meta(ge=0, le=32)] = 0
    prepend: str = ""


class Trunk(Table, frozen=True, kw_only=True):
    name: str
    address: str  # host:port, or a host alone, whose port comes from the DNS
    transport: Literal["udp", "tcp", "tls", "auto"] = "udp"  # auto: by NAPTR
    number: str = ""  # dialled to reach the trunk as a whole
    record: bool | None = None
    health: bool = True
    # Who we are there.
    username: str = ""
    password: str = ""
    realm: str = ""
    account: str = ""
    domain: str = ""
    register: bool = False
    expires: Annotated[int, Meta(ge=30, le=86_400)] = 300
    # Which calls go and come this way.
    prefixes: tuple[str, ...] = ()
    priority: Limit = 1
    weight: Positive = 1
    outbound: bool = True
    inbound: bool = True
    patience: Seconds = 4.0
    fail_over: tuple[Status, ...] = (401, 402, 403, 407, 408)
    channels: Limit = 0
    channels_in: Limit = 0
    channels_out: Limit = 0
    sources: tuple[str, ...] = ()
    default: str = ""
    # Numbers, theirs and ours.
    called_from: Literal["auto", "uri", "to", "p-called-party-id"] = "auto"
    called_in: tuple[NumberRule, ...] = ()
    caller_in: tuple[NumberRule, ...] = ()
    called_out: tuple[NumberRule, ...] = ()
    caller_out: tuple[NumberRule, ...] = ()
    caller_id: str = ""
    caller_name: str = ""
    show_original: bool = False
    identity: Literal["from", "p-asserted-identity", "p-preferred-identity", "remote-party-id"] = "from"
    from_user: str = ""
    trusted: bool = True
    digits: Literal["auto", "info", "inband"] = "auto"
    srtp: Literal["off", "offer", "require"] | None = None  # None: as in [media]

    @property
    def where(self) -> tuple[str, int | None]:
        """Host, and the port if one is set. Raises ValueError that says what is expected."""
        if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", self.address):
            return self.address, None
        if re.fullmatch(r"\[[0-9A-Fa-f:.]+\]", self.address):
            return self.address[1:-1], None
        try:
            host, port = Address.parse(self.address)
        except ValueError as error:
            raise ValueError(f'expected "host" or "host:port", got "{self.address}"') from error
        return host, port

    @property
    def peer(self) -> Address:
        """Where it is when no name server is asked."""
        host, port = self.where
        return Address(host, port or SIP_PORT)


class Did(Table, frozen=True, kw_only=True):
    """One number or pattern, or all numbers from `first` to `last`."""

    to: str
    number: str = ""
    first: str = ""
    last: str = ""
    trunk: str = ""  # empty: of any inbound trunk
