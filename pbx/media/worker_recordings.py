"""Recordings of a worker: from commands to the engine's slots and the writer's files.

A recording belongs to a call, not to legs: these come and go on one time line. It ends when the core says so, or when
no leg is left here of the call, or of another call that gave it a leg.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from pbx.media.engine_control import EngineControl
from pbx.media.messages import MAX_WHO, FromWorker, PauseRecord, Record, RecordingClosed, RecordLeg
from pbx.media.recording_writer import RecordingWriter
from pbx.media.worker_legs import Numbers, WorkerLeg, WorkerRecording
from recordings.container import LAW, Codec, Header
from recordings.records import Mark, Pause, Resume
from recordings.store import OutsideStore, Store


class NotRecorded(Exception):
    """The command cannot be carried out; the text says why."""


class Recordings:
    """All recordings of one worker. Only the control thread may call it."""

    def __init__(
        self,
        control: EngineControl,
        writer: RecordingWriter,
        store: Store,
        legs: Mapping[int, WorkerLeg],
        tell: Callable[[FromWorker], None],
    ) -> None:
        self._control = control
        self._writer = writer
        self._store = store
        self._legs = legs
        self._tell = tell
        self._slots = Numbers(control.settings.recordings, reuse_at_once=True)
        self._running: dict[UUID, WorkerRecording] = {}
        self._by_slot: dict[int, WorkerRecording] = {}

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, recording_id: UUID) -> bool:
        return recording_id in self._running

    def begin(self, command: Record, left: WorkerLeg, right: WorkerLeg | None) -> None:
        """Raises NotRecorded."""
        legs = [leg for leg in (left, right) if leg is not None]
        if command.recording_id in self._running or left is right:
            raise NotRecorded("recorded already")
        if any(leg.recording_id is not None for leg in legs):
            raise NotRecorded("a leg is recorded already")
        try:
            path = self._store.path(command.path)
        except OutsideStore as error:
            raise NotRecorded(f"{command.path} is not in the recordings folder") from error
        slot = self._slots.take()
        if slot is None:
            raise NotRecorded("too many recordings")
        recording = WorkerRecording(command.recording_id, left.call_id, slot)
        self._running[command.recording_id] = self._by_slot[slot] = recording
        codec: Codec = "pcma" if left.codec == "pcma" else "pcmu"  # what the other leg says is translated
        self._control.record(slot, LAW[codec])
        self._writer.open(slot, path, command.path, _header(command.recording_id, codec))
        for channel, leg in enumerate(legs):
            self._put(recording, leg, channel, command.who[channel])

    def put(self, command: RecordLeg, leg: WorkerLeg) -> None:
        """Raises NotRecorded."""
        recording = self._found(command.recording_id)
        if command.channel not in (0, 1):
            raise NotRecorded("no such channel")
        self.take_off(leg)
        self._put(recording, leg, command.channel, command.who)

    def _put(self, recording: WorkerRecording, leg: WorkerLeg, channel: int, who: str) -> None:
        leg.recording_id, leg.channel = recording.recording_id, channel
        recording.calls.add(leg.call_id)
        leg.who = who.encode()[:MAX_WHO].decode(errors="ignore")
        self._mark(recording, leg, joined=True)
        self._control.record_leg(leg.number, recording.slot, channel)

    def take_off(self, leg: WorkerLeg) -> None:
        """The leg is in no recording any more. Harmless when it is in none."""
        if leg.recording_id is None:
            return
        self._control.unrecord_leg(leg.number)
        recording = self._running.get(leg.recording_id)
        if recording is not None:
            self._mark(recording, leg, joined=False)
        leg.recording_id = None

    def _mark(self, recording: WorkerRecording, leg: WorkerLeg, *, joined: bool) -> None:
        if leg.who:
            at = self._now(recording)
            self._writer.mark(recording.slot, Mark(at, leg.channel, leg.who, joined=joined))

    def pause(self, command: PauseRecord) -> None:
        """Raises NotRecorded."""
        recording = self._found(command.recording_id)
        self._control.pause_record(recording.slot, on=command.on)
        at = self._now(recording)
        self._writer.mark(recording.slot, Pause(at) if command.on else Resume(at))

    def leg_left(self, leg: WorkerLeg) -> None:
        """The leg is closing: with the last one that could speak into it a recording ends."""
        self.take_off(leg)
        calls = {other.call_id for other in self._legs.values() if not other.closing}
        if leg.call_id in calls:
            return
        for recording in self._running.values():
            if leg.call_id in recording.calls and not recording.calls & calls:
                self._end(recording)

    def end(self, recording_id: UUID) -> None:
        """RecordingClosed follows. Raises NotRecorded."""
        self._end(self._found(recording_id))

    def end_all(self) -> None:
        for recording in self._running.values():
            self._end(recording)

    def _end(self, recording: WorkerRecording) -> None:
        if recording.ending:
            return
        recording.ending = True
        for leg in self._legs.values():
            if leg.recording_id == recording.recording_id:
                leg.recording_id = None
        self._control.stop_record(recording.slot)

    def written(self, slot: int, closed: RecordingClosed) -> None:
        """Its file is closed."""
        recording = self._by_slot.pop(slot)
        del self._running[recording.recording_id]
        self._slots.give_back(slot)
        self._tell(msgspec.structs.replace(closed, call_id=recording.call_id))

    def refused(self, command: Record) -> None:
        """Nobody may wait for ever for a recording that never began."""
        if command.recording_id not in self._running:
            lost = RecordingClosed(recording_id=command.recording_id, seconds=0.0, cut=True, path=command.path)
            self._tell(lost)

    def _found(self, recording_id: UUID) -> WorkerRecording:
        recording = self._running.get(recording_id)
        if recording is None or recording.ending:
            raise NotRecorded("no such recording")
        return recording

    def _now(self, recording: WorkerRecording) -> int:
        return self._control.recordings.position_at(recording.slot, time.monotonic_ns())


def _header(recording_id: UUID, codec: Codec) -> Header:
    """The recording begins now."""
    return Header(recording_id=recording_id, started_at=datetime.fromtimestamp(time.time(), UTC), codec=codec)
