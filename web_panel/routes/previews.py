"""What an agent looks at before its party is called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from callflow.control import Actor, ControlRefused
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.dialling import lists
from crm_core.dialling.lists import EntryCard
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.ports import PanelServices, PreviewControl

RULE = {"rule": needs(Right.CALL)}


class Shown(msgspec.Struct):
    """`until`: then it is called by itself."""

    card: EntryCard
    until: datetime


class Skip(msgspec.Struct):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class PreviewController(Controller):
    path = "/api/previews"
    tags = ("dialling",)

    @get("/mine", opt=RULE)
    async def mine(
        self,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Shown | None:
        """Whom I am to call next; null: nobody."""
        preview = services.previews.of(user.extension) if services.previews is not None else None
        if preview is None:
            return None
        return Shown(await lists.entry_card(conn, user, preview.entry_id), preview.until)

    @post("/{entry_id:uuid}/dial", opt=RULE, status_code=204)
    async def dial(
        self, entry_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """Call it now: my phone rings first, if the list says so."""
        _previews(services).dial(actor, entry_id)

    @post("/{entry_id:uuid}/skip", opt=RULE, status_code=204)
    async def skip(
        self,
        entry_id: FromPath[UUID],
        data: JSONBody[Skip],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Leave it for later, and say why."""
        _previews(services).skip(actor, entry_id, data.reason)


def _previews(services: PanelServices) -> PreviewControl:
    if services.previews is None:
        raise ControlRefused("unknown_preview")
    return services.previews
