"""What supervisors tell lines and those who wait in them: checked here, told to the engine, kept for the audit."""

from __future__ import annotations

from uuid import UUID

from callflow.control import Actor, ControlRefused
from callflow.exchange import Exchange
from callflow.line_book import Switch
from callflow.line_orders import LineSwitched, WaitOrder, WaitOrdered
from callflow.router import Refuse

MOST_POINTS = 1000.0


class LineCommands:
    """Implements `web_panel.ports.LineControl`. Every method raises ControlRefused: "forbidden" for who is no
    supervisor, "unknown_call" for what does not wait (any more). What cannot be told is not done."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._dispatcher = exchange.dispatcher

    def move(self, actor: Actor, item_id: UUID, line: str) -> None:
        """To another line, with the time of joining; whatever rings for it rings no more. The other line takes it even
        when it is closed or full: a supervisor says so."""
        at = self._waits(actor, item_id)
        if line not in self._exchange.plan.lines:
            raise ControlRefused("unknown_line")
        if line == at:
            raise ControlRefused("same_number")
        self._tell(actor, item_id, WaitOrder.MOVED, at, to=line)
        self._dispatcher.change(item_id, line=line)

    def prioritise(self, actor: Actor, item_id: UUID, points: float) -> None:
        """Its own points are these now; those of the line and of the wait are added."""
        at = self._waits(actor, item_id)
        if not -MOST_POINTS <= points <= MOST_POINTS:
            raise ControlRefused("out_of_range")
        self._tell(actor, item_id, WaitOrder.PRIORITISED, at, points=points)
        self._dispatcher.change(item_id, priority=points)

    def assign(self, actor: Actor, item_id: UUID, agent: str) -> None:
        """Nobody else gets it while that agent of the line is at work. "": anybody again."""
        at = self._waits(actor, item_id)
        if agent and not self._dispatcher.works_in(at, agent):
            raise ControlRefused("not_at_work")
        self._tell(actor, item_id, WaitOrder.ASSIGNED if agent else WaitOrder.UNASSIGNED, at, agent=agent)
        self._dispatcher.change(item_id, assigned=agent)

    def withdraw(self, actor: Actor, item_id: UUID, to: str = "", message: str = "") -> None:
        """End the wait: play `message`, a prompt, then go on to one of our numbers; "": the call ends."""
        at = self._waits(actor, item_id)
        if to and isinstance(self._exchange.plan.inside(to), Refuse):
            raise ControlRefused("no_route")
        self._check_prompt(message)
        self._tell(actor, item_id, WaitOrder.WITHDRAWN, at, to=to, message=message)
        self._dispatcher.withdraw(item_id, to=to, message=message)

    def switch(self, actor: Actor, line: str, *, is_open: bool | None = None, message: str | None = None) -> Switch:
        """Open or close the line, or have it tell another message; None: as it is. Nobody comes into a closed one; who
        waits in it is served to the end, or goes at once, as the line is set."""
        _check(actor)
        if line not in self._exchange.plan.lines:
            raise ControlRefused("unknown_line")
        before = self._exchange.lines.switch(line)
        after = Switch(
            is_open=before.is_open if is_open is None else is_open,
            message=before.message if message is None else message,
        )
        self._check_prompt(after.message)
        self._exchange.tell(
            LineSwitched, line=line, is_open=after.is_open, message=after.message, user=actor.user_id
        )  # fmt: skip
        self._exchange.lines.switches[line] = after
        self._dispatcher.open_line(line, is_open=after.is_open)
        return after

    def _waits(self, actor: Actor, item_id: UUID) -> str:
        """The line in which it waits."""
        _check(actor)
        line = self._dispatcher.line_of(item_id)
        if line is None:
            raise ControlRefused("unknown_call")
        return line

    def _check_prompt(self, name: str) -> None:
        if name and self._exchange.prompts.path(name) is None:
            raise ControlRefused("no_prompt")

    def _tell(
        self,
        actor: Actor,
        item_id: UUID,
        order: WaitOrder,
        line: str,
        *,
        to: str = "",
        agent: str = "",
        points: float = 0.0,
        message: str = "",
    ) -> None:
        self._exchange.tell(
            WaitOrdered, call_id=item_id, user=actor.user_id, order=order, line=line, to=to, agent=agent,
            points=points, message=message,
        )  # fmt: skip


def _check(actor: Actor) -> None:
    if not actor.supervisor:
        raise ControlRefused("forbidden")
