"""The Replaces header: a call that takes the place of another (RFC 3891)."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request

OPTION = "replaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaces:
    """to_tag is the tag of whoever shall give up the dialog: ours, when the request comes to us."""

    sip_call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Raises RemoteProtocolError."""
        sip_call_id, _, rest = text.partition(";")
        parameters = lexical.parse_parameters(rest)
        to_tag, from_tag = parameters.get("to-tag"), parameters.get("from-tag")
        if not sip_call_id.strip() or not to_tag or not from_tag:
            raise RemoteProtocolError("a Replaces that names no dialog")
        return cls(
            sip_call_id=sip_call_id.strip(), to_tag=to_tag, from_tag=from_tag, early_only="early-only" in parameters
        )

    @classmethod
    def of(cls, request: Request) -> Replaces | None:
        """Raises RemoteProtocolError: §3, "If more than one Replaces header field is present in an INVITE, or if a
        Replaces header field is present in a request other than INVITE, the UAS MUST reject the request with a
        400"."""
        values = request.headers.all("replaces")
        if not values:
            return None
        if len(values) > 1 or request.method != "INVITE":
            raise RemoteProtocolError("a Replaces out of place")
        return cls.parse(values[0])

    def tag_orders(self) -> tuple[tuple[str, str], ...]:
        """(our tag, the peer's), as §3 says it and the other way round: phones that build the header for a dialog that
        they did not start often swap the two. §3 also writes "0" for the tag that an RFC 2543 peer does not have."""
        to_tag, from_tag = ("" if tag == "0" else tag for tag in (self.to_tag, self.from_tag))
        return (to_tag, from_tag), (from_tag, to_tag)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.sip_call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"
