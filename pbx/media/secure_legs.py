"""Secure legs on the worker's control side: ICE-lite, DTLS handshakes, keys for the engine.

The engine hands up what is no RTP; keys go down when they are proven. Nothing a stranger sends gets an answer, makes
state or hangs up a call: a check must prove the password of our SDP, a handshake must come from who did that (or, where
the peer speaks no ICE, from an address that signalling vouches for) and end with the certificate that its SDP named.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from pbx.media.dtls import Association, Certificate, is_client_hello
from pbx.media.engine_control import Aside, EngineControl
from pbx.media.messages import MediaSilent, Secure
from pbx.media.srtp_library import SUITE_NAMED, BadKeys, Keys, policy
from pbx.rtp.dtls_records import is_dtls
from pbx.rtp.ice_lite import Credentials, IceLite, Nominated, Reply

log = structlog.get_logger(__name__)

MAX_HANDSHAKES = 16  # begun on one leg with one description: then it has no sound until there is a new one
CONSENT_LOOK = 1.0  # seconds between two looks at who is still there


@dataclass(slots=True, eq=False)
class SecureLeg:
    """`keys` are in the engine: proven, and of the description that stands."""

    number: int
    sock: socket.socket
    command: Secure
    ice: IceLite | None = None
    association: Association | None = None
    answer_to: tuple[str, int] = ("", 0)  # where the handshake comes from
    handshakes: int = 0
    keys: Keys | None = None
    heard_at: float = 0.0
    heard_packets: int = 0
    forsaken: bool = False
    rtcp_in: Session | None = field(default=None, repr=False)
    rtcp_out: Session | None = field(default=None, repr=False)


class SecureLegs:
    """Contract: `secure` for each command, `take` for each Aside, `tick` a few times a second, `close` at a leg's end.

    `tell` hears of a leg whose peer is gone.
    """

    def __init__(
        self,
        control: EngineControl,
        certificate: Certificate,
        tell: Callable[[MediaSilent], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._certificate = certificate
        self._tell = tell
        self._clock = clock
        self._legs: dict[int, SecureLeg] = {}
        self._looked_at = 0.0

    def secure(self, number: int, sock: socket.socket, command: Secure) -> None:
        """Raises ValueError for keys that are none."""
        keys = _sdes_keys(command)
        leg = self._legs.get(number)
        if leg is None:
            leg = self._legs[number] = SecureLeg(number, sock, command)
            self._control.secure(number, None, ice=command.ice_ufrag is not None)
        before, leg.command = leg.command, command
        self._set_ice(leg)
        if keys is not None:
            self._lock(leg, keys)
        elif before.fingerprints and command.fingerprints != before.fingerprints:
            # RFC 8842 §5.5: a new fingerprint is a new association. The old keys serve until it is made.
            leg.association, leg.handshakes = None, 0
        self._prove(leg)

    def close(self, number: int) -> None:
        self._legs.pop(number, None)

    def is_secure(self, number: int) -> bool:
        return number in self._legs

    def take(self, aside: Aside) -> bytes | None:
        """Deal with what is no RTP. Returns it, opened, when it is RTCP that the keys prove."""
        leg = self._legs.get(aside.leg)
        if leg is None or not aside.data:
            return None
        source = aside.host, aside.port
        if aside.data[0] < 4:
            self._checked(leg, aside.data, source)
        elif is_dtls(aside.data):
            self._shake(leg, aside.data, source)
        elif 128 <= aside.data[0] < 192:
            return self.opened_rtcp(leg.number, aside.data)
        return None  # RFC 7983 §7: TURN channels and ZRTP are not spoken here

    def tick(self) -> None:
        now = self._clock()
        look = now - self._looked_at >= CONSENT_LOOK
        if look:
            self._looked_at = now
        for leg in self._legs.values():
            if leg.association is not None:
                self._send(leg, leg.association.overdue(), leg.answer_to)
            if look and leg.ice is not None:
                self._look_after(leg, leg.ice, now)

    # ---- ICE -------------------------------------------------------------------------------------------------------

    def _set_ice(self, leg: SecureLeg) -> None:
        command = leg.command
        if command.ice_ufrag is None:
            leg.ice = None
            return
        local = Credentials(command.ice_ufrag, command.ice_password)
        if leg.ice is None:
            leg.ice = IceLite(local, command.remote_ufrag)
        else:
            leg.ice.restart(local, command.remote_ufrag)

    def _checked(self, leg: SecureLeg, data: bytes, source: tuple[str, int]) -> None:
        for effect in leg.ice.handle(data, source, self._clock()) if leg.ice is not None else ():
            match effect:
                case Reply():
                    leg.forsaken = False
                    self._send(leg, [effect.data], effect.to)
                case Nominated(source=(host, port)):
                    self._control.nominate(leg.number, host, port)

    def _look_after(self, leg: SecureLeg, ice: IceLite, now: float) -> None:
        if ice.consented_at is None:
            return
        packets = self._control.figures(leg.number).received
        if packets != leg.heard_packets:
            leg.heard_packets, leg.heard_at, leg.forsaken = packets, now, False
        if ice.is_forsaken(now, leg.heard_at) and not leg.forsaken:
            leg.forsaken = True
            silence = now - max(ice.consented_at, leg.heard_at)
            self._tell(MediaSilent(leg=leg.number, seconds=silence, lost=True))

    # ---- keys ------------------------------------------------------------------------------------------------------

    def _shake(self, leg: SecureLeg, data: bytes, source: tuple[str, int]) -> None:
        if leg.command.sdes is not None or not self._may_shake(leg, source):
            return
        if leg.association is None or (leg.association.failed and is_client_hello(data)):
            if leg.handshakes >= MAX_HANDSHAKES or not is_client_hello(data):
                return
            leg.handshakes += 1
            leg.association = Association(self._certificate)
        leg.answer_to = source
        self._send(leg, leg.association.received(data), source)
        self._prove(leg)

    def _may_shake(self, leg: SecureLeg, source: tuple[str, int]) -> bool:
        if leg.ice is not None:
            return source in leg.ice.valid or source == leg.ice.nominated
        return source[0] in leg.command.sources

    def _prove(self, leg: SecureLeg) -> None:
        """Keys go to the engine when the handshake is done and the SDP has named its certificate, whichever is last.

        RFC 5763 §6.7.1: "the offerer … MUST NOT … until it has received the answer": what is heard until then is
        dropped.
        """
        association = leg.association
        if association is None or association.failed or association.keys is None or not leg.command.fingerprints:
            return
        if association.is_of(leg.command.fingerprints):
            self._lock(leg, association.keys)
        else:
            log.warning("a certificate is not the one that the SDP named", leg=leg.number)
            association.failed = True

    def _lock(self, leg: SecureLeg, keys: Keys) -> None:
        if keys == leg.keys:
            return
        self._control.secure(leg.number, keys, ice=leg.ice is not None)
        leg.keys = keys
        leg.rtcp_in = Session(policy(keys.suite, keys.theirs, inbound=True))
        leg.rtcp_out = Session(policy(keys.suite, keys.ours, inbound=False))
        log.info("leg is secure", leg=leg.number, suite=keys.suite.name, dtls=leg.association is not None)

    # ---- RTCP ------------------------------------------------------------------------------------------------------

    def opened_rtcp(self, number: int, data: bytes) -> bytes | None:
        """None when the keys do not prove it."""
        leg = self._legs[number]
        try:
            return leg.rtcp_in.unprotect_rtcp(data) if leg.rtcp_in is not None else None
        except (SrtpError, ValueError):
            return None

    def sealed_rtcp(self, number: int, data: bytes) -> bytes | None:
        """None while there are no keys: nothing plain leaves a secure leg."""
        leg = self._legs[number]
        return leg.rtcp_out.protect_rtcp(data) if leg.rtcp_out is not None else None

    def _send(self, leg: SecureLeg, data: list[bytes], to: tuple[str, int]) -> None:
        for datagram in data:
            try:
                leg.sock.sendto(datagram, to)
            except OSError:
                return  # the peer asks again, or its network is gone


def _sdes_keys(command: Secure) -> Keys | None:
    if command.sdes is None:
        return None
    suite = SUITE_NAMED.get(command.sdes.suite)
    if suite is None or {len(command.sdes.ours), len(command.sdes.theirs)} != {suite.length}:
        raise BadKeys(f"no keys of {command.sdes.suite}")
    return Keys(suite, command.sdes.ours, command.sdes.theirs)
