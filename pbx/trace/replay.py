"""Feeds a trace to the pure machines again, and says where they first do something else than they did in the call.

Pure. What went in is taken from the trace: messages, timers that fired, responses and requests of the transaction user.
What came out is made anew and compared: the state of each transaction machine after each step, its effects, the bytes
of each message that it sent (`machines`), when each 2xx and each reliable provisional response is sent again
(`successes`, `provisionals`), the dialogs of each leg (`dialogs`), and what offer and answer agreed upon (`sessions`).
"""

from __future__ import annotations

from bisect import bisect_right

from pbx.net.transport import Flow
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response, parse, stamp
from pbx.trace.dialogs import Dialogs
from pbx.trace.file import DialogMark, Gap, LegTimer, Made, Received, Record, Sent, SessionMark, Step, Trace
from pbx.trace.machines import Machines
from pbx.trace.provisionals import TIMER as RELIABLE
from pbx.trace.provisionals import Provisionals
from pbx.trace.sessions import Sessions
from pbx.trace.successes import TIMER, Successes
from pbx.trace.verdict import Difference, Differs, Unknown, Verdict

Message = Request | Response


def replay(trace: Trace) -> Verdict:
    """Never raises for a trace that `file.decode` took."""
    state = _Replay(trace)
    place, difference = 0, None
    try:
        for place, record in enumerate(trace.records):
            state.take(place, record)
        state.machines.end()
    except Differs as found:
        difference = _difference(place, trace, found)
    return Verdict(checked=state.checked, unchecked=state.unchecked, missing=trace.left_out, difference=difference)


def _difference(place: int, trace: Trace, found: Differs) -> Difference:
    record = trace.records[place]
    return Difference(
        record=place, at=record.at, leg=record.leg, what=found.what, noted=found.noted, replayed=found.replayed
    )


class _Leg:
    def __init__(self) -> None:
        self.came: Message | None = None
        self.invited_from = ""
        self.dialogs = Dialogs()
        self.sessions = Sessions()
        self.successes = Successes()
        self.provisionals = Provisionals()

    def answer(self, at: float, response: Response, data: bytes, kind: str) -> None:
        """A response that a transaction sends for the first time."""
        self.provisionals.sent(at, response, data)
        if kind == "IS" and response.is_success:
            self.successes.answered(at, response)

    def cut(self) -> None:
        self.came = None
        for part in (self.dialogs, self.sessions, self.successes, self.provisionals):
            part.cut()


class _Replay:
    def __init__(self, trace: Trace) -> None:
        self.checked = 0
        self.unchecked = 0
        self.machines = Machines()
        self._trace = trace
        self._legs = [_Leg() for _ in trace.legs]
        self._sent_by: dict[int, list[int]] = {}  # machine to the places of what it sent
        for place, record in enumerate(trace.records):
            if isinstance(record, Sent):
                self._sent_by.setdefault(record.machine, []).append(place)

    def take(self, place: int, record: Record) -> None:
        """Raises Differs."""
        if isinstance(record, Gap):
            self.machines.cut()
            for leg in self._legs:
                leg.cut()
            return
        if not 0 <= record.leg < len(self._legs):
            raise Differs("trace", f"leg {record.leg}", "no such leg")
        try:
            self._take(place, record, self._legs[record.leg])
            self.checked += 1
        except Unknown:
            self.unchecked += 1

    def _take(self, place: int, record: Record, leg: _Leg) -> None:
        match record:
            case Received():
                self._received(record, leg)
            case Sent():
                self._sent(record, leg)
            case Made():
                self.machines.made(record, leg.came)
                if record.kind in ("IS", "NS") and isinstance(leg.came, Request):
                    leg.dialogs.accepted(leg.came)
            case Step():
                self.machines.step(record, leg.came, lambda: self._sends(place, record.machine))
            case LegTimer(name=name) if name.startswith(TIMER):
                leg.successes.fired(record.at, name)
            case LegTimer(name=name) if name == RELIABLE:
                leg.provisionals.fired(record.at)
            case DialogMark():
                leg.dialogs.compare(record)
            case SessionMark():
                leg.sessions.compare(record)
            case _:
                pass  # other timers of a leg are the user's; what follows from them is seen

    def _received(self, record: Received, leg: _Leg) -> None:
        flow = self._flow(record.flow)
        message = _read(record.data)
        leg.came = message
        if isinstance(message, Request):
            stamp(message, flow.host, flow.port)
            if message.method == "INVITE" and not message.to.tag:
                leg.invited_from = flow.host
            if message.method == "ACK":
                # As the user agent does it: one that would move the audio must come from where the leg is.
                if flow.host != leg.invited_from and message.body:
                    return
                leg.successes.acknowledged(message)
        leg.dialogs.received(message)
        leg.provisionals.received(message)
        leg.sessions.received(message)

    def _sent(self, record: Sent, leg: _Leg) -> None:
        message = _read(record.data)
        answers = isinstance(message, Response) and 100 < message.status < 300 and message.cseq.method == "INVITE"
        if record.machine:
            kind = self.machines.sent(record)
            if kind and isinstance(message, Response):
                leg.answer(record.at, message, record.data, kind)
        elif answers and isinstance(message, Response):
            # The transaction has sent it before; it comes again from the leg.
            (leg.successes.sent if message.is_success else leg.provisionals.sent_again)(record.data)
            return
        leg.sessions.sent(message)
        leg.dialogs.sent(message)

    def _sends(self, place: int, machine: int) -> Message | None:
        """What that machine sends next."""
        places = self._sent_by.get(machine, [])
        at = bisect_right(places, place)
        if at == len(places):
            return None
        record = self._trace.records[places[at]]
        assert isinstance(record, Sent)
        return _read(record.data)

    def _flow(self, number: int) -> Flow:
        try:
            return Flow.parse(self._trace.flows[number])
        except (IndexError, ValueError):
            raise Differs("trace", f"flow {number}", "no such flow") from None


def _read(data: bytes) -> Message:
    try:
        return parse(data)
    except RemoteProtocolError as error:
        raise Differs("message", "a message that was read", str(error)) from None
