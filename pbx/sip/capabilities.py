"""What a user agent can do, as Allow, Supported, Accept and Allow-Events say it (RFC 3261 §20, RFC 6665 §8.2.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response

SESSION_BODIES = "application/sdp, multipart/mixed"
"""The bodies that an INVITE may have."""

BODIES = f"{SESSION_BODIES}, application/dtmf-relay, application/dtmf, message/sipfrag"

Header = tuple[str, str]


@dataclass(slots=True)
class Capabilities:
    """Ours. Rooms that answer another method or event package add it before the first message."""

    methods: list[str] = field(
        default_factory=lambda: [
            "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY",
        ]
    )  # fmt: skip
    extensions: set[str] = field(default_factory=lambda: {"100rel", "timer", "replaces", "norefersub"})
    events: set[str] = field(default_factory=lambda: {"refer"})

    def add_method(self, method: str) -> None:
        if method not in self.methods:
            self.methods.append(method)

    @property
    def allow(self) -> Header:
        return "Allow", ", ".join(self.methods)

    @property
    def supported(self) -> Header:
        return "Supported", ", ".join(sorted(self.extensions))

    @property
    def allow_events(self) -> Header:
        return "Allow-Events", ", ".join(sorted(self.events))

    def of_dialog(self) -> tuple[Header, ...]:
        """What an INVITE and its 2xx should carry (RFC 3261 §13.2.1, §13.3.1.4)."""
        return self.allow, self.supported, self.allow_events

    def of_options(self) -> tuple[Header, ...]:
        """What the 200 to an OPTIONS should carry (RFC 3261 §11.2)."""
        return (
            *self.of_dialog(),
            ("Accept", BODIES),
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "uk, en, ru"),
        )

    def check_required(self, request: Request) -> None:
        """Raises RemoteProtocolError with 420 for an extension that is not had here.

        RFC 3261 §8.2.2.3: Require "MUST be ignored" in a CANCEL and in an ACK. Proxy-Require is judged too: to the
        phones behind us we are the proxy that it speaks to.
        """
        if request.method in ("CANCEL", "ACK") or not (
            "require" in request.headers or "proxy-require" in request.headers
        ):
            return
        unknown = (request.require | option_tags(request, "proxy-require")) - self.extensions
        if unknown:
            raise RemoteProtocolError("extension required", 420, headers=(("Unsupported", ", ".join(sorted(unknown))),))


@dataclass(slots=True)
class PeerCapabilities:
    """The peer's, as far as its messages have told. Methods in upper case, option tags in lower case."""

    methods: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()

    def learn(self, message: Request | Response) -> None:
        """Take what the message says; what it says nothing of stays. A header that cannot be read says nothing."""
        try:
            if "allow" in message.headers:
                self.methods = frozenset(tag.upper() for tag in option_tags(message, "allow"))
            if "supported" in message.headers:
                self.extensions = message.supported
        except RemoteProtocolError:
            return

    def takes(self, method: str) -> bool:
        return method in self.methods

    def may_take(self, method: str) -> bool:
        """RFC 3261 §20.5: "The absence of an Allow header field MUST NOT be interpreted to mean that the UA sending the
        message supports no methods.\""""
        return not self.methods or method in self.methods


def option_tags(message: Request | Response, header: str) -> frozenset[str]:
    """The tokens of a list header, in lower case. Raises RemoteProtocolError."""
    return frozenset(
        item.lower() for item in lexical.elements(message.headers.all(header), lexical.MAX_ELEMENTS, "option tags")
    )
