"""The worker process over its real socket: what a core does with it in a call, and how either end may go."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import stat
import sys
import wave
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from pbx.media.client import (
    AdoptedLeg,
    Digit,
    LegLost,
    MediaLeg,
    MediaPool,
    MediaSilent,
    MediaStarted,
    NoMedia,
    RecordingClosed,
    RecordingCut,
)
from pbx.media.connection import WorkerConnection, WorkerGone
from pbx.media.messages import PROTOCOL_VERSION, Hello, Open, decode_from_worker, encode, frame_length
from pbx.rtp.g711 import Law
from recordings.crypto import load_or_create_key_ring
from recordings.export import open_recording
from recordings.store import Store
from tests.pbx.media.rig import HOST, Phone
from tests.pbx.media.test_digits import presses
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import frames, level, pcm_tone, tone
from tests.pbx.media.workers import TIMEOUT, Heard, WorkerProcess, joined, paced, worker_process

NewPhone = Callable[..., Phone]


async def two_legs(pool: MediaPool, cookies: tuple[bytes, bytes] = (b"", b"")) -> tuple[MediaLeg, MediaLeg]:
    call_id: UUID = uuid7()
    first = await pool.open(call_id=call_id, address=HOST, cookie=cookies[0])
    second = await pool.open(call_id=call_id, address=HOST, cookie=cookies[1], near=first)
    return first, second


async def call(pool: MediaPool, new_phone: NewPhone) -> tuple[MediaLeg, MediaLeg, Phone, Phone]:
    """Two phones that hear each other."""
    left, right = await two_legs(pool)
    alice, bob = new_phone(), new_phone()
    await joined(left, alice)
    await joined(right, bob)
    left.bridge(right)
    assert await left.report() is not None  # all commands before it are carried out
    return left, right, alice, bob


def path_of(worker: WorkerProcess, recording_id: UUID) -> str:
    return Store(worker.recordings).relative_path(recording_id, datetime(2030, 1, 7, tzinfo=UTC))


@pytest.mark.req("R-PHONE-16")
async def test_two_phones_hear_each_other_through_a_worker(tmp_path: Path, kind: str, new_phone: NewPhone) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        heard = Heard(left)
        await paced([(alice, frames(tone(440, 0.5))), (bob, frames(tone(1000, 0.5)))])
        alice.press("7")
        (digit,) = await heard.wait(Digit)
        assert (digit.digit, digit.milliseconds) == ("7", 100)
        await heard.wait(MediaStarted)
        assert level(bob.sound(), 440) > 4000
        assert level(alice.sound(), 1000) > 4000
        statistics = await left.close()
        assert statistics is not None
        assert (statistics.received, statistics.lost, statistics.digits) == (32, 0, 1)
        assert (statistics.remote_address, statistics.remote_port) == (HOST, alice.port)
        await right.close()
        assert worker.ready["compiled"] is (kind == "compiled")


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_call_is_recorded_with_a_party_a_channel(
    tmp_path: Path, kind: str, encrypted: bool, new_phone: NewPhone
) -> None:
    keys = load_or_create_key_ring(tmp_path / "master.key") if encrypted else None
    options = ("--key-file", str(tmp_path / "master.key")) if encrypted else ()
    recording_id = uuid7()
    async with worker_process(tmp_path, *options, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        path = path_of(worker, recording_id)
        recording = left.record(recording_id, right, path)
        await paced([(alice, frames(tone(440, 1.2))), (bob, frames(tone(1000, 1.2)))])
        closed = await recording.stop()
        assert (closed.recording_id, closed.path, closed.cut) == (recording_id, path, False)
        kept = open_recording(worker.recordings / path, keys)
        assert kept.recording_id == recording_id
        assert kept.seconds == pytest.approx(closed.seconds)
        assert kept.seconds > 1.1
        assert abs((datetime.fromtimestamp(kept.started_at.timestamp(), UTC) - kept.started_at).total_seconds()) < 1
        sound = [channel[4000:16000] for channel in kept.channels]
        assert level(sound[0], 440) > 4000
        assert level(sound[0], 1000) < 200
        assert level(sound[1], 1000) > 4000
        assert level(sound[1], 440) < 200
        assert stat.S_IMODE((worker.recordings / path).stat().st_mode) == 0o600
        assert (await recording.stop()) == closed, "stopping twice is harmless"


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
    assert level(kept.channels[0][-4000:], 440) > 4000
    assert level(kept.channels[1][-4000:], 1000) > 4000


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


async def test_ports_rest_and_descriptors_come_back(tmp_path: Path, kind: str) -> None:
    async with (
        worker_process(tmp_path, "--quarantine", "3600", kind=kind) as worker,
        MediaPool([worker.socket], epoch=1) as pool,
    ):
        await (await pool.open(call_id=uuid7(), address=HOST)).close()
        before = worker.descriptors()
        ports = []
        for _ in range(20):
            legs = await two_legs(pool)
            ports += [leg.port for leg in legs]
            for leg in legs:
                assert await leg.close() is not None
        assert worker.descriptors() == before
        assert len(set(ports)) == 40, "no port is used twice while it rests"


async def test_when_ports_are_spent_the_call_is_refused(tmp_path: Path) -> None:
    async with (
        worker_process(tmp_path, "--ports", "30002-30005", "--quarantine", "3600") as worker,
        MediaPool([worker.socket], epoch=1) as pool,
    ):
        refused = 0
        for _ in range(3):
            try:
                await pool.open(call_id=uuid7(), address=HOST)
            except NoMedia as error:
                assert "no ports" in str(error)
                refused += 1
        assert refused >= 1
        with pytest.raises(NoMedia):
            await pool.open(call_id=uuid7(), address="192.0.2.1")


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    path = tmp_path / "prompt.wav"
    with wave.open(str(path), "wb") as file:
        file.setframerate(8000)
        file.setnchannels(1)
        file.setsampwidth(2)
        file.writeframes(pcm_tone(600, 0.4))
    return str(path)


async def test_prompts_are_played_and_their_ends_told(
    tmp_path: Path, kind: str, prompt: str, new_phone: NewPhone
) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        phone = new_phone(payload_type=8)
        await joined(leg, phone)
        async with asyncio.timeout(TIMEOUT):
            assert await leg.play([prompt, prompt]).ended == "done"
        assert level(phone.sound(Law.ALAW), 600) > 7000
        assert len(phone.heard) == 40
        music = leg.play([prompt], loop=True)
        again = leg.play([prompt], loop=True)
        leg.stop_playing()
        missing = leg.play([str(tmp_path / "nothing.wav")])
        last = leg.play([prompt], loop=True)
        async with asyncio.timeout(TIMEOUT):
            assert await music.ended in ("replaced", "done")
            assert await again.ended == "stopped"
            assert await missing.ended in ("failed", "replaced")
            await leg.close()
            assert await last.ended == "closed"
            assert await leg.play([prompt]).ended == "closed"
        assert is_continuous(phone.heard)


async def test_a_prompt_that_cannot_be_read_fails_and_harms_nothing(tmp_path: Path, prompt: str) -> None:
    (tmp_path / "wide.wav").write_bytes(Path(prompt).read_bytes().replace(b"\x40\x1f\x00\x00", b"\x80\x3e\x00\x00", 1))
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        for name in ("wide.wav", "nothing.wav", "."):
            async with asyncio.timeout(TIMEOUT):
                assert await leg.play([str(tmp_path / name)]).ended == "failed"
        async with asyncio.timeout(TIMEOUT):
            assert await leg.play([prompt]).ended == "done"


@pytest.mark.req("R-PHONE-16")
async def test_digits_are_sent(tmp_path: Path, kind: str, new_phone: NewPhone) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        phone = new_phone()
        await joined(leg, phone)
        leg.send_digits("1x")  # refused as a whole
        leg.send_digits("42#", milliseconds=60)
        async with asyncio.timeout(TIMEOUT):
            while len(presses(phone.heard)) < 3:
                phone.listen()
                await asyncio.sleep(0.02)
        assert [press.digit for press in presses(phone.heard)] == ["4", "2", "#"]
        await leg.close()


async def test_a_silent_leg_is_told_and_then_lost(tmp_path: Path, new_phone: NewPhone) -> None:
    options = ("--silent-after", "0.2", "--lost-after", "0.5")
    async with worker_process(tmp_path, *options) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        heard = Heard(leg)
        await joined(leg, new_phone())
        told = await heard.wait(MediaSilent, 2)
        assert [event.lost for event in told] == [False, True]


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
        limit = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
        await paced([(alice, frames(tone(440, 0.8))), (bob, frames(tone(1000, 0.8)))])
        await asyncio.wait_for(told.wait(), TIMEOUT)
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, limit)
        await paced([(alice, frames(tone(440, 0.8))), (bob, frames(tone(1000, 0.8)))])
        closed = await recording.stop()
        assert closed.cut
        assert [alarm.recording_id for alarm in alarms] == [recording_id]
        kept = open_recording(worker.recordings / closed.path, None)
        assert kept.cut
        assert level(kept.channels[0][-4000:], 440) > 3000, "it went on when there was room again"
        assert is_continuous(bob.heard)
        assert len(bob.heard) > 100


async def test_a_recording_outside_of_its_folder_is_refused(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right = await two_legs(pool)
        recording = left.record(uuid7(), right, "../outside.dzr")
        closed = await asyncio.wait_for(asyncio.shield(recording.closed), TIMEOUT)
        assert (closed.cut, closed.seconds) == (True, 0.0)
        assert not (tmp_path / "outside.dzr").exists()


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


async def test_where_few_files_may_be_open_few_legs_are_taken(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 8192:
        pytest.skip(f"the hard limit of open files is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    try:
        async with worker_process(tmp_path) as worker:
            assert worker.ready["legs"] == 2048, "what the hard limit allows is taken"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_dead_workers_socket_is_replaced(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as worker:
        worker.kill()
        await worker.ended()
        assert worker.socket.exists()
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        assert pool.status()[0].connected


async def test_an_interpreted_worker_takes_a_hundred_calls(tmp_path: Path) -> None:
    async with worker_process(tmp_path, kind="interpreted") as worker, MediaPool([worker.socket], epoch=1) as pool:
        assert worker.ready["legs"] == pool.status()[0].capacity == 200


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
