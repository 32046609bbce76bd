"""Why somebody waits and why an agent has nothing to do, as the queue engine sees it at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.access import NotFound, Right
from queue_engine.explain import Reason
from web_panel.auth import needs
from web_panel.errors import AnyRequest, language_of
from web_panel.ports import PanelServices
from web_panel.texts import text

RULE = {"rule": needs(Right.SUPERVISE)}


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


class WaitingController(Controller):
    path = "/api/waiting"
    tags = ("waiting",)

    @get("/{call_id:uuid}/why", opt=RULE)
    async def item(
        self,
        call_id: FromPath[UUID],
        services: NamedDependency[PanelServices],
        request: AnyRequest,
    ) -> ItemWhy:
        """Why this call is with nobody yet. 404 when it does not wait."""
        story = services.waiting.why_item(call_id) if services.waiting else None
        if story is None:
            raise NotFound(call_id)
        language = language_of(request)
        return ItemWhy(
            line=story.line,
            position=story.position,
            waited=round(story.waited, 1),
            score=story.score,
            kept_for=story.kept_for,
            agents={extension: _view(reason, language) for extension, reason in story.agents.items()},
        )

    @get("/agents/{extension:str}/why", opt=RULE)
    async def agent(
        self,
        extension: FromPath[str],
        services: NamedDependency[PanelServices],
        request: AnyRequest,
    ) -> AgentWhy:
        """Why this agent has nothing to do. 404 for whom no line knows."""
        story = services.waiting.why_agent(extension) if services.waiting else None
        if story is None:
            raise NotFound(extension)
        language = language_of(request)
        return AgentWhy(
            lines=list(story.lines),
            state=_view(story.state, language),
            items={str(item_id): _view(reason, language) for item_id, reason in story.items.items()},
        )


def _view(reason: Reason, language: str) -> WhyView:
    values = {name: round(value) if isinstance(value, float) else value for name, value in reason.values.items()}
    words = {name: str(value) for name, value in values.items()}
    return WhyView(key=reason.key, values=values, text=text(f"why.{reason.key}", language, **words))
