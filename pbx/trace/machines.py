"""The transaction machines of a trace, made and driven again (`pbx.sip.transaction`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response
from pbx.sip.transaction.effects import Effect, Send, StartTimer, StopTimer, Terminate
from pbx.sip.transaction.events import Respond, TimerFired
from pbx.sip.transaction.invite_client import InviteClientTransaction
from pbx.sip.transaction.invite_server import InviteServerTransaction
from pbx.sip.transaction.non_invite_client import NonInviteClientTransaction
from pbx.sip.transaction.non_invite_server import NonInviteServerTransaction
from pbx.sip.transaction.timers import Timer
from pbx.trace.file import Made, Sent, Step
from pbx.trace.verdict import Differs, Unknown, compare
from pbx.trace.words import MESSAGE, PLAIN, RESPOND, START, effect_words

Message = Request | Response
Machine = InviteClientTransaction | NonInviteClientTransaction | InviteServerTransaction | NonInviteServerTransaction
_SERVERS: dict[str, type[InviteServerTransaction | NonInviteServerTransaction]] = {
    "IS": InviteServerTransaction,
    "NS": NonInviteServerTransaction,
}
_CLIENTS: dict[str, type[InviteClientTransaction | NonInviteClientTransaction]] = {
    "IC": InviteClientTransaction,
    "NC": NonInviteClientTransaction,
}
_TIMERS = {timer.name: timer for timer in Timer}
EARLY = 0.001  # seconds that a timer may seem to be early: the clock of a loop counts milliseconds


@dataclass(slots=True)
class _Driven:
    """A machine, what it has asked to be sent, and when its timers are due."""

    kind: str
    reliable: bool
    machine: Machine | None  # None: a client that has not been started
    unsent: deque[Message] = field(default_factory=deque)
    due: dict[Timer, float] = field(default_factory=dict)
    answers: bool = False  # the user has just responded, so what is sent is sent for the first time


class Machines:
    def __init__(self) -> None:
        self._driven: dict[int, _Driven] = {}
        self._cut = False

    def cut(self) -> None:
        """Records are missing here: of the machines that live nothing is known from now on."""
        self._driven.clear()
        self._cut = True

    def made(self, made: Made, request: Message | None) -> None:
        """`request`: what came last on this leg. Raises Differs, Unknown."""
        machine: Machine | None = None
        if made.kind in _SERVERS:
            if request is None:
                raise Unknown
            if not isinstance(request, Request):
                raise Differs("transaction", f"{made.kind} for a request", "a response came last")
            machine = _SERVERS[made.kind](request, reliable=made.reliable)
            machine.start()
        elif made.kind not in _CLIENTS:
            raise Differs("transaction", made.kind, "no such machine")
        self._driven[made.machine] = _Driven(made.kind, made.reliable, machine)

    def step(self, step: Step, came: Message | None, sends: Callable[[], Message | None]) -> None:
        """`came`: last on this leg. `sends`: the message that this machine sends next. Raises Differs, Unknown."""
        driven = self._of(step.machine)
        if driven.unsent:
            raise Differs(f"transaction {step.machine}", "nothing sent", _first_line(driven.unsent[0]))
        driven.answers = step.given.startswith(RESPOND)
        effects = self._given(driven, step, came, sends)
        machine = driven.machine
        assert machine is not None
        compare(f"transaction {step.machine}, {step.given}: state", step.state, machine.state.name)
        compare(f"transaction {step.machine}, {step.given}: effects", step.effects, effect_words(effects))
        for effect in effects:
            match effect:
                case Send(message):
                    driven.unsent.append(message)
                case StartTimer(timer, after):
                    driven.due[timer] = step.at + after
                case StopTimer(timer):
                    driven.due.pop(timer, None)
                case Terminate():
                    del self._driven[step.machine]
                case _:
                    pass

    def sent(self, sent: Sent) -> str:
        """The machine's kind if its user answers so; "" for what it sends by itself. Raises Differs, Unknown."""
        driven = self._of(sent.machine)
        if not driven.unsent:
            raise Differs(f"transaction {sent.machine}", _line(sent.data), "nothing to send")
        compare(f"transaction {sent.machine}: message", sent.data, driven.unsent.popleft().serialise())
        if sent.failed:
            driven.unsent.clear()
        return driven.kind if driven.answers else ""

    def end(self) -> None:
        """Raises Differs when something that was to be sent never was."""
        for number, driven in self._driven.items():
            if driven.unsent:
                raise Differs(f"transaction {number}", "nothing sent", _first_line(driven.unsent[0]))

    def _of(self, number: int) -> _Driven:
        driven = self._driven.get(number)
        if driven is not None:
            return driven
        if self._cut:
            raise Unknown
        raise Differs(f"transaction {number}", "lives", "was never made, or has ended")

    def _given(
        self, driven: _Driven, step: Step, came: Message | None, sends: Callable[[], Message | None]
    ) -> tuple[Effect, ...]:
        if step.given == START:
            return self._start(driven, step, sends())
        machine = driven.machine
        if machine is None:
            raise Differs(f"transaction {step.machine}", step.given, "not started yet")
        if step.given == MESSAGE:
            if came is None:
                del self._driven[step.machine]
                raise Unknown
            return tuple(machine.handle(came))  # type: ignore[arg-type]  # each machine ignores what is not for it
        if step.given.startswith(RESPOND):
            event = Respond(_answer(step, sends))
            return tuple(machine.handle(event))  # type: ignore[arg-type]
        if step.given in _TIMERS:
            return self._fire(driven, machine, step)
        if step.given in PLAIN:
            return tuple(machine.handle(PLAIN[step.given]))  # type: ignore[arg-type]
        raise Differs(f"transaction {step.machine}", step.given, "no such event")

    def _start(self, driven: _Driven, step: Step, request: Message | None) -> tuple[Effect, ...]:
        if not isinstance(request, Request) or driven.kind not in _CLIENTS:
            raise Differs(f"transaction {step.machine}", "started with a request", "no request was sent")
        driven.machine = _CLIENTS[driven.kind](request, reliable=driven.reliable)
        return tuple(driven.machine.start())

    def _fire(self, driven: _Driven, machine: Machine, step: Step) -> tuple[Effect, ...]:
        timer = _TIMERS[step.given]
        due = driven.due.pop(timer, None)
        if due is None:
            raise Differs(f"transaction {step.machine}", f"timer {timer.name} fired", "it does not run")
        if step.at < due - EARLY:
            raise Differs(f"transaction {step.machine}", f"timer {timer.name} at {step.at:.3f}", f"due at {due:.3f}")
        return tuple(machine.handle(TimerFired(timer)))


def _answer(step: Step, sends: Callable[[], Message | None]) -> Response:
    """What the transaction user answered. A response that was never sent is known by its status only."""
    status = step.given.removeprefix(RESPOND)
    answer = sends() if "send" in step.effects.split(" ") else None
    if isinstance(answer, Response) and str(answer.status) == status:
        return answer
    if not status.isdigit():
        raise Differs(f"transaction {step.machine}", step.given, "no such status")
    return Response(int(status), "", Headers())


def _first_line(message: Message) -> str:
    return _line(message.serialise())


def _line(data: bytes) -> str:
    return data.split(b"\r\n", 1)[0].decode("utf-8", "replace")
