"""A leg that somebody called us on: an INVITE that passed the door, until its dialog ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from pbx.endpoint import Endpoint, token
from pbx.leg import CODECS, Identity, Leg, LegEnd, head_of
from pbx.sip.dialog import Dialog
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request
from pbx.sip.offer_answer import TELEPHONE_EVENT, Codec, check_family, in_common
from pbx.sip.reply import reply
from pbx.sip.sdp import Sdp
from pbx.transactions import ServerTransaction


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who knocks, and for which number."""

    dialled: str  # user part of the Request-URI, unescaped
    user: str | None  # the authenticated extension
    trunk: str | None  # the trunk's name, when it came through one


class InboundLeg(Leg):
    def __init__(
        self,
        endpoint: Endpoint,
        *,
        call_id: UUID,
        leg_id: UUID,
        server: ServerTransaction,
        remote: Identity,
        arrival: Arrival,
        offered: Sdp | None,
    ) -> None:
        super().__init__(endpoint, call_id=call_id, leg_id=leg_id, flow=server.flow, remote=remote)
        self.arrival = arrival
        self.offered = offered
        self.local_tag = token()
        self._server = server
        self._answered = False
        self.contact_user = arrival.dialled if arrival.dialled.isalnum() else "dzvin"

    @property
    def sip_call_id(self) -> str:
        return self._server.request.sip_call_id

    @property
    def is_answered(self) -> bool:
        return self._answered

    def codecs(self) -> tuple[Codec, ...]:
        """What the caller can be joined with: codecs of the offer that we know, in the caller's order; all of ours
        for a late offer. Empty when there is no speech codec in common."""
        if self.offered is None:
            return CODECS
        common = in_common(self.offered, CODECS)
        return common if any(codec.name != TELEPHONE_EVENT.name for codec in common) else ()

    def ring(self) -> None:
        if not self.is_over and not self._answered:
            self._respond(180)

    def answer(self) -> None:
        """Take the call: 200 with our answer, or with an offer of ours when the INVITE had none.

        Raises NotAcceptable when no codec fits: then `refuse(488)`.
        """
        if self.is_over or self._answered:
            return
        request = self._server.request
        if self.offered is not None:
            body, negotiated = self._answer(request.body)
            self.use(negotiated)
        else:
            body = self._offer().serialise()
        self._answered = True
        answer = reply(request, 200, to_tag=self.local_tag)
        self.dialog = Dialog.from_uas(request, answer)
        self._respond_success(request, self._server, body)
        self.remember()

    def refuse(self, status: int, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        """A final failure response. Nothing if the caller was answered or has gone."""
        if self.is_over or self._answered:
            return
        self._respond(status, headers=headers)
        self.finish(LegEnd.REFUSED, status)

    def hang_up(self, reason: LegEnd = LegEnd.HUNG_UP) -> None:
        if not self.is_over and not self._answered:
            self.refuse(480)
        else:
            super().hang_up(reason)

    def cancelled(self, cancel: ServerTransaction) -> None:
        """RFC 3261 §9.2: the CANCEL gets 200; the INVITE, if still unanswered, 487."""
        cancel.respond(reply(cancel.request, 200, to_tag=self.local_tag))
        if not self.is_over and not self._answered:
            self._respond(487)
            self.finish(LegEnd.CANCEL, 487)

    def _respond(self, status: int, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        contact = ("Contact", self.endpoint.contact(self.flow, self.contact_user))
        extra = (contact, *headers) if status < 300 else tuple(headers)
        self._server.respond(reply(self._server.request, status, to_tag=self.local_tag, headers=extra))

    def _pending_invite(self, dialog: object) -> tuple[str, bool]:
        if dialog is not None or self._answered:
            return "", False
        return head_of(self._server.request), False


def offered_sdp(request: Request) -> Sdp | None:
    """The offer in an INVITE, or None when it makes none (a late offer).

    Raises RemoteProtocolError: 415 for a body we cannot read, 400 for broken SDP, 488 for IPv6 alone.
    """
    if not request.body:
        return None
    if request.content_type != "application/sdp":
        raise RemoteProtocolError("body is not SDP", 415, headers=(("Accept", "application/sdp"),))
    offered = Sdp.parse(request.body)
    check_family(offered)
    return offered
