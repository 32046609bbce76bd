"""Keys for other programs, made and revoked by an administrator."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.access import Right
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.sharing import api_keys
from crm_core.sharing.api_keys import ApiKey, Scope
from web_panel.auth import needs
from web_panel.ports import PanelServices


class NewKey(msgspec.Struct, kw_only=True):
    """`user_id`: for whom it speaks; None: for who makes it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=len(Scope))]
    user_id: UUID | None = None


class MadeKey(msgspec.Struct):
    """The secret is shown here and never again."""

    id: UUID
    secret: str


KEYS = {"rule": needs(Right.CHANGE_SETTINGS)}


class ApiKeyController(Controller):
    path = "/api/api-keys"
    tags = ("sharing",)

    @get(opt=KEYS)
    async def read(self, user: NamedDependency[User], conn: NamedDependency[Connection]) -> list[ApiKey]:
        """The keys that are not revoked, without their secrets."""
        return await api_keys.api_keys(conn, user)

    @post(opt=KEYS, status_code=201)
    async def add(
        self,
        data: JSONBody[NewKey],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> MadeKey:
        """409 when the name is taken, or when there are 50 already."""
        now = services.clock()
        made = await api_keys.add_key(conn, user, data.name, data.scopes, speaks_for=data.user_id, now=now)
        return MadeKey(*made)

    @delete("/{key_id:uuid}", opt=KEYS, status_code=204)
    async def revoke(
        self,
        key_id: FromPath[UUID],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """It opens nothing from the next request on."""
        await api_keys.revoke_key(conn, user, key_id, now=services.clock())
