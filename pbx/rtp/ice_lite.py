"""The lite side of ICE (RFC 8445 §2.5): we wait at a public address, answer checks, and speak to who was nominated.

Pure. Give it each datagram that is STUN; perform the effects it returns, in order. Who cannot prove the password of our
SDP gets no answer and leaves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pbx.rtp import stun
from pbx.rtp.errors import BadPacket

Source = tuple[str, int]
MAX_VALID = 16  # pairs of one leg: checks from further addresses are answered no more
CONSENT_LASTS = 20.0  # seconds. Chromium checks every 2.3 s, Firefox every 3.5 s; RFC 7675 §5.1 allows 30


@dataclass(frozen=True, slots=True)
class Credentials:
    ufrag: str
    password: str


@dataclass(frozen=True, slots=True)
class Reply:
    data: bytes
    to: Source


@dataclass(frozen=True, slots=True)
class Nominated:
    """Sound goes there from now on, once what comes from there has proven itself."""

    source: Source


Effect = Reply | Nominated


@dataclass(slots=True)
class IceLite:
    """`remote_ufrag`: of the peer's description; None while we wait for its answer."""

    local: Credentials
    remote_ufrag: str | None = None
    valid: set[Source] = field(default_factory=set)
    nominated: Source | None = None
    consented_at: float | None = None
    _before: Credentials | None = None  # of before an ICE restart, until the first check with the new ones

    def handle(self, data: bytes, source: Source, now: float) -> Sequence[Effect]:
        try:
            request = stun.parse(data)
        except BadPacket:
            return ()
        # §7.1.2: "the agent MUST include the FINGERPRINT attribute". Indications keep a NAT open and want nothing.
        if request.kind != stun.BINDING_REQUEST or not request.has_fingerprint:
            return ()
        key = self._key(request)
        if key is None or not request.is_proven_by(key):
            return ()
        if request.not_understood:
            return (Reply(stun.unknown_attributes(request, key), source),)
        if source not in self.valid and len(self.valid) >= MAX_VALID:
            return ()
        self.valid.add(source)
        # RFC 7675 §5.1: who proves that it still wants to hear us has given its consent again.
        self.consented_at = now
        reply = Reply(stun.success(request, *source, key), source)
        wanted = stun.USE_CANDIDATE in request.attributes or self.nominated is None
        if not wanted or source == self.nominated:
            return (reply,)
        self.nominated = source
        return reply, Nominated(source)

    def restart(self, local: Credentials, remote_ufrag: str | None) -> None:
        """§9: new credentials. Checks with the old ones count until one with the new ones comes; media go on."""
        if local != self.local:
            self._before, self.local = self.local, local
            self.valid.clear()
        self.remote_ufrag = remote_ufrag

    def is_forsaken(self, now: float, heard_at: float) -> bool:
        """Whether nobody is there: neither checks nor sound since `CONSENT_LASTS`. `heard_at`: when there was sound."""
        return now - max(self.consented_at or 0.0, heard_at) > CONSENT_LASTS

    def _key(self, request: stun.Message) -> bytes | None:
        """The password that must have proven this request. RFC 8445 §7.2.2: USERNAME is our ufrag, ":", theirs."""
        ours, colon, theirs = request.attributes.get(stun.USERNAME, b"").partition(b":")
        if not colon:
            return None
        if ours == self.local.ufrag.encode() and theirs:
            if self.remote_ufrag is not None and theirs != self.remote_ufrag.encode():
                return None
            self._forget_before(request)
            return self.local.password.encode()
        if self._before is not None and ours == self._before.ufrag.encode():
            return self._before.password.encode()
        return None

    def _forget_before(self, request: stun.Message) -> None:
        if self._before is not None and request.is_proven_by(self.local.password.encode()):
            self._before = None
