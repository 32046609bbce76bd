"""The other side of a leg, message by message: a phone that calls the switch, and one that the switch calls.

Each keeps its own CSeq and says only what a test lets it say. See `Switch` for what they talk to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Self, cast
from uuid import UUID

from pbx.endpoint import CODECS
from pbx.inbound_leg import InboundLeg
from pbx.leg import Identity, Leg
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply
from tests.pbx.switch import PHONE, SDP, PromisedLeg, Switch, a_request

Header = tuple[str, str]
CALL = UUID(int=7)
CALLED = Destination("sip:1002@192.0.2.11:5062", PHONE, "1002")
OLENA = Identity("1001", "Olena")
BRANCHES = count()
CONTACT = ("Contact", "<sip:1002@192.0.2.11:5062>")


@dataclass(slots=True, kw_only=True)
class Peer:
    switch: Switch
    leg: Leg
    user: str
    cseq: int
    flow: Flow = PHONE

    @property
    def tag(self) -> str:
        raise NotImplementedError

    @property
    def sip_call_id(self) -> str:
        raise NotImplementedError

    @property
    def media(self) -> PromisedLeg:
        """What the leg's media worker was told."""
        return cast(PromisedLeg, self.leg.media)

    def told(self, what: str) -> object:
        """… of the stream, last."""
        return self.media.updates[-1][what]

    def text(
        self,
        method: str,
        *,
        cseq: int | None = None,
        headers: Sequence[str] = (),
        body: str = "",
        content_type: str = "application/sdp",
        tag: str | None = None,
    ) -> str:
        """A request of this phone inside the dialog. `cseq` None: the next one."""
        if cseq is None:
            self.cseq += 1
        kind = [f"Content-Type: {content_type}"] if body else []
        return "\r\n".join([
            f"{method} sip:dzvin@203.0.113.1:5060 SIP/2.0",
            f"Via: SIP/2.0/UDP {self.flow.host}:{self.flow.port};branch=z9hG4bKpeer{next(BRANCHES)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self.user}@example.com>;tag={self.tag if tag is None else tag}",
            f"To: <sip:somebody@example.com>;tag={local_tag(self.leg)}",
            f"Call-ID: {self.sip_call_id}",
            f"CSeq: {self.cseq if cseq is None else cseq} {method}",
            f"Contact: <sip:{self.user}@{self.flow.host}:{self.flow.port}>",
            *headers,
            *kind,
            f"Content-Length: {len(body)}",
            "",
            body,
        ])  # fmt: skip

    def asks(
        self,
        method: str,
        *,
        cseq: int | None = None,
        headers: Sequence[str] = (),
        body: str = "",
        content_type: str = "application/sdp",
        tag: str | None = None,
    ) -> Response:
        """Send it; the last response that it gets at once."""
        text = self.text(method, cseq=cseq, headers=headers, body=body, content_type=content_type, tag=tag)
        before = len(self.switch.sent)
        self.switch.hears(text, self.flow)
        asked = parse(text.encode())
        responses = [
            message
            for message in self.switch.sent[before:]
            if isinstance(message, Response) and message.cseq == asked.cseq
        ]
        assert responses, f"no response to {method}"
        return responses[-1]

    def acknowledges(self, *, cseq: int | None = None, body: str = "") -> None:
        """The ACK of this phone's last INVITE."""
        self.switch.hears(self.text("ACK", cseq=self.cseq if cseq is None else cseq, body=body), self.flow)

    def answers(
        self,
        request: Request,
        status: int,
        *,
        headers: Iterable[Header] = (),
        body: str = "",
        contact: Header = CONTACT,
    ) -> Response:
        """The answer to a request of ours inside the dialog."""
        response = reply(
            request, status, to_tag=self.tag, headers=(contact, *headers), body=body.encode(),
            content_type="application/sdp" if body else None,
        )  # fmt: skip
        self.switch.hears(response, self.flow)
        return response

    def heard(self, method: str) -> list[Request]:
        """Our requests of that method to this dialog, oldest first."""
        return [
            message
            for message in self.switch.requests
            if message.method == method and message.sip_call_id == self.sip_call_id
        ]


