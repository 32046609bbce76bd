"""Those who wait in lines: why, as the queue engine sees it at this moment, and what a supervisor makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from callflow.control import Actor
from crm_core.access import NotFound, Right
from queue_engine.explain import Reason
from web_panel.auth import needs
from web_panel.errors import AnyRequest, language_of
from web_panel.ports import PanelServices
from web_panel.texts import text


class WhyView(msgspec.Struct, kw_only=True):
    """`text`: in the reader's language. Times in `values` are seconds from now."""

    key: str
    values: Mapping[str, str | int | float]
    text: str


class ItemWhy(msgspec.Struct, kw_only=True):
    """`position` is None while somebody's phone rings. `agents`: of everybody in the line, why they do not have it."""

    line: str
    position: int | None
    waited: float
    score: float
    kept_for: str | None
    agents: dict[str, WhyView]


class AgentWhy(msgspec.Struct, kw_only=True):
    """`items`: of the first item of each kind in the agent's lines, why it is not theirs."""

    lines: list[str]
    state: WhyView
    items: dict[str, WhyView]


class OtherLine(msgspec.Struct, kw_only=True):
    line: str


class Points(msgspec.Struct, kw_only=True):
    points: float


class OneAgent(msgspec.Struct, kw_only=True):
    agent: Annotated[str, msgspec.Meta(min_length=1)]


class SentAway(msgspec.Struct, kw_only=True):
    """`to`: one of our numbers; "": the call ends. `message`: a prompt that is played first."""

    to: str = ""
    message: str = ""


class LineSwitch(msgspec.Struct, kw_only=True):
    """None: as it is. `message`: a prompt that callers are told first; "": none."""

    is_open: bool | None = None
    message: str | None = None


class LineStands(msgspec.Struct, kw_only=True):
    is_open: bool
    message: str


class WaitingController(Controller):
    path = "/api/waiting"
    tags = ("waiting",)
    opt = {"rule": needs(Right.SUPERVISE)}

    @get("/{call_id:uuid}/why")
    async def item(
        self,
        call_id: FromPath[UUID],
        services: NamedDependency[PanelServices],
        request: AnyRequest,
    ) -> ItemWhy:
        """Why this call is with nobody yet. 404 when it does not wait."""
        story = services.waiting.why_item(call_id) if services.waiting is not None else None
        if story is None:
            raise NotFound(call_id)
        language = language_of(request)
        return ItemWhy(
            line=story.line,
            position=story.position,
            waited=round(story.waited, 1),
            score=story.score,
            kept_for=story.kept_for,
            agents=_views(story.agents, language),
        )

    @post("/{call_id:uuid}/move", status_code=204)
    async def move(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[OtherLine],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """To another line; the time of joining is kept. 404 when it waits no more, or there is no such line."""
        services.lines.move(actor, call_id, data.line)

    @put("/{call_id:uuid}/points", status_code=204)
    async def prioritise(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[Points],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Points of priority, -1000 to 1000; those of the line and of the wait are added."""
        services.lines.prioritise(actor, call_id, data.points)

    @put("/{call_id:uuid}/agent", status_code=204)
    async def assign(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[OneAgent],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Keep it for one agent of the line (an extension) as long as that one is at work. 409 for any other."""
        services.lines.assign(actor, call_id, data.agent)

    @delete("/{call_id:uuid}/agent", status_code=204)
    async def unassign(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """Anybody may take it again."""
        services.lines.assign(actor, call_id, "")

    @post("/{call_id:uuid}/withdraw", status_code=204)
    async def withdraw(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[SentAway],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """End the wait. 409 when there is no such number or prompt."""
        services.lines.withdraw(actor, call_id, data.to, data.message)

    @put("/lines/{number:str}")
    async def switch(
        self,
        number: FromPath[str],
        data: JSONBody[LineSwitch],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> LineStands:
        """Open or close a line, or have it tell another message first."""
        stands = services.lines.switch(actor, number, is_open=data.is_open, message=data.message)
        return LineStands(is_open=stands.is_open, message=stands.message)

    @get("/agents/{extension:str}/why")
    async def agent(
        self,
        extension: FromPath[str],
        services: NamedDependency[PanelServices],
        request: AnyRequest,
    ) -> AgentWhy:
        """Why this agent has nothing to do. 404 for whom no line knows."""
        story = services.waiting.why_agent(extension) if services.waiting is not None else None
        if story is None:
            raise NotFound(extension)
        language = language_of(request)
        return AgentWhy(
            lines=list(story.lines),
            state=_view(story.state, language),
            items=_views(story.items, language),
        )


def _view(reason: Reason, language: str) -> WhyView:
    values = {name: round(value) if isinstance(value, float) else value for name, value in reason.values.items()}
    words = {name: str(value) for name, value in values.items()}
    return WhyView(key=reason.key, values=values, text=text(f"why.{reason.key}", language, **words))


def _views(reasons: Mapping[str, Reason] | Mapping[UUID, Reason], language: str) -> dict[str, WhyView]:
    return {str(subject): _view(reason, language) for subject, reason in reasons.items()}
