"""Nonces of the digest, the server's side (RFC 7616 §3.3, §5.4).

A nonce is signed, so that a challenge costs the server no memory; only a nonce whose owner proved a password is
remembered, to refuse replays. No clock and no randomness: `now` comes in, and so does the secret.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, auto

from pbx.sip.errors import LocalProtocolError

_STAMP, _SIGNATURE, _BOND = 12, 12, 8  # bytes
_SIZE = _STAMP + _SIGNATURE + _BOND


class Freshness(Enum):
    FRESH = auto()
    STALE = auto()  # ours, but too old or made for another tag: challenge again with stale=true, and nobody is asked
    FORGED = auto()


class Nonces:
    """Makes nonces, knows its own again, and never takes the same nonce count twice.

    lifetime: seconds. remembered: how many nonces in use are kept at most. At that bound the oldest is forgotten and
    all that are older still are refused from then on, so that forgetting opens no way to a replay. started: nonces
    made before are stale, for their counts are not known any more. With a secret that outlives a restart, phones that
    come back with an old nonce are told so; with a fresh one they would have to ask for the password.
    """

    _WINDOW = 64  # counts behind the highest that may still come, since UDP reorders

    def __init__(
        self, secret: bytes, lifetime: float = 300.0, *, remembered: int = 65536, started: float = 0.0
    ) -> None:
        if len(secret) < 16:
            raise LocalProtocolError("a nonce secret of less than 16 bytes")
        self.lifetime = lifetime
        self._sign_key = hmac.digest(secret, b"nonce signature", "sha256")
        self._veil_key = hmac.digest(secret, b"nonce veil", "sha256")
        self._remembered = remembered
        self._made = 0
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._forgotten_before = (int(started * 1000) - 1, 2**32)

    def make(self, now: float, realm: str, tag: str = "") -> str:
        """A nonce no other call returns. tag: whatever the nonce shall be bound to, such as the source address."""
        self._forget_expired(now)
        self._made = (self._made + 1) % 2**32
        stamp = int(now * 1000).to_bytes(8, "big") + self._made.to_bytes(4, "big")
        signature = self._sign(stamp, realm)
        return urlsafe_b64encode(self._veil(stamp, signature) + signature + self._bond(stamp, realm, tag)).decode(
            "ascii"
        )

    def check(self, nonce: str, now: float, realm: str, tag: str = "") -> Freshness:
        """Whether the nonce is ours, for this realm and tag, and how old. Costs no memory."""
        parts = self._parts(nonce)
        if parts is None or not hmac.compare_digest(parts[1], self._sign(parts[0], realm)):
            return Freshness.FORGED
        if not hmac.compare_digest(parts[2], self._bond(parts[0], realm, tag)):
            return Freshness.STALE
        if _order(parts[0]) <= self._forgotten_before:
            return Freshness.STALE
        age = now - int.from_bytes(parts[0][:8], "big") / 1000
        return Freshness.FRESH if -1.0 <= age <= self.lifetime else Freshness.STALE

    def accept_count(self, nonce: str, nc: int | None) -> bool:
        """Whether this nonce count is new; False means replay: challenge again as stale.

        Call it only after `verify` said yes, else strangers fill the memory. An answer without qop has no count: its
        nonce serves once.
        """
        count = self._counts.get(nonce)
        if count is None:
            parts = self._parts(nonce)
            if parts is None or _order(parts[0]) <= self._forgotten_before:
                return False
            count = self._counts[nonce] = _Count(_order(parts[0]))
            if len(self._counts) > self._remembered:
                self._forget_oldest()
        return count.accept(nc or 0, self._WINDOW)

    def _forget_expired(self, now: float) -> None:
        while self._counts:
            oldest = next(iter(self._counts.values()))
            if now - oldest.order[0] / 1000 <= self.lifetime:
                return
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, forgotten = self._counts.popitem(last=False)
        self._forgotten_before = max(self._forgotten_before, forgotten.order)

    def _sign(self, stamp: bytes, realm: str) -> bytes:
        return hmac.digest(self._sign_key, b"\0" + stamp + _bytes(realm), "sha256")[:_SIGNATURE]

    def _bond(self, stamp: bytes, realm: str, tag: str) -> bytes:
        bound = len(realm).to_bytes(4, "big") + _bytes(f"{realm}{tag}")
        return hmac.digest(self._sign_key, b"\1" + stamp + bound, "sha256")[:_BOND]

    def _veil(self, stamp: bytes, signature: bytes) -> bytes:
        """Hides, and shows again, when the nonce was made and how many there were: a stranger could count by it."""
        veil = hmac.digest(self._veil_key, signature, "sha256")
        return (int.from_bytes(stamp, "big") ^ int.from_bytes(veil[:_STAMP], "big")).to_bytes(_STAMP, "big")

    def _parts(self, nonce: str) -> tuple[bytes, bytes, bytes] | None:
        """Stamp, signature and bond as they would be if the nonce were ours."""
        if len(nonce) > 64 or not nonce.isascii():
            return None
        try:
            raw = urlsafe_b64decode(nonce)
        except (Base64Error, ValueError):
            return None
        # Only the one spelling that `make` wrote: base64 decoders overlook stray characters.
        if len(raw) != _SIZE or urlsafe_b64encode(raw).decode("ascii") != nonce:
            return None
        signature = raw[_STAMP : _STAMP + _SIGNATURE]
        return self._veil(raw[:_STAMP], signature), signature, raw[_STAMP + _SIGNATURE :]


def _order(stamp: bytes) -> tuple[int, int]:
    return int.from_bytes(stamp[:8], "big"), int.from_bytes(stamp[8:], "big")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Count:
    """The counts seen of one nonce: the highest, and a bit for each one just below it."""

    order: tuple[int, int]
    highest: int = -1
    seen: int = 0

    def accept(self, nc: int, window: int) -> bool:
        behind = self.highest - nc
        if behind < 0:
            self.seen = ((self.seen << min(-behind, window)) | 1) & ((1 << window) - 1)
            self.highest = nc
            return True
        if behind >= window or self.seen & (1 << behind):
            return False
        self.seen |= 1 << behind
        return True