def local_tag(leg: Leg) -> str:
    assert isinstance(leg, InboundLeg | OutboundLeg)
    return leg.local_tag


@dataclass(slots=True, kw_only=True)
class Caller(Peer):
    """1001 has called; its INVITE was accepted and waits."""

    invite: Request

    @classmethod
    async def calls(cls, switch: Switch, *, headers: Sequence[str] = (), body: str = SDP) -> Self:
        text = a_request("INVITE", headers="".join(f"{line}\r\n" for line in headers), body=body)
        switch.hears_authenticated(text)
        leg = switch.calls[-1]
        await leg.open_media()
        invite = parse(switch.heard.encode())
        assert isinstance(invite, Request)
        return cls(switch=switch, leg=leg, user="1001", cseq=2, invite=invite)

    @classmethod
    async def talks(cls, switch: Switch, *, headers: Sequence[str] = (), body: str = SDP) -> Self:
        """… and it was answered."""
        caller = await cls.calls(switch, headers=headers, body=body)
        caller.inbound.answer()
        caller.acknowledges()
        return caller

    @property
    def inbound(self) -> InboundLeg:
        assert isinstance(self.leg, InboundLeg)
        return self.leg

    @property
    def tag(self) -> str:
        return "caller"

    @property
    def sip_call_id(self) -> str:
        return self.inbound.sip_call_id

    def cancels(self, headers: Sequence[str] = ()) -> None:
        head = self.switch.heard.replace("INVITE", "CANCEL").partition("Content-Type")[0].partition("Content-Length")[0]
        self.switch.hears("".join([head, *(f"{line}\r\n" for line in headers), "Content-Length: 0\r\n\r\n"]))

    def provisionals(self) -> list[Response]:
        """What the INVITE has been answered with before its end, without the 100."""
        return [
            message
            for message in self.switch.sent
            if isinstance(message, Response) and 100 < message.status < 200 and message.cseq.method == "INVITE"
        ]


@dataclass(slots=True, kw_only=True)
class Callee(Peer):
    """A phone that the switch calls. `fork` is the tag it answers with."""

    fork: str = "callee"

    @classmethod
    async def is_called(
        cls, switch: Switch, destination: Destination = CALLED, *, caller: Identity = OLENA, max_forwards: int = 70
    ) -> Self:
        leg = switch.user_agent.leg_to(destination, call_id=CALL, caller=caller, max_forwards=max_forwards)
        await leg.open_media()
        leg.dial(CODECS)
        return cls(switch=switch, leg=leg, user="1002", cseq=0, flow=destination.flow)

    @classmethod
    async def talks(cls, switch: Switch, *, headers: Iterable[Header] = ()) -> Self:
        """… and it has answered."""
        callee = await cls.is_called(switch)
        callee.says(200, body=SDP, headers=headers)
        return callee

    @property
    def outbound(self) -> OutboundLeg:
        assert isinstance(self.leg, OutboundLeg)
        return self.leg

    @property
    def tag(self) -> str:
        return self.fork

    @property
    def sip_call_id(self) -> str:
        return self.outbound.sip_call_id

    @property
    def invite(self) -> Request:
        """Our last INVITE to it."""
        return self.heard("INVITE")[-1]

    def says(
        self,
        status: int,
        *,
        tag: str | None = None,
        headers: Iterable[Header] = (),
        body: str = "",
        contact: Header = CONTACT,
        invite: Request | None = None,
    ) -> None:
        """A response to our INVITE, by default to the last one."""
        response = reply(
            invite or self.invite, status, to_tag=self.fork if tag is None else tag, headers=(contact, *headers),
            body=body.encode(), content_type="application/sdp" if body else None,
        )  # fmt: skip
        self.switch.hears(response, self.flow)


def reliable(rseq: int) -> tuple[Header, ...]:
    """The headers of a reliable provisional response."""
    return ("Require", "100rel"), ("RSeq", str(rseq))
