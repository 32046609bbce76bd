"""What a person tells one's own call, and calls that ring or wait elsewhere. Every refusal is a `ControlRefused`."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from callflow.control import Actor, Order
from crm_core.access import Right
from web_panel.auth import needs
from web_panel.ports import PanelServices
from web_panel.routes.calls import Placed

RULE = {"rule": needs(Right.CALL)}


class Target(msgspec.Struct, kw_only=True):
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Place(msgspec.Struct, kw_only=True):
    orbit: Annotated[str, msgspec.Meta(max_length=16)] | None = None  # None: the first that is free


class Orbit(msgspec.Struct, kw_only=True):
    orbit: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]


class RecordingWish(msgspec.Struct, kw_only=True):
    what: Literal["start", "stop", "pause", "resume", "hide", "show"]


class CallControlController(Controller):
    path = "/api/calls"
    tags = ("calls",)

    @post("/{call_id:uuid}/transfer", opt=RULE, status_code=204)
    async def transfer(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[Target],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Hand the other side on, unannounced; a call that rings at my phone is sent on (R-PHONE-36, R-PHONE-37)."""
        await services.control.transfer(actor, call_id, data.number)

    @post("/{call_id:uuid}/consult", opt=RULE, status_code=204)
    async def consult(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[Target],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Hold the other side and speak with the target of a transfer first (R-PHONE-38)."""
        await services.control.consult(actor, call_id, data.number)

    @post("/{call_id:uuid}/complete", opt=RULE, status_code=204)
    async def complete(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """Join the two others and leave."""
        await services.control.complete(actor, call_id)

    @post("/{call_id:uuid}/take-back", opt=RULE, status_code=204)
    async def take_back(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """End the consultation, or a transfer that nobody has answered yet."""
        await services.control.take_back(actor, call_id)

    @post("/{call_id:uuid}/swap", opt=RULE, status_code=204)
    async def swap(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """During a consultation: speak with the other one of the two."""
        await services.control.swap(actor, call_id)

    @post("/{call_id:uuid}/conference", opt=RULE, status_code=204)
    async def confer(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """All together (R-PHONE-28): with whom I consult, or with whom I speak in my other call."""
        await services.control.confer(actor, call_id)

    @post("/{call_id:uuid}/invite", opt=RULE, status_code=204)
    async def invite(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[Target],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Ring that number; who answers joins the talk, which goes on meanwhile."""
        await services.control.invite(actor, call_id, data.number)

    @post("/{call_id:uuid}/hold", opt=RULE, status_code=204)
    async def hold(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """The other side hears music (R-PHONE-26)."""
        await services.control.hold(actor, call_id)

    @post("/{call_id:uuid}/resume", opt=RULE, status_code=204)
    async def resume(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> None:
        """Both hear each other again (R-PHONE-27)."""
        await services.control.resume(actor, call_id)

    @post("/{call_id:uuid}/park", opt=RULE, status_code=204)
    async def park(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[Place],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Leave the other side, with music, where every colleague can retrieve it."""
        await services.control.park(actor, call_id, data.orbit)

    @post("/{call_id:uuid}/recording", opt=RULE, status_code=204)
    async def record(
        self,
        call_id: FromPath[UUID],
        data: JSONBody[RecordingWish],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Start, end, pause or resume the recording (R-PHONE-39): of my own call, or of any for a supervisor. One that
        was begun by rule is ended only by a supervisor. `hide`: until `show`, what the customer presses and says is
        kept out of it, and the agent hears no keys."""
        await services.control.record(actor, call_id, Order[data.what.upper()])

    @post("/retrieve", opt=RULE, status_code=202)
    async def retrieve(
        self, data: JSONBody[Orbit], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> Placed:
        """Ring my phone for who is parked there."""
        return Placed(await services.control.retrieve(actor, data.orbit))

    @post("/pick-up", opt=RULE, status_code=202)
    async def pick_up_any(self, actor: NamedDependency[Actor], services: NamedDependency[PanelServices]) -> Placed:
        """Ring my phone for the call that has rung longest at a colleague's."""
        return Placed(await services.control.pick_up(actor))

    @post("/{call_id:uuid}/pick-up", opt=RULE, status_code=202)
    async def pick_up(
        self, call_id: FromPath[UUID], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> Placed:
        """Ring my phone for this call, which rings at a colleague's."""
        return Placed(await services.control.pick_up(actor, call_id))
