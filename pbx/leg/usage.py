"""One dialog of a leg (RFC 5057 calls it an invite usage). A leg that we place has one for each fork that rings."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.sip.capabilities import PeerCapabilities
from pbx.sip.dialog import Dialog, DialogState
from pbx.sip.negotiation import Negotiation
from pbx.sip.offer_answer import Answer
from pbx.sip.reliable import ProvisionalOrder


@dataclass(slots=True, kw_only=True, eq=False)
class InviteUsage:
    """agreement: what offer and answer settled on; also what an unreliable 183 promises before anything is settled."""

    dialog: Dialog
    negotiation: Negotiation = field(default_factory=Negotiation)
    peer: PeerCapabilities = field(default_factory=PeerCapabilities)
    order: ProvisionalOrder = field(default_factory=ProvisionalOrder)
    agreement: Answer | None = None

    @property
    def is_confirmed(self) -> bool:
        return self.dialog.state is DialogState.CONFIRMED
