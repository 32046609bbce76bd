"""Calls: ring somebody back, hang up, look at the signalling and at how they sounded."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from callflow.control import Actor
from crm_core import follow_ups
from crm_core.access import NotFound, Right
from crm_core.calls import segments, sound
from crm_core.calls.segments import CallSegment
from crm_core.calls.sound import CallSound
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.call_ladder import CallLadder
from web_panel.ports import PanelServices


class PlaceCall(msgspec.Struct, kw_only=True):
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    follow_up: UUID | None = None


class Placed(msgspec.Struct):
    call_id: UUID


class CallController(Controller):
    path = "/api/calls"
    tags = ("calls",)

    @post(opt={"rule": needs(Right.CALL)}, status_code=202)
    async def call(
        self,
        data: JSONBody[PlaceCall],
        user: NamedDependency[User],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> Placed:
        """Ring my phone, then the number. For a follow-up it becomes mine first, so that two people never call the
        same customer back: 409 when a colleague has it."""
        if data.follow_up is not None:
            async with services.pool.acquire(timeout=3) as conn:
                await follow_ups.claim(conn, user, data.follow_up)
        return Placed(await services.control.call(actor, data.number, follow_up=data.follow_up))

    @delete("/{call_id:uuid}", opt={"rule": needs(Right.CALL)}, status_code=204)
    async def hang_up(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """End a call: one's own, or any for a supervisor."""
        await services.control.hang_up(actor, call_id)

    @get("/{call_id:uuid}/trace", opt={"rule": needs(Right.SUPERVISE)})
    async def trace(self, call_id: FromPath[UUID], services: NamedDependency[PanelServices]) -> CallLadder:
        """Every message of the call's signalling, without passwords, keys, pressed digits and private texts, and
        whether the core would do the same again. 404 when nothing is kept of it (`[trace]` in the configuration)."""
        ladder = await services.traces.ladder(call_id)
        if ladder is None:
            raise NotFound(call_id)
        return ladder

    @get("/{call_id:uuid}/sound", opt={"rule": needs(Right.SUPERVISE)})
    async def sound(self, call_id: FromPath[UUID], services: NamedDependency[PanelServices]) -> CallSound:
        """How the call sounded, leg by leg, and which part of it was silence, overtalk and hold. 404 for no call."""
        async with services.pool.acquire(timeout=3) as conn:
            found = await sound.of_call(conn, call_id)
        if found is None:
            raise NotFound(call_id)
        return found

    @get("/{call_id:uuid}/segments", opt={"rule": needs(Right.SUPERVISE)})
    async def segments(self, call_id: FromPath[UUID], services: NamedDependency[PanelServices]) -> list[CallSegment]:
        """With whom the call was, one after the other, and the seconds of wait, ring, hold and talk of each. None for a
        call that nobody answered. 404 for no call."""
        async with services.pool.acquire(timeout=3) as conn:
            found = await segments.of_call(conn, call_id)
        if found is None:
            raise NotFound(call_id)
        return found
