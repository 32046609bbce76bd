"""How one's own calls find one: forwarding, do-not-disturb, lines (R-PHONE-57 to R-PHONE-63)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from callflow.control import Actor
from callflow.facts import ForwardKind
from callflow.wishes import Wishes
from crm_core.access import Right
from web_panel.auth import needs
from web_panel.errors import Invalid
from web_panel.ports import PanelServices

KINDS = (ForwardKind.ALWAYS, ForwardKind.BUSY, ForwardKind.NO_ANSWER)


class Forwards(msgspec.Struct, kw_only=True):
    """The number of each; "" for none."""

    always: str = ""
    busy: str = ""
    no_answer: str = ""


class Phone(msgspec.Struct, kw_only=True):
    """`lines`: calls at once, None for no limit. `ring_seconds`: None for as long as the company's phones ring."""

    forwards: Forwards
    do_not_disturb: bool
    lines: int | None
    ring_seconds: int | None
    auto_answer: bool


class PhoneChange(msgspec.Struct, kw_only=True):
    """What is left out stays as it is."""

    do_not_disturb: bool | None = None
    lines: int | None = None  # R-PHONE-61: 1 to 5
    ring_seconds: int | None = None  # 5 to 120
    auto_answer: bool | None = None  # my phone takes a click-to-call by itself


class ForwardTo(msgspec.Struct, kw_only=True):
    number: Annotated[str, msgspec.Meta(max_length=64)] = ""  # "": no longer


class PhoneController(Controller):
    path = "/api/phone"
    tags = ("phone",)

    @get(opt={"rule": needs(Right.CALL)})
    async def phone(self, actor: NamedDependency[Actor], services: NamedDependency[PanelServices]) -> Phone:
        """How I want to be reached."""
        return shown(services.control.wishes(actor))

    @patch(opt={"rule": needs(Right.CALL)})
    async def change(
        self, data: JSONBody[PhoneChange], actor: NamedDependency[Actor], services: NamedDependency[PanelServices]
    ) -> Phone:
        services.control.change_phone(
            actor,
            do_not_disturb=data.do_not_disturb,
            lines=data.lines,
            ring_seconds=data.ring_seconds,
            auto_answer=data.auto_answer,
        )
        return shown(services.control.wishes(actor))

    @put("/forwards/{kind:str}", opt={"rule": needs(Right.CALL)})
    async def forward(
        self,
        kind: FromPath[str],
        data: JSONBody[ForwardTo],
        actor: NamedDependency[Actor],
        services: NamedDependency[PanelServices],
    ) -> Phone:
        """Forward my calls: `always`, when `busy`, or on `no_answer`. The number obeys the rules of one that I dial."""
        if kind not in KINDS:
            raise Invalid("kind")
        services.control.forward(actor, ForwardKind(kind), data.number)
        return shown(services.control.wishes(actor))


def shown(wishes: Wishes) -> Phone:
    return Phone(
        forwards=Forwards(**{kind.value: wishes.forward(kind) or "" for kind in KINDS}),
        do_not_disturb=wishes.do_not_disturb,
        lines=wishes.lines,
        ring_seconds=wishes.ring_seconds,
        auto_answer=wishes.auto_answer,
    )
