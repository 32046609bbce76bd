"""System-wide parameters, and how the loading from an outside telephony server goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core import settings
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.outside_pbx import Failure, Flaw, SourceState, states
from web_panel.auth import needs
from web_panel.errors import AnyRequest, language_of
from web_panel.texts import text


class Value(msgspec.Struct):
    value: Annotated[str, msgspec.Meta(max_length=1000)]


class RowSetAside(msgspec.Struct, kw_only=True):
    """A row from which no call could be made, by its key and its time. `text`: why, in the reader's language; `detail`:
    what stands there."""

    row: str
    flaw: Flaw
    text: str
    detail: str
    seen_at: datetime


class TelephonyServer(msgspec.Struct, kw_only=True):
    """How the loading goes. `source`: without a password. `loaded`: calls that became ours, ever; `loaded_through`:
    when the newest of its calls began. `failure`, `text` (in the reader's language), `error` (in the words of whom it
    met): why the last look failed, when it did."""

    source: str
    looked_at: datetime
    loaded: int
    loaded_through: datetime | None
    failure: Failure | None
    text: str
    error: str
    set_aside: Sequence[RowSetAside]


class Parameters(msgspec.Struct):
    """`parameters` without passwords; `telephony_server`: what was loaded from where, the latest source first."""

    parameters: Mapping[str, str | int | bool]
    telephony_server: Sequence[TelephonyServer]


class SettingsController(Controller):
    path = "/api/settings"
    tags = ("settings",)

    @get(opt={"rule": needs(Right.CHANGE_SETTINGS)})
    async def read(
        self, user: NamedDependency[User], conn: NamedDependency[Connection], request: AnyRequest
    ) -> Parameters:
        """R-SETTINGS-32, R-SETTINGS-33: every parameter as it holds now."""
        language = language_of(request)
        servers = [_server(state, language) for state in await states(conn, user)]
        return Parameters(await settings.shown(conn, user), servers)

    @put("/{key:str}", opt={"rule": needs(Right.CHANGE_SETTINGS)}, status_code=204)
    async def write(
        self, key: FromPath[str], data: JSONBody[Value], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """Set one, as text: a number, `on` or `off`, or what the parameter takes. 400 for anything else."""
        await settings.write(conn, user, key, data.value)


def _server(state: SourceState, language: str) -> TelephonyServer:
    return TelephonyServer(
        source=state.source,
        looked_at=state.looked_at,
        loaded=state.loaded,
        loaded_through=state.loaded_through,
        failure=state.failure,
        text=text(f"outside_failure.{state.failure}", language) if state.failure else "",
        error=state.error,
        set_aside=[
            RowSetAside(
                row=aside.row,
                flaw=aside.flaw,
                text=text(f"outside_flaw.{aside.flaw}", language),
                detail=aside.detail,
                seen_at=aside.seen_at,
            )
            for aside in state.set_aside
        ],
    )
