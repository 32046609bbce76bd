"""Who is there: digest authentication of requests (RFC 3261 §22, RFC 7616, RFC 8760).

An unknown user and a wrong password look the same and take the same work, so that accounts cannot be listed. Which
algorithms an account may use shows in its challenge: who does not exist is offered what some account has, the same
each time.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pbx.admission import Admission
from pbx.net.transport import Flow
from pbx.ports import Account, Accounts
from pbx.sip.digest import Algorithm, Credentials, challenge, verify
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request
from pbx.sip.nonces import Freshness, Nonces

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Authenticated:
    user: str


@dataclass(frozen=True, slots=True)
class Challenged:
    """Answer 401 with these headers."""

    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """Do not answer: too many passwords were tried. A phone sends its request again."""


IGNORED = Ignored()


class Authenticator:
    """`offers`: the algorithms of each account, preferred first, in any order of accounts; empty: all have
    `algorithms`. `only_md5`: parts of the User-Agent of phones that fail when they are offered anything beside MD5."""

    def __init__(
        self,
        realm: str,
        algorithms: Sequence[Algorithm],
        nonces: Nonces,
        accounts: Accounts,
        admission: Admission,
        *,
        offers: Sequence[tuple[Algorithm, ...]] = (),
        only_md5: Sequence[str] = (),
        decoy_secret: bytes = b"",
    ) -> None:
        self.realm = realm
        self._nonces = nonces
        self._accounts = accounts
        self._admission = admission
        self._offers = tuple(offers) or (tuple(algorithms),)
        self._only_md5 = tuple(name.lower() for name in only_md5)
        self._decoy_secret = decoy_secret
        self._nobody = Account("", dict.fromkeys(Algorithm, "0" * 64))

    def check(
        self,
        request: Request,
        flow: Flow,
        now: float,
        *,
        is_home: Callable[[str, Flow], bool] = lambda user, flow: False,
    ) -> Authenticated | Challenged | Ignored:
        """`now` is wall time in seconds: a nonce outlives a restart no longer than its 300 s. `is_home`: whether that
        user is registered at this flow."""
        source = self._admission.source(flow)
        credentials = self._credentials(request)
        if credentials is None:
            return self._challenge(request, source, now)
        freshness = self._nonces.check(credentials.nonce, now, self.realm, source)
        if freshness is not Freshness.FRESH:
            # No password is looked at: with a nonce of the sender's choice nothing could be counted against it.
            return self._challenge(request, source, now, stale=freshness is Freshness.STALE)
        user = credentials.username
        if not self._admission.may_try(flow, user, at_home=is_home(user, flow)):
            return IGNORED
        account = self._accounts.account(user) or self._nobody
        ha1 = account.ha1.get(credentials.algorithm, "")
        right = verify(credentials, request.method, ha1, request.body)
        if not right or account is self._nobody or not ha1:
            self._admission.failed(flow, user, credentials.response)
            return self._challenge(request, source, now)
        self._admission.succeeded(flow, user)
        # RFC 7616 §3.4: a server that sees the same nc twice has seen a replay.
        if not self._nonces.accept_count(credentials.nonce, credentials.nc):
            return self._challenge(request, source, now, stale=True)
        return Authenticated(account.user)

    def knows(self, user: str) -> bool:
        return self._accounts.account(user) is not None

    def _credentials(self, request: Request) -> Credentials | None:
        for value in request.headers.all("Authorization"):
            try:
                credentials = Credentials.parse(value)
            except RemoteProtocolError:
                continue
            if credentials.realm == self.realm:
                return credentials
        return None

    def _challenge(self, request: Request, source: str, now: float, *, stale: bool = False) -> Challenged:
        # RFC 8760 §2.3: one header for each algorithm, the preferred one first.
        nonce = self._nonces.make(now, self.realm, source)
        return Challenged(
            tuple(
                ("WWW-Authenticate", challenge(self.realm, nonce, algorithm, stale=stale))
                for algorithm in self._understood(request, self._offered(request.from_.uri.user or ""))
            )
        )

    def _understood(self, request: Request, offered: tuple[Algorithm, ...]) -> tuple[Algorithm, ...]:
        # RFC 8760 §2.4 lets a phone pass over what it does not know; libre 1 gives up, and JsSIP 3 reads the last
        # challenge only. Nothing is lost: whoever says to be one of them could have answered the MD5 challenge anyway.
        if Algorithm.MD5 not in offered or not self._only_md5:
            return offered
        agent = (request.headers.get("User-Agent") or "").lower()
        return (Algorithm.MD5,) if any(name in agent for name in self._only_md5) else offered

    def _offered(self, user: str) -> tuple[Algorithm, ...]:
        chosen = hmac.digest(self._decoy_secret, user.encode("utf-8", "surrogateescape"), "sha256")
        decoy = self._offers[int.from_bytes(chosen[:4], "big") % len(self._offers)]
        account = self._accounts.account(user)
        return tuple(account.ha1) if account is not None else decoy
