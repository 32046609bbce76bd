"""System-wide parameters, and how the loading from an outside telephony server goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core import settings
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.outside_pbx import SourceState, states
from web_panel.auth import needs


class Value(msgspec.Struct):
    value: Annotated[str, msgspec.Meta(max_length=1000)]


class Parameters(msgspec.Struct):
    """`parameters` without passwords; `telephony_server`: what was loaded from where."""

    parameters: Mapping[str, str | int | bool]
    telephony_server: Sequence[SourceState]


class SettingsController(Controller):
    path = "/api/settings"
    tags = ("settings",)

    @get(opt={"rule": needs(Right.CHANGE_SETTINGS)})
    async def read(self, user: NamedDependency[User], conn: NamedDependency[Connection]) -> Parameters:
        """R-SETTINGS-32, R-SETTINGS-33: every parameter as it holds now."""
        return Parameters(await settings.shown(conn, user), await states(conn, user))

    @put("/{key:str}", opt={"rule": needs(Right.CHANGE_SETTINGS)}, status_code=204)
    async def write(
        self, key: FromPath[str], data: JSONBody[Value], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """Set one, as text: a number, `on` or `off`, or what the parameter takes. 400 for anything else."""
        await settings.write(conn, user, key, data.value)
