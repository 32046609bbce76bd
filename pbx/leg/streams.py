"""The audio stream of a leg: offers and answers of its dialogs, and what the media worker is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.leg.part import Part
from pbx.leg.secrecy import LegSecrecy, check_no_downgrade
from pbx.leg.usage import InviteUsage
from pbx.leg.values import DigitWay
from pbx.media.messages import CodecName, DirectionName, OpusWishes
from pbx.sip import offer_answer, opus_format
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.offer_answer import (
    COMFORT_NOISE,
    DYNAMIC,
    HUSHED,
    OPUS,
    PCMA,
    PCMU,
    TELEPHONE_EVENT,
    Answer,
    Codec,
    Direction,
    NotAcceptable,
)
from pbx.sip.sdp import Sdp, succeeding

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

G711 = (PCMA, PCMU)
_CODEC_NAMES: dict[tuple[str, int], CodecName] = {
    ("pcmu", 8000): "pcmu",
    ("pcma", 8000): "pcma",
    ("g722", 8000): "g722",
    ("opus", 48000): "opus",
    ("gsm", 8000): "gsm",
    ("speex", 8000): "speex",
    ("speex", 16000): "speex16",
}
_DIRECTION_NAMES: dict[Direction, DirectionName] = {
    Direction.SENDRECV: "sendrecv",
    Direction.SENDONLY: "sendonly",
    Direction.RECVONLY: "recvonly",
    Direction.INACTIVE: "inactive",
}


class Streams(Part["Leg"]):
    """`direction`: what we are willing to do; each answer narrows it to what the offer allows."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self.secrecy = LegSecrecy(leg)
        self._session_id = int.from_bytes(leg.leg_id.bytes[-6:], "big")
        self.direction = Direction.SENDRECV
        self.codecs: Sequence[Codec] = leg.endpoint.codecs
        self.preferred: Codec | None = None  # what the leg that we shall be joined with speaks
        self.negotiated: Answer | None = None
        self.named: tuple[Codec, ...] = ()  # codecs of ours that the other side has ever named
        self.held = False

    def offer(
        self, usage: InviteUsage | None, codecs: Sequence[Codec] | None = None, direction: Direction | None = None
    ) -> Sdp:
        """A new offer of ours, after the last description in this dialog if there was one."""
        media = self._leg.media
        assert media is not None
        agreed = usage.agreement if usage is not None else None
        offer = offer_answer.offer(
            address=self._leg.endpoint.sdp_address(self._leg.flow, media.address),
            port=media.port,
            codecs=_numbered(offer_answer.with_events(self._offerable(codecs or self.codecs, agreed)), agreed),
            direction=direction or self.direction,
            session_id=self._session_id,
            version=1,
            previous=usage.negotiation.sent if usage is not None else None,
            secrecy=self.secrecy.secrecy(),
            keying=agreed.keying if agreed is not None else None,
        )
        self.secrecy.expect(offer, agreed)
        return offer

    def _offerable(self, codecs: Sequence[Codec], agreed: Answer | None) -> Sequence[Codec]:
        """Comfort noise only where somebody speaks it: the leg that waits for this one, or this one already."""
        spoken = self._speakable(codecs)
        wanted = COMFORT_NOISE in codecs or (agreed is not None and agreed.noise is not None)
        hushed = any(codec.is_same(known) for codec in spoken for known in HUSHED)
        inband = self._leg.path.way is DigitWay.INBAND
        return (*spoken, COMFORT_NOISE) if wanted and hushed and not inband else spoken

    def _speakable(self, codecs: Sequence[Codec]) -> Sequence[Codec]:
        known = self._leg.endpoint.codecs_for(self._leg.flow)
        spoken = [codec for codec in codecs if any(codec.is_same(one) for one in known)]
        if all(codec.name == TELEPHONE_EVENT.name for codec in spoken):
            spoken = list(known)
        return self._without_events(spoken)

    def _without_events(self, codecs: Sequence[Codec]) -> Sequence[Codec]:
        """What this peer can be told of: where digits go another way, no telephone-event, and with tones in the sound
        no codec that spoils them."""
        match self._leg.path.way:
            case DigitWay.INFO:
                return [codec for codec in codecs if codec.name != TELEPHONE_EVENT.name]
            case DigitWay.INBAND:
                return [codec for codec in codecs if codec in G711] or G711
            case _:
                return codecs

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
            supported=self._without_events((*self._leg.endpoint.codecs_for(self._leg.flow), COMFORT_NOISE)),
            preferred=self.preferred,
            direction=self.direction,
            session_id=self._session_id,
            version=1,
            secrecy=self.secrecy.answering(offered, usage.agreement),
        )
        if usage.negotiation.sent is not None:
            # RFC 3264 §8: the version counts on; an answer that says the same keeps it, so that a refresh changes
            # nothing.
            answered = replace(answered, sdp=succeeding(usage.negotiation.sent, answered.sdp))
        check_usable(answered)
        check_no_downgrade(answered, usage.agreement)
        self._note_named(offered)
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
        check_no_downgrade(agreement, usage.agreement)
        self._note_named(answer)
        usage.negotiation.answered(answer)
        usage.agreement = agreement
        self.use(usage)

    def prefer(self, codec: Codec) -> None:
        """Name it first from now on, so that an offer for something else does not change it back."""
        self.codecs = sorted(self.codecs, key=lambda known: not known.is_same(codec))

    def has_named(self, codec: Codec) -> bool:
        """Whether the other side has said that it speaks this, and we may speak it with it."""
        return any(codec.is_same(one) for one in self._without_events(self.named))

    def _note_named(self, description: Sdp) -> None:
        """An answer need not name everything that its writer speaks, and a later one may name less."""
        found = offer_answer.in_common(description, self._leg.endpoint.codecs_for(self._leg.flow))
        speech = [codec for codec in found if codec.name != TELEPHONE_EVENT.name]
        self.named = (*self.named, *(codec for codec in speech if not any(codec.is_same(one) for one in self.named)))

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
        by_checks = agreement.keying is not None and agreement.keying.ice
        self.secrecy.use(agreement)
        media.update(
            remote_address=address,
            remote_port=agreement.remote_port,
            codec=_CODEC_NAMES[agreement.codec.name.lower(), agreement.codec.clock_rate],
            payload_type=agreement.codec.payload_type,
            dtmf_payload_type=agreement.dtmf_payload_type,
            dtmf_clock_rate=agreement.dtmf.clock_rate if agreement.dtmf is not None else 8000,
            inband_digits=self._leg.path.way is DigitWay.INBAND,
            direction=_DIRECTION_NAMES[agreement.direction],
            # The SDP's address, or where the phone's signalling comes from (NAT): nobody else may speak. With ICE it is
            # the keys that say who may.
            sources=() if by_checks else tuple(dict.fromkeys((address, self._leg.flow.host))),
            remote_rtcp_port=agreement.remote_rtcp_port,
            noise_payload_type=agreement.noise.payload_type if agreement.noise is not None else None,
            opus=_opus_wishes(agreement.remote_fmtp) if agreement.codec.is_same(OPUS) else None,
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


def _opus_wishes(fmtp: str | None) -> OpusWishes:
    wanted = opus_format.parse(fmtp)
    return OpusWishes(rate=wanted.rate, bitrate=wanted.bitrate, repeats=wanted.repeats, pauses=wanted.pauses)


def _numbered(codecs: Sequence[Codec], agreed: Answer | None) -> Sequence[Codec]:
    """RFC 3264 §8.3.2: a payload type number must not change its meaning within a session, so speech and digits keep
    the numbers that were agreed on, and nothing else takes them."""
    if agreed is None:
        return codecs
    fixed = [codec for codec in (agreed.codec, agreed.dtmf) if codec is not None]
    taken = {codec.payload_type for codec in (*fixed, *codecs)}
    free = (number for number in range(DYNAMIC, 128) if number not in taken)
    numbered = []
    for codec in codecs:
        number = next((one.payload_type for one in fixed if one.is_same(codec)), None)
        if number is None and any(one.payload_type == codec.payload_type for one in fixed):
            number = next(free)
        numbered.append(codec if number is None else replace(codec, payload_type=number))
    return numbered


def check_usable(agreement: Answer) -> None:
    """Raises NotAcceptable."""
    if agreement.remote_address is not None and ":" in agreement.remote_address:
        raise NotAcceptable("IPv6 media is not spoken here yet", 300)
