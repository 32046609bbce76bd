"""Offer and answer for one audio stream: RFC 3264, with the payload types of RFC 3551 and RFC 4733's digits.

The first audio stream that can be had is taken; every other m= line is refused with port 0, in its place. What the two
say of secrecy is `secure_media`'s business: a secure profile is had only with its keying.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from pbx.sip import lexical, secure_media
from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.memo import remembered
from pbx.sip.sdp import Direction, Line, MediaDescription, Origin, Sdp, succeeding
from pbx.sip.secure_media import NOTHING_SECURE, Keying, Secrecy

__all__ = [
    "COMFORT_NOISE",
    "DYNAMIC",
    "EVENTS",
    "G722",
    "GSM",
    "OPUS",
    "PCMA",
    "PCMU",
    "SPEECH",
    "SPEEX",
    "SPEEX_WIDE",
    "TELEPHONE_EVENT",
    "Answer",
    "Codec",
    "Direction",
    "NotAcceptable",
    "accept",
    "answer",
    "check_family",
    "in_common",
    "offer",
    "with_events",
]

PTIME = 20  # milliseconds
DYNAMIC = 96  # RFC 3551 §6: payload types from here on mean what rtpmap says


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A codec with the payload type that one description gives it. fmtp: its format parameters, as written."""

    name: str
    clock_rate: int = 8000
    payload_type: int
    fmtp: str | None = None
    channels: int = 1

    def is_same(self, other: Codec) -> bool:
        """Whether both name one encoding; the payload type is each side's own affair."""
        ours = self.name.lower(), self.clock_rate, self.channels
        return ours == (other.name.lower(), other.clock_rate, other.channels)

    @property
    def rtpmap(self) -> str:
        channels = f"/{self.channels}" if self.channels != 1 else ""
        return f"{self.payload_type} {self.name}/{self.clock_rate}{channels}"


PCMU = Codec(name="PCMU", payload_type=0)
PCMA = Codec(name="PCMA", payload_type=8)
G722 = Codec(name="G722", payload_type=9)  # its clock runs at 8000 by an old mistake: RFC 3551 §4.5.2
GSM = Codec(name="GSM", payload_type=3)
# RFC 7587 §7: "The number of channels … MUST be 2" and the clock 48000, whatever is spoken; the parameters say that
# our sound ends at 8 kHz, so that the peer need not send more.
OPUS = Codec(
    name="opus",
    clock_rate=48000,
    channels=2,
    payload_type=107,
    fmtp="useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000",
)
SPEEX = Codec(name="speex", payload_type=97)  # RFC 5574
SPEEX_WIDE = Codec(name="speex", clock_rate=16000, payload_type=98)
SPEECH = (PCMA, PCMU, G722, OPUS, GSM, SPEEX_WIDE, SPEEX)
"""Every codec that the media workers can speak where its library is there."""

COMFORT_NOISE = Codec(name="CN", payload_type=13)
HUSHED = (PCMU, PCMA, G722)
"""RFC 3389 §1: comfort noise is for "codecs that do not support comfort noise as part of the codec itself"."""

TELEPHONE_EVENT = Codec(name="telephone-event", payload_type=101, fmtp="0-16")
EVENTS = (
    TELEPHONE_EVENT,
    replace(TELEPHONE_EVENT, clock_rate=16000, payload_type=102),
    replace(TELEPHONE_EVENT, clock_rate=48000, payload_type=110),
)
"""RFC 4733 §2.1: digits share the clock of the stream they stand in."""

# RFC 3551 §6, table 4: what these numbers mean without an rtpmap line.
STATIC = {
    codec.payload_type: codec
    for codec in (
        PCMU,
        GSM,
        Codec(name="G723", payload_type=4),
        PCMA,
        G722,
        Codec(name="L16", clock_rate=44100, payload_type=11),
        COMFORT_NOISE,
        Codec(name="G728", payload_type=15),
        Codec(name="G729", payload_type=18),
    )
}
_NO_SPEECH = frozenset({"telephone-event", "cn", "red"})


