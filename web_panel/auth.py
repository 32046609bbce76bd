"""Who asks, and whether they may: sessions and the access rule of each route.

A route without a rule is refused: `enforce` fails closed, and a test walks all routes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from litestar.handlers import BaseRouteHandler

from crm_core import sessions
from crm_core.access import Forbidden, Right, allowed, require
from crm_core.database import Pool
from crm_core.organisation import User
from web_panel.bearer import Keys, bearer_of
from web_panel.database_away import AWAY, DatabaseAway
from web_panel.ports import PanelServices, PanelSettings
from web_panel.rate_limit import TrustedAddresses
from web_panel.security import SAFE_METHODS, Connection, check_origin

log = structlog.get_logger(__name__)

REMEMBERED_FOR: Final = timedelta(minutes=5)
MAX_REMEMBERED: Final = 5_000


class NotSignedIn(Exception):
    """No session, or one that is over."""


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Any person with a session."""


@dataclass(frozen=True, slots=True)
class Needs:
    """A person with this right, or with any of several."""

    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class TrustedOrAdmin:
    """A trusted address, this machine itself, or an administrator."""


Rule = Public | SignedIn | Needs | TrustedOrAdmin

PUBLIC: Final = Public()
SIGNED_IN: Final = SignedIn()
TRUSTED_OR_ADMIN: Final = TrustedOrAdmin()


def needs(*rights: Right) -> Needs:
    return Needs(rights)


@dataclass(slots=True)
class Sessions:
    """Sessions live in the data base. While it is away, who was seen in the last five minutes stays signed in: the
    live panel has to work just then."""

    pool: Pool
    clock: Callable[[], datetime]
    _seen: OrderedDict[str, tuple[User, datetime]] = field(default_factory=OrderedDict)

    async def user(self, token: str | None) -> User | None:
        """Raises DatabaseAway when it cannot be known."""
        if not token or len(token) > 200:
            return None
        now = self.clock()
        try:
            async with self.pool.acquire(timeout=3) as conn:
                user = await sessions.user_of(conn, token, now=now)
        except AWAY as error:
            return self._remembered(token, now, error)
        if user is None:
            self._seen.pop(token, None)
            return None
        self._seen[token] = (user, now)
        self._seen.move_to_end(token)
        while len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return user

    def forget(self, token: str) -> None:
        self._seen.pop(token, None)

    def _remembered(self, token: str, now: datetime, error: BaseException) -> User:
        user, seen_at = self._seen.get(token, (None, now))
        if user is None or now - seen_at > REMEMBERED_FOR:
            raise DatabaseAway from error
        return user


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarding:
    """What `enforce` needs; kept in the app's state as `guarding`."""

    sessions: Sessions
    keys: Keys
    settings: PanelSettings
    trusted: TrustedAddresses
    local: TrustedAddresses
    origins: frozenset[str]


def guarding_of(connection: Connection) -> Guarding:
    guarding = connection.app.state["guarding"]
    assert isinstance(guarding, Guarding)
    return guarding


def services_of(connection: Connection) -> PanelServices:
    services = connection.app.state["services"]
    assert isinstance(services, PanelServices)
    return services


def cookie_name(settings: PanelSettings) -> str:
    """With `__Host-` the browser itself refuses a cookie that another host or an insecure page has set."""
    return "__Host-dzvin_session" if settings.secure_cookies else "dzvin_session"


def token_of(connection: Connection) -> str | None:
    return connection.cookies.get(cookie_name(guarding_of(connection).settings))


def address_of(connection: Connection) -> str:
    return connection.client.host if connection.client else ""


async def enforce(connection: Connection, handler: BaseRouteHandler) -> None:
    """The guard of every route. Raises NotSignedIn, Forbidden, ForeignOrigin, DatabaseAway."""
    if connection.scope.get("method") == "OPTIONS":
        return
    rule = handler.opt.get("rule")
    assert isinstance(rule, Rule), f"{handler} has no access rule"
    guarding = guarding_of(connection)
    if not handler.opt.get("any_origin") and connection.scope.get("method") not in SAFE_METHODS:
        check_origin(connection, guarding.origins)
    match rule:
        case Public():
            return
        case TrustedOrAdmin() if is_trusted(connection) or address_of(connection) in guarding.local:
            return
        case _:
            user = await _who_asks(connection, guarding)
            if user is None:
                raise NotSignedIn
            connection.scope["user"] = user
            _check(rule, user)


async def _who_asks(connection: Connection, guarding: Guarding) -> User | None:
    secret = bearer_of(connection)
    if secret is None:
        return await guarding.sessions.user(token_of(connection))
    return await guarding.keys.user(connection, secret, address=address_of(connection))


def is_trusted(connection: Connection) -> bool:
    return address_of(connection) in guarding_of(connection).trusted


def _check(rule: Rule, user: User) -> None:
    match rule:
        case Needs(rights):
            if not any(allowed(user, right) for right in rights):
                require(user, rights[0])
        case TrustedOrAdmin():
            require(user, Right.CHANGE_SETTINGS)
        case _ if user.only is not None:
            raise Forbidden(f"{user.login}: a key is no person")
        case _:
            return
