"""Digest authentication, both ends: RFC 3261 §22, RFC 7616, RFC 8760 (and RFC 2069 answers, which have no qop).

No clock and no randomness: `now` comes in, and so does the secret that signs nonces. A nonce is signed, so that a
challenge costs the server no memory; only a nonce whose owner proved a password is remembered, to refuse replays.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum, auto

from pbx.sip import lexical
from pbx.sip.errors import LocalProtocolError, RemoteProtocolError

_PARAMETER = re.compile(
    r'[ \t]*+([A-Za-z0-9\-_*]++)[ \t]*+=[ \t]*+("(?:[^"\\]|\\.)*+"|[^\s,"]++)[ \t]*+(?:,|$)', re.DOTALL
)
_SCHEME = re.compile(r"[ \t]*+digest[ \t]++", re.IGNORECASE | re.ASCII)
_NC = re.compile(r"[0-9A-Fa-f]{1,8}")


class Algorithm(Enum):
    """The value is hashlib's name; `token` is what stands in a challenge."""

    MD5 = "md5"
    SHA_256 = "sha256"
    SHA_512_256 = "sha512_256"

    @property
    def token(self) -> str:
        return {"md5": "MD5", "sha256": "SHA-256", "sha512_256": "SHA-512-256"}[self.value]

    @classmethod
    def of_token(cls, token: str | None) -> Algorithm:
        """No algorithm means MD5 (RFC 7616 §3.3). Raises RemoteProtocolError for one that we do not speak."""
        for algorithm in cls:
            if token is None or algorithm.token == token.upper():
                return algorithm
        raise RemoteProtocolError("an unknown digest algorithm")

    def digest(self, text: str | bytes) -> str:
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        return hashlib.new(self.value, data, usedforsecurity=False).hexdigest()


class Freshness(Enum):
    FRESH = auto()
    STALE = auto()  # ours, but too old: challenge again with stale=true and the phone will not ask its user
    FORGED = auto()


class Nonces:
    """Makes nonces, knows its own again, and never takes the same nonce count twice.

    lifetime: seconds. remembered: how many nonces in use are kept at most. At that bound the oldest is forgotten and
    all that are older still are refused from then on, so that forgetting opens no way to a replay.
    """

    _WINDOW = 64  # counts behind the highest that may still come, since UDP reorders

    def __init__(self, secret: bytes, lifetime: float = 300.0, *, remembered: int = 65536) -> None:
        if len(secret) < 16:
            raise LocalProtocolError("a nonce secret of less than 16 bytes")
        self.lifetime = lifetime
        self._secret = secret
        self._remembered = remembered
        self._made = 0
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._forgotten_before = (-1, -1)

    def make(self, now: float, realm: str, tag: str = "") -> str:
        """A nonce no other call returns. tag: whatever the nonce shall be bound to, such as the source address."""
        self._forget_expired(now)
        self._made = (self._made + 1) % 2**32
        stamp = int(now * 1000).to_bytes(8, "big") + self._made.to_bytes(4, "big")
        return urlsafe_b64encode(stamp + self._sign(stamp, realm, tag)).decode("ascii")

    def check(self, nonce: str, now: float, realm: str, tag: str = "") -> Freshness:
        """Whether the nonce is ours, for this realm and tag, and how old. Costs no memory."""
        stamp = self._stamp(nonce)
        if stamp is None or not hmac.compare_digest(stamp[1], self._sign(stamp[0], realm, tag)):
            return Freshness.FORGED
        age = now - int.from_bytes(stamp[0][:8], "big") / 1000
        return Freshness.FRESH if -1.0 <= age <= self.lifetime else Freshness.STALE

    def accept_count(self, nonce: str, nc: int | None) -> bool:
        """Whether this nonce count is new; False means replay: challenge again as stale.

        Call it only after `verify` said yes, else strangers fill the memory. An answer without qop has no count: its
        nonce serves once.
        """
        count = self._counts.get(nonce)
        if count is None:
            order = self._order(nonce)
            if order is None or order <= self._forgotten_before:
                return False
            count = self._counts[nonce] = _Count(order)
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

    def _sign(self, stamp: bytes, realm: str, tag: str) -> bytes:
        bound = f"{realm}\0{tag}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._secret, stamp + bound, "sha256")[:16]

    @staticmethod
    def _stamp(nonce: str) -> tuple[bytes, bytes] | None:
        if len(nonce) > 64 or not nonce.isascii():
            return None
        try:
            raw = urlsafe_b64decode(nonce)
        except (Base64Error, ValueError):
            return None
        # Only the one spelling that `make` wrote: base64 decoders overlook stray characters.
        if len(raw) != 28 or urlsafe_b64encode(raw).decode("ascii") != nonce:
            return None
        return raw[:12], raw[12:]

    def _order(self, nonce: str) -> tuple[int, int] | None:
        stamp = self._stamp(nonce)
        return (int.from_bytes(stamp[0][:8], "big"), int.from_bytes(stamp[0][8:], "big")) if stamp else None


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


def challenge(realm: str, nonce: str, algorithm: Algorithm, *, stale: bool = False) -> str:
    """The value of a WWW-Authenticate or Proxy-Authenticate header. Several algorithms are several headers."""
    return (
        f"Digest realm={lexical.quote(realm)}, nonce={lexical.quote(nonce)}, "
        f'algorithm={algorithm.token}, qop="auth"{", stale=true" if stale else ""}'
    )


