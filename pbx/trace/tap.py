"""Notes the signalling of each call while it lives, and hands it over when the last of it has ended.

It costs one look-up for each message, and about a microsecond for each note of a call. Bytes are kept by reference, and
a note is a record that the garbage collector need not look at. What is kept is bounded: bytes of a call, calls, bytes
altogether. A call that reaches its bound keeps its beginning and its end; what is between is only counted. A stranger's
message is no part of any call, and leaves nothing here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from pbx.net.transport import Flow
from pbx.sip.dialog import Dialog, DialogState
from pbx.sip.message import Request, Response
from pbx.sip.offer_answer import Answer
from pbx.sip.transaction.effects import Effect
from pbx.sip.transaction.events import Cancelled, Forsaken, Respond, TimerFired, TransportFailed
from pbx.trace.file import (
    VERSION,
    DialogMark,
    Gap,
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
from pbx.trace.words import effect_words, given_word, session_words

Event = Request | Response | TimerFired | Respond | TransportFailed | Cancelled | Forsaken
NOTE = 128
"""Bytes that a note is counted as, beside its message."""


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
    """head_bytes, tail_bytes: of one call. Beyond `calls` or `all_bytes` no further call is noted, and those that are
    noted go on as if they had reached their own bound."""

    calls: int = 5_000  # that live, or whose transactions linger
    head_bytes: int = 192 * 1024
    tail_bytes: int = 64 * 1024
    all_bytes: int = 64 * 1024 * 1024


class Traces:
    """`keep` is handed each finished trace, encoded and not yet masked; it must not block. None: nothing is noted."""

    def __init__(
        self, clock: Callable[[], float], keep: Callable[[UUID, bytes], None] | None = None, bounds: Bounds = Bounds()
    ) -> None:
        self.clock = clock
        self.bounds = bounds
        self.keep = keep
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
                call = trace.call
                call.note(LegTimer(call.clock() - call.started, trace.number, key[1]))

    def live(self, call_id: UUID) -> bytes | None:
        """What is noted of a call that has not been handed over yet, encoded and not yet masked."""
        call = self._calls.get(call_id)
        return None if call is None else call.encoded()

    def close(self) -> None:
        """Hand over what there is."""
        for call in tuple(self._calls.values()):
            call.end()

    def _follow(self, call_id: UUID, head: LegHead) -> LegTrace | None:
        known = self._legs.get(head.sip_call_id)
        if known is not None and known.head.outbound and not head.outbound:
            # A call of ours came back to us as another one, under its Call-ID: from here on it cannot be told whose
            # messages are whose.
            del self._legs[head.sip_call_id]
            known.cut()
            self.left_out += 1
            return None
        call = self._calls.get(call_id)
        if call is None:
            if self.keep is None:
                return None
            if len(self._calls) >= self.bounds.calls or self.bytes >= self.bounds.all_bytes:
                self.left_out += 1
                return None
            call = self._calls[call_id] = CallTrace(self, call_id)
        return call.leg(head)

    def forget(self, call: CallTrace) -> None:
        if self._calls.pop(call.call_id, None) is None:
            return
        self.bytes -= call.bytes + call.tail_bytes
        for leg in call.legs:
            if self._legs.get(leg.head.sip_call_id) is leg:
                del self._legs[leg.head.sip_call_id]
        if self.keep is not None:
            self.keep(call.call_id, call.encoded())
        call.legs.clear()  # they name their call: together they would wait for the garbage collector

    def find_by(self, leg: LegTrace) -> None:
        self._legs[leg.head.sip_call_id] = leg


class CallTrace:
    """The notes of one call: in order, over all its legs."""

    __slots__ = (
        "_tail", "bytes", "call_id", "clock", "flows", "left_out", "legs", "machines", "notes", "open", "room",
        "started", "started_at", "tail_bytes", "traces",
    )  # fmt: skip

    def __init__(self, traces: Traces, call_id: UUID) -> None:
        self.traces = traces
        self.clock = traces.clock
        self.call_id = call_id
        self.started_at = time.time()
        self.started = traces.clock()
        self.legs: list[LegTrace] = []
        self.flows: dict[Flow, int] = {}
        self.notes: list[Record] = []
        self.bytes = 0
        self.room = traces.bounds.head_bytes
        self._tail: deque[tuple[Record, int]] = deque()
        self.tail_bytes = 0
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

    def note(self, note: Record, size: int = NOTE) -> None:
        traces, total = self.traces, self.bytes + size
        if total > self.room or traces.bytes > traces.bounds.all_bytes:
            self._note_at_the_end(note, size)
            return
        self.bytes = total
        traces.bytes += size
        self.notes.append(note)

    def _note_at_the_end(self, note: Record, size: int) -> None:
        """The beginning is full: of what follows only the latest is kept."""
        traces, bounds, tail = self.traces, self.traces.bounds, self._tail
        self.room = -1
        tail.append((note, size))
        self.tail_bytes += size
        traces.bytes += size
        while tail and (self.tail_bytes > bounds.tail_bytes or traces.bytes > bounds.all_bytes):
            _, dropped = tail.popleft()
            self.tail_bytes -= dropped
            traces.bytes -= dropped
            self.left_out += 1

    def place_of(self, flow: Flow) -> int:
        place = self.flows.get(flow)
        if place is None:
            place = self.flows[flow] = len(self.flows)
        return place

    def encoded(self) -> bytes:
        notes = self.notes
        if self._tail or self.left_out:
            after = self._tail[0][0].at if self._tail else self.clock() - self.started
            gap: list[Record] = [Gap(after, 0, self.left_out)] if self.left_out else []
            notes = [*notes, *gap, *(note for note, _ in self._tail)]
        heads, flows = [leg.head for leg in self.legs], [str(flow) for flow in self.flows]
        return encode(Trace(VERSION, str(self.call_id), self.started_at, heads, flows, notes, self.left_out))


class LegTrace:
    """The notes of one leg: all messages of one SIP Call-ID."""

    __slots__ = ("_dialog", "_negotiated", "call", "head", "leg", "number")

    def __init__(self, call: CallTrace, number: int, head: LegHead) -> None:
        self.call = call
        self.number = number
        self.head = head
        self.leg: TracedLeg | None = None
        self._dialog: tuple[DialogState, int | None, int | None, str, str] | None = None
        self._negotiated: Answer | None = None

    def received(self, data: bytes, flow: Flow) -> None:
        call = self.call
        call.note(Received(call.clock() - call.started, self.number, call.place_of(flow), data), NOTE + len(data))

    def sent(self, data: bytes, flow: Flow, machine: int = 0, *, failed: bool = False) -> None:
        call = self.call
        note = Sent(call.clock() - call.started, self.number, call.place_of(flow), data, machine, failed)
        call.note(note, NOTE + len(data))

    def machine(self, kind: str, *, reliable: bool) -> MachineTrace:
        """A transaction of this leg begins."""
        call = self.call
        call.machines += 1
        call.open += 1
        call.note(Made(call.clock() - call.started, self.number, call.machines, kind, reliable))
        return MachineTrace(self, call.machines)

    def settle(self) -> None:
        """A message has been dealt with: note what it did to the dialog and the session."""
        leg = self.leg
        if leg is None:
            return
        call, dialog, negotiated = self.call, leg.dialog, leg.negotiated
        if dialog is not None:
            seen = (dialog.state, dialog.local_cseq, dialog.remote_cseq, dialog.remote_target, dialog.remote_tag)
            if seen != self._dialog:
                self._dialog = seen
                call.note(DialogMark(call.clock() - call.started, self.number, seen[0].value, *seen[1:]))
        if negotiated is not self._negotiated and negotiated is not None:
            self._negotiated = negotiated
            call.note(SessionMark(call.clock() - call.started, self.number, session_words(negotiated)))

    def cut(self) -> None:
        """What follows is not noted, or only in part."""
        call = self.call
        call.left_out += 1
        call.note(Gap(call.clock() - call.started, self.number, 1))

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
        leg, call = self.leg, self.leg.call
        at = call.clock() - call.started
        call.note(Step(at, leg.number, self.number, given_word(event), state, effect_words(effects)))

    def sent(self, data: bytes, flow: Flow, *, failed: bool = False) -> None:
        self.leg.sent(data, flow, self.number, failed=failed)

    def ended(self) -> None:
        self.leg.call.closed()
