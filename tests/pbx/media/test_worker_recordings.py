"""Recordings of a real worker: who comes and goes, what is paused, and a disk that is full."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

from uuid_utils.compat import uuid7

from pbx.media.client import MediaPool, RecordingCut
from recordings.crypto import KeyRing, add_key, load_or_create_key_ring
from recordings.export import open_recording, summarise
from tests.pbx.media.rig import HOST
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import frames, loudness, tone
from tests.pbx.media.workers import (
    TIMEOUT,
    NewPhone,
    WorkerProcess,
    call,
    joined,
    paced,
    path_of,
    two_legs,
    worker_process,
)


def room_for_files(worker: WorkerProcess, octets: int) -> None:
    """A disk with so much room in each file."""
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


async def test_a_full_disk_cuts_the_recording_raises_an_alarm_and_leaves_the_call_alone(
    tmp_path: Path, new_phone: NewPhone
) -> None:
    recording_id = uuid7()
    alarms: list[RecordingCut] = []
    async with (
        worker_process(tmp_path) as worker,
        MediaPool([worker.socket], epoch=1, on_recording_cut=alarms.append) as pool,
    ):
        left, right, alice, bob = await call(pool, new_phone)
        recording = left.record(recording_id, right, path_of(worker, recording_id))
        told = asyncio.Event()
        recording.on_cut = lambda _: told.set()
        await paced([(alice, frames(tone(440, 0.5))), (bob, frames(tone(1000, 0.5)))])
        size = (worker.recordings / path_of(worker, recording_id)).stat().st_size
        room_for_files(worker, size + 100)
        await paced([(alice, frames(tone(440, 0.8))), (bob, frames(tone(1000, 0.8)))])
        await asyncio.wait_for(told.wait(), TIMEOUT)
        room_for_files(worker, resource.RLIM_INFINITY)
        await paced([(alice, frames(tone(440, 0.8))), (bob, frames(tone(1000, 0.8)))])
        closed = await recording.stop()
        assert (closed.cut, closed.reason) == (True, "File too large")
        assert [(alarm.recording_id, alarm.over) for alarm in alarms] == [(recording_id, False), (recording_id, True)]
        kept = summarise(worker.recordings / closed.path, None)
        assert (kept.cut, kept.reason, len(kept.gaps)) == (True, "File too large", 1)
        sound = open_recording(worker.recordings / closed.path, None)
        assert loudness(sound.channels[0][-8000:], 440) > 1500, "it went on when there was room again"
        assert is_continuous(bob.heard)
        assert len(bob.heard) > 100


async def test_a_disk_that_is_full_from_the_start_loses_only_the_time_until_there_is_room(
    tmp_path: Path, new_phone: NewPhone
) -> None:
    recording_id = uuid7()
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        room_for_files(worker, 10)
        recording = left.record(recording_id, right, path_of(worker, recording_id), ("customer", "101"))
        told: asyncio.Queue[RecordingCut] = asyncio.Queue()
        recording.on_cut = told.put_nowait
        talking = asyncio.create_task(paced([(alice, frames(tone(440, 3.0))), (bob, frames(tone(1000, 3.0)))]))
        assert not (await asyncio.wait_for(told.get(), TIMEOUT)).over
        room_for_files(worker, resource.RLIM_INFINITY)
        assert (await asyncio.wait_for(told.get(), TIMEOUT)).over
        await talking
        closed = await recording.stop()
        assert closed.cut
        kept = open_recording(worker.recordings / closed.path, None)
        assert {(each.channel, each.who) for each in kept.segments} == {(0, "customer"), (1, "101")}
        assert abs(kept.seconds - closed.seconds) < 0.01
        assert loudness(kept.channels[0][-8000:], 440) > 1500
        assert loudness(kept.channels[0][:2000], 440) < 100


async def test_a_pause_is_a_marked_gap_without_a_sound(tmp_path: Path, new_phone: NewPhone) -> None:
    recording_id = uuid7()
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        recording = left.record(recording_id, right, path_of(worker, recording_id))
        for on, pitch in ((False, 440), (True, 2000), (False, 1300)):
            recording.pause(on)
            assert await left.report() is not None  # it is carried out
            await paced([(alice, frames(tone(pitch, 0.6))), (bob, frames(tone(pitch, 0.6)))])
        closed = await recording.stop()
        kept = open_recording(worker.recordings / closed.path, None)
        assert not closed.cut
        assert closed.pauses == kept.pauses
        ((begin, end),) = kept.pauses
        for channel in kept.channels:
            gap = channel[round(begin * 8000) * 2 : round(end * 8000) * 2]
            assert 0.5 < end - begin < 2.0
            assert gap == bytes(len(gap))
            assert loudness(channel, 440) > 500
            assert loudness(channel, 1300) > 500
            assert loudness(channel, 2000) < 100


async def test_legs_come_and_go_on_one_time_line_with_segments(tmp_path: Path, new_phone: NewPhone) -> None:
    recording_id = uuid7()
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        carol = new_phone()
        third = await pool.open(call_id=uuid7(), address=HOST, near=left)
        await joined(third, carol)
        recording = left.record(recording_id, right, path_of(worker, recording_id), ("customer", "101"))
        await paced([(alice, frames(tone(440, 0.6))), (bob, frames(tone(1000, 0.6)))])
        left.unrecord()
        right.unrecord()
        await right.close()
        left.bridge(third)
        recording.put(left, 0, "customer")
        recording.put(third, 1, "102")
        await paced([(alice, frames(tone(440, 0.6))), (carol, frames(tone(1600, 0.6)))])
        closed = await recording.stop()
        kept = open_recording(worker.recordings / closed.path, None)
        told = [(each.channel, each.who, each.begin, each.end) for each in closed.segments]
        assert sorted(told) == sorted((each.channel, each.who, each.begin, each.end) for each in kept.segments)
        names = [(each.channel, each.who) for each in kept.segments]
        assert names == [(0, "customer"), (1, "101"), (0, "customer"), (1, "102")]
        for segment, pitch in zip(kept.segments, (440, 1000, 440, 1600), strict=True):
            sound = kept.channels[segment.channel][round(segment.begin * 8000) * 2 : round(segment.end * 8000) * 2]
            assert loudness(sound, pitch) > 1500, segment


async def test_a_recording_goes_on_without_a_leg_and_ends_with_the_last_leg_of_its_call(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right = await two_legs(pool)
        recording_id = uuid7()
        recording = left.record(recording_id, right, path_of(worker, recording_id))
        left.unrecord()
        await right.close()
        assert await left.report() is not None
        assert not recording.closed.done()
        await left.close()
        closed = await asyncio.wait_for(asyncio.shield(recording.closed), TIMEOUT)
        assert not closed.cut


async def test_a_leg_that_another_call_gave_keeps_the_recording_going(tmp_path: Path) -> None:
    """Two calls become one: what remains of the first is its recording."""
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right = await two_legs(pool)
        given = await pool.open(call_id=uuid7(), address=HOST, near=left)
        recording_id = uuid7()
        recording = left.record(recording_id, right, path_of(worker, recording_id))
        recording.put(given, 0)
        await left.close()
        await right.close()
        given.unrecord()
        assert await given.report() is not None
        assert not recording.closed.done()
        await given.close()
        assert not (await asyncio.wait_for(asyncio.shield(recording.closed), TIMEOUT)).cut


async def test_a_new_master_key_serves_the_next_recording(tmp_path: Path, new_phone: NewPhone) -> None:
    key_file = tmp_path / "master.key"
    old = load_or_create_key_ring(key_file).current
    async with (
        worker_process(tmp_path, "--key-file", str(key_file)) as worker,
        MediaPool([worker.socket], epoch=1) as pool,
    ):
        left, right, _, _ = await call(pool, new_phone)
        for number in range(2):
            key = add_key(key_file).current if number else old
            recording_id = uuid7()
            closed = await left.record(recording_id, right, path_of(worker, recording_id)).stop()
            assert not open_recording(worker.recordings / closed.path, KeyRing((key,))).cut
