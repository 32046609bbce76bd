"""The Reason header: why a request was sent, or why a call failed (RFC 3326, RFC 6432)."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response

MAX_REASONS = 8
MAX_TEXT = 128  # characters of the text that are kept


@dataclass(frozen=True, slots=True)
class Cause:
    """protocol: "SIP", or "Q.850" for the telephone network's own causes. text: for people, may be empty."""

    protocol: str
    code: int | None
    text: str = ""

    def __str__(self) -> str:
        code = f";cause={self.code}" if self.code is not None else ""
        return f"{self.protocol}{code}" + (f";text={lexical.quote(self.text)}" if self.text else "")

    @property
    def header(self) -> tuple[str, str]:
        return "Reason", str(self)

    @property
    def is_answered_elsewhere(self) -> bool:
        """RFC 3326 §2: a CANCEL of a branch that lost; the phone must not count it as a missed call."""
        return self.protocol == "SIP" and self.code == 200


ANSWERED_ELSEWHERE = Cause("SIP", 200, "Call completed elsewhere")


def cause_of(message: Request | Response) -> Cause | None:
    """The first reason that the message gives, a SIP one before all others; None when there is none to be read."""
    try:
        values = lexical.elements(message.headers.all("reason"), MAX_REASONS, "reasons")
    except RemoteProtocolError:
        return None
    causes = [cause for value in values if (cause := _parse(value))]
    return next((cause for cause in causes if cause.protocol == "SIP"), causes[0] if causes else None)


def _parse(value: str) -> Cause | None:
    """None for what is no reason: why a call ended is worth knowing, but not worth refusing the end."""
    protocol, _, rest = value.partition(";")
    protocol = protocol.strip()
    if not lexical.TOKEN.fullmatch(protocol):
        return None
    try:
        parameters = lexical.parse_parameters(rest)
        code = parameters.get("cause")
        number = lexical.integer(code, 999, "cause") if code else None
    except RemoteProtocolError:
        return None
    return Cause(protocol.upper(), number, lexical.readable(parameters.get("text") or "")[:MAX_TEXT])
