"""What moderators do in a conference, and its members for themselves. Every refusal is a `ControlRefused`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from callflow.control import Actor
from crm_core.access import Right
from web_panel.auth import needs
from web_panel.ports import PanelServices

RULE = {"rule": needs(Right.CALL)}


class Announcement(msgspec.Struct, kw_only=True):
    prompt: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,32}$")]
    call: UUID | None = None  # the member that it is for; None: all


class ConferenceController(Controller):
    path = "/api/conferences/{number:str}"
    tags = ("conferences",)

    @post("/members/{call_id:uuid}/mute", opt=RULE, status_code=204)
    async def mute(
        self,
        number: FromPath[str],
        call_id: FromPath[UUID],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Nobody hears that member: myself, or anybody for a moderator."""
        await services.meetings.mute(actor, number, call_id, on=True)

    @post("/members/{call_id:uuid}/unmute", opt=RULE, status_code=204)
    async def unmute(
        self,
        number: FromPath[str],
        call_id: FromPath[UUID],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """All hear that member again."""
        await services.meetings.mute(actor, number, call_id, on=False)

    @delete("/members/{call_id:uuid}", opt=RULE, status_code=204)
    async def remove(
        self,
        number: FromPath[str],
        call_id: FromPath[UUID],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Out of the conference, for moderators."""
        await services.meetings.remove(actor, number, call_id)

    @post("/lock", opt=RULE, status_code=204)
    async def lock(
        self, number: FromPath[str], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """Nobody more comes in, for moderators."""
        services.meetings.lock(actor, number, on=True)

    @post("/unlock", opt=RULE, status_code=204)
    async def unlock(
        self, number: FromPath[str], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """Whoever dials the number may come in again."""
        services.meetings.lock(actor, number, on=False)

    @post("/announcements", opt=RULE, status_code=204)
    async def announce(
        self,
        number: FromPath[str],
        data: JSONBody[Announcement],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Play an audio of the installation to all, or to one, for moderators."""
        services.meetings.announce(actor, number, data.prompt, data.call)

    @delete("", opt=RULE, status_code=204)
    async def end(
        self, number: FromPath[str], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """End it for all, for moderators."""
        await services.meetings.end(actor, number)
