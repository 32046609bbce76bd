"""Signing in and out, and who I am."""

from __future__ import annotations

from typing import Annotated

import msgspec
import structlog
from litestar import Controller, Response, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody

from crm_core import organisation, sessions
from crm_core.access import Right, allowed
from crm_core.database import Connection
from crm_core.organisation import User
from web_panel.auth import PUBLIC, SIGNED_IN, address_of, cookie_name, guarding_of, is_trusted, token_of
from web_panel.errors import Invalid, SignInRefused
from web_panel.live_entries import person_of
from web_panel.ports import PanelServices, PanelSettings
from web_panel.routes.dependencies import UserRequest
from web_panel.texts import LANGUAGES

log = structlog.get_logger(__name__)

LONGEST = 12 * 3600  # seconds that the cookie is kept; the server ends sessions by itself


class SignIn(msgspec.Struct, kw_only=True):
    login: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class Language(msgspec.Struct):
    language: str


class Me(msgspec.Struct, kw_only=True):
    id: str
    login: str
    full_name: str
    role: str
    language: str
    extension: str | None
    window: str | None
    rights: list[str]


def me_of(user: User) -> Me:
    return Me(
        id=str(user.id),
        login=user.login,
        full_name=user.full_name,
        role=user.role,
        language=user.locale,
        extension=user.extension,
        window=user.window,
        rights=[right for right in Right if allowed(user, right)],
    )


class SessionController(Controller):
    path = "/api/session"
    tags = ("session",)

    @post(status_code=200, opt={"rule": PUBLIC})
    async def sign_in(
        self, data: JSONBody[SignIn], request: UserRequest, services: NamedDependency[PanelServices]
    ) -> Response[Me]:
        """Open a session. 401 says that login or password is wrong, never which; 429 after five failures of this
        account from this address within ten minutes."""
        user = await authenticate(services, data, address_of(request), trusted=is_trusted(request))
        async with services.pool.acquire(timeout=3) as conn:
            if old := token_of(request):
                await sessions.close(conn, old)
            token = await sessions.open_session(
                conn, user.id, now=services.clock(), user_agent=request.headers.get("user-agent", "")[:500]
            )
        if user.extension or user.window:
            services.live.know(person_of(user))
        return Response(me_of(user), cookies=[session_cookie(services.settings, token)])

    @get(opt={"rule": SIGNED_IN})
    async def me(self, user: NamedDependency[User]) -> Me:
        """Who is signed in, and what that person may do."""
        return me_of(user)

    @delete(opt={"rule": SIGNED_IN}, status_code=204)
    async def sign_out(self, request: UserRequest, conn: NamedDependency[Connection]) -> Response[None]:
        """End this session; its websockets are cut within five seconds."""
        token = token_of(request)
        guarding = guarding_of(request)
        if token:
            guarding.sessions.forget(token)
            await sessions.close(conn, token)
        return Response(None, status_code=204, cookies=[session_cookie(guarding.settings, "", max_age=0)])

    @put("/language", opt={"rule": SIGNED_IN}, status_code=204)
    async def language(
        self, data: JSONBody[Language], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """Remember the language that this person chose: uk, en or ru."""
        if data.language not in LANGUAGES:
            raise Invalid("language")
        await organisation.set_locale(conn, user.id, data.language)


async def authenticate(services: PanelServices, data: SignIn, address: str, *, trusted: bool) -> User:
    """Raises SignInRefused, TooMany.

    Failures are counted by account and address: a stranger cannot lock somebody out from another place. No connection
    of the pool is held while the password is checked.
    """
    limits, now = services.limits, services.clock().timestamp()
    key = (data.login.casefold(), address)
    if not trusted:
        limits.sign_in.check(key, now)
        limits.sign_in_address.check(address, now)
        # Counted before the check, so that attempts sent at once do not all pass; forgotten when it succeeds.
        limits.sign_in.hit(key, now)
    async with services.pool.acquire(timeout=3) as conn:
        found = await organisation.by_login(conn, data.login)
    user, password_hash = found or (None, None)
    if not await services.passwords.verify(password_hash, data.password) or user is None:
        if not trusted:
            limits.sign_in_address.hit(address, now)
        log.info("sign_in_refused", login=data.login[:60], address=address)
        raise SignInRefused
    limits.sign_in.forget(key)
    return user


def session_cookie(settings: PanelSettings, token: str, *, max_age: int = LONGEST) -> Cookie:
    return Cookie(
        key=cookie_name(settings),
        value=token,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.secure_cookies,
    )
