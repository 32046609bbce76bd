"""Click-to-call: ring the person's own phone first, then the number."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from callflow.agent_leg import ring_extension
from callflow.call import Call
from callflow.facts import EndedBy, Outcome
from callflow.flow import run
from callflow.router import Route, ToTrunk
from callflow.side import Side
from callflow.stages import Result, Seek
from pbx.leg import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """`extension` wants to speak with `number`, which leads to `route`."""

    extension: str
    number: str
    route: Route
    follow_up: UUID | None = None


async def click_to_call(call: Call, click: Click) -> Result:
    outward = isinstance(click.route, ToTrunk)
    own = call.exchange.identity(click.extension)
    call.started(
        Identity(click.number) if outward else own,
        extension=not outward,
        caller=click.extension,
        dialled=None if outward else click.number,
        trunk=click.route.trunk.name if isinstance(click.route, ToTrunk) else None,
        follow_up=click.follow_up,
    )
    call.routed(click.route)
    rung = await ring_extension(
        call,
        click.extension,
        caller=Identity(click.number),
        codecs=(),
        near=None,
        timeout=call.exchange.ring_timeout,
        auto_answer=call.exchange.wishes.of(click.extension).auto_answer,
    )
    if rung.leg is None:
        return Result(Outcome.FAILED, EndedBy.CALLER, rung.status)
    call.placed_by = rung.leg
    waiting = Side(rung.leg, click.extension, own, rung.offer)
    return await run(call, Seek(waiting=waiting, route=click.route, payer=click.extension))
