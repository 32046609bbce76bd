"""Settings of waiting lines, and what their agents can do: read as they hold now, changed for all who come and wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Controller, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from callflow.line_book import LineBook
from callflow.line_rules import line_breaches
from callflow.line_settings import LineSettings, Skills
from crm_core.access import NotFound, Right
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.telephony import line_changes
from crm_core.telephony.line_changes import SettingsChanged
from web_panel.auth import needs
from web_panel.errors import Invalid
from web_panel.ports import PanelServices

RULE = {"rule": needs(Right.CHANGE_LINES)}
NUMBER = re.compile(r"[A-Za-z0-9+*#._-]{1,32}", re.ASCII)
AT_FAULT = re.compile(r"`\$\.([A-Za-z_]{1,50})|unknown field `([^`]{1,50})")
Revision = Annotated[int, msgspec.Meta(ge=0)]


class LineShown(msgspec.Struct, kw_only=True):
    """`revision` 0: as the configuration says."""

    number: str
    settings: LineSettings
    revision: int
    is_open: bool
    message: str


class NewSettings(msgspec.Struct, kw_only=True):
    """`revision`: of the settings that were changed; 0: as the configuration says, or a new line."""

    settings: LineSettings
    revision: Revision


class SomeSettings(msgspec.Struct, kw_only=True):
    """The settings that are to be others; those that are left out stay. `revision` as in `NewSettings`."""

    settings: dict[str, Any]
    revision: Revision


class AgentShown(msgspec.Struct, kw_only=True):
    extension: str
    skills: Mapping[str, int]
    lines: list[str]
    revision: int


class NewSkills(msgspec.Struct, kw_only=True):
    """`lines`: which the agent serves from now on, and no others; None: as before."""

    skills: Skills
    lines: list[str] | None = None
    revision: Revision


class Changed(msgspec.Struct, kw_only=True):
    revision: int


class LineController(Controller):
    path = "/api/lines"
    tags = ("lines",)

    @get(opt=RULE)
    async def read(self, services: NamedDependency[PanelServices]) -> list[LineShown]:
        """All of them, as they hold now."""
        return [_shown(services.line_book, number) for number in sorted(services.line_book)]

    @get("/{number:str}", opt=RULE)
    async def one(self, number: FromPath[str], services: NamedDependency[PanelServices]) -> LineShown:
        if number not in services.line_book:
            raise NotFound(number)
        return _shown(services.line_book, number)

    @put("/{number:str}", opt=RULE)
    async def change(
        self,
        number: FromPath[str],
        data: JSONBody[NewSettings],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Changed:
        """All settings of a line, or a new one. They hold from the answer on: for whom is rung at once, for what is
        heard and when a wait ends for those who come from then on. 409 when somebody else has changed them meanwhile,
        400 with the field when they name what there is not."""
        around = services.line_around
        if number not in services.line_book and not (NUMBER.fullmatch(number) and around.is_free(number)):
            raise Invalid("number")
        return await _change(conn, user, number, data.settings, data.revision, services)

    @patch("/{number:str}", opt=RULE)
    async def change_some(
        self,
        number: FromPath[str],
        data: JSONBody[SomeSettings],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Changed:
        """Some settings of a line; the others stay. Refused as all of them are."""
        if number not in services.line_book:
            raise NotFound(number)
        before = services.line_book.line(number)
        if before.revision != data.revision:
            raise SettingsChanged(number)
        return await _change(conn, user, number, _changed(before.settings, data.settings), data.revision, services)

    @delete("/{number:str}", opt=RULE, status_code=204)
    async def restore(
        self,
        number: FromPath[str],
        revision: Annotated[int, QueryParameter(ge=0)],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Let the line follow the configuration again. 409 for one that the configuration does not have."""
        if number not in services.line_book:
            raise NotFound(number)
        own = services.line_book.own.get(number)
        await line_changes.restore_line(conn, user, number, own.settings if own else None, revision=revision)
        await services.lines_changed(conn)

    @get("/agents/{extension:str}", opt=RULE)
    async def agent(self, extension: FromPath[str], services: NamedDependency[PanelServices]) -> AgentShown:
        if not services.line_around.is_extension(extension):
            raise NotFound(extension)
        book, kept = services.line_book, services.line_book.skills(extension)
        return AgentShown(
            extension=extension,
            skills=kept.skills,
            lines=sorted(number for number in book if extension in book.line(number).settings.agents),
            revision=kept.revision,
        )

    @put("/agents/{extension:str}", opt=RULE)
    async def change_agent(
        self,
        extension: FromPath[str],
        data: JSONBody[NewSkills],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Changed:
        """What an agent can do, and which lines they serve. 409 when somebody else has changed that meanwhile."""
        if not services.line_around.is_extension(extension):
            raise NotFound(extension)
        book = services.line_book
        if not set(data.lines or ()) <= set(book):
            raise Invalid("lines")
        revision = await line_changes.change_agent(
            conn,
            user,
            extension,
            data.skills,
            lines=None if data.lines is None else frozenset(data.lines),
            own={number: line.settings for number, line in book.own.items()},
            revision=data.revision,
            now=services.clock(),
        )
        await services.lines_changed(conn)
        return Changed(revision=revision)


async def _change(
    conn: Connection, user: User, number: str, given: LineSettings, revision: int, services: PanelServices
) -> Changed:
    for path, _ in line_breaches(given, services.line_around):
        raise Invalid(".".join(map(str, path)))
    changed = await line_changes.change_line(conn, user, number, given, revision=revision, now=services.clock())
    await services.lines_changed(conn)
    return Changed(revision=changed)


def _changed(settings: LineSettings, some: Mapping[str, object]) -> LineSettings:
    """Raises Invalid."""
    try:
        return msgspec.convert({**msgspec.to_builtins(settings), **some}, LineSettings)
    except msgspec.ValidationError as wrong:
        field = AT_FAULT.search(str(wrong))
        raise Invalid(field[1] or field[2] if field else "settings") from None


def _shown(book: LineBook, number: str) -> LineShown:
    line, switch = book.line(number), book.switch(number)
    return LineShown(
        number=number,
        settings=line.settings,
        revision=line.revision,
        is_open=switch.is_open,
        message=switch.message,
    )
