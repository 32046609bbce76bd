"""What a supervisor does beside other people's calls. Every refusal is a `ControlRefused`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from callflow.control import Actor
from callflow.room_facts import SupervisionMode
from crm_core.access import Right
from web_panel.auth import needs
from web_panel.ports import PanelServices

RULE = {"rule": needs(Right.SUPERVISE)}


class Supervision(msgspec.Struct, kw_only=True):
    mode: SupervisionMode
    agent: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    """The extension that a whisper is for, where not the one who has the call."""


class SupervisionController(Controller):
    path = "/api/calls"
    tags = ("supervision",)

    @post("/{call_id:uuid}/supervise", opt=RULE, status_code=202)
    async def supervise(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[Supervision],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Ring my phone: I listen (nobody hears me), whisper (only the agent does) or barge in (all do). Once I am
        there it changes the mode, and nothing rings."""
        await services.control.supervise(actor, call_id, data.mode, data.agent)

    @delete("/{call_id:uuid}/supervise", opt=RULE, status_code=204)
    async def leave(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """My phone is hung up; the call goes on."""
        await services.control.stop_supervising(actor, call_id)

    @post("/{call_id:uuid}/take-over", opt=RULE, status_code=204)
    async def take_over(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """I go on in place of the agent, who is hung up."""
        await services.control.take_over(actor, call_id)
