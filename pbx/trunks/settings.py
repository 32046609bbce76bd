"""What is set of one trunk: who it is, how it is reached, what it wants to see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from pbx.leg.values import DigitWay
from pbx.sip.secure_media import SrtpPolicy

Network = IPv4Network | IPv6Network


class IdentityForm(StrEnum):
    """The header in which the provider expects the number that our calls show."""

    FROM = "from"
    ASSERTED = "p-asserted-identity"  # RFC 3325 §9.1
    PREFERRED = "p-preferred-identity"  # RFC 3325 §9.2
    REMOTE_PARTY = "remote-party-id"  # a draft that never became an RFC, and lives


class CalledFrom(StrEnum):
    """Where the provider writes which of our numbers was called."""

    AUTO = "auto"  # the Request-URI; To where the Request-URI only repeats our registered Contact
    REQUEST_URI = "uri"
    TO = "to"
    CALLED_PARTY = "p-called-party-id"  # RFC 7315 §4.2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkSettings:
    """`port` None: by SRV. `transport` None: by NAPTR. Limits of 0 are no limits."""

    name: str
    host: str
    port: int | None = None
    transport: str | None = "UDP"
    inbound: bool = True
    outbound: bool = True
    # Who we are there.
    username: str = ""  # for the digest
    password: str = ""
    realm: str = ""  # "": learned from the first challenge
    account: str = ""  # our name or number in the provider's domain; "": the user name
    domain: str = ""  # of our From and To; "": the host for a provider that we register with, else our own
    register: bool = False
    expires: int = 300
    # How it is treated.
    health: bool = True
    patience: float = 4.0  # seconds until the first provisional response to an INVITE, or the answer to another request
    channels: int = 0
    channels_in: int = 0
    channels_out: int = 0
    sources: tuple[Network, ...] = ()  # addresses beside the host's own whose calls are this trunk's
    # What it wants to see, and what is believed.
    identity: IdentityForm = IdentityForm.FROM
    from_user: str = ""  # in From, whatever number is shown; the number then goes where `identity` says
    trusted: bool = True  # P-Asserted-Identity, Remote-Party-ID and Privacy that come from there
    called_from: CalledFrom = CalledFrom.AUTO
    # How digits go there and come from there.
    digits: DigitWay = DigitWay.AUTO
    srtp: SrtpPolicy | None = None  # None: as is set for all

    @property
    def our_account(self) -> str:
        return self.account or self.username
