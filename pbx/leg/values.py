"""What the rooms above hear of a leg: who is on it, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbx.sip import identity
from pbx.sip.lexical import readable
from pbx.sip.reason import Cause
from pbx.sip.uri import NameAddr, SipUri


class DigitWay(StrEnum):
    """How digits go to a peer and come from it."""

    AUTO = "auto"  # telephone-event (RFC 4733) where it is agreed upon, else INFO; the peer may use either
    INFO = "info"  # no telephone-event is offered
    INBAND = "inband"  # nor this: tones in the sound, both ways; G.711 only


class LegEnd(StrEnum):
    HUNG_UP = "hung_up"  # we ended it
    BYE = "bye"  # the other side did
    CANCEL = "cancel"  # the caller gave up before the answer
    REFUSED = "refused"  # final failure response, ours or theirs
    TIMEOUT = "timeout"  # no answer to our INVITE, no ACK to our 200, or nobody refreshed the session
    UNREACHABLE = "unreachable"
    MEDIA_LOST = "media_lost"  # the media worker died, or no RTP for too long


@dataclass(frozen=True, slots=True)
class Ended:
    """`cause`: what the other side's Reason header said of its CANCEL, BYE or refusal."""

    reason: LegEnd
    status: int | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Diversion:
    """Who sent a call on, and why: `reason` is a diversion-reason of RFC 5806 §4."""

    by: Identity
    reason: str = "unknown"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is shown: a SIP number or an outside number, and a display name (hostile text).

    withheld: this person must not be known to the other side (RFC 3323).
    """

    number: str
    name: str = ""
    withheld: bool = False

    def name_addr(self, domain: str) -> str:
        """The value of a From or To. Whatever the number and the name hold, they stay inside it."""
        return identity.ANONYMOUS if self.withheld else self.asserted(domain)

    def asserted(self, domain: str) -> str:
        """The value of a P-Asserted-Identity, for those who may know."""
        uri = SipUri(scheme="sip", user=self.number or "anonymous", host=domain)
        return str(NameAddr(display_name=readable(self.name), uri=uri))
