"""One end of a conversation: a leg, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from pbx.inbound_leg import InboundLeg
from pbx.leg import Identity, Leg
from pbx.sip.offer_answer import COMFORT_NOISE, Codec


@dataclass(slots=True, eq=False)
class Side:
    """`extension`: whose phone it is; None: an outside number. `shown`: how the other end sees this one."""

    leg: Leg
    extension: str | None
    shown: Identity
    offer: UUID | None = None  # the offer that this phone took
    on_hold: bool = False  # this end has put the other one on hold by a command; a phone's own hold is `leg.held`

    @property
    def is_over(self) -> bool:
        return self.leg.is_over

    @property
    def is_answered(self) -> bool:
        return not isinstance(self.leg, InboundLeg) or self.leg.is_answered

    @property
    def holds(self) -> bool:
        return self.on_hold or self.leg.held

    def codecs(self) -> tuple[Codec, ...]:
        """What another leg should be offered to be joined with this one."""
        if isinstance(self.leg, InboundLeg) and not self.leg.is_answered:
            return self.leg.codecs()
        endpoint, agreed = self.leg.endpoint, self.leg.negotiated
        if agreed is None:
            return tuple(endpoint.codecs)
        noise = (COMFORT_NOISE,) if agreed.noise is not None else ()
        return (*endpoint.joinable([codec for codec in endpoint.codecs if codec.is_same(agreed.codec)]), *noise)
