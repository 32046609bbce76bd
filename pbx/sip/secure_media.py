"""What session descriptions say of secrecy: SDES (RFC 4568), DTLS-SRTP (RFC 5763, RFC 5764), ICE-lite (RFC 8839).

Pure: keys and credentials of ours are made elsewhere, once a leg (`Secrecy`); what two descriptions settle on is a
`Keying`. A secure profile is answered in kind or refused; it is never answered as a plain one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pbx.sip.sdp import Line, MediaDescription, Sdp

SrtpPolicy = Literal["off", "offer", "require"]

PLAIN: Final = "RTP/AVP"
SDES_PROFILES: Final = frozenset({"RTP/SAVP", "RTP/SAVPF"})
DTLS_PROFILES: Final = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
PROFILES: Final = frozenset({PLAIN, *SDES_PROFILES, *DTLS_PROFILES})
WEBRTC: Final = "UDP/TLS/RTP/SAVPF"

SUITES: Final = {"AEAD_AES_128_GCM": 28, "AES_CM_128_HMAC_SHA1_80": 30}
"""Preferred first, with the octets of master key and salt (RFC 7714 §12, RFC 4568 §6.2)."""
MAX_CRYPTOS = 16
HOST_PRIORITY = 2130706431  # RFC 8445 §5.1.2: a host candidate, the only component

_CRYPTO = re.compile(r"([0-9]{1,9})\s+(\S+)\s+inline:([A-Za-z0-9+/=]{1,128})(\|\S*)?((?:\s+\S+)*)\s*", re.ASCII)
_FINGERPRINT = re.compile(r"(\S{1,16})\s+([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,127})", re.ASCII)
_ICE = re.compile(r"[A-Za-z0-9+/]{4,256}", re.ASCII)  # RFC 8839 §5.4
_MID = re.compile(r"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]{1,32}", re.ASCII)


def _as_everybody(_: str) -> SrtpPolicy | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureMedia:
    """What is set. sdes_in_clear: keys may be written into signalling that others can read. webrtc: a page's phone is
    spoken to as browsers need it, whatever the policy. of_extension: a policy of its own, or None."""

    policy: SrtpPolicy = "off"
    sdes_in_clear: bool = False
    webrtc: bool = True
    of_extension: Callable[[str], SrtpPolicy | None] = _as_everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Crypto:
    """An a=crypto line that can be used: key and salt are in `key`."""

    tag: str
    suite: str
    key: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"crypto:{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrecy:
    """What one leg may do, and what of ours it would do it with.

    sdes: whether the signalling hides keys that are written into it. browser: the peer understands nothing but WebRTC.
    keys: by suite. candidates: addresses at which we can be reached, the likeliest first.
    """

    policy: SrtpPolicy = "off"
    sdes: bool = False
    browser: bool = False
    keys: dict[str, bytes] = field(default_factory=dict, repr=False)
    fingerprint: str = ""
    ufrag: str = ""
    password: str = field(default="", repr=False)
    candidates: tuple[str, ...] = ()

    @property
    def allows_any(self) -> bool:
        return self.policy != "off" or self.browser

    def cryptos(self) -> list[Crypto]:
        """As we offer them."""
        suites = (suite for suite in SUITES if suite in self.keys)
        return [Crypto(tag=str(tag), suite=suite, key=self.keys[suite]) for tag, suite in enumerate(suites, 1)]


NOTHING_SECURE: Final = Secrecy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Keying:
    """What a secure stream uses. sdes: of each side; else DTLS with who has one of `fingerprints`.

    ice: whether connectivity checks say where the peer is; mid: the peer's name of the stream, when it bundles.
    """

    protocol: str
    tag: str = ""
    ours: Crypto | None = None
    theirs: Crypto | None = None
    fingerprints: tuple[str, ...] = ()
    ice: bool = False
    remote_ufrag: str | None = None
    mux: bool = False
    mid: str | None = None
    bundled: bool = False


class Refused(Exception):
    """Why a stream cannot be had; for a Warning."""


# ---- what a description says ---------------------------------------------------------------------------------------


def cryptos(stream: MediaDescription) -> list[Crypto]:
    """Those that we can use. RFC 4568 §5.1.2 lets the others be."""
    found = (_crypto(text) for text in stream.attributes("crypto")[:MAX_CRYPTOS])
    return [crypto for crypto in found if crypto is not None]


def _crypto(text: str) -> Crypto | None:
    parts = _CRYPTO.fullmatch(text)
    if parts is None:
        return None
    suite = next((suite for suite in SUITES if suite.lower() == parts[2].lower()), None)
    # §9.2: `|lifetime|MKI:length`. An MKI would be in every packet; we use none. A lifetime outlasts any call.
    if suite is None or ":" in (parts[4] or ""):
        return None
    # §6.3.7: a parameter that is not known makes the line unusable, unless it begins with "-".
    if any(not word.startswith(("-", "WSH=")) for word in parts[5].split()):
        return None
    try:
        key = base64.b64decode(parts[3] + "=" * (-len(parts[3]) % 4), validate=True)
    except binascii.Error:
        return None
    return Crypto(tag=parts[1], suite=suite, key=key) if len(key) == SUITES[suite] else None


def fingerprints(sdp: Sdp, stream: MediaDescription) -> tuple[str, ...]:
    """RFC 8122 §5: of the stream, else of the session."""
    texts = stream.attributes("fingerprint") or sdp.attributes("fingerprint")
    return tuple(f"{found[1].lower()} {found[2].upper()}" for text in texts if (found := _FINGERPRINT.fullmatch(text)))


def _of_either(sdp: Sdp, stream: MediaDescription, name: str) -> str | None:
    return stream.attribute(name) or sdp.attribute(name)


def ufrag_of(sdp: Sdp, stream: MediaDescription) -> str | None:
    return _of_either(sdp, stream, "ice-ufrag")


def speaks_ice(sdp: Sdp, stream: MediaDescription) -> bool:
    ufrag, password = _of_either(sdp, stream, "ice-ufrag"), _of_either(sdp, stream, "ice-pwd")
    return bool(ufrag and password and _ICE.fullmatch(ufrag) and len(password) >= 22)


# ---- what two descriptions settle on -------------------------------------------------------------------------------


def answered(sdp: Sdp, stream: MediaDescription, secrecy: Secrecy) -> Keying | None:
    """How an offered stream is answered; None: plain. Raises Refused."""
    if stream.protocol not in PROFILES:
        raise Refused("this profile is not spoken here")
    if stream.protocol == PLAIN:
        return _opportunistic(sdp, stream, secrecy)
    if not secrecy.allows_any:
        raise Refused("secure media is switched off here")
    keying = None
    if stream.protocol in SDES_PROFILES:
        keying = _by_sdes(stream, secrecy)
    keying = keying or _by_dtls(sdp, stream, secrecy)
    if keying is None:
        raise Refused("no keying in common")
    return keying


def can_be_answered(sdp: Sdp, stream: MediaDescription, secrecy: Secrecy) -> bool:
    try:
        answered(sdp, stream, secrecy)
    except Refused:
        return False
    return True


def _opportunistic(sdp: Sdp, stream: MediaDescription, secrecy: Secrecy) -> Keying | None:
    """RFC 8643 §3.1: keys offered beside a plain profile are taken, and the profile stays."""
    keying = None
    if secrecy.allows_any:
        keying = _by_sdes(stream, secrecy) or _by_dtls(sdp, stream, secrecy)
    if keying is None and secrecy.policy == "require":
        raise Refused("only secure media is spoken here")
    return keying


def _by_sdes(stream: MediaDescription, secrecy: Secrecy) -> Keying | None:
    if not secrecy.sdes:
        return None
    offered = cryptos(stream)
    for suite, key in secrecy.keys.items():
        theirs = next((crypto for crypto in offered if crypto.suite == suite), None)
        if theirs is not None:
            # RFC 4568 §5.1.2: "the tag and crypto-suite from the accepted crypto attribute in the offer MUST be used".
            ours = Crypto(tag=theirs.tag, suite=suite, key=key)
            return Keying(protocol=stream.protocol, ours=ours, theirs=theirs, mux=_muxes(stream))
    return None


def _by_dtls(sdp: Sdp, stream: MediaDescription, secrecy: Secrecy) -> Keying | None:
    prints = fingerprints(sdp, stream)
    setup = _of_either(sdp, stream, "setup")
    # RFC 5763 §5: the offer is actpass. We are the server always, so an end that insists on being one is none for us.
    if not prints or not secrecy.fingerprint or setup not in ("actpass", "active"):
        return None
    return _dtls(sdp, stream, prints)


def _dtls(sdp: Sdp, stream: MediaDescription, prints: tuple[str, ...]) -> Keying:
    mux = _muxes(stream)
    # One port for all: a peer that wants RTCP elsewhere would need checks there too.
    ice = mux and speaks_ice(sdp, stream)
    mid = stream.attribute("mid")
    mid = mid if mid is not None and _MID.fullmatch(mid) else None
    groups = [text.split() for text in sdp.attributes("group")]
    return Keying(
        protocol=stream.protocol,
        fingerprints=prints,
        ice=ice,
        remote_ufrag=_of_either(sdp, stream, "ice-ufrag") if ice else None,
        mux=mux,
        mid=mid,
        bundled=any(group[:1] == ["BUNDLE"] and mid in group[1:] for group in groups),
    )


def _muxes(stream: MediaDescription) -> bool:
    return stream.attribute("rtcp-mux") is not None


def accepted(ours: MediaDescription, answer: Sdp, stream: MediaDescription) -> Keying | None:
    """What the answer to an offer of ours makes of it; None: plain. Raises Refused."""
    offered = {(crypto.tag, crypto.suite): crypto for crypto in cryptos(ours)}
    for theirs in cryptos(stream):
        mine = offered.get((theirs.tag, theirs.suite))
        if mine is not None:
            return Keying(protocol=stream.protocol, ours=mine, theirs=theirs, mux=_muxes(ours) and _muxes(stream))
    prints = fingerprints(answer, stream)
    if prints and ours.attribute("fingerprint") is not None:
        # RFC 5763 §5: "the answerer … SHOULD choose active".
        if (_of_either(answer, stream, "setup") or "active") != "active":
            raise Refused("we are the server of DTLS always")
        if ours.attribute("ice-ufrag") is not None and not (_muxes(stream) and speaks_ice(answer, stream)):
            raise Refused("a browser without ICE or rtcp-mux")
        return _dtls(answer, stream, prints)
    if ours.protocol != PLAIN:
        raise Refused("the answer has no keys")
    return None


def of_answer(ours: Sdp, stream: MediaDescription) -> Secrecy:
    """What an answer of ours was made with, to make it again."""
    return Secrecy(
        policy="offer",
        sdes=True,
        keys={crypto.suite: crypto.key for crypto in cryptos(stream)},
        fingerprint=next(iter(fingerprints(ours, stream)), ""),
        ufrag=ufrag_of(ours, stream) or "",
    )


# ---- what we write -------------------------------------------------------------------------------------------------


def offered_as(secrecy: Secrecy, before: Keying | None, *, first: bool) -> str:
    """The profile of an offer of ours. before: what stands in the dialog; first: nothing stands yet."""
    if before is not None:
        return before.protocol
    if not first:
        return PLAIN  # as it was agreed
    if secrecy.browser:
        return WEBRTC
    if secrecy.policy == "require":
        return "RTP/SAVP" if secrecy.sdes else "UDP/TLS/RTP/SAVP"
    return PLAIN


def offer_lines(secrecy: Secrecy, protocol: str, before: Keying | None, port: int, *, first: bool) -> list[Line]:
    """Attributes of the stream in an offer of ours."""
    by_sdes = before.ours is not None if before is not None else protocol != WEBRTC and protocol not in DTLS_PROFILES
    if by_sdes:
        wanted = protocol != PLAIN or before is not None or (first and secrecy.policy == "offer")
        return [("a", str(crypto)) for crypto in secrecy.cryptos()] if wanted and secrecy.sdes else []
    ice = before.ice if before is not None else protocol == WEBRTC
    mid = (before.mid if before is not None else "0") if ice else None
    # RFC 5763 §5: "the offerer MUST use the setup attribute value of setup:actpass".
    return _dtls_lines(secrecy, "actpass", port, ice=ice, mux=before.mux if before is not None else ice, mid=mid)


def answer_lines(secrecy: Secrecy, keying: Keying, port: int) -> list[Line]:
    """Attributes of the stream in an answer of ours."""
    if keying.ours is not None:
        mux: list[Line] = [("a", "rtcp-mux")] if keying.mux else []
        return [("a", str(keying.ours)), *mux]
    return _dtls_lines(secrecy, "passive", port, ice=keying.ice, mux=keying.mux, mid=keying.mid)


def _dtls_lines(secrecy: Secrecy, setup: str, port: int, *, ice: bool, mux: bool, mid: str | None) -> list[Line]:
    texts = [f"mid:{mid}"] if mid is not None else []
    if ice:
        texts += [f"ice-ufrag:{secrecy.ufrag}", f"ice-pwd:{secrecy.password}"]
    texts += [f"fingerprint:{secrecy.fingerprint}", f"setup:{setup}"]
    if mux:
        texts.append("rtcp-mux")
    if ice:
        for number, address in enumerate(secrecy.candidates, 1):
            # RFC 8839 §5.1: foundation, component, transport, priority, address, port, type.
            texts.append(f"candidate:{number} 1 UDP {HOST_PRIORITY - number + 1} {address} {port} typ host")
        texts.append("end-of-candidates")
    return [("a", text) for text in texts]


def session_lines(stream: MediaDescription, *, bundled: bool = True) -> Sequence[Line]:
    """Attributes of the session that go with that stream of ours: RFC 8839 §5.3, RFC 9143 §7.3.3."""
    lines: list[Line] = []
    if stream.attribute("ice-ufrag") is not None:
        lines.append(("a", "ice-lite"))
    mid = stream.attribute("mid")
    if mid is not None and bundled:
        lines.append(("a", f"group:BUNDLE {mid}"))
    return lines
