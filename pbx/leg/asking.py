"""A request of ours inside a dialog, until its final response: proven when the peer asks for a password."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from pbx.leg.usage import InviteUsage
from pbx.sip.dialog import TARGET_REFRESH
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.reliable import ProvisionalOrder, rseq_of
from pbx.sip.reply import reply
from pbx.sip.transaction.effects import Reason
from pbx.transactions import ClientTransaction, Overloaded

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

Header = tuple[str, str]
MAX_PROOFS = 2  # a stale nonce may cost one more


class Asking:
    """Sends at once. `told` hears the final response once, a 503 of our own when it could not be sent, or None when
    none came; `early` hears each reliable
    provisional one, which gets its PRACK. Each 2xx to an INVITE gets its ACK."""

    def __init__(
        self,
        leg: Leg,
        usage: InviteUsage,
        method: str,
        told: Callable[[Response | None], None],
        *,
        headers: Iterable[Header] = (),
        body: bytes = b"",
        content_type: str | None = None,
        early: Callable[[Response], None] | None = None,
    ) -> None:
        self._leg, self._usage, self._method = leg, usage, method
        self._told: Callable[[Response | None], None] | None = told
        self._headers, self._body, self._content_type = tuple(headers), body, content_type
        self._early = early
        self._order = ProvisionalOrder()
        self._proofs: tuple[Header, ...] = ()
        self._request: Request | None = None
        self._client: ClientTransaction | None = None
        self._ack: Request | None = None
        self._send()

    def _send(self) -> None:
        endpoint, flow = self._leg.endpoint, self._leg.flow
        contact = endpoint.contact(flow, self._leg.contact_user) if self._method in TARGET_REFRESH else None
        self._request = self._usage.dialog.request(
            self._method,
            via=endpoint.via(flow),
            contact=contact,
            headers=(*self._headers, *self._proofs[-1:]),
            body=self._body,
            content_type=self._content_type,
        )
        try:
            self._client = endpoint.transactions.request(
                self._request, flow, on_response=self._responded, on_end=self._over
            )
        except Overloaded:
            if self._method == "BYE":
                endpoint.transactions.send_stateless(self._request, flow)
            self._tell(reply(self._request, 503))

    def _responded(self, response: Response) -> None:
        if response.is_provisional:
            self._progressed(response)
            return
        if response.is_success:
            # RFC 3261 §12.2.1.2: "it MUST replace the dialog's remote target URI with the URI from the Contact header
            # field in that response, if present." One that cannot be read is as good as absent: the ACK must go.
            with suppress(RemoteProtocolError):
                self._usage.dialog.refresh(response)
            if self._method == "INVITE":
                self._acknowledge(response)
        proof = self._leg.proof
        if response.status in (401, 407) and proof is not None and len(self._proofs) < MAX_PROOFS and self._told:
            assert self._request is not None
            credentials = proof(self._request, response, self._client.answered_from if self._client else None)
            if credentials is not None:
                self._proofs = (*self._proofs, credentials)
                self._send()
                return
        self._tell(response)

    def _progressed(self, response: Response) -> None:
        # RFC 3262 §4 knows no difference between an INVITE and a re-INVITE: who hears no PRACK must give up.
        rack = self._order.take(response) if self._early is not None and rseq_of(response) is not None else None
        if rack is not None and self._early is not None:
            Asking(self._leg, self._usage, "PRACK", _unheard, headers=(("RAck", str(rack)),))
            self._early(response)

    def _acknowledge(self, response: Response) -> None:
        endpoint, flow = self._leg.endpoint, self._leg.flow
        if self._ack is None:
            # RFC 3261 §13.2.2.4: "The ACK MUST contain the same credentials as the INVITE."
            proofs = self._proofs[-1:]
            self._ack = self._usage.dialog.ack(response.cseq.number, via=endpoint.via(flow), headers=proofs)
        endpoint.transactions.send_stateless(self._ack, flow)

    def _over(self, reason: Reason) -> None:
        # RFC 3261 §8.1.3.1: "If a fatal transport error is reported by the transport layer …, the condition MUST be
        # treated as a 503 (Service Unavailable) status code."
        if reason is Reason.TRANSPORT and self._request is not None:
            self._tell(reply(self._request, 503))
        elif reason is not Reason.DONE:
            self._tell(None)

    def _tell(self, response: Response | None) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(response)


def _unheard(_: Response | None) -> None:
    """The answer to a PRACK changes nothing."""
