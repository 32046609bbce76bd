"""What is set for each user: Settings / Parameters / Users."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core import organisation
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.organisation import User, parameters
from crm_core.organisation.parameters import NoSuchPlace, Parameters, UserCard
from web_panel.auth import needs
from web_panel.errors import Invalid
from web_panel.live_entries import person_of
from web_panel.ports import PanelServices

RULE = {"rule": needs(Right.CHANGE_USERS)}


class UserParameters(msgspec.Struct, kw_only=True):
    """R-SETTINGS-27, -28, -30. Both switches of statuses are off unless they are put on (R-SETTINGS-29)."""

    job_title: Annotated[str, msgspec.Meta(max_length=300)] = ""
    phone: Annotated[str, msgspec.Meta(max_length=64)] = ""
    starts_phone: bool = False
    receives_mail: bool = False
    uses_statuses: bool = False
    sees_statuses: bool = False
    telephony_project_id: UUID | None = None
    telephony_org_unit_id: UUID | None = None


class UserController(Controller):
    path = "/api/users"
    tags = ("users",)

    @get("/{user_id:uuid}", opt=RULE)
    async def read(
        self, user_id: FromPath[UUID], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> UserCard:
        """R-SETTINGS-26: one user with what is set."""
        return await parameters.user_card(conn, user, user_id)

    @put("/{user_id:uuid}/parameters", opt=RULE, status_code=204)
    async def write(
        self,
        user_id: FromPath[UUID],
        data: JSONBody[UserParameters],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Set all of them; events of that person's calls get project and structural unit from here (R-CALL-21..23)."""
        try:
            await parameters.set_parameters(conn, user, user_id, Parameters(**msgspec.structs.asdict(data)))
        except NoSuchPlace as error:
            raise Invalid(error.field) from error
        for each in await organisation.all_users(conn):
            if each.id == user_id and (each.extension or each.window):
                services.live.know(person_of(each))
