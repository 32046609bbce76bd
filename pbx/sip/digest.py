"""Digest authentication, both ends: RFC 3261 §22, RFC 7616, RFC 8760 (and RFC 2069 answers, which have no qop).

No clock and no randomness. What nonces are made of is in `nonces`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import Enum

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
