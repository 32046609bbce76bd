"""Supervisors beside a call: they listen, whisper to the agent, barge in, take over, and leave again.

It is no stage: whatever becomes of the call, they stay with it until they go or it ends. Their coming and going is
nobody else's: no offer, no segment, nothing that the other ends are shown. Each visit is told in facts, for the audit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from callflow.agent_leg import ring
from callflow.hearing import Listener
from callflow.inbox import StopSupervising, Supervise, TakeOver
from callflow.part import PartOfCall
from callflow.pressed_codes import PressedCodes
from callflow.room_facts import SupervisionChanged, SupervisionEnded, SupervisionMode, SupervisionStarted
from callflow.side import Side
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.media.client import NoMedia
from pbx.sip.offer_answer import NotAcceptable
from pbx.transactions import Overloaded

if TYPE_CHECKING:
    from callflow.call import Call

log = structlog.get_logger("callflow.supervision")

MOST = 8  # supervisors beside one call
TAKE_OVER = "take_over"
KEYS: MappingProxyType[str, SupervisionMode | str] = MappingProxyType(
    {
        "4": SupervisionMode.LISTEN,
        "5": SupervisionMode.WHISPER,
        "6": SupervisionMode.BARGE,
        "*7": TAKE_OVER,
    }
)
"""What a supervisor presses on the phone meanwhile. Nobody hears these keys."""


@dataclass(slots=True, eq=False, kw_only=True)
class _Visit:
    by: str
    agent: str
    mode: SupervisionMode
    id: UUID = field(default_factory=uuid7)
    listener: Listener | None = None  # None: the phone still rings
    over: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    task: asyncio.Task[None] | None = None

    def end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


class Supervision(PartOfCall):
    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._visits: dict[str, _Visit] = {}

    def __contains__(self, extension: str) -> bool:
        return extension in self._visits

    def obey(self, command: Supervise | StopSupervising) -> None:
        visit = self._visits.get(command.by)
        if isinstance(command, StopSupervising):
            if visit is None:
                command.refuse("not_now")
                return
            visit.end()
        elif visit is not None and command.side is None:
            self._switch(visit, command.mode)
        elif (reason := self._why_not(command)) is not None:
            command.refuse(reason)
            return
        else:
            self._begin(command)
        command.done()

    def end(self) -> None:
        """With the call."""
        for visit in self._visits.values():
            if visit.task is not None:
                visit.task.cancel()

    def take_over(self, by: str, sides: Sequence[Side]) -> tuple[Side, Side] | None:
        """The supervisor becomes a part of the call in place of the agent: the ends of both; None: that cannot be."""
        visit = self._visits.get(by)
        if visit is None or visit.listener is None or visit.listener.side.is_over:
            return None
        agent = self._call.hearing.advised(visit.listener)
        if agent is None or agent not in sides:
            return None
        side = visit.listener.side
        self._leave(self._call, visit, took_over=True)
        self._call.adopts(side)
        return side, agent

    # ---- one visit -------------------------------------------------------------------------------------------------

    def _why_not(self, command: Supervise) -> str | None:
        talkers = self._call.hearing.talkers
        if not talkers or len(self._visits) >= MOST:
            return "not_now"
        return "busy" if command.by in self._call.people() else None

    def _begin(self, command: Supervise) -> None:
        call = self._call
        ours = [side.extension for side in call.hearing.talkers if side.extension is not None]
        agent = call.agent.extension if call.agent is not None else None
        named = command.agent if command.agent in ours else None
        visit = _Visit(by=command.by, agent=named or agent or (ours[0] if ours else ""), mode=command.mode)
        self._visits[command.by] = visit
        if command.side is not None:
            call.adopts(command.side)
        visit.task = call.chore(self._stay(call, visit, command.side))

    async def _stay(self, call: Call, visit: _Visit, side: Side | None) -> None:
        """Until the supervisor leaves."""
        try:
            if side is None:
                side = await self._ring(call, visit)
            if side is None or side.is_over:
                return
            await call.hearing.prepare(side.leg)
            if isinstance(side.leg, InboundLeg):
                side.leg.answer()
            self._sit_down(call, visit, side)
            await first_of(side.leg.ended, visit.over)
        except (NoMedia, NotAcceptable, Overloaded) as error:
            log.warning("cannot supervise", call_id=str(call.call_id), by=visit.by, error=str(error))
        finally:
            took_over = self._visits.get(visit.by) is not visit
            if not took_over:
                self._leave(call, visit)
                if side is not None:
                    call.lets_go(side.leg)

    async def _ring(self, call: Call, visit: _Visit) -> Side | None:
        """No offer of the call: who does not take it has missed nothing."""
        exchange = call.exchange
        ringing = asyncio.ensure_future(
            ring(
                call,
                exchange.user_agent.phones_of(visit.by),
                caller=exchange.identity(visit.agent),
                codecs=(),
                near=call.any_leg(),
                timeout=exchange.ring_timeout,
                on_ringing=lambda: None,
                agent=visit.by,
                auto_answer=exchange.wishes.of(visit.by).auto_answer,
            )
        )
        try:
            await asyncio.wait((ringing, visit.over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not ringing.done():
                ringing.cancel()
                await asyncio.wait([ringing])
        if ringing.cancelled():
            return None
        rung = ringing.result()
        if rung.leg is not None and visit.over.done():
            call.lets_go(rung.leg)
            return None
        return None if rung.leg is None else rung.side(visit.by, exchange.identity(visit.by))

    def _sit_down(self, call: Call, visit: _Visit, side: Side) -> None:
        visit.listener = Listener(side, visit.mode, visit.agent)
        side.leg.sound.on_measured = None  # how a call sounded is told of those who talk
        keys = PressedCodes(KEYS)
        side.leg.on_digit = lambda key: self._pressed(visit, keys.press(key, asyncio.get_running_loop().time()))
        side.leg.on_hold = lambda _: call.hearing.changed()
        call.tell(SupervisionStarted, supervision=visit.id, by=visit.by, agent=visit.agent, mode=visit.mode)
        call.hearing.listens(visit.listener)

    def _pressed(self, visit: _Visit, what: SupervisionMode | str | None) -> None:
        if isinstance(what, SupervisionMode):
            self._switch(visit, what)
        elif what == TAKE_OVER:
            self._call.inbox.put(TakeOver(by=visit.by))

    def _switch(self, visit: _Visit, mode: SupervisionMode) -> None:
        if visit.mode is mode:
            return
        visit.mode = mode
        if visit.listener is not None:
            visit.listener.mode = mode
            self._call.tell(SupervisionChanged, supervision=visit.id, by=visit.by, mode=mode)
            self._call.hearing.changed()

    def _leave(self, call: Call, visit: _Visit, *, took_over: bool = False) -> None:
        self._visits.pop(visit.by, None)
        visit.end()
        if visit.listener is not None:
            visit.listener.side.leg.on_digit = visit.listener.side.leg.on_hold = None
            call.hearing.leaves(visit.listener)
            call.tell(SupervisionEnded, supervision=visit.id, by=visit.by, took_over=took_over)
