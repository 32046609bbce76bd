"""Who is there: digest authentication of requests (RFC 3261 §22, RFC 7616, RFC 8760).

An unknown user and a wrong password look the same and take the same work, so that accounts cannot be listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pbx.ports import Account, Accounts
from pbx.sip.digest import Algorithm, Credentials, Freshness, Nonces, challenge, verify
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request


@dataclass(frozen=True, slots=True)
class Authenticated:
    user: str


@dataclass(frozen=True, slots=True)
class Challenged:
    """Answer 401 with these headers."""

    headers: tuple[tuple[str, str], ...]


class Authenticator:
    def __init__(self, realm: str, algorithms: Sequence[Algorithm], nonces: Nonces, accounts: Accounts) -> None:
        self.realm = realm
        self._algorithms = tuple(algorithms)
        self._nonces = nonces
        self._accounts = accounts
        self._nobody = Account("", dict.fromkeys(self._algorithms, "0" * 64))
        self.refused = 0

    def check(self, request: Request, now: float) -> Authenticated | Challenged:
        """`now` is wall time in seconds: a nonce outlives a restart no longer than its 300 s."""
        credentials = self._credentials(request)
        if credentials is None:
            return self._challenge(now)
        freshness = self._nonces.check(credentials.nonce, now, self.realm)
        if freshness is not Freshness.FRESH:
            return self._challenge(now, stale=freshness is Freshness.STALE)
        account = self._accounts.account(credentials.username) or self._nobody
        ha1 = account.ha1.get(credentials.algorithm, "")
        right = verify(credentials, request.method, ha1, request.body)
        if not right or account is self._nobody or not ha1:
            self.refused += 1
            return self._challenge(now)
        # RFC 7616 §3.4: a server that sees the same nc twice has seen a replay.
        if not self._nonces.accept_count(credentials.nonce, credentials.nc):
            return self._challenge(now, stale=True)
        return Authenticated(account.user)

    def _credentials(self, request: Request) -> Credentials | None:
        for value in request.headers.all("Authorization"):
            try:
                credentials = Credentials.parse(value)
            except RemoteProtocolError:
                continue
            if credentials.realm == self.realm and credentials.algorithm in self._algorithms:
                return credentials
        return None

    def _challenge(self, now: float, *, stale: bool = False) -> Challenged:
        # RFC 8760 §2.3: one header for each algorithm, the preferred one first.
        nonce = self._nonces.make(now, self.realm)
        return Challenged(
            tuple(
                ("WWW-Authenticate", challenge(self.realm, nonce, algorithm, stale=stale))
                for algorithm in self._algorithms
            )
        )
