"""Whose turn it is between offer and answer in one dialog (RFC 3264 §4, RFC 3261 §13.2.1 and §14, RFC 3311 §5, RFC
6337).

Pure. What the descriptions say is `offer_answer`'s business; here it is only counted that each offer gets one answer,
and that nobody offers while an offer is open. Peers that break this raise RemoteProtocolError with the status to
answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.sdp import Sdp

RETRY_LONGEST = 10  # seconds: RFC 3261 §14.2, RFC 3311 §5.2


@dataclass(slots=True, kw_only=True)
class Negotiation:
    """local, remote: the descriptions that stand. sent: our last one, whether it was agreed upon or not: the next
    counts its version on from it. ours, theirs: the offer that is open."""

    local: Sdp | None = None
    remote: Sdp | None = None
    sent: Sdp | None = None
    ours: Sdp | None = None
    theirs: Sdp | None = None
    inviting: bool = False  # an INVITE of ours in this dialog has no final response
    updating: bool = False  # likewise an UPDATE

    @property
    def is_open(self) -> bool:
        return self.ours is not None or self.theirs is not None

    @property
    def is_busy(self) -> bool:
        """Whether a request that changes the session would have to wait (§14.1: "a UAC MUST NOT initiate a new INVITE
        transaction within a dialog while another INVITE transaction is in progress in either direction")."""
        return self.is_open or self.inviting or self.updating

    def forked(self) -> Negotiation:
        """The same state for another early dialog of one INVITE."""
        return replace(self)

    # ---- ours ----------------------------------------------------------------------------------------------------

    def offer(self, sdp: Sdp) -> None:
        if self.is_open:
            raise LocalProtocolError("an offer while another is open")
        self.ours = self.sent = sdp

    def answered(self, sdp: Sdp) -> Sdp:
        """The peer's answer has come. Returns our offer that it answers."""
        offered, self.ours = self.ours, None
        if offered is None:
            raise RemoteProtocolError("an answer to nothing")
        self.local, self.remote = offered, sdp
        return offered

    def withdraw(self) -> None:
        """The request with our offer failed: what stood before stands (RFC 3261 §14.1)."""
        self.ours = None

    # ---- theirs --------------------------------------------------------------------------------------------------

    def invited(self, retry_after: int) -> None:
        """May a re-INVITE of the peer be looked at? RFC 3261 §14.2. retry_after: 0 to 10 seconds, by chance."""
        # "A UAS that receives an INVITE on a dialog while an INVITE it had sent on that dialog is in progress MUST
        # return a 491 (Request Pending) response to the received INVITE." RFC 5407 §3.3.2 says the same of an UPDATE
        # of ours with an offer; §3.1.5 of an offer in our 2xx that waits for its answer in the ACK.
        if self.inviting or self.ours is not None:
            raise RemoteProtocolError("a re-INVITE against ours", 491)
        self._refuse_second(retry_after)

    def updated(self, retry_after: int) -> None:
        """May an UPDATE of the peer with an offer be looked at? RFC 3311 §5.2."""
        # "If an UPDATE is received that contains an offer, and the UAS has generated an offer (in an UPDATE, PRACK or
        # INVITE) to which it has not yet received an answer, the UAS MUST reject the UPDATE with a 491 response."
        if self.ours is not None:
            raise RemoteProtocolError("an offer against ours", 491)
        # "Similarly, if … the UAS has received an offer … to which it has not yet generated an answer, the UAS MUST
        # reject the UPDATE with a 500 response, and MUST include a Retry-After".
        self._refuse_second(retry_after)

    def _refuse_second(self, retry_after: int) -> None:
        if self.theirs is not None:
            later = (("Retry-After", str(retry_after)),)
            raise RemoteProtocolError("an offer while another is open", 500, headers=later)

    def offered(self, sdp: Sdp) -> None:
        """Take the peer's offer; ask `invited` or `updated` before."""
        if self.is_open:
            raise LocalProtocolError("an offer while another is open")
        self.theirs = sdp

    def answer(self, sdp: Sdp) -> None:
        """Our answer goes out."""
        if self.theirs is None:
            raise LocalProtocolError("an answer to nothing")
        self.local, self.remote, self.sent, self.theirs = sdp, self.theirs, sdp, None

    def refuse(self) -> None:
        """The peer's offer is refused: what stood before stands."""
        self.theirs = None


def glare_wait(*, owns_call_id: bool, chance: float) -> float:
    """Seconds until a request that met a 491 is sent again (RFC 3261 §14.1). chance: from 0 to 1, evenly spread.

    "1. If the UAC is the owner of the Call-ID of the dialog ID (meaning it generated the value), T has a randomly
    chosen value between 2.1 and 4 seconds in units of 10 ms. 2. If the UAC is not the owner of the Call-ID of the
    dialog ID, T has a randomly chosen value of between 0 and 2 seconds in units of 10 ms."
    """
    return round(2.1 + 1.9 * chance, 2) if owns_call_id else round(2.0 * chance, 2)


def retry_after(chance: float) -> int:
    """Seconds for the Retry-After of a 500: "a randomly chosen value of between 0 and 10 seconds" (§14.2)."""
    return round(RETRY_LONGEST * chance)