def ha1(user: str, realm: str, password: str, algorithm: Algorithm) -> str:
    """The hash that stands for a password in one realm: as good as the password there, so a secret too."""
    return algorithm.digest(f"{user}:{realm}:{password}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What an Authorization or Proxy-Authorization header says. nc_text is nc as written, for the hash."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: Algorithm = Algorithm.MD5
    qop: str | None = None
    nc: int | None = None
    nc_text: str = ""
    cnonce: str = ""
    opaque: str | None = None

    @classmethod
    def parse(cls, header_value: str) -> Credentials:
        """Raises RemoteProtocolError for another scheme, a missing or doubled parameter, an unknown algorithm."""
        given = _parse_digest(header_value)
        missing = [name for name in ("username", "realm", "nonce", "uri", "response") if name not in given]
        if missing:
            raise RemoteProtocolError(f"credentials without {missing[0]}")
        qop = given["qop"].lower() if "qop" in given else None
        nc_text = given.get("nc", "")
        if qop is not None and (qop not in ("auth", "auth-int") or not _NC.fullmatch(nc_text) or "cnonce" not in given):
            raise RemoteProtocolError("credentials with a broken qop")
        return cls(
            username=given["username"],
            realm=given["realm"],
            nonce=given["nonce"],
            uri=given["uri"],
            response=given["response"].lower(),
            algorithm=Algorithm.of_token(given.get("algorithm")),
            qop=qop,
            nc=int(nc_text, 16) if qop is not None else None,
            nc_text=nc_text,
            cnonce=given.get("cnonce", ""),
            opaque=given.get("opaque"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a WWW-Authenticate or Proxy-Authenticate header asks. qop: what is offered, empty when nothing is."""

    realm: str
    nonce: str
    algorithm: Algorithm = Algorithm.MD5
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, header_value: str) -> Challenge:
        """Raises RemoteProtocolError; also for an algorithm that we do not speak: then try the next header."""
        given = _parse_digest(header_value)
        if "realm" not in given or "nonce" not in given:
            raise RemoteProtocolError("a challenge without realm or nonce")
        return cls(
            realm=given["realm"],
            nonce=given["nonce"],
            algorithm=Algorithm.of_token(given.get("algorithm")),
            qop=tuple(word.strip().lower() for word in given.get("qop", "").split(",") if word.strip()),
            opaque=given.get("opaque"),
            stale=given.get("stale", "").lower() == "true",
        )


def verify(credentials: Credentials, method: str, ha1: str, body: bytes = b"") -> bool:
    """Whether the response proves the password behind `ha1`, which must be of the credentials' algorithm and realm.

    Takes the same time whatever is wrong with the response. That the nonce is ours, fresh and not replayed is for
    `Nonces`; that realm and algorithm are ones we offered is for the caller.
    """
    expected = _response(credentials, method, ha1, body)
    return hmac.compare_digest(expected.encode(), credentials.response.encode("utf-8", "surrogateescape"))


def authorise(
    challenge_value: str,
    *,
    method: str,
    uri: str,
    username: str,
    password: str | None = None,
    ha1: str | None = None,
    cnonce: str,
    nc: int = 1,
) -> str:
    """The header value that answers a challenge, from a password or from its HA1.

    Raises RemoteProtocolError for a challenge that cannot be answered.
    """
    asked = Challenge.parse(challenge_value)
    if asked.qop and "auth" not in asked.qop:
        raise RemoteProtocolError("a challenge without qop=auth")
    if ha1 is None:
        if password is None:
            raise LocalProtocolError("neither a password nor an HA1")
        ha1 = asked.algorithm.digest(f"{username}:{asked.realm}:{password}")
    answer = Credentials(
        username=username,
        realm=asked.realm,
        nonce=asked.nonce,
        uri=uri,
        response="",
        algorithm=asked.algorithm,
        qop="auth" if asked.qop else None,
        nc_text=f"{nc:08x}",
        cnonce=cnonce,
    )
    parts = [f"{name}={lexical.quote(getattr(answer, name))}" for name in ("username", "realm", "nonce", "uri")]
    parts += [f'response="{_response(answer, method, ha1, b"")}"', f"algorithm={asked.algorithm.token}"]
    if answer.qop:
        parts += [f"qop={answer.qop}", f"nc={answer.nc_text}", f"cnonce={lexical.quote(cnonce)}"]
    if asked.opaque is not None:
        parts.append(f"opaque={lexical.quote(asked.opaque)}")
    return "Digest " + ", ".join(parts)


def _response(credentials: Credentials, method: str, ha1: str, body: bytes) -> str:
    """RFC 7616 §3.4.1, and RFC 2069's shorter form where there is no qop."""
    digest = credentials.algorithm.digest
    # §3.4.3: "A2 = Method ":" digest-uri-value", with qop=auth-int followed by ":" H(entity-body).
    a2 = f"{method}:{credentials.uri}" + (f":{digest(body)}" if credentials.qop == "auth-int" else "")
    middle = f"{credentials.nc_text}:{credentials.cnonce}:{credentials.qop}:" if credentials.qop else ""
    return digest(f"{ha1}:{credentials.nonce}:{middle}{digest(a2)}")


def _parse_digest(value: str) -> dict[str, str]:
    scheme = _SCHEME.match(value)
    if not scheme:
        raise RemoteProtocolError("no digest")
    given: dict[str, str] = {}
    position = scheme.end()
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if not match or match[1].lower() in given:
            raise RemoteProtocolError("broken digest parameters")
        given[match[1].lower()] = lexical.unquote(match[2])
        position = match.end()
    return given
