"""The recording of one call: by rule or by hand, paused and resumed, one time line over all talks of the call.

It holds what customer (left) and agent (right) say to each other, and whoever else the customer hears: outsiders on the
left, our own people on the right. What colleagues say between themselves, a whisper, and who waits with music, is not
in it. Whatever happens to it, the call goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from uuid_utils.compat import uuid7

from callflow import facts
from callflow.control import ControlRefused, Order
from callflow.facts import RecordedSegment
from callflow.inbox import RecordingOrder
from callflow.part import PartOfCall
from callflow.ports import RecordingPlaces
from callflow.secret_facts import SecretEntry
from callflow.side import Side
from pbx.leg import Leg
from pbx.media.client import MediaLeg, Recording, RecordingClosed, RecordingCut

if TYPE_CHECKING:
    from callflow.call import Call

log = structlog.get_logger("callflow.recording")

LONGEST_ENTRY = 180.0  # seconds after which a secure entry that was forgotten ends by itself
OUTSIDE = "outside"
"""In the marks of a file, in place of an extension: the numbers of people stand in no recording."""


@dataclass(slots=True)
class _Running:
    recording: Recording
    paused: bool = False
    resuming: asyncio.TimerHandle | None = None
    on: list[MediaLeg] = field(default_factory=list)


class CallRecording(PartOfCall):
    """Belongs to its call's task. `automatic`: by rule, so nobody but a supervisor may end it."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._rules = call.exchange.recording_rules
        self.automatic = False
        self._wanted_by_hand = False
        self._pair: tuple[Side, Side] | None = None
        self._speakers: tuple[Side, ...] = ()
        self._running: _Running | None = None
        self._hidden: Leg | None = None  # whose keys are secret now
        self._showing: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        return self._running is not None and not self._running.recording.closed.done()

    # ---- who talks -------------------------------------------------------------------------------------------------

    def joined(self, customer: Side, agent: Side) -> None:
        """Those two hear each other from now on."""
        if self._pair == (customer, agent):
            return
        self.parted()
        self._pair = (customer, agent)
        told = self._rules.of_people(customer.extension, agent.extension)
        if told is False:
            return
        if told:
            self.automatic = True
        if self.automatic or self._wanted_by_hand:
            self._put()

    def beside(self, *speakers: Side) -> None:
        """Whoever the customer hears from now on; the pair itself may be among them."""
        self._speakers = speakers
        if self._running is not None and self._running.on:
            self._put_beside(self._running)

    def parted(self) -> None:
        """They do not hear each other now. The time line goes on."""
        self._show()
        self._pair = None
        if self._running is not None:
            for media in self._running.on:
                media.unrecord()
            self._running.on.clear()

    def end(self) -> None:
        """The file is closed, and told of, in its own time."""
        self._show()
        self._pair = None
        running, self._running = self._running, None
        if running is not None:
            if running.resuming is not None:
                running.resuming.cancel()
            call = self._call
            call.chore(file_away(running.recording, call.exchange.recordings, call.tell))

    # ---- orders ----------------------------------------------------------------------------------------------------

    def obey(self, order: RecordingOrder) -> None:
        try:
            self._carry_out(order)
        except ControlRefused as refused:
            order.refuse(refused.reason)
        else:
            order.done()

    def _carry_out(self, order: RecordingOrder) -> None:
        match order.what:
            case Order.TOGGLE:
                what = Order.STOP if self.is_running else Order.START
            case Order.TOGGLE_PAUSE:
                what = Order.RESUME if self._running is not None and self._running.paused else Order.PAUSE
            case Order.TOGGLE_HIDING:
                what = Order.HIDE if self._hidden is None else Order.SHOW
            case _:
                what = order.what
        match what:
            case Order.START:
                self._start(order.by)
            case Order.STOP:
                self._stop(order)
            case Order.PAUSE:
                self._pause(order.by, on=True)
            case Order.HIDE:
                self._hide(order.by)
            case Order.SHOW:
                self._show(order.by)
            case _:
                self._pause(order.by, on=False)

    def _start(self, by: str | None) -> None:
        if self._pair is None:
            raise ControlRefused("not_now")
        if self._rules.of_people(*(side.extension for side in self._pair)) is False:
            raise ControlRefused("forbidden")
        if self.is_running:
            if self._running is not None and not self._running.on:
                self._put(by)
            return
        self._wanted_by_hand = True
        self._put(by)
        if not self.is_running:
            raise ControlRefused("failed")

    def _stop(self, order: RecordingOrder) -> None:
        if not self.is_running:
            raise ControlRefused("not_now")
        if self.automatic and not order.supervisor:
            raise ControlRefused("forbidden")
        self.automatic = self._wanted_by_hand = False
        pair = self._pair
        self.parted()
        self.end()
        self._pair = pair

    def _pause(self, by: str | None, *, on: bool) -> None:
        running = self._running
        if running is None or not self.is_running:
            raise ControlRefused("not_now")
        if running.paused == on:
            return
        running.paused = on
        running.recording.pause(on)
        if running.resuming is not None:
            running.resuming.cancel()
            running.resuming = None
        recording = running.recording.recording_id
        if on:
            self._call.tell(facts.RecordingPaused, recording=recording, by=by)
            if self._rules.resume_after:
                loop = asyncio.get_running_loop()
                running.resuming = loop.call_later(self._rules.resume_after, self._resume_by_itself)
        else:
            self._call.tell(facts.RecordingResumed, recording=recording, by=by)

    def _resume_by_itself(self) -> None:
        try:
            self._pause(None, on=False)
        except ControlRefused:
            pass  # it has ended meanwhile

    # ---- secure entry ----------------------------------------------------------------------------------------------

    def _hide(self, by: str | None) -> None:
        """The customer may press what nobody may know: neither the agent nor the recording gets anything of it."""
        if self._pair is None:
            raise ControlRefused("not_now")
        self._show(by)
        self._call.tell(SecretEntry, on=True, by=by)
        self._hidden = self._pair[0].leg
        self._hidden.secure_entry(on=True)
        self._showing = asyncio.get_running_loop().call_later(LONGEST_ENTRY, self._show)

    def _show(self, by: str | None = None) -> None:
        if self._showing is not None:
            self._showing.cancel()
        if self._hidden is not None:
            self._call.tell(SecretEntry, on=False, by=by)
            self._hidden.secure_entry(on=False)
        self._hidden = self._showing = None

    # ---- the file --------------------------------------------------------------------------------------------------

    def _put(self, by: str | None = None) -> None:
        """Both of the pair speak into the recording; it begins when there is none yet."""
        assert self._pair is not None
        customer, agent = self._pair
        left, right = customer.leg.media, agent.leg.media
        if left is None or right is None:
            return
        running = self._running
        if running is not None and (running.recording.closed.done() or running.recording.worker is not right.worker):
            pair = self._pair
            self.end()
            self._pair, running = pair, None
        if running is None:
            self._running = _Running(self._begin(left, right, by))
        else:
            running.recording.put(left, 0, _name(customer))
            running.recording.put(right, 1, _name(agent))
        assert self._running is not None
        self._running.on = [left, right]
        self._put_beside(self._running)

    def _put_beside(self, running: _Running) -> None:
        pair = self._pair or ()
        others = {
            side.leg.media: side
            for side in self._speakers
            if side not in pair and side.leg.media is not None and self._rules.of_people(side.extension) is not False
        }
        for media in running.on[2:]:
            if media not in others:
                media.unrecord()
                running.on.remove(media)
        for media, side in others.items():
            if media not in running.on and not running.recording.closed.done():
                running.recording.put(media, 0 if side.extension is None else 1, _name(side))
                running.on.append(media)

    def _begin(self, left: MediaLeg, right: MediaLeg, by: str | None) -> Recording:
        assert self._pair is not None
        recording_id, exchange = uuid7(), self._call.exchange
        path = exchange.recordings.relative_path(recording_id, exchange.clock.now())
        self._call.tell(facts.RecordingStarted, recording=recording_id, file=path, by=by)
        customer, agent = self._pair
        recording = left.record(recording_id, right, path, (_name(customer), _name(agent)))
        recording.on_cut = self._loses_sound
        return recording

    def _loses_sound(self, cut: RecordingCut) -> None:
        self._call.tell(facts.RecordingLosesSound, recording=cut.recording_id, reason=cut.reason, over=cut.over)


async def file_away(recording: Recording, places: RecordingPlaces, tell: Callable[..., None]) -> None:
    """Close the file and tell of it: of what its writer says, or of what a writer that is gone has left."""
    closed = await recording.stop()
    if recording.is_lost:
        found = await places.measure(recording.recording_id, recording.path)
        closed = closed if found is None else found
    tell(facts.RecordingReady, **ready(closed))


def ready(closed: RecordingClosed) -> dict[str, object]:
    """The fields of RecordingReady."""
    return {
        "recording": closed.recording_id,
        "file": closed.path,
        "seconds": closed.seconds,
        "cut": closed.cut,
        "reason": closed.reason,
        "segments": tuple(
            RecordedSegment(channel=each.channel, who=each.who, begin=each.begin, end=each.end)
            for each in closed.segments
        ),
        "pauses": closed.pauses,
    }


def _name(side: Side) -> str:
    return side.extension or OUTSIDE
