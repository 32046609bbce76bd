"""What people tell calls to do: checked here, carried out by the call's own task, kept for the audit."""

from __future__ import annotations

from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.calls import Calls
from callflow.control import Actor, ControlRefused, Order
from callflow.exchange import typed
from callflow.facts import CommandGiven, ForwardKind, Outcome
from callflow.inbox import (
    Command,
    Complete,
    Confer,
    ConsultWith,
    Decline,
    Hold,
    Invite,
    Leave,
    ParkAt,
    PersonalCommand,
    RecordingOrder,
    Resume,
    StopSupervising,
    Summon,
    Supervise,
    Swap,
    TakeBack,
    TakeOver,
    TransferTo,
)
from callflow.outbound import Click
from callflow.room_facts import SupervisionMode
from callflow.router import Refuse, Route
from callflow.wishes import Wishes

log = structlog.get_logger("callflow.commands")


class Commands:
    """Implements `web_panel.ports.CallControl`. Every method raises ControlRefused."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._exchange = calls.exchange

    # ---- placing and ending --------------------------------------------------------------------------------------

    async def call(self, actor: Actor, number: str, *, follow_up: UUID | None = None) -> UUID:
        """Ring the actor's own phone, then `number`. Returns the call's id at once."""
        extension = self._phone(actor)
        number = typed(number)
        route = self._route(extension, number)
        if self._exchange.presence.legs_of(extension):
            raise ControlRefused("busy")
        call_id = uuid7()
        self._calls.place(call_id, Click(extension=extension, number=number, route=route, follow_up=follow_up))
        self._note(actor, call_id, "call")
        return call_id

    async def hang_up(self, actor: Actor, call_id: UUID) -> None:
        """End a call: one's own, or any for a supervisor. A call that only rings at one's phone is declined, and a
        conference is left: it goes on for the others."""
        call = self._call(call_id)
        if actor.extension is not None and actor.extension in self._exchange.presence.rung_for(call_id):
            await self._tell(actor, call_id, "decline", Decline(by=actor.extension))
            return
        if actor.extension is not None and call.is_one_of_many(actor.extension):
            await self._tell(actor, call_id, "leave", Leave(by=actor.extension))
            return
        if not actor.supervisor and (actor.extension is None or actor.extension not in call.people()):
            raise ControlRefused("forbidden")
        self._note(actor, call_id, "hang_up")
        call.hang_up()

    # ---- one's own end of a call ---------------------------------------------------------------------------------

    async def transfer(self, actor: Actor, call_id: UUID, number: str) -> None:
        """Hand the other side on, unannounced; a call that rings at the actor's phone is sent on (R-PHONE-36, -37)."""
        number = typed(number)
        route = self._route(self._own(actor), number, online=False)
        await self._tell(actor, call_id, "transfer", TransferTo(by=self._own(actor), number=number, route=route))

    async def consult(self, actor: Actor, call_id: UUID, number: str) -> None:
        """Hold the other side and speak with the target of a transfer first (R-PHONE-38)."""
        number = typed(number)
        route = self._route(self._own(actor), number, online=False)
        await self._tell(actor, call_id, "consult", ConsultWith(by=self._own(actor), number=number, route=route))

    async def complete(self, actor: Actor, call_id: UUID) -> None:
        """Join the two others and leave."""
        await self._tell(actor, call_id, "complete", Complete(by=self._own(actor)))

    async def take_back(self, actor: Actor, call_id: UUID) -> None:
        """End the consultation, or a transfer that nobody has answered yet."""
        await self._tell(actor, call_id, "take_back", TakeBack(by=self._own(actor)))

    async def swap(self, actor: Actor, call_id: UUID) -> None:
        await self._tell(actor, call_id, "swap", Swap(by=self._own(actor)))

    async def hold(self, actor: Actor, call_id: UUID) -> None:
        await self._tell(actor, call_id, "hold", Hold(by=self._own(actor)))

    async def resume(self, actor: Actor, call_id: UUID) -> None:
        await self._tell(actor, call_id, "resume", Resume(by=self._own(actor)))

    async def confer(self, actor: Actor, call_id: UUID) -> None:
        """All together (R-PHONE-28): with whom the actor consults, or with whom they speak in their other call."""
        await self._tell(actor, call_id, "conference", Confer(by=self._own(actor)))

    async def invite(self, actor: Actor, call_id: UUID, number: str) -> None:
        """Ring somebody who joins the talk on answering."""
        number = typed(number)
        route = self._route(self._own(actor), number, online=False)
        await self._tell(actor, call_id, "invite", Invite(by=self._own(actor), number=number, route=route))

    async def park(self, actor: Actor, call_id: UUID, orbit: str | None = None) -> None:
        await self._tell(actor, call_id, "park", ParkAt(by=self._own(actor), orbit=orbit))

    # ---- recording -----------------------------------------------------------------------------------------------

    async def record(self, actor: Actor, call_id: UUID, what: Order) -> None:
        """Start, end, pause or resume the recording of a call: of one's own, or of any for a supervisor. One that was
        begun by rule is ended only by a supervisor."""
        call = self._call(call_id)
        own = actor.extension is not None and actor.extension in call.people()
        if not own and not actor.supervisor:
            raise ControlRefused("forbidden")
        by = actor.extension if own else None
        order = RecordingOrder(what=what, by=by, supervisor=actor.supervisor)
        await self._obeyed(actor, call, f"recording {what.name.lower()}", order)

    # ---- beside other people's calls -----------------------------------------------------------------------------

    async def supervise(self, actor: Actor, call_id: UUID, mode: SupervisionMode, agent: str | None = None) -> None:
        """Ring the supervisor's phone to sit beside that call; who is there already changes the mode. `agent`: whom a
        whisper is for, where not the one who has the call."""
        extension, call = self._supervisor(actor), self._call(call_id)
        if extension not in call.supervision:
            self._phone(actor)
            if self._exchange.presence.legs_of(extension):
                raise ControlRefused("busy")
        await self._obeyed(actor, call, f"supervise {mode.value}", Supervise(by=extension, mode=mode, agent=agent))

    async def stop_supervising(self, actor: Actor, call_id: UUID) -> None:
        call = self._call(call_id)
        await self._obeyed(actor, call, "stop_supervising", StopSupervising(by=self._supervisor(actor)))

    async def take_over(self, actor: Actor, call_id: UUID) -> None:
        """The supervisor who is beside that call goes on in place of the agent."""
        await self._obeyed(actor, self._call(call_id), "take_over", TakeOver(by=self._supervisor(actor)))

    # ---- other people's calls ------------------------------------------------------------------------------------

    async def retrieve(self, actor: Actor, orbit: str) -> UUID:
        """Ring the actor's phone for who is parked there; the call's id."""
        call = self._exchange.live.parked_at(orbit)
        if call is None:
            raise ControlRefused("nobody_rings")
        return await self._summon(actor, call, "retrieve")

    async def pick_up(self, actor: Actor, call_id: UUID | None = None) -> UUID:
        """Ring the actor's phone for a call that rings at a colleague's; None: the one that has rung longest."""
        extension = self._phone(actor)
        if call_id is None:
            return await self._summon(actor, self._calls.features.ringing_for(extension), "pick_up")
        call = self._call(call_id)
        rung = self._exchange.presence.rung_for(call_id)
        if not rung:
            raise ControlRefused("nobody_rings")
        if not any(self._calls.features.may_take(extension, each, call) for each in rung):
            raise ControlRefused("forbidden")
        return await self._summon(actor, call, "pick_up")

    # ---- how one wants to be reached -----------------------------------------------------------------------------

    def wishes(self, actor: Actor) -> Wishes:
        return self._calls.features.preferences.of(self._own(actor))

    def forward(self, actor: Actor, kind: ForwardKind, number: str) -> None:
        """An empty number: no longer."""
        self._calls.features.preferences.forward(self._own(actor), kind, number, by=actor.user_id)

    def change_phone(
        self,
        actor: Actor,
        *,
        do_not_disturb: bool | None = None,
        lines: int | None = None,
        ring_seconds: int | None = None,
        auto_answer: bool | None = None,
    ) -> None:
        self._calls.features.preferences.change(
            self._own(actor),
            do_not_disturb=do_not_disturb,
            lines=lines,
            ring_seconds=ring_seconds,
            auto_answer=auto_answer,
            by=actor.user_id,
        )

    # ---- checks --------------------------------------------------------------------------------------------------

    def _own(self, actor: Actor) -> str:
        if actor.extension is None:
            raise ControlRefused("no_phone")
        return actor.extension

    def _supervisor(self, actor: Actor) -> str:
        if not actor.supervisor:
            raise ControlRefused("forbidden")
        return self._own(actor)

    def _phone(self, actor: Actor) -> str:
        """The actor's extension, which can be rung."""
        extension = self._own(actor)
        if not self._exchange.user_agent.phones_of(extension):
            raise ControlRefused("phone_offline")
        return extension

    def _route(self, extension: str, number: str, *, online: bool = True) -> Route:
        route = self._exchange.route(number, by=extension)
        if isinstance(route, Refuse):
            raise ControlRefused("forbidden" if route.outcome is Outcome.FORBIDDEN else "no_route")
        if online and not self._exchange.user_agent.phones_of(extension):
            raise ControlRefused("phone_offline")
        return route

    def _call(self, call_id: UUID) -> Call:
        call = self._exchange.live.of(call_id)
        if call is None:
            raise ControlRefused("unknown_call")
        return call

    async def _tell(self, actor: Actor, call_id: UUID, name: str, command: PersonalCommand) -> None:
        """To a call that the actor takes part in, or has just handed on."""
        call = self._call(call_id)
        await self._obeyed(actor, call, name, command)

    async def _summon(self, actor: Actor, call: Call, name: str) -> UUID:
        await self._obeyed(actor, call, name, Summon(by=self._phone(actor)))
        return call.call_id

    async def _obeyed(self, actor: Actor, call: Call, name: str, command: Command) -> None:
        await call.inbox.ask(command)
        self._note(actor, call.call_id, name)

    def _note(self, actor: Actor, call_id: UUID, command: str) -> None:
        self._exchange.ledger.append(
            CommandGiven(
                id=uuid7(), at=self._exchange.clock.now(), call_id=call_id, user=actor.user_id, command=command
            )
        )
