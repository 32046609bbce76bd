"""Proves our password to a provider, and to nobody else (RFC 3261 §22, RFC 7616, RFC 8760).

FreeSWITCH answered any callee's challenge with its gateway's password (CVE-2021-41158): a digest over a nonce of the
attacker's choice can be guessed at offline. So an answer needs all of this: the request went out through this trunk,
the challenge came from one of the trunk's own addresses, and it names the trunk's own realm.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable

import structlog

from pbx.net.transport import Flow
from pbx.sip.digest import Challenge, authorise
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response

log = structlog.get_logger("pbx.trunks.credentials")

_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
_NONCES = 64  # whose use is counted; of a provider that keeps one longer than that the count starts again
_LEARNS = frozenset({"REGISTER", "INVITE"})


class Credentials:
    """`realm` empty: the one of the provider's first challenge to a REGISTER or a new INVITE, from then on no other.
    `is_ours`: whether that flow leads to this trunk."""

    def __init__(
        self, *, trunk: str, username: str, password: str, realm: str, is_ours: Callable[[Flow], bool]
    ) -> None:
        self.username = username
        self.realm = realm
        self._trunk = trunk
        self._password = password
        self._is_ours = is_ours
        self._uses: OrderedDict[str, int] = OrderedDict()
        self.withheld = 0  # challenges that were not answered since they were not the trunk's

    def proof(self, request: Request, response: Response, source: Flow | None) -> tuple[str, str] | None:
        """The header that answers a 401 or 407 to that request; None when it must not, or cannot, be answered."""
        names = _HEADERS.get(response.status)
        if names is None or not self._password:
            return None
        if source is None or not self._is_ours(source):
            self._withhold("another address", source)
            return None
        asked, given = names
        challenges = response.headers.all(asked)
        for value in challenges:  # RFC 8760 §2.4: the topmost that we can answer
            challenge = _parsed(value)
            if challenge is not None and self._is_realm(challenge.realm, request):
                return self._answer(value, challenge, request, given)
        if challenges:
            self._withhold("another realm", source)
        return None

    def _is_realm(self, realm: str, request: Request) -> bool:
        if not self.realm and request.method in _LEARNS and not request.to.tag:
            self.realm = realm
            log.info("realm learned", trunk=self._trunk, realm=realm)
        return realm == self.realm

    def _answer(self, value: str, challenge: Challenge, request: Request, given: str) -> tuple[str, str] | None:
        # §22: credentials that have just been rejected are not tried again, unless the nonce was merely old.
        if request.headers.get(given) is not None and not challenge.stale:
            return None
        try:
            answer = authorise(
                value,
                method=request.method,
                uri=request.uri,
                username=self.username,
                password=self._password,
                cnonce=secrets.token_hex(8),
                nc=self._count(challenge.nonce),
            )
        except RemoteProtocolError:
            return None
        return given, answer

    def _count(self, nonce: str) -> int:
        """RFC 7616 §3.4: nc counts the requests that were sent with this nonce, this one included."""
        self._uses[nonce] = uses = self._uses.get(nonce, 0) + 1
        self._uses.move_to_end(nonce)
        while len(self._uses) > _NONCES:
            self._uses.popitem(last=False)
        return uses

    def _withhold(self, reason: str, source: Flow | None) -> None:
        self.withheld += 1
        log.warning("challenge not answered", trunk=self._trunk, reason=reason, source=str(source))


def _parsed(value: str) -> Challenge | None:
    try:
        return Challenge.parse(value)
    except RemoteProtocolError:
        return None


def again(request: Request, proof: tuple[str, str], *, via: str, cseq: int) -> Request:
    """The same request with the answer to its challenge: a new transaction with the next number (§22.2)."""
    headers = Headers([("Via", via)])
    for name, value in request.headers:
        match name.lower():
            case "via":
                continue
            case "cseq":
                value = f"{cseq} {request.method}"
            case lowered if lowered == proof[0].lower():
                continue
        headers.add(name, value)
    headers.add(*proof)
    return Request(request.method, request.uri, headers, request.body)
