"""The INVITE of a leg that we place, as it goes on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pbx.leg.part import Part
from pbx.leg.values import Diversion, Identity
from pbx.sip.headers import Headers
from pbx.sip.message import Request
from pbx.sip.sdp import CONTENT_TYPE

if TYPE_CHECKING:
    from pbx.outbound_leg import OutboundLeg


class Invitation(Part["OutboundLeg"]):
    """auto_answer: the phone shall answer by itself. diverted_by: who sent the call on to this destination."""

    def __init__(self, leg: OutboundLeg, *, auto_answer: bool, diverted_by: Diversion | None) -> None:
        super().__init__(leg)
        self._auto_answer = auto_answer
        self._diverted_by = diverted_by

    def make(self, cseq: int, body: bytes, proofs: Iterable[tuple[str, str]]) -> Request:
        """A new INVITE of the same call. Nothing of the caller's own network is in it."""
        leg = self._leg
        endpoint, destination = leg.endpoint, leg.destination
        headers = Headers(
            [
                ("Via", endpoint.via(leg.flow)),
                ("Max-Forwards", str(leg.max_forwards)),
                *(("Route", route) for route in destination.routes),
                ("From", f"{leg.caller.name_addr(endpoint.domain)};tag={leg.local_tag}"),
                ("To", Identity(destination.number).name_addr(endpoint.domain)),
                ("Call-ID", leg.sip_call_id),
                ("CSeq", f"{cseq} INVITE"),
                ("Contact", endpoint.contact(leg.flow, leg.contact_user)),
                *endpoint.capabilities.of_dialog(),
                *leg.session.request_headers(),
                *self._identity(),
                *self._diversion(),
                *(AUTO_ANSWER if self._auto_answer else ()),
                *proofs,
                ("Content-Type", CONTENT_TYPE),
            ]
        )
        if destination.dress is not None:
            destination.dress(headers, leg.caller, leg.local_tag)
        return Request("INVITE", destination.uri, headers, body)

    def _identity(self) -> Iterable[tuple[str, str]]:
        """RFC 3325 §9.1: who really calls is for those who are trusted; RFC 3323 §4.2: and they shall not tell."""
        caller = self._leg.caller
        if self._leg.destination.trusted and caller.number:
            yield "P-Asserted-Identity", caller.asserted(self._leg.endpoint.domain)
        if caller.withheld:
            yield "Privacy", "id"

    def _diversion(self) -> Iterable[tuple[str, str]]:
        """RFC 5806: whose calls go on to this destination; for phones of ours and trusted trunks."""
        diversion = self._diverted_by
        if diversion is not None and not diversion.by.withheld and self._leg.knows_identity:
            yield "Diversion", f"{diversion.by.asserted(self._leg.endpoint.domain)};reason={diversion.reason}"


AUTO_ANSWER = (
    ("Answer-Mode", "Auto"),  # RFC 5373
    ("Call-Info", "<sip:dzvin.invalid>;answer-after=0"),
    ("Alert-Info", "<http://127.0.0.1>;info=alert-autoanswer;delay=0"),
)
"""Three dialects of one wish: phones understand one or another."""
