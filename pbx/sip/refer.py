"""REFER: one asks the other to call somebody, and is told how it went (RFC 3515, RFC 4488, RFC 3420)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.replaces import Replaces
from pbx.sip.reply import reason_of
from pbx.sip.uri import NameAddr, SipUri

EVENT = "refer"
SIPFRAG = "message/sipfrag;version=2.0"
NO_SUBSCRIPTION = "norefersub"
LIFE = 180  # seconds that a subscription lasts without its end being told
MAX_FRAGMENT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferTo:
    """uri: without the headers that came with it. replaces: the dialog that the new call shall take the place of."""

    uri: SipUri
    method: str = "INVITE"
    replaces: Replaces | None = None

    @classmethod
    def of(cls, request: Request) -> ReferTo:
        """Raises RemoteProtocolError: RFC 3515 §2.4.2, 400 for none or several."""
        values = request.headers.all("refer-to")
        if len(values) != 1:
            raise RemoteProtocolError("not one Refer-To")
        return cls.parse(values[0])

    @classmethod
    def parse(cls, text: str) -> ReferTo:
        """Raises RemoteProtocolError."""
        uri = NameAddr.parse(text).uri
        replaces = uri.header("Replaces")
        parameters = {name: value for name, value in uri.parameters.items() if name != "method"}
        return cls(
            uri=replace(uri, headers=(), parameters=parameters),
            method=(uri.parameters.get("method") or "INVITE").upper(),
            replaces=Replaces.parse(replaces) if replaces else None,
        )

    def __str__(self) -> str:
        headers = (("Replaces", str(self.replaces)),) if self.replaces else ()
        return f"<{replace(self.uri, headers=headers)}>"

    @property
    def number(self) -> str:
        return lexical.readable(self.uri.user or "")


def wants_subscription(refer: Request) -> bool:
    """RFC 4488 §4: `Refer-Sub: false` asks that no subscription be made."""
    told = (refer.headers.get("refer-sub") or "true").partition(";")[0].strip().lower()
    return told != "false"


def referred_by(refer: Request) -> str:
    """Whom Referred-By names, as text for people (RFC 3892); empty when it does not."""
    value = refer.headers.get("referred-by")
    if value is None:
        return ""
    try:
        address = NameAddr.parse(value)
    except RemoteProtocolError:
        return ""
    return address.readable_name or lexical.readable(address.uri.user or address.uri.host)


# ---- what the NOTIFYs say --------------------------------------------------------------------------------------------


def fragment(status: int, reason: str = "") -> bytes:
    """The body of a NOTIFY: the status line of the response that the new call met (RFC 3515 §2.4.5)."""
    return f"SIP/2.0 {status} {reason or reason_of(status)}\r\n".encode()


def status_of(body: bytes) -> int:
    """The status in a NOTIFY's body. Raises RemoteProtocolError."""
    line = body[:MAX_FRAGMENT].partition(b"\n")[0].strip().decode("utf-8", "surrogateescape")
    words = line.split(" ", 2)
    if len(words) < 2 or words[0].upper() != "SIP/2.0":
        raise RemoteProtocolError("a NOTIFY without a status line")
    return lexical.integer(words[1], 699, "status")


def event_of(message: Request | Response) -> tuple[str, str | None]:
    """The event package in lower case, and the id; an empty name when there is no Event header."""
    value = message.headers.get("event") or ""
    package, _, rest = value.partition(";")
    return package.strip().lower(), lexical.parse_parameters(rest).get("id")


def is_terminated(notify: Request) -> bool:
    """Whether this NOTIFY is the last of its subscription (RFC 6665 §4.1.3)."""
    return (notify.headers.get("subscription-state") or "").partition(";")[0].strip().lower() == "terminated"


def subscription_state(*, over: bool, reason: str = "noresource") -> tuple[str, str]:
    """RFC 3515 §2.4.7: the subscription ends when the reference is decided, with reason "noresource"; or earlier, with
    another (RFC 6665 §4.1.3)."""
    return "Subscription-State", f"terminated;reason={reason}" if over else f"active;expires={LIFE}"
