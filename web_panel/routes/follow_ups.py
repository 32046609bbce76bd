"""Missed contacts and who calls them back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core import follow_ups
from crm_core.access import Right
from crm_core.database import Connection
from crm_core.follow_ups import FollowUp, FollowUpCard
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.errors import Invalid
from web_panel.ports import PanelServices


class HandOver(msgspec.Struct):
    to: UUID


class Postponed(msgspec.Struct):
    until: Annotated[datetime, msgspec.Meta(tz=True)]


class Result(msgspec.Struct):
    result: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]


class FollowUpController(Controller):
    path = "/api/follow-ups"
    tags = ("follow-ups",)

    @get(opt={"rule": needs(Right.SEE_FOLLOW_UPS)})
    async def open_list(self, user: NamedDependency[User], conn: NamedDependency[Connection]) -> list[FollowUp]:
        """Everything open that I may see, the most urgent first."""
        return await follow_ups.open_list(conn, user)

    @get("/{follow_up_id:uuid}", opt={"rule": needs(Right.SEE_FOLLOW_UPS)})
    async def card(
        self, follow_up_id: FromPath[UUID], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> FollowUpCard:
        """One, open or closed: who made it good, when and how fast; and what people did about it."""
        return await follow_ups.card(conn, user, follow_up_id)

    @post("/{follow_up_id:uuid}/postpone", opt={"rule": needs(Right.WORK_FOLLOW_UPS)}, status_code=204)
    async def postpone(
        self,
        follow_up_id: FromPath[UUID],
        data: JSONBody[Postponed],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Do it then, within a year; it stays mine until then."""
        now = services.clock()
        if not now <= data.until <= now + follow_ups.FARTHEST:
            raise Invalid("until")
        await follow_ups.postpone(conn, user, follow_up_id, until=data.until)

    @post("/{follow_up_id:uuid}/claim", opt={"rule": needs(Right.WORK_FOLLOW_UPS)}, status_code=204)
    async def claim(
        self, follow_up_id: FromPath[UUID], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> None:
        """Take it. 409 when a colleague has it."""
        await follow_ups.claim(conn, user, follow_up_id)

    @post("/{follow_up_id:uuid}/hand-over", opt={"rule": needs(Right.WORK_FOLLOW_UPS)}, status_code=204)
    async def hand_over(
        self,
        follow_up_id: FromPath[UUID],
        data: JSONBody[HandOver],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
    ) -> None:
        """Give it to a colleague."""
        await follow_ups.hand_over(conn, user, follow_up_id, data.to)

    @post("/{follow_up_id:uuid}/close", opt={"rule": needs(Right.WORK_FOLLOW_UPS)}, status_code=204)
    async def close(
        self,
        follow_up_id: FromPath[UUID],
        data: JSONBody[Result],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
    ) -> None:
        """Done without a call; the result says how."""
        await follow_ups.close(conn, user, follow_up_id, data.result)
