"""What every leg shares: the way to the network, the clock, fresh identifiers, our own address, what we can do."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import SystemRandom
from typing import TYPE_CHECKING

from pbx.media.client import MediaPool
from pbx.net.own_address import SOMEWHERE
from pbx.net.transport import Flow
from pbx.net.transports import Transports
from pbx.sip.capabilities import Capabilities
from pbx.sip.message import Request
from pbx.sip.offer_answer import PCMA, PCMU, TELEPHONE_EVENT, Codec
from pbx.sip.replaces import Replaces
from pbx.sip.secure_media import SecureMedia
from pbx.sip.session_timer import Policy
from pbx.timers import Timers
from pbx.transactions import ServerTransaction, Transactions

if TYPE_CHECKING:
    from pbx.leg import Leg

# RFC 7118 §5: "transport=ws" names a WebSocket, secure or not.
_TRANSPORTS = {
    "UDP": "",
    "TCP": ";transport=tcp",
    "TLS": ";transport=tls",
    "WS": ";transport=ws",
    "WSS": ";transport=ws",
}


G711 = (PCMA, PCMU)
CODECS = (*G711, TELEPHONE_EVENT)
"""Preferred first: A-law is what Ukrainian and European networks carry."""


def token() -> str:
    """64 random bits as text: tags, Call-IDs, branches (RFC 3261 §19.3 asks for 32)."""
    return secrets.token_hex(8)


def _stay(flow: Flow) -> Flow:
    return flow


def _nobody(_: Replaces) -> None:
    """Until the user agent knows its legs."""


@dataclass(slots=True)
class Endpoint:
    transactions: Transactions
    timers: Timers
    transports: Transports
    media: MediaPool
    media_address: str  # what the media worker binds to
    domain: str  # host part of our From and To
    follow: Callable[[Flow], Flow] = field(default=_stay)
    """Where the phone behind a flow is now: see `Registrations.follow`."""
    session_policy: Policy = field(default_factory=Policy)
    secure_media: SecureMedia = field(default_factory=SecureMedia)
    capabilities: Capabilities = field(default_factory=Capabilities)
    chance: Callable[[], float] = SystemRandom().random
    """From 0 to 1: for waits that two sides must not choose alike."""
    codecs: Sequence[Codec] = CODECS
    """What we speak, preferred first, with telephone-event; what the media workers could load."""
    aligns_codecs: bool = True
    """Whether legs of unlike codecs are asked to change when they are joined: see `pbx.leg.alignment`."""
    find_leg: Callable[[Replaces], Leg | None] = _nobody
    inside: dict[str, Callable[[Leg, Request, ServerTransaction], None]] = field(default_factory=dict)
    """Other rooms' answers to requests inside the dialogs of legs, by method; see `UserAgent.answers_inside`."""

    def codecs_for(self, flow: Flow) -> Sequence[Codec]:
        """What we speak to the peer behind that flow. RFC 7874 §3: every browser has G.711, so none is transcoded."""
        if flow.protocol not in ("WS", "WSS"):
            return self.codecs
        return [codec for codec in self.codecs if codec in CODECS] or CODECS

    def joinable(self, speech: Sequence[Codec]) -> tuple[Codec, ...]:
        """What a leg is offered that shall talk to one that speaks these: the same first, so that nothing is
        transcoded, then G.711, which nearly everybody has, then the rest, for a peer that has nothing else."""
        g711 = (codec for codec in self.codecs if codec in G711)
        return tuple(dict.fromkeys((*speech, *g711, *self.codecs)))

    def via(self, flow: Flow) -> str:
        """A new Via for a request on that flow; the magic cookie as RFC 3261 §8.1.1.7 asks."""
        sent_by = self.transports.senders[flow.protocol].sent_by(flow)
        return f"SIP/2.0/{flow.protocol} {sent_by};branch=z9hG4bK{token()};rport"

    def contact(self, flow: Flow, user: str) -> str:
        sent_by = self.transports.senders[flow.protocol].sent_by(flow)
        return f"<sip:{user}@{sent_by}{_TRANSPORTS[flow.protocol]}>"

    def sdp_address(self, flow: Flow, bound: str) -> str:
        """What our SDP names to the peer behind that flow, for a media socket that is bound to `bound`."""
        return self.transports.own.for_peer(flow.host, bound)

    def sdp_address_outside(self, bound: str) -> str:
        """The same for peers outside of the local networks."""
        return self.transports.own.for_peer(SOMEWHERE, bound)

    def sip_call_id(self) -> str:
        """No host name in it: the topology behind us is nobody's business."""
        return secrets.token_hex(16)
