"""How core and worker may go, and what stays: calls, cookies, recordings, sockets."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import stat
import sys
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from pbx.media.client import (
    AdoptedLeg,
    LegLost,
    MediaPool,
    NoMedia,
    RecordingClosed,
)
from pbx.media.connection import WorkerConnection, WorkerGone
from pbx.media.messages import PROTOCOL_VERSION, Hello, Open, decode_from_worker, encode, frame_length
from recordings.crypto import load_or_create_key_ring
from recordings.export import open_recording
from tests.pbx.media.rig import HOST
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import frames, level, loudness, tone
from tests.pbx.media.workers import (
    TIMEOUT,
    Heard,
    NewPhone,
    call,
    paced,
    path_of,
    two_legs,
    worker_process,
)


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_recording_plays_to_half_a_second_before_a_kill_of_the_worker(
    tmp_path: Path, encrypted: bool, new_phone: NewPhone
) -> None:
    keys = load_or_create_key_ring(tmp_path / "master.key") if encrypted else None
    options = ("--key-file", str(tmp_path / "master.key")) if encrypted else ()
    recording_id = uuid7()
    async with worker_process(tmp_path, *options) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        recording = left.record(recording_id, right, path_of(worker, recording_id))
        await paced([(alice, frames(tone(440, 1.5))), (bob, frames(tone(1000, 1.5)))])
        worker.kill()
        lost = await asyncio.wait_for(asyncio.shield(recording.closed), TIMEOUT)
        assert lost.cut
        kept = open_recording(worker.recordings / path_of(worker, recording_id), keys)
    assert kept.cut
    assert kept.seconds > 1.0
    assert loudness(kept.channels[0][-4000:], 440) > 1500
    assert loudness(kept.channels[1][-4000:], 1000) > 1500


CORE = """
import asyncio, sys
from uuid import UUID
from pbx.media.client import MediaPool

