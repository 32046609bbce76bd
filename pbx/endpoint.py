"""What every leg shares: the way to the network, the clock, fresh identifiers, our own address."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from pbx.media.client import MediaPool
from pbx.net.transport import Flow, Sender
from pbx.timers import Timers
from pbx.transactions import Transactions

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, SUBSCRIBE, PUBLISH, MESSAGE"


def token() -> str:
    """64 random bits as text: tags, Call-IDs, branches (RFC 3261 §19.3 asks for 32)."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class Endpoint:
    transactions: Transactions
    timers: Timers
    senders: Mapping[str, Sender]
    media: MediaPool
    media_address: str  # what our SDP names
    domain: str  # host part of our From and To

    def via(self, flow: Flow) -> str:
        """A new Via for a request on that flow; the magic cookie as RFC 3261 §8.1.1.7 asks."""
        return f"SIP/2.0/{flow.protocol} {self.senders[flow.protocol].sent_by};branch=z9hG4bK{token()};rport"

    def contact(self, flow: Flow, user: str) -> str:
        return f"<sip:{user}@{self.senders[flow.protocol].sent_by}>"

    def sip_call_id(self) -> str:
        """No host name in it: the topology behind us is nobody's business."""
        return secrets.token_hex(16)
