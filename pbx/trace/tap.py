"""Notes the signalling of each call while it lives, and hands it over when the last of it has ended.

It costs one look-up for each message, and about a microsecond for each that belongs to a call. Bytes are kept by
reference and nothing is formatted before the end. What is kept is bounded: records and bytes of a call, calls, bytes
altogether; beyond a bound it is only counted. A stranger's message is no part of any call, and leaves nothing here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from pbx.net.transport import Flow
from pbx.sip.dialog import Dialog, DialogState
from pbx.sip.message import Request, Response
from pbx.sip.offer_answer import Answer
from pbx.sip.transaction.effects import Deliver, Effect, Inform, Send, StartTimer, StopTimer, Terminate
from pbx.sip.transaction.events import Cancelled, Forsaken, Respond, TimerFired, TransportFailed
from pbx.trace.file import (
    VERSION,
    DialogMark,
    LegHead,
    LegTimer,
    Made,
    Received,
    Record,
    Sent,
    SessionMark,
    Step,
    Trace,
    encode,
)

Event = Request | Response | TimerFired | Respond | TransportFailed | Cancelled | Forsaken

_PLAIN: dict[type, str] = {Send: "send", Deliver: "deliver", Inform: "inform"}


class TracedLeg(Protocol):
    """A leg as the tap reads it."""

    call_id: UUID
    leg_id: UUID

    @property
    def dialog(self) -> Dialog | None: ...

    @property
    def negotiated(self) -> Answer | None: ...

    @property
    def sip_call_id(self) -> str: ...

    def on_released(self, callback: Callable[..., None]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    calls: int = 5_000  # that live, or whose transactions linger
    records: int = 2_000  # of one call
    call_bytes: int = 256 * 1024
    all_bytes: int = 64 * 1024 * 1024


class Traces:
    """`keep` is handed each finished trace, encoded and not yet masked; it must not block. None: nothing is noted."""

    def __init__(
        self, clock: Callable[[], float], keep: Callable[[bytes], None] | None = None, bounds: Bounds = Bounds()
    ) -> None:
        self.clock = clock
        self.bounds = bounds
        self._keep = keep
        self._calls: dict[UUID, CallTrace] = {}
        self._legs: dict[str, LegTrace] = {}
        self.of = self._legs.get
        """The trace of the leg with that SIP Call-ID, or None."""
        self.bytes = 0
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._calls)

    def arrived(self, call_id: UUID, leg_id: UUID, sip_call_id: str, data: bytes, flow: Flow) -> None:
        """A call is about to begin with this INVITE; `watch` follows as soon as there is a leg."""
        trace = self._follow(call_id, LegHead(str(leg_id), sip_call_id, outbound=False))
        if trace is not None:
            trace.received(data, flow)

    def placed(self, leg: TracedLeg) -> None:
        """We are about to call somebody."""
        self._follow(leg.call_id, LegHead(str(leg.leg_id), leg.sip_call_id, outbound=True))
        self.watch(leg)

    def watch(self, leg: TracedLeg) -> None:
        """Note what becomes of that leg's dialog and session, until the network can no longer reach it."""
        trace = self._legs.get(leg.sip_call_id)
        if trace is not None and trace.leg is None:
            trace.leg = leg
            leg.on_released(lambda _: trace.released())

    def fired(self, key: object) -> None:
        """A timer fired: those of a leg are noted (transactions note their own)."""
        if type(key) is tuple and len(key) == 2 and type(key[1]) is str:
            trace = self._legs.get(getattr(key[0], "sip_call_id", ""))
            if trace is not None:
                trace.note(LegTimer(trace.now(), trace.number, key[1]))

    def live(self, call_id: UUID) -> bytes | None:
        """What is noted of a call that has not been handed over yet, encoded and not yet masked."""
        call = self._calls.get(call_id)
        return None if call is None else call.encoded()

    def close(self) -> None:
        """Hand over what there is."""
        for call in tuple(self._calls.values()):
            call.end()

    def _follow(self, call_id: UUID, head: LegHead) -> LegTrace | None:
        call = self._calls.get(call_id)
        if call is None:
            if self._keep is None or len(self._calls) >= self.bounds.calls or self.bytes >= self.bounds.all_bytes:
                self.left_out += 1
                return None
            call = self._calls[call_id] = CallTrace(self, call_id)
        return call.leg(head)

    def forget(self, call: CallTrace) -> None:
        if self._calls.pop(call.call_id, None) is None:
            return
        self.bytes -= call.bytes
        for leg in call.legs:
            if self._legs.get(leg.head.sip_call_id) is leg:
                del self._legs[leg.head.sip_call_id]
        assert self._keep is not None
        self._keep(call.encoded())

    def find_by(self, leg: LegTrace) -> None:
        self._legs[leg.head.sip_call_id] = leg


