"""Lists of numbers that we call, who may not be called, and what calls came to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core import settings
from crm_core.access import Right
from crm_core.clients.phone_numbers import normalise
from crm_core.database import Connection
from crm_core.dialling import dispositions, do_not_call, importing, lists
from crm_core.dialling.dispositions import Act, Disposition
from crm_core.dialling.do_not_call import Barred
from crm_core.dialling.importing import Imported, Row
from crm_core.dialling.lists import DialledCall, DialList, NewList, Results
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.errors import Invalid
from web_panel.ports import PanelServices

SEES = {"rule": needs(Right.SUPERVISE)}
CHANGES = {"rule": needs(Right.CHANGE_LINES)}
CALLS = {"rule": needs(Right.CALL)}
Text = Annotated[str, msgspec.Meta(max_length=1_000)]


class MadeList(msgspec.Struct):
    id: UUID


class Rows(msgspec.Struct):
    """At most 2,000 of them."""

    rows: list[Row]


class DialListController(Controller):
    path = "/api/dial-lists"
    tags = ("dialling",)

    @get(opt=SEES)
    async def all(self, user: NamedDependency[User], conn: NamedDependency[Connection]) -> list[DialList]:
        """The newest first."""
        return await lists.lists(conn, user)

    @post(opt=CHANGES, status_code=201)
    async def add(
        self,
        data: JSONBody[NewList],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> MadeList:
        """A closed list without numbers. 409 when the name is taken."""
        if data.line not in services.line_book:
            raise Invalid("line")
        return MadeList(await lists.add_list(conn, user, data, now=services.clock()))

    @put("/{list_id:uuid}", opt=CHANGES, status_code=204)
    async def change(
        self,
        list_id: FromPath[UUID],
        data: JSONBody[NewList],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """All settings of a list; what is left out is as in a new one. They hold for who is called from then on."""
        if data.line not in services.line_book:
            raise Invalid("line")
        await lists.change_list(conn, user, list_id, data)

    @post("/{list_id:uuid}/open", opt=CHANGES, status_code=204)
    async def open(
        self, list_id: FromPath[UUID], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """Call its numbers from now on."""
        await lists.switch_list(conn, user, list_id, is_open=True)

    @post("/{list_id:uuid}/close", opt=CHANGES, status_code=204)
    async def close(
        self, list_id: FromPath[UUID], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """Call no further number; calls that are under way go on."""
        await lists.switch_list(conn, user, list_id, is_open=False)

    @post("/{list_id:uuid}/entries", opt=CHANGES, status_code=200)
    async def bring_in(
        self,
        list_id: FromPath[UUID],
        data: JSONBody[Rows],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Imported:
        """Numbers come in; each row that does not is named with the reason. The same again adds nothing."""
        return await _import(conn, user, list_id, data.rows, services)

    @post("/{list_id:uuid}/entries.csv", opt=CHANGES, status_code=200)
    async def bring_in_csv(
        self,
        list_id: FromPath[UUID],
        request: Request[User, str | None, State],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Imported:
        """The same from a CSV in UTF-8 with the columns `number`, `name` and `zone`."""
        try:
            text = (await request.body()).decode()
        except UnicodeDecodeError:
            raise Invalid("csv") from None
        return await _import(conn, user, list_id, importing.rows_of_csv(text), services)

    @get("/{list_id:uuid}/results", opt=SEES)
    async def results(
        self, list_id: FromPath[UUID], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> Results:
        """Entries by state, and calls by what they came to."""
        return await lists.results(conn, user, list_id)

    @get("/{list_id:uuid}/calls", opt=SEES)
    async def calls(
        self,
        list_id: FromPath[UUID],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        result: FromQuery[str | None] = None,
        before: FromQuery[datetime | None] = None,
    ) -> Sequence[DialledCall]:
        """Which calls are behind a count of the results, the newest first, 500 at a time."""
        if before is not None and before.tzinfo is None:
            raise Invalid("before")
        return await lists.which_calls(conn, user, list_id, result=result, before=before)


async def _import(
    conn: Connection, user: User, list_id: UUID, rows: Sequence[Row], services: PanelServices
) -> Imported:
    region, zone = (await settings.load(conn)).region, services.settings.time_zone
    return await importing.import_rows(conn, user, list_id, rows, region=region, zone=zone, now=services.clock())


class NewBar(msgspec.Struct, kw_only=True):
    """`until` None: for ever."""

    number: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    reason: Text = ""
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class DoNotCallController(Controller):
    path = "/api/do-not-call"
    tags = ("dialling",)

    @get(opt={"rule": needs(Right.SEE_CLIENTS)})
    async def all(
        self,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
        digits: FromQuery[str] = "",
    ) -> list[Barred]:
        """Numbers that no list calls, the newest first, at most 1000; those that contain `digits`."""
        return await do_not_call.barred(conn, user, digits=digits, now=services.clock())

    @post(opt={"rule": needs(Right.WRITE_CLIENTS)}, status_code=204)
    async def bar(
        self,
        data: JSONBody[NewBar],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """No list calls it from now on. The last word about a number counts."""
        number = await _e164(conn, data.number)
        await do_not_call.bar(conn, user, number, reason=data.reason, until=data.until, now=services.clock())

    @delete("/{number:str}", opt=CHANGES, status_code=204)
    async def lift(self, number: FromPath[str], user: NamedDependency[User], conn: NamedDependency[Connection]) -> None:
        """It may be called again."""
        await do_not_call.lift(conn, user, await _e164(conn, number[:32]))


async def _e164(conn: Connection, text: str) -> str:
    e164 = normalise(text, region=(await settings.load(conn)).region).e164
    if e164 is None:
        raise Invalid("number")
    return e164


class NewDisposition(msgspec.Struct, kw_only=True):
    key: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    uk: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    en: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    ru: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    act: Act


class CameTo(msgspec.Struct, kw_only=True):
    """`at`: when to call back; without a zone it is the party's local time."""

    disposition: Annotated[str, msgspec.Meta(max_length=40)]
    note: Text = ""
    at: datetime | None = None


class DispositionController(Controller):
    path = "/api/dispositions"
    tags = ("dialling",)

    @get(opt=CALLS)
    async def all(self, user: NamedDependency[User], conn: NamedDependency[Connection]) -> list[Disposition]:
        """What a call can come to, and what follows."""
        return await dispositions.dispositions(conn, user)

    @post(opt=CHANGES, status_code=204)
    async def add(
        self, data: JSONBody[NewDisposition], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """One more. 409 when the key is taken."""
        name = {"uk": data.uk, "en": data.en, "ru": data.ru}
        await dispositions.add_disposition(conn, user, data.key, name, data.act)

    @put("/of-calls/{call_id:uuid}", opt=CALLS, status_code=204)
    async def set(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[CameTo],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """What this call came to; the last word counts."""
        await dispositions.set_disposition(
            conn, user, call_id, data.disposition, note=data.note, at=data.at, now=services.clock()
        )
