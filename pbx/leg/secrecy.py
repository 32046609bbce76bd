"""The secrets of one leg's media: made when first needed, kept while it lasts, told to its media worker.

A secure stream never becomes a plain one: not by an offer of the peer, not by an answer, not by an offer of ours.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pbx.leg.part import Part
from pbx.media.messages import SdesKeys
from pbx.sip import secure_media
from pbx.sip.offer_answer import Answer, NotAcceptable
from pbx.sip.sdp import Sdp
from pbx.sip.secure_media import NOTHING_SECURE, Keying, Secrecy, SrtpPolicy

if TYPE_CHECKING:
    from pbx.leg.leg import Leg
    from pbx.net.transport import Flow

ANY = "sha-256"  # a fingerprint, before there is media: it is not sent
HIDDEN = frozenset({"TLS", "WSS"})  # signalling that nobody on the way can read


class LegSecrecy(Part["Leg"]):
    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self._keys: dict[str, bytes] = {}
        self._ice = ("", "")
        self._insists = False

    def insist(self, refused: Sdp | None) -> bool:
        """Whether that offer of ours may be made once more, with a secure profile: it had keys beside a plain one,
        which phones that take nothing plain refuse."""
        offered = [stream for stream in refused.media if stream.port] if refused is not None else []
        opportunistic = any(stream.protocol == secure_media.PLAIN and stream.attributes("crypto") for stream in offered)
        may, self._insists = opportunistic and not self._insists, self._insists or opportunistic
        return may

    def secrecy(self) -> Secrecy:
        """What may be said to the peer, now: its signalling may have come by another way."""
        leg, settings = self._leg, self._leg.endpoint.secure_media
        flow: Flow = leg.flow
        policy: SrtpPolicy = "require" if self._insists else leg.srtp or settings.policy
        browser = settings.webrtc and leg.endpoint.transports.connections.is_of_a_page(flow)
        if policy == "off" and not browser:
            return NOTHING_SECURE
        if not self._keys:
            self._keys = {suite: secrets.token_bytes(length) for suite, length in secure_media.SUITES.items()}
            self._ice = _credentials()
        return Secrecy(
            policy=policy,
            sdes=settings.sdes_in_clear or flow.protocol in HIDDEN,
            browser=browser,
            keys=self._keys,
            fingerprint=leg.media.fingerprint if leg.media is not None else ANY,
            ufrag=self._ice[0],
            password=self._ice[1],
            candidates=self._candidates(flow, leg.media.address) if leg.media is not None else (),
        )

    def _candidates(self, flow: Flow, bound: str) -> tuple[str, ...]:
        """The address that this peer reaches; and the one from outside, since behind a proxy who signals may be
        elsewhere than who talks."""
        endpoint = self._leg.endpoint
        return tuple(dict.fromkeys((endpoint.sdp_address(flow, bound), endpoint.sdp_address_outside(bound))))

    def can_answer(self, offered: Sdp) -> bool:
        """Whether one of its streams could be had as secretly, or as openly, as it is offered."""
        secrecy = self.secrecy()
        return any(
            secure_media.can_be_answered(offered, stream, secrecy)
            for stream in offered.media
            if stream.media == "audio" and stream.port
        )

    def answering(self, offered: Sdp, before: Answer | None) -> Secrecy:
        """For an offer of the peer. RFC 8445 §9, RFC 8839 §4.4.3.1: when it restarts ICE, so do we."""
        keying = before.keying if before is not None else None
        if keying is not None and keying.ice:
            ufrags = {ufrag for stream in offered.media if (ufrag := secure_media.ufrag_of(offered, stream))}
            if ufrags and keying.remote_ufrag not in ufrags:
                self._ice = _credentials()
        return self.secrecy()

    def expect(self, offer: Sdp, before: Answer | None) -> None:
        """An offer of ours goes out. Nothing plain is heard any more where it names a secure profile; a browser may
        finish its handshake before its answer is here (RFC 5763 §6.7.1)."""
        media = self._leg.media
        stream = next((stream for stream in offer.media if stream.port), None)
        if media is None or stream is None or stream.protocol == secure_media.PLAIN:
            return
        if before is not None and before.keying is not None:
            return
        ice = self._ice if stream.attribute("ice-ufrag") is not None else None
        mux = stream.attribute("rtcp-mux") is not None
        media.secure(ice=ice, sources=(self._leg.flow.host,), rtcp_mux=mux)

    def use(self, agreement: Answer) -> None:
        """What was agreed upon. To be called before the worker is told where sound goes."""
        media, keying = self._leg.media, agreement.keying
        if media is None or keying is None:
            return
        sources = tuple(dict.fromkeys((agreement.remote_address or self._leg.flow.host, self._leg.flow.host)))
        media.secure(
            sdes=_sdes(keying),
            fingerprints=keying.fingerprints,
            ice=self._ice if keying.ice else None,
            remote_ufrag=keying.remote_ufrag,
            sources=sources,
            rtcp_mux=keying.mux,
        )


def check_no_downgrade(agreement: Answer, before: Answer | None) -> None:
    """Raises NotAcceptable for a plain stream in place of a secure one."""
    if agreement.keying is None and before is not None and before.keying is not None:
        raise NotAcceptable("a secure call does not become a plain one")


def _sdes(keying: Keying) -> SdesKeys | None:
    if keying.ours is None or keying.theirs is None:
        return None
    return SdesKeys(suite=keying.ours.suite, ours=keying.ours.key, theirs=keying.theirs.key)


def _credentials() -> tuple[str, str]:
    """RFC 8445 §5.3: at least 24 bits of ufrag and 128 bits of password."""
    return secrets.token_hex(4), secrets.token_hex(16)