class NotAcceptable(RemoteProtocolError):
    """The two sides have no stream in common: 488, with a Warning that says why (RFC 3261 §20.43)."""

    def __init__(self, reason: str, warning: int = 399) -> None:
        super().__init__(reason, 488, headers=[("Warning", f"{warning} dzvin {lexical.quote(reason)}")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was agreed, seen from our side.

    sdp: our answer, or the peer's when it answered us. codec: with the payload type to send. remote_address: None while
    the peer wants nothing sent (an address of zeros, RFC 2543's hold), or where ICE will say where to. ptime:
    milliseconds that the peer prefers. dtmf: telephone-event with the payload type to send. keying: None on a plain
    stream. noise: comfort noise with the payload type to send. remote_fmtp: the codec's format parameters as the peer
    wrote them.
    """

    sdp: Sdp
    codec: Codec
    dtmf: Codec | None
    remote_address: str | None
    remote_port: int
    remote_rtcp_port: int
    rtcp_mux: bool
    direction: Direction
    ptime: int | None = None
    keying: Keying | None = None
    noise: Codec | None = None
    remote_fmtp: str | None = None

    @property
    def dtmf_payload_type(self) -> int | None:
        return self.dtmf.payload_type if self.dtmf is not None else None


def offer(
    *,
    address: str,
    port: int,
    codecs: Sequence[Codec] = (PCMA, PCMU, TELEPHONE_EVENT),
    direction: Direction = Direction.SENDRECV,
    session_id: int,
    version: int,
    previous: Sdp | None = None,
    secrecy: Secrecy = NOTHING_SECURE,
    keying: Keying | None = None,
) -> Sdp:
    """Our offer of one audio stream with these codecs, the preferred one first; where telephone-event is among them,
    at the clock of each.

    previous: our last description in the same session, for a re-INVITE. Its streams keep their places, and the o= line
    follows from it; session_id and version are then not used. keying: what stands in that session.
    """
    if not codecs:
        raise LocalProtocolError("an offer without codecs")
    first = previous is None
    protocol = secure_media.offered_as(secrecy, keying, first=first)
    lines = secure_media.offer_lines(secrecy, protocol, keying, port, first=first)
    stream = _stream(port, protocol, with_events(codecs), direction, lines)
    session = secure_media.session_lines(stream)
    if previous is None:
        return _description(address, session_id, version, (stream,), session=session)
    place = _live_stream(previous)
    # RFC 3264 §8: "If an SDP is offered, which is different from the previous SDP, the new SDP MUST have a matching
    # media stream for each media stream in the previous SDP."
    media = tuple(stream if at == place else _refused(old) for at, old in enumerate(previous.media))
    return succeeding(previous, _description(address, session_id, version, media, session=session))


def answer(
    remote: Sdp,
    *,
    address: str,
    port: int,
    supported: Sequence[Codec] = (PCMA, PCMU, TELEPHONE_EVENT),
    preferred: Codec | None = None,
    direction: Direction = Direction.SENDRECV,
    session_id: int,
    version: int,
    secrecy: Secrecy = NOTHING_SECURE,
) -> Answer:
    """Our answer to the peer's offer: the first codec of its list that we support, and its number for digits.

    preferred: this codec, where the peer offers it, wherever in its list. direction: what we are willing to do; the
    answer narrows it to what the offer allows. Raises NotAcceptable.
    """
    chosen, stream, agreed, keying = _first_acceptable(remote, supported, preferred, secrecy)
    # RFC 3264 §6.1: "If a stream is offered as sendonly, the corresponding stream MUST be marked as recvonly or
    # inactive in the answer", and so on for the other directions.
    ours = _allowed(remote, stream, keying) & direction
    # §6: "To reject an offered stream, the port number in the corresponding stream in the answer MUST be set to zero."
    # "For each "m=" line in the offer, there MUST be a corresponding "m=" line in the answer."
    lines = secure_media.answer_lines(secrecy, keying, port) if keying is not None else ()
    answered = _stream(port, stream.protocol, agreed, ours, lines)
    media = tuple(answered if at == chosen else _refused(refused) for at, refused in enumerate(remote.media))
    bundled = keying is not None and keying.bundled
    session = secure_media.session_lines(answered, bundled=bundled)
    # RFC 3264 §6: the time of a session cannot be negotiated; t= in the answer repeats the offer's.
    times = tuple(line for line in remote.lines if line[0] == "t") or (("t", "0 0"),)
    described = _description(address, session_id, version, media, times, session)
    return _agreement(described, remote, stream, agreed, ours, keying)


def in_common(remote: Sdp, supported: Sequence[Codec] = (*SPEECH, *EVENTS)) -> tuple[Codec, ...]:
    """Every codec of ours that the peer's description also names, in the peer's order and with our numbers.

    What a back-to-back user agent offers onwards, so that the far side's choice needs no transcoding.
    """
    theirs = [codec for stream in remote.media if stream.media == "audio" and stream.port for codec in _codecs(stream)]
    found = (known for codec in theirs for known in supported if known.is_same(codec))
    return tuple(dict.fromkeys(found))


def check_family(remote: Sdp) -> None:
    """Whether there is an audio stream that IPv4 can carry. Raises NotAcceptable, so that nobody's phone rings for
    a call without a voice. Of addresses that are no addresses `answer` judges."""
    streams = [stream for stream in remote.media if stream.media == "audio"]
    # Where there are connectivity checks they say where to; what c= names is a default that nobody uses.
    addresses = [
        remote.connection_of(stream) or "" for stream in streams if not secure_media.speaks_ice(remote, stream)
    ]
    if len(addresses) == len(streams) and addresses and all(":" in address for address in addresses):
        raise NotAcceptable("IPv6 media is not spoken here yet", 300)


def accept(local_offer: Sdp, remote_answer: Sdp) -> Answer:
    """What the peer's answer makes of our offer. Raises NotAcceptable."""
    ours = _live_stream(local_offer)
    if len(remote_answer.media) <= ours or remote_answer.media[ours].media != local_offer.media[ours].media:
        raise NotAcceptable("the answer does not follow the offer")
    stream = remote_answer.media[ours]
    if stream.port == 0:
        raise NotAcceptable("the stream was refused", 304)
    if stream.protocol != local_offer.media[ours].protocol:
        raise NotAcceptable("the answer names another profile", 302)
    try:
        keying = secure_media.accepted(local_offer.media[ours], remote_answer, stream)
    except secure_media.Refused as error:
        raise NotAcceptable(str(error)) from error
    agreed = _common(stream, _codecs(local_offer.media[ours]))
    if not agreed:
        raise NotAcceptable("no codec in common", 305)
    allowed = _allowed(remote_answer, stream, keying) & local_offer.direction_of(local_offer.media[ours])
    return _agreement(remote_answer, remote_answer, stream, agreed, allowed, keying)


def _live_stream(local: Sdp) -> int:
    """The place of the one stream that we did not refuse."""
    for at, media in enumerate(local.media):
        if media.port:
            return at
    raise LocalProtocolError("a description of ours without a stream")


def _first_acceptable(
    remote: Sdp, supported: Sequence[Codec], preferred: Codec | None, secrecy: Secrecy
) -> tuple[int, MediaDescription, list[Codec], Keying | None]:
    reason, warning = "no audio offered", 304
    for at, stream in enumerate(remote.media):
        if stream.media != "audio" or stream.port == 0:
            continue
        try:
            keying = secure_media.answered(remote, stream, secrecy)
        except secure_media.Refused as error:
            reason, warning = f"{lexical.readable(stream.protocol)[:32]}: {error}", 302
            continue
        agreed = _common(stream, supported, preferred)
        if not agreed:
            reason, warning = "no codec in common", 305
            continue
        return at, stream, agreed, keying
    raise NotAcceptable(reason, warning)


def _common(stream: MediaDescription, supported: Iterable[Codec], preferred: Codec | None = None) -> list[Codec]:
    """The speech codec to use, then telephone-event and comfort noise if there are; with the peer's numbers."""
    theirs = _codecs(stream)
    usable = [
        # Format parameters say what their writer wants to receive (RFC 7587 §7.1): ours are ours.
        replace(codec, fmtp=known.fmtp)
        for codec in theirs
        if codec.name.lower() not in _NO_SPEECH
        for known in supported
        if codec.is_same(known)
    ]
    if not usable:
        return []
    speech = next((codec for codec in usable if preferred and codec.is_same(preferred)), usable[0])
    hushed = COMFORT_NOISE in supported and any(speech.is_same(known) for known in HUSHED)
    noise = [codec for codec in theirs if hushed and codec.is_same(COMFORT_NOISE)][:1]
    if not any(known.name.lower() == "telephone-event" for known in supported):
        return [speech, *noise]
    events = [codec for codec in theirs if any(codec.is_same(known) for known in EVENTS)]
    # RFC 4733 §2.1: telephone-event shares the clock rate of the stream it stands in. Phones that write only 8000
    # beside Opus mean it all the same.
    events.sort(key=lambda codec: (codec.clock_rate != speech.clock_rate, codec.clock_rate != 8000))
    return [speech, *[codec for codec in events if codec.clock_rate in (speech.clock_rate, 8000)][:1], *noise]


def with_events(codecs: Sequence[Codec]) -> list[Codec]:
    """The same, and telephone-event at the clock of each, where there is one at all."""
    events = [codec for codec in codecs if codec.name.lower() == "telephone-event"]
    speech = [codec for codec in codecs if codec not in events]
    if not events:
        return speech
    rates = {codec.clock_rate for codec in speech}
    numbers = {codec.payload_type for codec in codecs}
    for event in EVENTS:
        if event.clock_rate in rates and not any(event.is_same(known) for known in events):
            free = (number for number in (event.payload_type, *range(DYNAMIC, 128)) if number not in numbers)
            events.append(replace(event, payload_type=next(free)))
            numbers.add(events[-1].payload_type)
    return [*speech, *events]


def _codecs(stream: MediaDescription) -> list[Codec]:
    """The codecs of an m= line in its order; numbers that nothing explains are left out."""
    maps = dict(found for text in stream.attributes("rtpmap") if (found := _mapped(text)) is not None)
    formats = dict(_by_number(stream.attributes("fmtp")))
    codecs = []
    for text in stream.formats:
        number = _payload_type(text)
        codec = None if number is None else maps.get(number) or STATIC.get(number)
        if codec:
            fmtp = formats.get(codec.payload_type)
            codecs.append(replace(codec, fmtp=fmtp) if fmtp else codec)
    return codecs


def _by_number(values: Iterable[str]) -> list[tuple[int, str]]:
    pairs = (value.partition(" ") for value in values)
    return [(number, rest.strip()) for head, _, rest in pairs if (number := _payload_type(head)) is not None]


@remembered
def _mapped(text: str) -> tuple[int, Codec | None] | None:
    """What an rtpmap says of a number, if it says anything. Phones write the same few lines in every call."""
    head, _, rest = text.partition(" ")
    number = _payload_type(head)
    return None if number is None else (number, _codec(number, rest.strip()))


def _codec(number: int, text: str) -> Codec | None:
    name, _, rest = text.partition("/")
    rate, _, channels = rest.partition("/")
    try:
        return Codec(
            name=name.strip(),
            clock_rate=lexical.integer(rate.strip(), 384000, "clock rate"),
            payload_type=number,
            channels=lexical.integer(channels.strip(), 255, "channels") if channels else 1,
        )
    except RemoteProtocolError:
        return None  # an rtpmap that cannot be read makes its codec unknown, not the call impossible


def _payload_type(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127 else None


def _allowed(remote: Sdp, stream: MediaDescription, keying: Keying | None) -> Direction:
    """What the peer's description allows us."""
    allowed = remote.direction_of(stream).reversed
    if keying is not None and keying.ice:
        return allowed  # zeros mean that candidates follow, RFC 8839 §4.2.1.1
    # RFC 3264 §8.4: an address of zeros is RFC 2543's hold: nothing is to be sent there.
    return allowed & Direction.RECVONLY if _is_zero(_address(remote, stream)) else allowed


def _agreement(
    sdp: Sdp, remote: Sdp, stream: MediaDescription, agreed: list[Codec], ours: Direction, keying: Keying | None
) -> Answer:
    by_checks = keying is not None and keying.ice
    address = IPv4Address(0) if by_checks else _address(remote, stream)
    mux = stream.attribute("rtcp-mux") is not None
    by_name = {codec.name.lower(): codec for codec in agreed[1:]}
    return Answer(
        sdp=sdp,
        codec=agreed[0],
        dtmf=by_name.get("telephone-event"),
        noise=by_name.get("cn"),
        remote_fmtp=dict(_by_number(stream.attributes("fmtp"))).get(agreed[0].payload_type),
        remote_address=None if _is_zero(address) else str(address),
        remote_port=0 if by_checks else stream.port,
        remote_rtcp_port=0 if by_checks else _rtcp_port(stream, mux),
        rtcp_mux=mux,
        direction=ours,
        ptime=_ptime(stream),
        keying=keying,
    )


def _address(remote: Sdp, stream: MediaDescription) -> IPv4Address | IPv6Address:
    text = remote.connection_of(stream)
    if text is None:
        raise NotAcceptable("no connection address", 399)
    return _unicast(text)


@remembered
def _unicast(text: str) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(text)
    except ValueError:
        # A name would have to be resolved, on a stranger's word; no phone writes one.
        raise NotAcceptable("the connection address is no IP address", 301) from None
    if address.is_multicast or address == IPv4Address("255.255.255.255"):
        raise NotAcceptable("multicast is not spoken here", 330)
    return address


def _is_zero(address: IPv4Address | IPv6Address) -> bool:
    return address.is_unspecified


def _rtcp_port(stream: MediaDescription, mux: bool) -> int:
    # RFC 3605 §2.1: a=rtcp:port [IN IP4 address]. RFC 3550 §11: else the next higher port. RFC 5761: or the same one.
    if mux:
        return stream.port
    stated = (stream.attribute("rtcp") or "").split(" ")[0]
    if stated.isascii() and stated.isdigit() and len(stated) <= 5 and 0 < int(stated) <= 65535:
        return int(stated)
    return min(stream.port + 1, 65535)


def _ptime(stream: MediaDescription) -> int | None:
    stated = (stream.attribute("ptime") or "").partition(".")[0]
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) <= 4 else None


def _refused(stream: MediaDescription) -> MediaDescription:
    """With port 0, in its place. RFC 9143 §7.3.3: it keeps its name, so that a browser finds it again."""
    return replace(stream, port=0, lines=tuple(("a", f"mid:{mid}") for mid in stream.attributes("mid")[:1]))


def _stream(
    port: int, protocol: str, codecs: Sequence[Codec], direction: Direction, secure: Iterable[Line] = ()
) -> MediaDescription:
    lines: list[Line] = [("a", f"rtpmap:{codec.rtpmap}") for codec in codecs]
    lines += [("a", f"fmtp:{codec.payload_type} {codec.fmtp}") for codec in codecs if codec.fmtp]
    lines += [("a", f"ptime:{PTIME}"), ("a", direction.value), *secure]
    formats = tuple(str(codec.payload_type) for codec in codecs)
    return MediaDescription(media="audio", port=port, protocol=protocol, formats=formats, lines=tuple(lines))


def _description(
    address: str,
    session_id: int,
    version: int,
    media: tuple[MediaDescription, ...],
    times: tuple[Line, ...] = (("t", "0 0"),),
    session: Iterable[Line] = (),
) -> Sdp:
    family = "IP6" if ":" in address else "IP4"
    return Sdp(
        origin=Origin(session_id=str(session_id), version=str(version), family=family, address=address),
        lines=(("s", "-"), ("c", f"IN {family} {address}"), *times, *session),
        media=media,
    )
