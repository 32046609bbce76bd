"""What callers hear: the prompts of the installation, uploaded in any format."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from litestar import Controller, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.access import NotFound, Right
from crm_core.organisation import User
from crm_core.telephony import note_prompt
from web_panel.auth import needs
from web_panel.ports import PanelServices, PromptFile, PromptKeeper, PromptRefused
from web_panel.routes.dependencies import ACQUIRE_WITHIN, UserRequest

LARGEST = 32 * 1024 * 1024  # bytes of an upload
Language = Literal["", "uk", "en", "ru"]


class PromptController(Controller):
    path = "/api/prompts"
    tags = ("prompts",)
    opt = {"rule": needs(Right.CHANGE_FLOWS)}

    @get()
    async def all(self, services: NamedDependency[PanelServices]) -> Sequence[PromptFile]:
        """All that flows, menus and lines can name, those that come with the product too."""
        return await asyncio.to_thread(_keeper(services).all)

    @get("/{name:path}", media_type="audio/wav")
    async def listen(
        self, name: FromPath[Path], services: NamedDependency[PanelServices], language: FromQuery[Language] = ""
    ) -> Response[bytes]:
        """The sound as callers hear it."""
        path = _keeper(services).path(_name(name), language)
        if path is None:
            raise NotFound(name)
        sound = await asyncio.to_thread(path.read_bytes)
        return Response(sound, media_type="audio/wav", headers={"Cache-Control": "private, no-cache"})

    @put("/{name:path}", request_max_body_size=LARGEST)
    async def upload(
        self,
        name: FromPath[Path],
        request: UserRequest,
        user: NamedDependency[User],
        services: NamedDependency[PanelServices],
        language: FromQuery[Language] = "",
    ) -> PromptFile:
        """The body is a sound of any usual format, 15 minutes at most. It is made as loud as the others, and silence
        around speech is cut off (not of `music/…`). `language` empty: for all languages. Calls that begin from now on
        hear it."""
        kept = await _keeper(services).put(_name(name), language, await request.body())
        await _note(services, user, "prompt.put", kept.name, language)
        return kept

    @delete("/{name:path}")
    async def remove(
        self,
        name: FromPath[Path],
        user: NamedDependency[User],
        services: NamedDependency[PanelServices],
        language: FromQuery[Language] = "",
    ) -> None:
        """Throw an uploaded prompt away; one that comes with the product is heard again. 409 while a published flow, a
        line or a menu plays it and nothing else has its name."""
        called, keeper = _name(name), _keeper(services)
        if _is_played(services, called) and _stands_alone(await asyncio.to_thread(keeper.all), called):
            raise PromptRefused("name", "prompt_in_use")
        if not await asyncio.to_thread(keeper.remove, called, language):
            raise NotFound(name)
        await _note(services, user, "prompt.removed", called, language)


def _is_played(services: PanelServices, name: str) -> bool:
    return services.flows.playing(name) or services.line_book.playing(name) or name in services.menu_prompts


def _stands_alone(prompts: Sequence[PromptFile], name: str) -> bool:
    return sum(each.name == name for each in prompts) == 1 and all(each.own for each in prompts if each.name == name)


def _name(name: Path) -> str:
    return str(name).lstrip("/")


def _keeper(services: PanelServices) -> PromptKeeper:
    if services.prompts is None:
        raise NotFound("prompts")
    return services.prompts


async def _note(services: PanelServices, user: User, action: str, name: str, language: str) -> None:
    async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
        await note_prompt(conn, user, action, name, language)
