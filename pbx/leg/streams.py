"""The audio stream of a leg: offers and answers of its dialogs, and what the media worker is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.leg.usage import InviteUsage
from pbx.leg.values import CODECS
from pbx.media.messages import CodecName, DirectionName
from pbx.sip import offer_answer
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.offer_answer import TELEPHONE_EVENT, Answer, Codec, Direction, NotAcceptable
from pbx.sip.sdp import Sdp, succeeding

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

_CODEC_NAMES: dict[str, CodecName] = {"PCMU": "pcmu", "PCMA": "pcma"}
_DIRECTION_NAMES: dict[Direction, DirectionName] = {
    Direction.SENDRECV: "sendrecv",
    Direction.SENDONLY: "sendonly",
    Direction.RECVONLY: "recvonly",
    Direction.INACTIVE: "inactive",
}


class Streams:
    """`direction`: what we are willing to do; each answer narrows it to what the offer allows."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._session_id = int.from_bytes(leg.leg_id.bytes[-6:], "big")
        self.direction = Direction.SENDRECV
        self.codecs: Sequence[Codec] = CODECS
        self.negotiated: Answer | None = None
        self.held = False

    def offer(
        self, usage: InviteUsage | None, codecs: Sequence[Codec] | None = None, direction: Direction | None = None
    ) -> Sdp:
        """A new offer of ours, after the last description in this dialog if there was one."""
        media = self._leg.media
        assert media is not None
        agreed = usage.agreement if usage is not None else None
        return offer_answer.offer(
            address=self._leg.endpoint.sdp_address(self._leg.flow, media.address),
            port=media.port,
            codecs=_numbered(codecs or self.codecs, agreed),
            direction=direction or self.direction,
            session_id=self._session_id,
            version=1,
            previous=usage.negotiation.sent if usage is not None else None,
        )

    def answer_to(self, usage: InviteUsage, offered: Sdp) -> bytes:
        """Our answer to an offer of the peer, which is in force from now on. Raises RemoteProtocolError; NotAcceptable
        is one of its kinds."""
        media = self._leg.media
        if media is None:
            raise RemoteProtocolError("no media yet", 500, headers=(("Retry-After", "1"),))
        answered = offer_answer.answer(
            offered,
            address=self._leg.endpoint.sdp_address(self._leg.flow, media.address),
            port=media.port,
            supported=CODECS,
            direction=self.direction,
            session_id=self._session_id,
            version=1,
        )
        if usage.negotiation.sent is not None:
            # RFC 3264 §8: the version counts on; an answer that says the same keeps it, so that a refresh changes
            # nothing.
            answered = replace(answered, sdp=succeeding(usage.negotiation.sent, answered.sdp))
        check_usable(answered)
        if usage.negotiation.theirs is None:
            usage.negotiation.offered(offered)
        usage.negotiation.answer(answered.sdp)
        usage.agreement = answered
        self.use(usage)
        return answered.sdp.serialise()

    def take_answer(self, usage: InviteUsage, body: bytes) -> None:
        """The peer's answer to our offer. Raises RemoteProtocolError; what stood before stands then."""
        ours = usage.negotiation.ours
        if ours is None:
            raise RemoteProtocolError("an answer to nothing")
        if not body:
            raise RemoteProtocolError("no answer to our offer")
        answer = Sdp.parse(body)
        agreement = offer_answer.accept(ours, answer)
        check_usable(agreement)
        usage.negotiation.answered(answer)
        usage.agreement = agreement
        self.use(usage)

    def preview(self, usage: InviteUsage, body: bytes) -> bool:
        """A description in an unreliable 183 is no answer yet, but says where early media come from (RFC 3261 §13.2.1,
        RFC 3960 §3). Whether it could be used."""
        ours = usage.negotiation.ours
        if ours is None or not body:
            return False
        try:
            agreement = offer_answer.accept(ours, Sdp.parse(body))
            check_usable(agreement)
        except RemoteProtocolError:
            return False  # the answer will come with the 200; until then there is silence
        usage.agreement = agreement
        self.use(usage)
        return True

    def keep_preview(self, usage: InviteUsage) -> None:
        """The 200 says nothing more: what an unreliable 183 promised is the answer, as gateways mean it."""
        assert usage.agreement is not None
        usage.negotiation.answered(usage.agreement.sdp)
        self.use(usage)

    def use(self, usage: InviteUsage) -> None:
        """Send to, and expect from, what offer and answer of that dialog settled on."""
        media, agreement = self._leg.media, usage.agreement
        assert media is not None
        assert agreement is not None
        self.negotiated = agreement
        # On hold by an address of zeros nothing is sent, so where to does not matter.
        address = agreement.remote_address or "0.0.0.0"
        media.update(
            remote_address=address,
            remote_port=agreement.remote_port,
            codec=_CODEC_NAMES[agreement.codec.name.upper()],
            payload_type=agreement.codec.payload_type,
            dtmf_payload_type=agreement.dtmf_payload_type,
            direction=_DIRECTION_NAMES[agreement.direction],
            # The SDP's address, or where the phone's signalling comes from (NAT): nobody else may speak.
            sources=tuple(dict.fromkeys((address, self._leg.flow.host))),
            remote_rtcp_port=agreement.remote_rtcp_port,
        )

    def note_hold(self) -> None:
        """Tell the room above when the peer has put us on hold or taken us back."""
        if self.negotiated is None or not self.direction.sends:
            return  # while we would not send anyway the peer cannot say whether it wants to hear us
        held = not self.negotiated.direction.sends
        if held != self.held:
            self.held = held
            if self._leg.on_hold is not None:
                self._leg.on_hold(held)
            self._leg.changed()


def _numbered(codecs: Sequence[Codec], agreed: Answer | None) -> Sequence[Codec]:
    """RFC 3264 §8.3.2: a payload type number must not change its meaning within a session, so digits keep the number
    that was agreed on."""
    digits = agreed.dtmf_payload_type if agreed is not None else None
    if digits is None:
        return codecs
    return [replace(codec, payload_type=digits) if codec.is_same(TELEPHONE_EVENT) else codec for codec in codecs]


def check_usable(agreement: Answer) -> None:
    """Raises NotAcceptable."""
    if agreement.remote_address is not None and ":" in agreement.remote_address:
        raise NotAcceptable("IPv6 media is not spoken here yet", 300)