class CallTrace:
    """The notes of one call: in order, over all its legs."""

    __slots__ = (
        "bytes", "call_id", "flows", "left_out", "legs", "machines", "open", "records", "started", "started_at",
        "traces",
    )  # fmt: skip

    def __init__(self, traces: Traces, call_id: UUID) -> None:
        self.traces = traces
        self.call_id = call_id
        self.started_at = time.time()
        self.started = traces.clock()
        self.legs: list[LegTrace] = []
        self.flows: dict[Flow, int] = {}
        self.records: list[Record] = []
        self.bytes = 0
        self.left_out = 0
        self.machines = 0
        self.open = 0  # legs and transactions that live

    def leg(self, head: LegHead) -> LegTrace:
        leg = LegTrace(self, len(self.legs), head)
        self.legs.append(leg)
        self.open += 1
        self.traces.find_by(leg)
        return leg

    def closed(self) -> None:
        """A leg or a transaction is no more; with the last of them the trace is whole."""
        self.open -= 1
        if not self.open:
            self.end()

    def end(self) -> None:
        self.traces.forget(self)

    def has_room(self, size: int) -> bool:
        traces, bounds = self.traces, self.traces.bounds
        if (
            len(self.records) >= bounds.records
            or self.bytes + size > bounds.call_bytes
            or traces.bytes + size > bounds.all_bytes
        ):
            self.left_out += 1
            return False
        self.bytes += size
        traces.bytes += size
        return True

    def encoded(self) -> bytes:
        heads, flows = [leg.head for leg in self.legs], [str(flow) for flow in self.flows]
        return encode(Trace(VERSION, str(self.call_id), self.started_at, heads, flows, self.records, self.left_out))


class LegTrace:
    """The notes of one leg: all messages of one SIP Call-ID."""

    __slots__ = ("_dialog", "_negotiated", "call", "head", "leg", "number")

    def __init__(self, call: CallTrace, number: int, head: LegHead) -> None:
        self.call = call
        self.number = number
        self.head = head
        self.leg: TracedLeg | None = None
        self._dialog: tuple[DialogState, int | None, int | None, str] | None = None
        self._negotiated: Answer | None = None

    def now(self) -> float:
        """Seconds since the call's trace began."""
        call = self.call
        return call.traces.clock() - call.started

    def note(self, record: Record) -> None:
        if self.call.has_room(0):
            self.call.records.append(record)

    def received(self, data: bytes, flow: Flow) -> None:
        call = self.call
        if call.has_room(len(data)):
            place = call.flows.setdefault(flow, len(call.flows))
            call.records.append(Received(self.now(), self.number, place, data))

    def sent(self, data: bytes, flow: Flow, machine: int = 0, *, failed: bool = False) -> None:
        call = self.call
        if call.has_room(len(data)):
            place = call.flows.setdefault(flow, len(call.flows))
            call.records.append(Sent(self.now(), self.number, place, data, machine, failed))

    def machine(self, kind: str, *, reliable: bool) -> MachineTrace:
        """A transaction of this leg begins."""
        self.call.machines += 1
        self.call.open += 1
        self.note(Made(self.now(), self.number, self.call.machines, kind, reliable))
        return MachineTrace(self, self.call.machines)

    def settle(self) -> None:
        """A message or a timer has been dealt with: note what it did to the dialog and the session."""
        leg = self.leg
        if leg is None:
            return
        dialog = leg.dialog
        if dialog is not None:
            seen = (dialog.state, dialog.local_cseq, dialog.remote_cseq, dialog.remote_target)
            if seen != self._dialog:
                self._dialog = seen
                self.note(DialogMark(self.now(), self.number, dialog.state.value, *seen[1:]))
        negotiated = leg.negotiated
        if negotiated is not self._negotiated and negotiated is not None:
            self._negotiated = negotiated
            self.note(SessionMark(self.now(), self.number, session_words(negotiated)))

    def released(self) -> None:
        self.settle()
        self.leg = None
        self.call.closed()


class MachineTrace:
    """The notes of one transaction machine."""

    __slots__ = ("leg", "number")

    def __init__(self, leg: LegTrace, number: int) -> None:
        self.leg = leg
        self.number = number

    def step(self, event: Event | None, state: str, effects: Sequence[Effect]) -> None:
        """`event` None: the machine was started."""
        leg = self.leg
        leg.note(Step(leg.now(), leg.number, self.number, _word(event), state, effect_words(effects)))

    def sent(self, data: bytes, flow: Flow, *, failed: bool = False) -> None:
        self.leg.sent(data, flow, self.number, failed=failed)

    def settle(self) -> None:
        self.leg.settle()

    def ended(self) -> None:
        self.leg.call.closed()


def _word(event: Event | None) -> str:
    match event:
        case None:
            return "start"
        case Request() | Response():
            return "<"
        case TimerFired(timer):
            return timer.name
        case Respond(response):
            return f"respond {response.status}"
        case Cancelled():
            return "cancelled"
        case Forsaken():
            return "forsaken"
        case TransportFailed():
            return "failed"


def effect_words(effects: Sequence[Effect]) -> list[str | float]:
    words: list[str | float] = []
    for effect in effects:
        kind = type(effect)
        if kind in _PLAIN:
            words.append(_PLAIN[kind])
        elif isinstance(effect, StartTimer):
            words += ["+" + effect.timer.name, effect.after]
        elif isinstance(effect, StopTimer):
            words.append("-" + effect.timer.name)
        elif isinstance(effect, Terminate):
            words.append(f"end {effect.reason}")
    return words


def session_words(session: Answer) -> list[str]:
    """What offer and answer settled on."""
    return [
        f"{session.codec.name}/{session.codec.payload_type}",
        f"digits {session.dtmf_payload_type or '-'}",
        f"to {session.remote_address or '-'}:{session.remote_port}",
        session.direction.value,
    ]