async def main():
    socket, recording, ports = sys.argv[1], UUID(sys.argv[2]), [int(port) for port in sys.argv[3:]]
    async with MediaPool([socket], epoch=1) as pool:
        legs = []
        for port in ports:
            leg = await pool.open(call_id=UUID(int=1), address="127.0.0.1", cookie=b"dialog of %d" % port)
            leg.update(remote_address="127.0.0.1", remote_port=port, codec="pcmu", payload_type=0)
            legs.append(leg)
        legs[0].bridge(legs[1])
        legs[0].record(recording, legs[1], f"2030/01/07/{recording}.dzr")
        await legs[0].report()
        print(*(leg.port for leg in legs), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_call_outlives_its_core_and_the_next_one_finds_it(tmp_path: Path, new_phone: NewPhone) -> None:
    recording_id = uuid7()
    alice, bob = new_phone(), new_phone()
    async with worker_process(tmp_path) as worker:
        core = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CORE, str(worker.socket), str(recording_id), str(alice.port), str(bob.port)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert core.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            while len(words := (await core.stdout.readline()).split()) != 2 or not words[0].isdigit():
                assert core.returncode is None
        alice.target, bob.target = ((HOST, int(word)) for word in words)
        await paced([(alice, frames(tone(440, 0.4))), (bob, frames(tone(1000, 0.4)))])
        core.kill()
        await core.wait()
        await paced([(alice, frames(tone(440, 0.6))), (bob, frames(tone(1000, 0.6)))])
        assert is_continuous(bob.heard), "nobody hears that the core is gone"
        closed: asyncio.Future[RecordingClosed] = asyncio.get_running_loop().create_future()
        async with MediaPool([worker.socket], epoch=2, on_recording_closed=closed.set_result) as pool:
            adopted = sorted(pool.adopted, key=lambda leg: leg.leg.leg)
            assert [leg.cookie for leg in adopted] == [b"dialog of %d" % phone.port for phone in (alice, bob)]
            assert {leg.call_id for leg in adopted} == {UUID(int=1)}
            assert {leg.recording_id for leg in adopted} == {recording_id}
            assert [leg.bridged for leg in adopted] == [adopted[1].leg.leg, adopted[0].leg.leg]
            assert [leg.leg.port for leg in adopted] == [alice.target[1], bob.target[1]]
            for leg in adopted:
                assert await leg.leg.close() is not None
            told = await asyncio.wait_for(closed, TIMEOUT)
        assert (told.recording_id, told.cut) == (recording_id, False)
        kept = open_recording(worker.recordings / told.path, None)
        assert not kept.cut
        assert kept.seconds > 0.9
        assert level(kept.channels[0][2000:14000], 440) > 3000
        assert level(kept.channels[1][2000:14000], 1000) > 3000


async def test_a_later_core_takes_over_and_an_earlier_one_is_refused(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=5) as pool:
        left, _right = await two_legs(pool, (b"left", b"right"))
        heard = Heard(left)
        assert stat.S_IMODE(worker.socket.stat().st_mode) == 0o600
        later = WorkerConnection(worker.socket, lambda _worker, _notice: None)
        reports = await later.greet(epoch=6)
        assert [report.cookie for report in reports] == [b"left", b"right"]
        await heard.wait(LegLost)
        earlier = WorkerConnection(worker.socket, lambda _worker, _notice: None)
        with pytest.raises(WorkerGone, match="epoch 6"):
            await earlier.greet(epoch=5)
        later.close()


async def test_cookies_that_fill_many_frames_all_come_back(tmp_path: Path) -> None:
    """60 legs of 4 KiB: four frames of welcome."""
    async with worker_process(tmp_path) as worker:
        async with MediaPool([worker.socket], epoch=1) as pool:
            legs = [await pool.open(call_id=uuid7(), address=HOST) for _ in range(60)]
            for number, leg in enumerate(legs):
                leg.set_cookie(bytes((number,)) * 4096)
            assert await legs[-1].report() is not None
        found: list[AdoptedLeg] = []
        async with MediaPool([worker.socket], epoch=2, on_adopted=found.append) as pool:
            assert [leg.cookie for leg in found] == [bytes((number,)) * 4096 for number in range(60)]
            assert pool.adopted == found


async def test_a_worker_without_a_core_drops_its_legs_and_tells_the_next_core_of_their_recordings(
    tmp_path: Path, new_phone: NewPhone
) -> None:
    recording_id = uuid7()
    options = ("--drop-after", "0.3", "--orphan-after", "60")
    async with worker_process(tmp_path, *options) as worker:
        before = worker.descriptors()
        async with MediaPool([worker.socket], epoch=1) as pool:
            left, right, alice, bob = await call(pool, new_phone)
            left.record(recording_id, right, path_of(worker, recording_id))
            await paced([(alice, frames(tone(440, 0.4))), (bob, frames(tone(1000, 0.4)))])
        async with asyncio.timeout(TIMEOUT):
            while worker.descriptors() > before:
                await asyncio.sleep(0.05)
        closed: asyncio.Future[RecordingClosed] = asyncio.get_running_loop().create_future()
        async with MediaPool([worker.socket], epoch=2, on_recording_closed=closed.set_result) as pool:
            assert pool.adopted == []
            told = await asyncio.wait_for(closed, TIMEOUT)
        assert (told.recording_id, told.cut) == (recording_id, False)
        assert not open_recording(worker.recordings / told.path, None).cut


async def test_a_worker_that_nobody_needs_ends(tmp_path: Path) -> None:
    async with worker_process(tmp_path, "--drop-after", "0.1", "--orphan-after", "0.1") as worker:
        assert await worker.ended() == 0
        assert not worker.socket.exists()


async def test_sigterm_closes_the_recordings_and_ends(tmp_path: Path, kind: str, new_phone: NewPhone) -> None:
    recording_id = uuid7()
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        recording = left.record(recording_id, right, path_of(worker, recording_id))
        await paced([(alice, frames(tone(440, 0.5))), (bob, frames(tone(1000, 0.5)))])
        worker.kill(signal.SIGTERM)
        closed = await asyncio.wait_for(asyncio.shield(recording.closed), TIMEOUT)
        assert not closed.cut
        assert await worker.ended() == 0
        assert not worker.socket.exists()
    kept = open_recording(worker.recordings / closed.path, None)
    assert not kept.cut
    assert abs(kept.seconds - closed.seconds) < 0.001


async def test_a_connection_that_speaks_otherwise_is_closed_and_the_worker_lives(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        for opening in (
            b"\xff\xff\xff\xff",
            b"\x00\x00\x00\x05hello",
            encode(Hello(version=PROTOCOL_VERSION + 1, epoch=9)),
            encode(Open(id=1, call_id=uuid7(), address=HOST)),
        ):
            reader, writer = await asyncio.open_unix_connection(worker.socket)
            writer.write(opening)
            async with asyncio.timeout(TIMEOUT):
                answer = await reader.read()
            if answer:
                failed = decode_from_worker(answer[4 : 4 + frame_length(answer[:4])])
                assert type(failed).__name__ == "Failed"
            writer.close()
        assert await leg.report() is not None


async def test_a_second_worker_on_the_same_socket_does_not_start(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as worker:
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pbx.media", "--socket", str(worker.socket), "--recordings", str(tmp_path)),
            stderr=asyncio.subprocess.PIPE,
        )
        assert second.stderr is not None
        lines = (await second.stderr.read()).decode().splitlines()
        assert await second.wait() == 1
        assert "SocketTaken" in json.loads(lines[-1])["reason"]
        async with MediaPool([worker.socket], epoch=1) as pool:
            assert [status.pid for status in pool.status()] == [worker.pid]


async def test_a_worker_that_ends_leaves_the_socket_of_its_successor(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as old:
        old.socket.unlink()
        async with worker_process(tmp_path) as new:
            old.kill(signal.SIGTERM)
            assert await old.ended() == 0
            async with MediaPool([new.socket], epoch=1) as pool:
                assert pool.status()[0].pid == new.pid


async def test_a_dead_workers_socket_is_replaced(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as worker:
        worker.kill()
        await worker.ended()
        assert worker.socket.exists()
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        assert pool.status()[0].connected


async def test_a_worker_whose_starter_is_gone_goes_on_though_nobody_reads_its_log(
    tmp_path: Path, new_phone: NewPhone
) -> None:
    """Its standard error is a pipe without a reader: what it says is lost, and no call is."""
    reading, writing = os.pipe()
    try:
        async with worker_process(tmp_path, "--drop-after", "0.2", stderr=writing) as worker:
            os.close(reading)
            worker.kill(signal.SIGHUP)
            async with MediaPool([worker.socket], epoch=1) as pool:
                left, right, alice, bob = await call(pool, new_phone)
                (await two_legs(pool))[0].play(["nothing.wav"])  # worth a line of the log
                await paced([(alice, frames(tone(440, 0.3))), (bob, frames(tone(1000, 0.3)))])
                assert level(bob.sound(), 440) > 4000
                assert await left.close() is not None
                assert await right.close() is not None
            async with asyncio.timeout(TIMEOUT):
                while True:
                    async with MediaPool([worker.socket], epoch=2) as pool:
                        if not pool.adopted:
                            break
                    await asyncio.sleep(0.3)
    finally:
        os.close(writing)


async def test_a_dead_workers_ports_rest_in_its_successor(tmp_path: Path) -> None:
    """Of four pairs three were in use, or had been a moment ago, when it died: the phones send on, and hear nobody."""
    first = random.randrange(31_600, 32_600, 8)  # where no other test has ports
    ports = ("--ports", f"{first}-{first + 7}")
    async with worker_process(tmp_path, *ports) as worker, MediaPool([worker.socket], epoch=1) as pool:
        legs = [await pool.open(call_id=uuid7(), address=HOST) for _ in range(3)]
        await legs[0].close()
        heard = Heard(legs[1])
        worker.kill()
        await heard.wait(LegLost)
        async with worker_process(tmp_path, *ports), asyncio.timeout(TIMEOUT):
            while not pool.status()[0].connected:
                await asyncio.sleep(0.02)
            fresh = await pool.open(call_id=uuid7(), address=HOST)
            assert fresh.port not in {leg.port for leg in legs}
            with pytest.raises(NoMedia):
                await pool.open(call_id=uuid7(), address=HOST)


async def test_a_connection_that_was_lost_brings_the_legs_back_to_be_ended(tmp_path: Path) -> None:
    """Same core, same worker: its calls were told that their legs are lost, so nobody else would close them."""
    found: list[AdoptedLeg] = []
    async with (
        worker_process(tmp_path) as worker,
        MediaPool([worker.socket], epoch=1, on_adopted=found.append) as pool,
    ):
        leg = await pool.open(call_id=uuid7(), address=HOST, cookie=b"dialog")
        heard = Heard(leg)
        leg.worker.close()
        await heard.wait(LegLost)
        async with asyncio.timeout(TIMEOUT):
            while not found:
                await asyncio.sleep(0.02)
        assert [each.cookie for each in found] == [b"dialog"]
        assert await found[0].leg.close() is not None
