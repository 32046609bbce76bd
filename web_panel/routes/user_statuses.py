"""The dictionary of user statuses."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.access import Right
from crm_core.database import Connection
from crm_core.dictionaries.user_statuses import UserStatus, add_status, change_status, user_statuses
from crm_core.organisation import User
from queue_engine.facts import Will
from web_panel.auth import needs

CHANGE = {"rule": needs(Right.CHANGE_SETTINGS)}
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Names(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    uk: Name
    en: Name
    ru: Name


class StatusMeaning(msgspec.Struct, kw_only=True):
    """`will`: what the person is willing to do while they have it. `retired`: nobody chooses it any more."""

    name: Names
    will: Will = Will.PAUSED
    retired: bool = False


class NewStatus(msgspec.Struct, kw_only=True):
    key: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
    name: Names
    will: Will = Will.PAUSED


class UserStatusController(Controller):
    path = "/api/user-statuses"
    tags = ("agents",)

    @get(opt={"rule": needs(Right.SEE_LIVE_PANEL, Right.SERVE_TICKETS)})
    async def read(self, conn: NamedDependency[Connection]) -> list[UserStatus]:
        """R-PANEL-01: system entries and user-made ones, retired ones too. `will` null: computed, not chosen."""
        return await user_statuses(conn)

    @post(opt=CHANGE, status_code=204)
    async def add(
        self, data: JSONBody[NewStatus], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """409 when there is one with that key."""
        await add_status(conn, user, data.key, msgspec.structs.asdict(data.name), data.will)

    @put("/{key:str}", opt=CHANGE, status_code=204)
    async def change(
        self,
        key: FromPath[str],
        data: JSONBody[StatusMeaning],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
    ) -> None:
        """409 for a system entry: it stays as it is."""
        await change_status(conn, user, key, msgspec.structs.asdict(data.name), data.will, retired=data.retired)
